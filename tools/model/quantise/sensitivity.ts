// Which layers bear integers badly: each alone in integers, everything else float, beside the float model.
import { parseGraph } from '../graph/read-graph.ts';
import { openSession } from '../onnx-session.ts';
import type { CalibratedGraph, Window } from './calibrate.ts';
import { emitOnnxruntimeInt8 } from './emit-onnxruntime.ts';
import { integerLayers, type Layer, planIntegers } from './integer-plan.ts';
import { decibels, outputNoise, type Reference, referenceOutputs } from './output-noise.ts';
import type { Method } from './ranges.ts';

export interface LayerSensitivity extends Layer {
  /** Of the work that integers can take over. */
  readonly workShare: number;
  /** Of each output, this layer alone in integers, in decibels. */
  readonly sqnrDb: Readonly<Record<string, number>>;
  /** Of the noise that all layers make one by one; they add up to 1. */
  readonly noiseShare: number;
}

export interface Sensitivity {
  readonly windows: number;
  /** All layers in integers together. */
  readonly sqnrDb: Readonly<Record<string, number>>;
  /** In the order of the graph. */
  readonly layers: readonly LayerSensitivity[];
}

/** Fewer windows tell layers apart less well; more only take longer. */
export const SENSITIVITY_WINDOWS = 16;

/** @param onLayer told after each layer, with their number */
export async function measureSensitivity(
  calibrated: CalibratedGraph,
  method: Method,
  windows: readonly Window[],
  onLayer: (done: number, of: number) => void = () => undefined,
): Promise<Sensitivity> {
  const graph = parseGraph(calibrated.bytes, calibrated.where);
  const layers = integerLayers(graph, calibrated.frames);
  const original = await openSession(calibrated.bytes, calibrated.where);
  const reference = await referenceOutputs(original, windows);
  await original.close();
  const noiseOf = (names: readonly string[]) => noiseWith(calibrated, method, names, windows, reference);
  const alone: Record<string, number>[] = [];
  for (const { name } of layers) {
    alone.push(await noiseOf([name]));
    onLayer(alone.length, layers.length);
  }
  const together = await noiseOf(layers.map(({ name }) => name));
  const totals = alone.map(mean);
  const [allNoise, allWork] = [sum(totals), sum(layers.map(({ work }) => work))];
  return {
    windows: windows.length,
    sqnrDb: inDecibels(together),
    layers: layers.map((layer, i) => ({
      ...layer,
      workShare: layer.work / allWork,
      sqnrDb: inDecibels(alone[i]!),
      noiseShare: allNoise > 0 ? totals[i]! / allNoise : 0,
    })),
  };
}

/** Noise of the outputs with some layers in integers. */
async function noiseWith(
  calibrated: CalibratedGraph,
  method: Method,
  names: readonly string[],
  windows: readonly Window[],
  reference: Reference,
): Promise<Record<string, number>> {
  const graph = parseGraph(calibrated.bytes, calibrated.where);
  const plan = planIntegers(graph, calibrated, new Set(names), method);
  const session = await openSession(emitOnnxruntimeInt8(calibrated, plan, false), calibrated.where);
  try {
    return await outputNoise(session, windows, reference);
  } finally {
    await session.close();
  }
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const mean = (noise: Readonly<Record<string, number>>) => sum(Object.values(noise)) / Object.keys(noise).length;

function inDecibels(noise: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(noise).map(([name, value]) => [name, decibels(value)]));
}

/** Layers in the order in which they should be left float: most noise for least work first. */
export function worstFirst({ layers }: Sensitivity): string[] {
  const gain = ({ noiseShare, workShare }: LayerSensitivity) => noiseShare / Math.max(workShare, 1e-6);
  return [...layers].sort((a, b) => gain(b) - gain(a)).map(({ name }) => name);
}

/** The report as text. */
export function sensitivityTable({ windows, sqnrDb, layers }: Sensitivity): string {
  const outputs = Object.keys(sqnrDb);
  const db = (value: number) => (Number.isFinite(value) ? value.toFixed(1) : '-');
  const rows = [
    ['layer', 'operator', 'work', 'noise', ...outputs.map((name) => `${name} dB`)],
    ...layers.map((layer) => [
      ...[layer.name, layer.op, percent(layer.workShare), percent(layer.noiseShare)],
      ...outputs.map((name) => db(layer.sqnrDb[name]!)),
    ]),
    ['all together', '', '100.0 %', '', ...outputs.map((name) => db(sqnrDb[name]!))],
  ];
  const widths = rows[0]!.map((_, c) => Math.max(...rows.map((row) => row[c]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, c) => (c < 2 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!)))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\nSignal over quantisation noise of each output on ${windows} windows, each layer alone in integers.\n`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
