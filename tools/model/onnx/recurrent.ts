// Bidirectional GRU layers as ONNX nodes. PyTorch orders the gates r, z, n; ONNX z, r, h.
import { mergedWidth } from '../../../models/layers.ts';
import type { Network } from '../../../models/network.ts';
import type { GraphBuilder } from './graph-builder.ts';

/** Layer i with its merge: (labels, 1, inputs) to (labels, 1, merged width). */
export function addGru(graph: GraphBuilder, gru: NonNullable<Network['gru']>, i: number, x: string): string {
  const name = `gru.${i}.layer`;
  const { units } = gru;
  const inputs = graph.tensor(`${name}.weight_ih_l0`).shape[1]!;
  const weights = (kind: string, columns: number) =>
    joined(['', '_reverse'].map((suffix) => zrh(graph.tensor(`${name}.${kind}_l0${suffix}`).values, units * columns)));
  const biases = ['', '_reverse'].flatMap((suffix) =>
    ['bias_ih', 'bias_hh'].map((kind) => zrh(graph.tensor(`${name}.${kind}_l0${suffix}`).values, units)),
  );
  const w = graph.constant(`${name}.W`, [2, 3 * units, inputs], weights('weight_ih', inputs));
  const r = graph.constant(`${name}.R`, [2, 3 * units, units], weights('weight_hh', units));
  const b = graph.constant(`${name}.B`, [2, 6 * units], joined(biases));
  const y = graph.node('GRU', name, [x, w, r, b], {
    direction: 'bidirectional',
    hidden_size: units,
    linear_before_reset: 1, // torch multiplies by r after the recurrent bias is added
  });
  return merge(graph, gru, `gru.${i}`, y);
}

/** (labels, 2, 1, units) to (labels, 1, merged width). */
function merge(graph: GraphBuilder, gru: NonNullable<Network['gru']>, name: string, y: string): string {
  if (gru.merge === 'concat') {
    const beside = graph.node('Transpose', `${name}.beside`, [y], { perm: [0, 2, 1, 3] });
    const shape = graph.constant(`${name}.shape`, [3], [0, 0, mergedWidth(gru)]);
    return graph.node('Reshape', `${name}.merged`, [beside, shape]);
  }
  const bent = graph.node('Tanh', `${name}.tanh`, [y]);
  const halves = [`${name}.forward`, `${name}.backward`];
  graph.nodeWithOutputs('Split', `${name}.split`, [bent], halves, { axis: 1 });
  const product = graph.node('Mul', `${name}.product`, halves);
  return graph.node('Squeeze', `${name}.merged`, [product, graph.constant(`${name}.axis`, [1], [1])]);
}

/** Swaps the first two of three gates of `size` values each. */
function zrh(rzn: Float32Array, size: number): Float32Array {
  return joined([rzn.subarray(size, 2 * size), rzn.subarray(0, size), rzn.subarray(2 * size)]);
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
