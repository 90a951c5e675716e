// Integer grids that stand for real values: real = scale * (integer - zeroPoint), integers cut at the ends of their type.

export interface Grid {
  readonly type: 'uint8' | 'int8';
  /** Step between two neighbours, > 0, a float32 value. */
  readonly scale: number;
  readonly zeroPoint: number;
}

/** Integers of a type. int8 leaves out -128, so that a grid around 0 has two equal sides. */
export const ENDS = { uint8: [0, 255], int8: [-127, 127] } as const;

/** Steps are never smaller: what is 0 everywhere still gets a grid, and float16 holds its scale exactly enough. */
export const SMALLEST_SCALE = 6.2e-5;

/** A grid of uint8 from lo to hi, made to hold 0 exactly: padding and silence are 0. */
export function uint8Grid(lo: number, hi: number): Grid {
  const [low, high] = [Math.min(lo, 0), Math.max(hi, 0)];
  const scale = Math.fround(Math.max((high - low) / 255, SMALLEST_SCALE));
  return { type: 'uint8', scale, zeroPoint: Math.min(255, Math.max(0, Math.round(-low / scale))) };
}

/** A grid of int8 around 0 that reaches to ±reach: the only kind TensorRT knows. */
export function int8Grid(reach: number): Grid {
  return { type: 'int8', scale: Math.fround(Math.max(reach / 127, SMALLEST_SCALE)), zeroPoint: 0 };
}

/** Looked up once: this is done for every weight and every candidate. */
const { abs, fround, max, min, round } = Math;

/** The integer that stands for a value: divided in float32, halves rounded to the even neighbour, as ONNX Runtime does it. */
export function toInteger({ type, scale, zeroPoint }: Grid, value: number): number {
  const [lowest, highest] = ENDS[type];
  return min(highest, max(lowest, roundHalfEven(fround(value / scale)) + zeroPoint));
}

export function toReal({ scale, zeroPoint }: Grid, integer: number): number {
  return scale * (integer - zeroPoint);
}

export function roundHalfEven(value: number): number {
  const rounded = round(value);
  return abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
