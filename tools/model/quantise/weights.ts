// Weights in few bits: int8 with a scale per output channel, or float16.
import type { Constant } from '../graph/constants.ts';
import { countOf } from '../graph/constants.ts';
import type { ModelGraph } from '../graph/model-graph.ts';
import { DataType, narrowTensor } from '../onnx/codec.ts';
import { type Grid, roundHalfEven, SMALLEST_SCALE, toInteger } from './grid.ts';
import { best } from './ranges.ts';

/** Shares of the largest weight of a channel that are tried as its end: cutting the largest may round the others better. */
const SHARES = Array.from({ length: 13 }, (_, i) => 1 - i / 40);

export interface Int8Weights {
  readonly dims: readonly number[];
  readonly values: Int8Array;
  /** One for each index of the axis. */
  readonly scales: Float32Array;
  readonly axis: number;
}

/**
 * int8 of weights, -127..127, each slice along the axis with the scale of the least squared error.
 * @param hold what becomes of a scale where it is stored; by default float32 takes it as it is
 */
export function int8Weights(
  { dims, values }: Constant,
  axis: number,
  hold: (scale: number) => number = singleScale,
): Int8Weights {
  const inner = countOf(dims.slice(axis + 1));
  const slices = dims[axis]!;
  const channelOf = (i: number) => floor(i / inner) % slices;
  const members = Array.from({ length: slices }, () => [] as number[]);
  for (let i = 0; i < values.length; i += 1) members[channelOf(i)]!.push(values[i]!);
  const scales = Float32Array.from(members, (slice) => sliceScale(slice, hold));
  const integers = Int8Array.from(values, (value, i) => toInteger(gridOf(scales[channelOf(i)]!), value));
  return { dims, values: integers, scales, axis };
}

/** Looked up once: this is done for every weight. */
const { abs, floor, fround, max, min } = Math;

const gridOf = (scale: number): Grid => ({ type: 'int8', scale, zeroPoint: 0 });

/** Of a slice of zeros too. */
function singleScale(scale: number): number {
  return fround(max(scale, 2 ** -24));
}

/** The nearest scale that float16 holds with all its digits. */
export function asHalf(scale: number): number {
  const [bits] = halfBits(Float32Array.of(max(scale, SMALLEST_SCALE))) as unknown as [number];
  return (1 + (bits & 0x3ff) / 1024) * 2 ** ((bits >> 10) - 15);
}

function sliceScale(slice: readonly number[], hold: (scale: number) => number): number {
  const largest = slice.reduce((most, value) => max(most, abs(value)), 0);
  return best(
    SHARES.map((share) => hold((share * largest) / 127)),
    (scale) => slice.reduce((sum, value) => sum + (cut(value / scale) * scale - value) ** 2, 0),
  );
}

function cut(value: number): number {
  return max(-127, min(127, roundHalfEven(value)));
}

/** Adds int8 weights with their DequantizeLinear. @returns the float tensor it makes */
export function addInt8Weights(graph: ModelGraph, base: string, { dims, values, scales, axis }: Int8Weights): string {
  const integers = graph.addInitializer(`${base}.int8`, narrowTensor('', dims, values));
  const scale = graph.addConstant(`${base}.scale`, { dims: [scales.length], values: scales });
  const zero = graph.addInitializer(`${base}.zero`, narrowTensor('', [scales.length], new Int8Array(scales.length)));
  return graph.add('DequantizeLinear', `${base}.real`, [integers, scale, zero], { axis });
}

const FLOAT16_MOST = 65504;

/** Bits of the nearest float16 of each value; what is too large becomes the largest. */
export function halfBits(values: Float32Array): Uint16Array {
  const view = new DataView(new ArrayBuffer(4));
  return Uint16Array.from(values, (value) => {
    view.setFloat32(0, max(-FLOAT16_MOST, min(FLOAT16_MOST, value)));
    return halfOf(view.getUint32(0));
  });
}

/** float16 bits of float32 bits, rounded to the nearest, halves to even (IEEE 754). */
function halfOf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  const fraction = bits & 0x7fffff;
  if (exponent <= -11) return sign;
  // Below 2^-14 the leading 1 is written out and moves right.
  const [whole, drop] = exponent > 0 ? [(exponent << 23) | fraction, 13] : [fraction | 0x800000, 14 - exponent];
  const kept = whole >>> drop;
  const rest = whole & ((1 << drop) - 1);
  const half = 1 << (drop - 1);
  return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
}

/** Adds values as float16 with the Cast that makes them float32 again. @returns the float32 tensor */
export function addHalfWeights(graph: ModelGraph, base: string, { dims, values }: Constant): string {
  const half = graph.addInitializer(`${base}.half`, narrowTensor('', dims, halfBits(Float32Array.from(values))));
  return graph.add('Cast', `${base}.real`, [half], { to: DataType.FLOAT });
}
