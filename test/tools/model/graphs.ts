// Graphs to rewrite: torch's exports of test/golden/graphs, small ones made by hand, and what is in them.
import { readFileSync } from 'node:fs';
import type { ModelGraph } from '../../../tools/model/graph/model-graph.ts';
import { parseGraph } from '../../../tools/model/graph/read-graph.ts';
import { decodeModel, encodeDecoded } from '../../../tools/model/onnx/codec.ts';
import { GraphBuilder } from '../../../tools/model/onnx/graph-builder.ts';
import { openSession, type Values } from '../../../tools/model/onnx-session.ts';
import type { Rewrite } from '../../../tools/model/rewrites/rewrite.ts';
import { noise } from './golden-networks.ts';
import { largestDifference } from './run-onnx.ts';

const FOLDER = new URL('../../golden/graphs/', import.meta.url);

export const EXPORTS = ['ours-free', 'ours-folded', 'literature', 'literature-free'] as const;

/** frames, bands and torch's outputs (base64 of float32) for noise("features"). */
export const EXPECTED: {
  frames: number;
  bands: number;
  cases: Record<string, { activity: string; direction: string }>;
} = JSON.parse(readFileSync(new URL('expected.json', FOLDER), 'utf8'));

export function exported(name: string): Uint8Array {
  return readFileSync(new URL(`${name}.onnx`, FOLDER));
}

/** The window of expected.json, or another one of the same kind. */
export function window(seed = 'features', frames = EXPECTED.frames): Values {
  const dims = [1, 7, frames, EXPECTED.bands];
  return { dims, values: Float32Array.from(noise(seed, 7 * frames * EXPECTED.bands), (value) => 1.7 * value) };
}

/** A graph from x (1, 4, frames, 8) to y of any shape, built by hand. */
export function build(make: (graph: GraphBuilder) => void): Uint8Array {
  const builder = new GraphBuilder(new Map());
  builder.input('x', [1, 4, 'frames', 8]);
  make(builder);
  builder.output('y', []);
  const model = decodeModel(builder.finish('small'));
  for (const { type } of model.graph!.output) {
    if (type?.value.case === 'tensorType') type.value.value.shape = undefined;
  }
  return encodeDecoded(model);
}

/** Numbers that look like weights. */
export function values(name: string, count: number): Float32Array {
  return Float32Array.from(noise(name, count));
}

/** Adds a 3x3 convolution of 4 to 4 channels named y, reading x. */
export function addConv(graph: GraphBuilder, y = 'conv', x = 'x'): string {
  const weight = graph.constant(`${y}.w`, [4, 4, 3, 3], values(y, 144));
  return graph.node('Conv', y, [x, weight], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
}

/** Adds a batch norm over 4 channels; `variance` of each. */
export function addNorm(graph: GraphBuilder, x: string, y = 'norm', variance = 0.7, attributes = {}): string {
  const parts = ['gamma', 'beta', 'mean'].map((part) => graph.constant(`${y}.${part}`, [4], values(y + part, 4)));
  const spread = graph.constant(`${y}.variance`, [4], new Float32Array(4).fill(variance));
  return graph.node('BatchNormalization', y, [x, ...parts, spread], attributes);
}

/** Operators of a graph and how many of each. */
export function operators(graph: ModelGraph): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { opType } of graph.nodes) counts[opType] = (counts[opType] ?? 0) + 1;
  return counts;
}

/** Applies one rewrite. */
export function apply(rewrite: Rewrite, model: Uint8Array): { fired: number; model: Uint8Array; graph: ModelGraph } {
  const graph = parseGraph(model, 'the model');
  const fired = rewrite.apply(graph);
  return { fired, model: graph.encode(), graph };
}

/** Largest difference of all outputs of two models on one window, run node by node. */
export async function apart(a: Uint8Array, b: Uint8Array, inputs: Record<string, Values>): Promise<number> {
  const outputs = [];
  for (const model of [a, b]) {
    const session = await openSession(model, 'the model', { optimisation: 'disabled' });
    outputs.push(await session.run(inputs));
    await session.close();
  }
  const [first, second] = outputs;
  return Math.max(...Object.keys(first!).map((name) => largestDifference(first![name]!.values, second![name]!.values)));
}
