// Nodes that hand on their input as it is: Identity, Dropout in inference, Transpose in the same order, Concat of one.
import { integers } from '../graph/attributes.ts';
import type { ModelGraph } from '../graph/model-graph.ts';
import type { NodeProto } from '../onnx/codec.ts';
import type { Rewrite } from './rewrite.ts';

export const removeIdentities: Rewrite = {
  name: 'identities',
  summary: 'Identity, Dropout, Transpose in the same order, Concat of one: removed',
  exactness: 'equal',
  apply(graph) {
    let count = 0;
    for (const node of graph.nodes) {
      const [input] = node.input;
      if (!isIdentity(graph, node) || !input || !graph.canSubstitute(node.output[0]!, input)) continue;
      graph.substitute(node, input);
      count += 1;
    }
    return count;
  },
};

function isIdentity(graph: ModelGraph, node: NodeProto): boolean {
  if (node.domain !== '') return false;
  if (node.opType === 'Identity') return true;
  if (node.opType === 'Concat') return node.input.length === 1;
  if (node.opType === 'Transpose') return integers(node, 'perm')?.every((axis, i) => axis === i) ?? false;
  return node.opType === 'Dropout' && isInference(graph, node);
}

/** Dropout's third input turns training on; its second output is the mask. */
function isInference(graph: ModelGraph, { input, output }: NodeProto): boolean {
  const training = input[2] ? graph.initializer(input[2]) : undefined;
  const off = !input[2] || training?.rawData.every((byte) => byte === 0) === true;
  const mask = output[1];
  return off && (training?.int32Data.every((flag) => flag === 0) ?? true) && (!mask || !isUsed(graph, mask));
}

function isUsed(graph: ModelGraph, tensor: string): boolean {
  return graph.isOutput(tensor) || graph.consumers(tensor).length > 0;
}
