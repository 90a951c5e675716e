// Proof that two models compute the same: random windows through both, every output value compared.
import { UserError } from '../command.ts';
import { inputDims, isFloat, statedDims } from './graph/infer-shapes.ts';
import { parseGraph } from './graph/read-graph.ts';
import { openSession, type Values } from './onnx-session.ts';

/** Allowed per output value, relative to the output's largest value where that is above 1. float32 rounds at 6e-8 per step. */
export const LARGEST_DIFFERENCE = 1e-5;

/** Frames of the windows where a model leaves them free; silence goes through too. */
const WINDOWS = [
  { frames: 300, strength: 1.7 },
  { frames: 120, strength: 0.5 },
  { frames: 60, strength: 5 },
  { frames: 120, strength: 0 },
];

/** Values of one input; ours have a few hundred thousand. */
const MOST_VALUES = 2 ** 26;

export interface Proof {
  readonly windows: number;
  /** Largest difference of all output values, in units of max(1, largest value of that output). */
  readonly largestDifference: number;
  readonly allowed: number;
}

/**
 * Runs the original as it stands, node by node, and the changed model as the runtime will run it.
 * @param where what the original is called in messages
 * @throws UserError when a model cannot be run, gives other shapes or no numbers, or differs more than allowed
 */
export async function proveEqual(original: Uint8Array, changed: Uint8Array, where: string): Promise<Proof> {
  const { inputs } = parseGraph(original, where);
  const other = inputs.find((input) => !isFloat(input) || !statedDims(input));
  if (other)
    throw new UserError(`${where} cannot be proved: its input ${other.name} is no float32 tensor of known rank.`);
  const random = noise(1);
  const reference = await openSession(original, where, { optimisation: 'disabled' });
  const candidate = await openSession(changed, `what was made of ${where}`);
  try {
    let largestDifference = 0;
    for (const { frames, strength } of WINDOWS) {
      const window = Object.fromEntries(
        inputs.map((input) => {
          const dims = inputDims(input, frames)!;
          const count = dims.reduce((a, b) => a * b, 1);
          if (count > MOST_VALUES) {
            throw new UserError(
              `${where} takes ${count} values at a time as ${input.name}, more than the ${MOST_VALUES} that are tried.`,
            );
          }
          return [input.name, { dims, values: Float32Array.from({ length: count }, () => strength * random()) }];
        }),
      );
      const [expected, found] = [await reference.run(window), await candidate.run(window)];
      for (const name of reference.outputNames) {
        largestDifference = Math.max(
          largestDifference,
          difference(expected[name]!, found[name], `${where}: output ${name}`),
        );
      }
    }
    if (largestDifference <= LARGEST_DIFFERENCE) {
      return { windows: WINDOWS.length, largestDifference, allowed: LARGEST_DIFFERENCE };
    }
    throw new UserError(
      `What was made of ${where} differs from it by ${largestDifference.toPrecision(3)}, more than the ${LARGEST_DIFFERENCE} that rounding may do; nothing was written. Switch rewrites off with --without to find the one.`,
    );
  } finally {
    await reference.close();
    await candidate.close();
  }
}

/** Largest difference relative to the largest expected value, absolute below 1. */
function difference(expected: Values, found: Values | undefined, what: string): number {
  if (found?.dims.join() !== expected.dims.join()) {
    throw new UserError(
      `${what} has the shape ${expected.dims}, what was made of it ${found?.dims ?? 'none'}; nothing was written.`,
    );
  }
  let [most, scale] = [0, 1];
  expected.values.forEach((value, i) => {
    if (!Number.isFinite(value))
      throw new UserError(`${what} gives ${value} on a random window: there is nothing to compare.`);
    const apart = Math.abs(value - found.values[i]!);
    most = Math.max(most, Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart);
    scale = Math.max(scale, Math.abs(value));
  });
  return most / scale;
}

/** Repeatable noise of deviation 1: sums of a linear congruential generator (Numerical Recipes) in -sqrt(3)..sqrt(3), three at a time. */
function noise(seed: number): () => number {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  return () => next() + next() + next();
}
