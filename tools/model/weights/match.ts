// Whether weights are those of a network: every tensor there, none too many, each of the right shape, all values finite.
import { tensorsOf } from '../../../models/layers.ts';
import type { Network } from '../../../models/network.ts';
import { type Tensor, type Weights, WeightsError } from './tensor.ts';

/** How many batches a batch norm has seen: torch keeps it, nothing computes with it. */
const COUNTER = /(^|\.)num_batches_tracked$/;

export interface Mismatches {
  readonly missing: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly unexpected: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly misshaped: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly expected: readonly number[];
  }[];
}

/** Compares names and shapes, in the order of the network, then of the file. */
export function compareWeights(network: Network, weights: Weights): Mismatches {
  const expected = tensorsOf(network);
  const names = new Set(expected.map(({ name }) => name));
  return {
    missing: expected.filter(({ name }) => !weights.has(name)).map(({ name, shape }) => ({ name, shape })),
    unexpected: [...weights]
      .filter(([name]) => !names.has(name) && !COUNTER.test(name))
      .map(([name, { shape }]) => ({ name, shape })),
    misshaped: expected.flatMap(({ name, shape }) => {
      const found = weights.get(name);
      if (!found || found.shape.join() === shape.join()) return [];
      return [{ name, shape: found.shape, expected: shape }];
    }),
  };
}

/**
 * The tensors of a network in its order, and nothing else.
 * @throws WeightsError naming every tensor that is missing, unexpected or of another shape, or one with NaN or infinity
 */
export function matchWeights(network: Network, weights: Weights, file: string): Map<string, Tensor> {
  const lines = describeMismatches(compareWeights(network, weights));
  if (lines.length > 0) {
    throw new WeightsError(
      `${file} does not hold the weights of the network ${network.name}:\n${lines.join('\n')}\nGive the --network they were trained as, or its settings in a file.`,
    );
  }
  const matched = new Map(tensorsOf(network).map(({ name }) => [name, weights.get(name)!]));
  for (const [name, { values }] of matched) {
    const bad = values.find((value) => !Number.isFinite(value));
    if (bad !== undefined) throw new WeightsError(`${file}: tensor ${name} holds ${bad}; weights are finite numbers.`);
  }
  return matched;
}

function describeMismatches({ missing, unexpected, misshaped }: Mismatches): string[] {
  const text = (shape: readonly number[]) => `[${shape.join(', ')}]`;
  return [
    ...missing.map(({ name, shape }) => `  missing     ${name} ${text(shape)}`),
    ...unexpected.map(({ name, shape }) => `  unexpected  ${name} ${text(shape)}`),
    ...misshaped.map(({ name, shape, expected }) => `  mis-shaped  ${name} ${text(shape)}, expected ${text(expected)}`),
  ];
}
