// Which stretch of values a grid should cover: the whole, all but a rare few, or the one with the least error where it counts.
import { ENDS, type Grid, int8Grid, toReal, uint8Grid } from './grid.ts';
import type { Distribution } from './histogram.ts';

export const METHODS = ['mse', 'percentile', 'min-max'] as const;
export type Method = (typeof METHODS)[number];

/** Share of the values that 'percentile' keeps, in the middle. */
const KEPT = 0.9999;

/** What becomes of a value where it is consumed: an error counts there. */
export type SeenThrough = (value: number) => number;

const identity: SeenThrough = (value) => value;

/** Ends that 'mse' tries, as shares of the least and the largest value. */
const SHARES = { low: steps(0.1, 1, 19), high: steps(0.1, 1, 46) };

export interface RangeOptions {
  readonly method: Method;
  readonly seenThrough?: SeenThrough;
}

/** A grid of uint8 for the values of a distribution. */
export function uint8GridFor(distribution: Distribution, { method, seenThrough = identity }: RangeOptions): Grid {
  const { lowest, highest } = distribution;
  if (method === 'min-max') return uint8Grid(lowest, highest);
  if (method === 'percentile') return uint8Grid(...kept(distribution));
  const lows = lowest < 0 ? SHARES.low.map((share) => share * lowest) : [0];
  const highs = highest > 0 ? SHARES.high.map((share) => share * highest) : [0];
  const grids = lows.flatMap((lo) => highs.map((hi) => uint8Grid(lo, hi)));
  return best(grids, errorOf(distribution, seenThrough));
}

/** A grid of int8 around 0 for the values of a distribution. */
export function int8GridFor(distribution: Distribution, { method, seenThrough = identity }: RangeOptions): Grid {
  const reach = Math.max(-distribution.lowest, distribution.highest);
  if (method === 'min-max') return int8Grid(reach);
  if (method === 'percentile') return int8Grid(Math.max(...kept(distribution).map(Math.abs)));
  const grids = SHARES.high.map((share) => int8Grid(share * reach));
  return best(grids, errorOf(distribution, seenThrough));
}

/** What each integer of a grid becomes where it is consumed, from the lowest of its type on. */
export type Table = ArrayLike<number>;

/**
 * Sum over all values of the squared difference that a grid makes, measured after what they are seen through.
 * @returns a function of the grid and of what its integers become; by default the seen-through real values
 */
export function errorOf(
  { centres, counts }: Distribution,
  seenThrough: SeenThrough = identity,
): (grid: Grid, table?: Table) => number {
  const wanted = centres.map(seenThrough);
  return (grid, table = tableOf(grid, seenThrough)) => {
    const [lowest, highest] = ENDS[grid.type];
    const [perStep, last] = [1 / grid.scale, highest - lowest];
    const offset = grid.zeroPoint - lowest + 0.5;
    let sum = 0;
    for (let i = 0; i < centres.length; i += 1) {
      const place = centres[i]! * perStep + offset;
      const index = place < 0 ? 0 : place > last ? last : place | 0;
      const error = table[index]! - wanted[i]!;
      sum += counts[i]! * error * error;
    }
    return sum;
  };
}

function tableOf(grid: Grid, seenThrough: SeenThrough): Table {
  const [lowest, highest] = ENDS[grid.type];
  return Float64Array.from({ length: highest - lowest + 1 }, (_, i) => seenThrough(toReal(grid, lowest + i)));
}

/** The candidate with the least error, the first of equals. */
export function best<Candidate>(candidates: readonly Candidate[], error: (candidate: Candidate) => number): Candidate {
  let chosen = candidates[0] as Candidate;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const found = error(candidate);
    if (!(found < least)) continue;
    chosen = candidate;
    least = found;
  }
  return chosen;
}

/** Values between which KEPT of all lie, as much left out below as above. */
function kept({ lowest, highest, centres, counts }: Distribution): [number, number] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const out = ((1 - KEPT) / 2) * total;
  const edge = (order: readonly number[], otherwise: number) => {
    let passed = 0;
    for (const i of order) {
      passed += counts[i]!;
      if (passed > out) return centres[i]!;
    }
    return otherwise;
  };
  const upwards = [...centres.keys()];
  return [edge(upwards, lowest), edge([...upwards].reverse(), highest)];
}

function steps(from: number, to: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));
}
