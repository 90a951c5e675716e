// ELU between integers: ONNX Runtime has no integer Elu, but an integer Sigmoid that is a table of 256 entries.

import type { Grid } from './grid.ts';
import type { Distribution } from './histogram.ts';
import { best, errorOf } from './ranges.ts';

/**
 * With x and ELU(x) on one grid of step 1/k:
 *   ELU(x) = min(E(x), max(x, 0)),  E(x) = exp(x) - 1 for x < 0, and E(x) >= x for x >= 0.
 * max and min of integers on one grid are exact. E comes from the integer Sigmoid, whose input is the same integers read with
 * another zero point: sigmoid(x - b) (e^b + 1) differs from e^x by no more than e^-b / 4. The -1 is k steps of the output.
 */
export interface EluLookup {
  readonly grid: Grid;
  /** Zero point with which the Sigmoid reads x as x - b. */
  readonly shiftedZeroPoint: number;
  /** Grid of what the Sigmoid gives. */
  readonly output: Grid;
}

/** Least k for which the table is worth it: with fewer steps between -1 and 0 the bent part is a staircase. */
const FEWEST_STEPS = 4;
/** Least b: the table is then wrong by less than 0.005. */
const SMALLEST_SHIFT = 4;
/** sigmoid(x - b) has stopped growing at e^b; b past this gains nothing. */
const LARGEST_SHIFT = 12;

const { exp, expm1, max, min, round } = Math;

export const elu = (x: number): number => (x >= 0 ? x : expm1(x));

/** @returns undefined when the values reach so far that 256 steps are too coarse for the bent part */
export function eluLookup(distribution: Distribution, exactEnds: boolean): EluLookup | undefined {
  const candidates = lookups(distribution, exactEnds);
  if (candidates.length === 0) return undefined;
  const error = errorOf(distribution, elu);
  return best(candidates, (lookup) => error(lookup.grid, lookupTable(lookup)));
}

/** Every k that covers the values to a share of their ends, with every zero point that leaves room below -1. */
function lookups({ lowest, highest }: Distribution, exactEnds: boolean): EluLookup[] {
  const found: EluLookup[] = [];
  const mostSteps = Math.floor(255 / (1 + 0.1 * Math.max(highest, 0)));
  for (let k = FEWEST_STEPS; k <= Math.min(mostSteps, 127); k += 1) {
    // Below -4 ELU is -0.98 and more: nothing to tell apart.
    const mostBelow = Math.min(255 - k, Math.ceil(Math.min(4, Math.max(1, -lowest)) * k));
    const stride = Math.max(1, Math.round(k / 8));
    for (let zeroPoint = k; zeroPoint <= mostBelow; zeroPoint += stride) {
      if (exactEnds && (255 - zeroPoint) / k < highest) continue;
      const lookup = lookupFor(k, zeroPoint);
      if (lookup) found.push(lookup);
    }
  }
  return found;
}

function lookupFor(k: number, zeroPoint: number): EluLookup | undefined {
  const shiftSteps = Math.min(255 - zeroPoint, Math.floor(LARGEST_SHIFT * k));
  const shift = shiftSteps / k;
  if (shift < SMALLEST_SHIFT) return undefined;
  return {
    grid: { type: 'uint8', scale: Math.fround(1 / k), zeroPoint },
    shiftedZeroPoint: zeroPoint + shiftSteps,
    output: { type: 'uint8', scale: Math.fround(1 / (k * (Math.exp(shift) + 1))), zeroPoint: zeroPoint - k },
  };
}

/** The real value that each of the 256 integers becomes. */
export function lookupTable({ grid, shiftedZeroPoint, output }: EluLookup): Float64Array {
  return Float64Array.from({ length: 256 }, (_, q) => {
    const sigmoid = 1 / (1 + exp(-grid.scale * (q - shiftedZeroPoint)));
    const bent = min(255, round(sigmoid / output.scale) + output.zeroPoint);
    return grid.scale * (min(bent, max(q, grid.zeroPoint)) - grid.zeroPoint);
  });
}
