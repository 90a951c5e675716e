// Two gates on one tensor, added up, are one gate: scSE as it is often written multiplies the whole tensor twice.
import type { ModelGraph } from '../graph/model-graph.ts';
import type { NodeProto } from '../onnx/codec.ts';
import type { Rewrite } from './rewrite.ts';

export const shareAttentionMultiply: Rewrite = {
  name: 'attention',
  summary: 'x * c + x * p -> x * (c + p)',
  exactness: 'rounding',
  apply(graph) {
    return graph.nodes.filter((node) => node.opType === 'Add' && share(graph, node)).length;
  },
};

function share(graph: ModelGraph, sum: NodeProto): boolean {
  const [first, second] = sum.input.map((name) => productFor(graph, name, sum));
  if (sum.domain !== '' || !first || !second || first === second) return false;
  const shared = first.input.find((name) => second.input.includes(name));
  if (shared === undefined) return false;
  const gates = [other(first, shared), other(second, shared)];
  const base = sum.output[0]!;
  const gate = graph.add('Add', `${base}.gate`, gates);
  const gated = graph.add('Mul', `${base}.gated`, [shared, gate]);
  graph.substitute(sum, gated);
  graph.remove(first);
  graph.remove(second);
  return true;
}

/** The product that only this sum uses. */
function productFor(graph: ModelGraph, tensor: string, sum: NodeProto): NodeProto | undefined {
  const product = graph.producer(tensor);
  const fits = product?.opType === 'Mul' && product.domain === '' && graph.onlyConsumer(tensor) === sum;
  return fits ? product : undefined;
}

/** The other factor; the same when a tensor is squared. */
function other({ input }: NodeProto, factor: string): string {
  return input[input[0] === factor ? 1 : 0]!;
}
