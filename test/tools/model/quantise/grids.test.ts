// Grids, ranges, weights and the ELU table: beside numpy, ONNX Runtime's QuantizeLinear, and by their definitions.
import { elu, eluLookup, lookupTable } from '../../../../tools/model/quantise/elu-lookup.ts';
import { int8Grid, toInteger, toReal, uint8Grid } from '../../../../tools/model/quantise/grid.ts';
import { Histogram, mapped } from '../../../../tools/model/quantise/histogram.ts';
import { errorOf, int8GridFor, uint8GridFor } from '../../../../tools/model/quantise/ranges.ts';
import { asHalf, halfBits, int8Weights } from '../../../../tools/model/quantise/weights.ts';
import { noise } from '../golden-networks.ts';
import { QUANTISED } from './golden.ts';

function distributionOf(values: ArrayLike<number>) {
  const histogram = new Histogram();
  histogram.add(Float32Array.from(values));
  return histogram.distribution();
}

/** Many small values and a few large ones, as they come out of convolutions. */
const HEAVY = Float32Array.from(
  noise('heavy', 20_000),
  (value) => 3 * value ** 3 + (Math.abs(value) > 0.9997 ? 60 * value : 0),
);

test.each(QUANTISED.integers)(
  '$type with scale $scale and zero point $zeroPoint rounds as ONNX Runtime does',
  (given) => {
    const { type, scale, zeroPoint, values, integers } = given;
    const { lowest, found } = {
      lowest: type === 'int8' ? -127 : 0,
      found: values.map((value) => toInteger({ type, scale, zeroPoint }, value)),
    };
    // ONNX Runtime's int8 goes down to -128, which a grid with two equal sides leaves out.
    expect(found).toEqual(integers.map((integer) => Math.max(lowest, integer)));
  },
);

test('a grid holds 0 exactly, also where all values lie on one side', () => {
  for (const [lo, hi] of [
    [-3.3, 7.1],
    [2, 5],
    [-8, -1],
    [0, 0],
  ] as const) {
    const grid = uint8Grid(lo, hi);
    expect(toReal(grid, toInteger(grid, 0))).toBe(0);
    expect(grid.scale).toBeGreaterThan(0);
  }
  expect(int8Grid(1)).toEqual({ type: 'int8', scale: Math.fround(1 / 127), zeroPoint: 0 });
});

test('a histogram keeps counts, ends and places when larger values make it double its reach', () => {
  const histogram = new Histogram();
  for (const factor of [0.001, 1, 40, 3])
    histogram.add(Float32Array.from([-1, -0.5, 0.25, 1], (value) => factor * value));
  const { lowest, highest, centres, counts } = histogram.distribution();
  expect([lowest, highest]).toEqual([-40, 40]);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(16);
  const mean = centres.reduce((sum, centre, i) => sum + centre * counts[i]!, 0) / 16;
  expect(mean).toBeCloseTo((44.001 * -0.25) / 16, 1);
});

test('percentile leaves out one value in ten thousand, half of them on each side', () => {
  const values = Float32Array.from({ length: 100_001 }, (_, i) => (i - 50_000) / 50_000);
  values[0] = -30;
  values[100_000] = 30;
  const { scale, zeroPoint } = uint8GridFor(distributionOf(values), { method: 'percentile' });
  // The 5th value from each end lies near ±1; bins are 64 / 4096 wide here.
  expect(-zeroPoint * scale).toBeCloseTo(-1, 1);
  expect((255 - zeroPoint) * scale).toBeCloseTo(1, 1);
});

