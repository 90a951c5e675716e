// What values flow through a network: its distribution for every tensor that a grid may be laid over, from calibration windows.
import { UserError } from '../../command.ts';
import type { ModelGraph } from '../graph/model-graph.ts';
import { parseGraph } from '../graph/read-graph.ts';
import type { NodeProto } from '../onnx/codec.ts';
import { openSession } from '../onnx-session.ts';
import { rewriteGraph } from '../rewrites/all-rewrites.ts';
import { elu } from './elu-lookup.ts';
import { equaliseInput } from './equalise.ts';
import { type Distribution, Histogram, mapped } from './histogram.ts';
import { observer } from './observe.ts';
import { wholeElus } from './whole-elu.ts';

/** One window of scaled features, (channels, frames, bands). */
export interface Window {
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

/** The intermediate graph all emitters start from: float operators, batch norms folded, and what flows between them. */
export interface CalibratedGraph {
  /** ONNX bytes; parsed anew by each emitter, which edits its own copy. */
  readonly bytes: Uint8Array;
  readonly where: string;
  /** Windows it was calibrated with, and the frames of each. */
  readonly windows: number;
  readonly frames: number;
  /** @throws Error for a tensor that carries no measured values */
  distribution(tensor: string): Distribution;
  knows(tensor: string): boolean;
}

/** Operators whose output never falls when the input rises: their distribution follows from that of their input. */
const MONOTONE: Record<string, (x: number) => number> = {
  Elu: elu,
  Relu: (x) => Math.max(0, x),
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  Tanh: Math.tanh,
};

/** Operators that hand values on as they are. */
const CARRIERS = ['Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity', 'Split', 'Slice'];

/** Operators whose outputs are measured. */
const MEASURED = [
  'Conv',
  'Add',
  'Mul',
  'MaxPool',
  'GlobalAveragePool',
  'AveragePool',
  'MatMul',
  'Gemm',
  'GRU',
  'Concat',
];

/** Everything but what one runtime alone wants: emitters apply that to their own copies. */
const SHARED_REWRITES = { target: 'ort-int8', without: ['elu', 'one-channel'] } as const;

/** Nothing else changed: the graph as every emitter gets it. */
export function intermediateGraph(original: Uint8Array, where: string): Uint8Array {
  const graph = parseGraph(original, where);
  wholeElus(graph);
  rewriteGraph(graph, SHARED_REWRITES.target, SHARED_REWRITES.without);
  return graph.encode();
}

export interface CalibrationOptions {
  /** ONNX bytes of a float model with one input. */
  readonly model: Uint8Array;
  /** What it is called in messages. */
  readonly where: string;
  /** Frames of each window. */
  readonly frames: number;
  readonly windows: AsyncIterable<Window>;
  /** Told after each window. */
  readonly onWindow?: (done: number) => void;
}

/**
 * Runs the windows through the network, one at a time, and counts what comes by.
 * @throws UserError when the model cannot be run or gives no numbers
 */
export async function calibrate({
  model,
  where,
  frames,
  windows,
  onWindow,
}: CalibrationOptions): Promise<CalibratedGraph> {
  const bytes = intermediateGraph(model, where);
  const graph = parseGraph(bytes, where);
  const [input, ...others] = graph.inputs;
  if (!input || others.length > 0)
    throw new UserError(`${where} has ${1 + others.length} inputs: only models with one are quantised.`);
  const measured = graph.nodes.filter((node) => isMeasured(graph, node)).map((node) => node.output[0]!);
  const histograms = new Map([input.name, ...measured].map((tensor) => [tensor, new Histogram()]));
  const channels: Histogram[] = [];
  const observed = observer(bytes, where, measured, frames);
  const session = await openSession(observed.bytes, where);
  let count = 0;
  try {
    for await (const { dims, values } of windows) {
      histograms.get(input.name)!.add(values);
      addChannels(channels, dims, values);
      const results = await session.run({ [input.name]: { dims: [1, ...dims], values } });
      for (const output of graph.outputs) checkFinite(results[output.name]!.values, where, output.name);
      for (const tensor of measured) observed.add(tensor, results, histograms.get(tensor)!);
      count += 1;
      onWindow?.(count);
    }
  } finally {
    await session.close();
  }
  const known = distributions(graph, histograms);
  const equalised = equaliseInput(
    graph,
    input.name,
    channels.map((each) => each.distribution()),
  );
  if (equalised) known.set(equalised.tensor, equalised.distribution);
  const distribution = (tensor: string) => {
    const found = known.get(tensor);
    if (!found) throw new Error(`nothing was measured at ${tensor}`);
    return found;
  };
  return {
    bytes: equalised ? graph.encode() : bytes,
    where,
    frames,
    windows: count,
    knows: (tensor) => known.has(tensor),
    distribution,
  };
}

/** Counts each channel of a window (channels, frames, bands) by itself. */
function addChannels(channels: Histogram[], [count]: readonly number[], values: Float32Array): void {
  const length = values.length / count!;
  for (let c = 0; c < count!; c += 1) {
    channels[c] ??= new Histogram();
    channels[c]!.add(values.subarray(c * length, (c + 1) * length));
  }
}

/** What only a maximum over neighbours reads is known well enough by what gets through. */
function isMeasured(graph: ModelGraph, { opType, domain, output }: NodeProto): boolean {
  return domain === '' && MEASURED.includes(opType) && !onlyPool(graph, output[0]!);
}

function onlyPool(graph: ModelGraph, tensor: string): NodeProto | undefined {
  const reader = graph.onlyConsumer(tensor);
  return reader?.opType === 'MaxPool' ? reader : undefined;
}

/** Measured tensors, and those that follow from them. */
function distributions(graph: ModelGraph, histograms: ReadonlyMap<string, Histogram>): Map<string, Distribution> {
  const known = new Map([...histograms].map(([tensor, histogram]) => [tensor, histogram.distribution()]));
  for (const { opType, domain, input, output } of graph.sorted()) {
    const pool = onlyPool(graph, output[0]!);
    const pooled = pool && known.get(pool.output[0]!);
    if (pooled && !known.has(output[0]!)) known.set(output[0]!, pooled);
    const from = domain === '' ? known.get(input[0] ?? '') : undefined;
    if (!from || known.has(output[0]!)) continue;
    const through = MONOTONE[opType];
    if (through) known.set(output[0]!, mapped(from, through));
    else if (CARRIERS.includes(opType)) for (const name of output) known.set(name, from);
  }
  return known;
}

function checkFinite(values: Float32Array, where: string, output: string): void {
  const wrong = values.find((value) => !Number.isFinite(value));
  if (wrong === undefined) return;
  throw new UserError(
    `${where} gives ${wrong} as ${output} on a calibration window: a network that gives no numbers cannot be quantised.`,
  );
}
