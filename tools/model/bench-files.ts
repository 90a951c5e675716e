// How fast model files are beside each other: the same window through each in turn, many times, on one thread.
import { quantile } from '../../runtime/health.ts';
import { inputDims } from './graph/infer-shapes.ts';
import { parseGraph, readModelFile } from './graph/read-graph.ts';
import { layerTable } from './layer-table.ts';
import { type OnnxSession, openSession, profileNodes, type Values } from './onnx-session.ts';

/** Runs before any is counted: memory is allocated, caches fill. */
const WARM_UP = 3;
const PROFILED_RUNS = 10;

export interface OperatorTime {
  readonly operator: string;
  /** Nodes of this operator. */
  readonly count: number;
  /** Sum of the nodes' medians. */
  readonly milliseconds: number;
}

export interface BenchedFile {
  readonly file: string;
  readonly bytes: number;
  /** Wall time of a window in milliseconds. */
  readonly medianMs: number;
  readonly p10Ms: number;
  /** Processor time, which other programs disturb less. */
  readonly processorMs: number;
  /** (p90 - p10) / median of the wall time: how much other work disturbed. */
  readonly spread: number;
  /** Processor time over the first file's. */
  readonly ratio: number;
  /** Millions of multiply-accumulates of the first file's graph per second. */
  readonly megaMacsPerSecond: number;
  /** Slowest first. */
  readonly operators: readonly OperatorTime[];
}

/**
 * Measures files; the first is what the others are compared with.
 * @param frames feature frames of the window
 * @param runs rounds counted; each round runs every file once
 * @throws UserError when a file cannot be read or run
 */
export async function benchFiles(files: readonly string[], frames: number, runs: number): Promise<BenchedFile[]> {
  const models = await Promise.all(files.map(readModelFile));
  const window = windowFor(models[0]!, files[0]!, frames);
  const macs = layerTable(parseGraph(models[0]!, files[0]!), frames).totals.macs;
  const times = await interleave(models, files, window, runs);
  const first = quantile(times[0]!.processorMs, 0.5)!;
  const results: BenchedFile[] = [];
  for (const [i, file] of files.entries()) {
    const { wallMs, processorMs } = times[i]!;
    const [p10, median, p90, processor] = [0.1, 0.5, 0.9]
      .map((q) => quantile(wallMs, q)!)
      .concat(quantile(processorMs, 0.5)!);
    results.push({
      ...{ file, bytes: models[i]!.length, medianMs: median!, p10Ms: p10!, processorMs: processor! },
      ...{ spread: (p90! - p10!) / median!, ratio: processor! / first, megaMacsPerSecond: macs / 1e3 / processor! },
      operators: operatorTimes(await profileNodes(models[i]!, file, window, PROFILED_RUNS)),
    });
  }
  return results;
}

/** Deterministic noise of deviation about 1, as scaled features are. */
function windowFor(model: Uint8Array, where: string, frames: number): Record<string, Values> {
  return Object.fromEntries(
    parseGraph(model, where).inputs.map((input) => {
      const dims = inputDims(input, frames) ?? [1];
      const count = dims.reduce((a, b) => a * b, 1);
      return [input.name, { dims, values: Float32Array.from({ length: count }, (_, i) => 1.7 * Math.sin(i * i)) }];
    }),
  );
}

interface Times {
  readonly wallMs: number[];
  readonly processorMs: number[];
}

/** Each round begins with another file, so that none always runs first. */
async function interleave(
  models: readonly Uint8Array[],
  files: readonly string[],
  window: Record<string, Values>,
  runs: number,
): Promise<Times[]> {
  const sessions: OnnxSession[] = [];
  const times = files.map((): Times => ({ wallMs: [], processorMs: [] }));
  try {
    for (const [i, model] of models.entries()) sessions.push(await openSession(model, files[i]!));
    for (let round = -WARM_UP; round < runs; round += 1) {
      for (let k = 0; k < sessions.length; k += 1) {
        const i = (k + round + WARM_UP) % sessions.length;
        const [started, before] = [performance.now(), process.cpuUsage()];
        await sessions[i]!.run(window);
        const { user, system } = process.cpuUsage(before);
        if (round < 0) continue;
        times[i]!.wallMs.push(performance.now() - started);
        times[i]!.processorMs.push((user + system) / 1000);
      }
    }
  } finally {
    for (const session of sessions) await session.close();
  }
  return times;
}

function operatorTimes(times: Awaited<ReturnType<typeof profileNodes>>): OperatorTime[] {
  const nodes = new Map<string, { operator: string; milliseconds: number[] }>();
  for (const { operator, node, milliseconds } of times) {
    const known = nodes.get(`${operator} ${node}`) ?? { operator, milliseconds: [] };
    known.milliseconds.push(milliseconds);
    nodes.set(`${operator} ${node}`, known);
  }
  const operators = new Map<string, { count: number; milliseconds: number }>();
  for (const { operator, milliseconds } of nodes.values()) {
    const sum = operators.get(operator) ?? { count: 0, milliseconds: 0 };
    operators.set(operator, { count: sum.count + 1, milliseconds: sum.milliseconds + quantile(milliseconds, 0.5)! });
  }
  return [...operators]
    .map(([operator, sum]) => ({ operator, ...sum }))
    .sort((a, b) => b.milliseconds - a.milliseconds);
}