test('min-max covers everything, mse has the least error of all three', () => {
  const distribution = distributionOf(HEAVY);
  const error = (method: 'mse' | 'percentile' | 'min-max') =>
    errorOf(distribution)(uint8GridFor(distribution, { method }));
  const whole = uint8GridFor(distribution, { method: 'min-max' });
  expect(toReal(whole, 0)).toBeCloseTo(distribution.lowest, 0);
  expect(toReal(whole, 255)).toBeCloseTo(distribution.highest, 0);
  expect(error('mse')).toBeLessThan(error('min-max'));
  expect(error('mse')).toBeLessThanOrEqual(error('percentile'));
  const symmetric = (method: 'mse' | 'min-max') => errorOf(distribution)(int8GridFor(distribution, { method }));
  expect(symmetric('mse')).toBeLessThan(symmetric('min-max'));
});

test('an error is measured where the value is consumed: what ReLU cuts gets no steps', () => {
  const distribution = distributionOf(HEAVY);
  const seenThrough = (x: number) => Math.max(0, x);
  const grid = uint8GridFor(distribution, { method: 'mse', seenThrough });
  expect(toReal(grid, 0)).toBeGreaterThan(0.2 * distribution.lowest);
  const blind = uint8GridFor(distribution, { method: 'mse' });
  expect(errorOf(distribution, seenThrough)(grid)).toBeLessThan(errorOf(distribution, seenThrough)(blind));
});

test('the distribution behind a function that never falls follows from the one before it', () => {
  const before = distributionOf(HEAVY);
  const after = distributionOf(HEAVY.map(elu));
  expect(mapped(before, elu).highest).toBeCloseTo(after.highest, 5);
  expect(mapped(before, elu).lowest).toBeCloseTo(after.lowest, 5);
});

test('the ELU table is within a step of ELU on its whole grid and never above the straight part', () => {
  const lookup = eluLookup(distributionOf(HEAVY), false)!;
  const table = lookupTable(lookup);
  const { scale, zeroPoint } = lookup.grid;
  for (const [q, value] of table.entries()) {
    const x = scale * (q - zeroPoint);
    if (x >= 0) expect(value).toBeCloseTo(x, 6);
    else expect(Math.abs(value - elu(x))).toBeLessThan(0.75 * scale);
  }
});

test('values too large for 256 steps get no ELU table', () => {
  expect(eluLookup(distributionOf([-2, 0, 300, 310, 320]), true)).toBeUndefined();
});

test('float16 bits are those of numpy, subnormals and halves included', () => {
  const { values, bits } = QUANTISED.halves;
  expect(Array.from(halfBits(Float32Array.from(values)))).toEqual(bits);
  for (const scale of [1e-9, 6.2e-5, 0.0471, 3.3]) {
    const held = asHalf(scale);
    expect(Array.from(halfBits(Float32Array.of(held)))).toEqual(
      Array.from(halfBits(Float32Array.of(Math.max(scale, 6.2e-5)))),
    );
    expect(Math.fround(held)).toBe(held);
  }
});

test('int8 weights are no worse in any channel than with the scale of the largest weight, and better in some', () => {
  const { values, rows, minMaxError } = QUANTISED.weights;
  const dims = [rows, values.length / rows];
  const constant = { dims, values: Float32Array.from(values) };
  const { values: integers, scales } = int8Weights(constant, 0);
  const real = Array.from(integers, (integer, i) => integer * scales[Math.floor(i / dims[1]!)]!);
  const errors = minMaxError.map((_, row) =>
    values
      .slice(row * dims[1]!, (row + 1) * dims[1]!)
      .reduce((sum, value, i) => sum + (real[row * dims[1]! + i]! - value) ** 2, 0),
  );
  for (const [row, error] of errors.entries()) expect(error).toBeLessThanOrEqual(minMaxError[row]! * 1.0001);
  expect(errors.some((error, row) => error < minMaxError[row]!)).toBe(true);
});

test('weights along a later axis get a scale for each of its indices', () => {
  const constant = { dims: [2, 3], values: Float32Array.of(1, 10, 100, -2, -20, -200) };
  const { scales, values } = int8Weights(constant, 1);
  expect(Array.from(scales, (scale) => Math.round(scale * 127))).toEqual([2, 20, 200]);
  expect(Array.from(values.slice(3))).toEqual([-127, -127, -127]);
});
