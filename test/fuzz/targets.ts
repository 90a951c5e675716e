// What is fuzzed: each reader of files from outside, with real files to begin with.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readGoldenWindows } from '../../runtime/golden-windows.ts';
import { PACKAGE_ROOT } from '../../runtime/worker-file.ts';
import { inferTypes } from '../../tools/model/graph/infer-types.ts';
import { parseGraph } from '../../tools/model/graph/read-graph.ts';
import { layerTable } from '../../tools/model/layer-table.ts';
import { lintModel } from '../../tools/model/lint.ts';
import { rewriteGraph, TARGETS } from '../../tools/model/rewrites/all-rewrites.ts';
import { parsePytorch } from '../../tools/model/weights/pytorch.ts';
import { parseSafetensors } from '../../tools/model/weights/safetensors.ts';
import { mutate, oneOf, type Random, randomFrom } from './mutate.ts';
import { mutateGraph } from './mutate-graph.ts';

export interface FuzzTarget {
  readonly name: string;
  /** Reads the bytes as a command would; may throw errors named UserError and nothing else. */
  readonly read: (bytes: Uint8Array) => void;
  readonly make: (random: Random) => Uint8Array;
}

const golden = (...path: string[]) => new Uint8Array(readFileSync(join(PACKAGE_ROOT, 'test', 'golden', ...path)));

const ONNX = [
  ...['ours-free', 'ours-folded', 'literature', 'literature-free'].map((name) => golden('graphs', `${name}.onnx`)),
  ...['uint8', 'int8'].map((name) => golden('quantised', `${name}.onnx`)),
];
const SAFETENSORS = ['tiny', 'mixed'].map((name) => golden('weights', `${name}.safetensors`));
const PYTORCH = ['tiny', 'mixed', 'legacy', 'program'].map((name) => golden('weights', `${name}.pt`));
/** One window of two label frames, which the reader takes as it is. */
function smallGolden(): Uint8Array {
  const header = JSON.stringify({
    features: { dtype: 'F16', shape: [1, 2, 4, 2], data_offsets: [96, 128] },
    activity: { dtype: 'F32', shape: [1, 2, 3], data_offsets: [0, 24] },
    direction: { dtype: 'F32', shape: [1, 2, 9], data_offsets: [24, 96] },
  });
  const bytes = Buffer.alloc(8 + header.length + 128);
  bytes.writeBigUInt64LE(BigInt(header.length));
  bytes.write(header, 8);
  return new Uint8Array(bytes);
}
const GOLDEN = [smallGolden()];

const bytesOf = (seeds: readonly Uint8Array[]) => (random: Random) =>
  mutate(oneOf(random, seeds), oneOf(random, seeds), random);

export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  { name: 'safetensors', read: parseSafetensors, make: bytesOf(SAFETENSORS) },
  { name: 'pytorch', read: parsePytorch, make: bytesOf(PYTORCH) },
  { name: 'golden', read: (bytes) => void readGoldenWindows(bytes, 'the file'), make: bytesOf(GOLDEN) },
  { name: 'onnx-bytes', read: readOnnx, make: bytesOf(ONNX) },
  { name: 'onnx-graph', read: readOnnx, make: (random) => mutateGraph(oneOf(random, ONNX), random) },
];

/** All that the commands do with a model before ONNX Runtime sees it. */
function readOnnx(bytes: Uint8Array): void {
  for (const target of TARGETS) lintModel(bytes, 'the file', target);
  layerTable(parseGraph(bytes, 'the file'), 300);
  inferTypes(parseGraph(bytes, 'the file'));
  for (const target of ['ort-fp32', 'trt-fp16'] as const) {
    const graph = parseGraph(bytes, 'the file');
    rewriteGraph(graph, target);
    graph.encode();
  }
}

/** The input of one run: a function of its three numbers alone. */
export function inputOf(target: FuzzTarget, seed: number, run: number): Uint8Array {
  const place = FUZZ_TARGETS.indexOf(target);
  return target.make(randomFrom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(run + 1, 0x85ebca6b) ^ place));
}
