// The golden networks of models/train/make_golden.py: descriptions, and the weights and features of its formula.
import { readFileSync } from 'node:fs';
import { tensorsOf } from '../../../models/layers.ts';
import { completeNetwork, type Network, parseNetwork } from '../../../models/network.ts';
import { FEATURE_CHANNELS, type Format } from '../../../models/presets.ts';
import type { Tensor } from '../../../tools/model/weights/tensor.ts';

const CLASSES = 11;

/** Looked up once: in Jest's realms each mention of a global costs more than the multiplication. */
const { imul } = Math;

export interface GoldenCase {
  readonly network: string;
  readonly settings: object;
  readonly format: Format;
  readonly frames: number;
  readonly parameters: number;
  /** base64 of float32 */
  readonly activity: string;
  readonly direction: string;
}

export const GOLDEN: readonly GoldenCase[] = JSON.parse(
  readFileSync(new URL('../../golden/networks/golden_networks.json', import.meta.url), 'utf8'),
).cases;

/** A description that came with the package, settings replaced, complete. */
export function network(name: string, format: Format = 'foa', settings: object = {}): Network {
  const file = new URL(`../../../models/networks/${name}.json`, import.meta.url);
  const json = { ...JSON.parse(readFileSync(file, 'utf8')), ...settings };
  return completeNetwork(parseNetwork(json, name), { channels: FEATURE_CHANNELS[format].length, classes: CLASSES });
}

/** Values in -1..1 that only the name and the position decide (noise() of make_golden.py). */
export function noise(name: string, size: number): Float64Array {
  let seed = 2166136261;
  for (const byte of new TextEncoder().encode(name)) seed = imul(seed ^ byte, 16777619);
  const values = new Float64Array(size);
  for (let i = 0; i < size; i += 1) {
    let x = (imul(i, 0x9e3779b9) + seed) | 0;
    x = imul(x ^ (x >>> 16), 0x85ebca6b);
    x = imul(x ^ (x >>> 13), 0xc2b2ae35);
    values[i] = ((x ^ (x >>> 16)) >>> 0) / 2 ** 31 - 1;
  }
  return values;
}

/** weights() of make_golden.py for all tensors of a network. */
export function goldenWeights(network: Network): Map<string, Tensor> {
  return new Map(tensorsOf(network).map(({ name, shape }) => [name, { shape, values: goldenTensor(name, shape) }]));
}

function goldenTensor(name: string, shape: readonly number[]): Float32Array<ArrayBuffer> {
  const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);
  const aroundOne = name.endsWith('running_var') || name.endsWith('norm.weight');
  const strong = Math.sqrt((shape.length === 4 ? 3 : 6) / product(shape.slice(1)));
  const [offset, scale] = shape.length > 1 ? [0, strong] : aroundOne ? [1, 0.5] : [0, 0.3];
  const values = noise(name, product(shape));
  for (let i = 0; i < values.length; i += 1) values[i] = offset + scale * values[i]!;
  return new Float32Array(values);
}

/** (channels, frames, bands) */
export function goldenFeatures({ channels, bands }: Network, frames: number): Float32Array {
  return Float32Array.from(noise('features', channels * frames * bands), (value) => 1.7 * value);
}

export function decodeFloats(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64');
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
}
