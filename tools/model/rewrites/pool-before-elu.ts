// Max pooling before ELU instead of after: ELU never falls, so the largest stays the largest, and fewer values are bent.
import { float } from '../graph/attributes.ts';
import type { ModelGraph } from '../graph/model-graph.ts';
import type { NodeProto } from '../onnx/codec.ts';
import type { Rewrite } from './rewrite.ts';

export const poolBeforeElu: Rewrite = {
  name: 'pool-elu',
  summary: 'Elu, MaxPool -> MaxPool, Elu',
  exactness: 'equal',
  apply(graph) {
    return graph.nodes.filter((node) => node.opType === 'MaxPool' && swap(graph, node)).length;
  },
};

function swap(graph: ModelGraph, pool: NodeProto): boolean {
  const elu = graph.producer(pool.input[0]!);
  if (elu?.opType !== 'Elu' || elu.domain !== '' || pool.domain !== '') return false;
  // A second output of MaxPool tells places, which stay the same, but of equals ELU may make: -20 and -30 both give -1.
  if (graph.onlyConsumer(pool.input[0]!) !== pool || pool.output.length > 1) return false;
  if (!(float(elu, 'alpha', 1) >= 0)) return false; // it would fall below zero
  const { output } = pool;
  const pooled = graph.freshName(`${pool.name || output[0]}.before`);
  graph.rewire(pool, elu.input, [pooled]);
  graph.rewire(elu, [pooled], output);
  return true;
}
