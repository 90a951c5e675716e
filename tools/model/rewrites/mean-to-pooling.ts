// The mean over all places of each channel as GlobalAveragePool, which runtimes compute faster and have in int8.
import { integer } from '../graph/attributes.ts';
import { inferShapes, type Shapes } from '../graph/infer-shapes.ts';
import type { ModelGraph } from '../graph/model-graph.ts';
import { reducedAxes } from '../graph/shape-rules.ts';
import type { NodeProto } from '../onnx/codec.ts';
import type { Rewrite } from './rewrite.ts';

/** Any size will do to learn the number of dimensions, as long as windows fit into it. */
const FRAMES = 300;

export const meanToPooling: Rewrite = {
  name: 'mean',
  summary: 'ReduceMean over height and width -> GlobalAveragePool',
  exactness: 'rounding',
  apply(graph) {
    const means = graph.nodes.filter(({ opType, domain }) => opType === 'ReduceMean' && domain === '');
    if (means.length === 0) return 0;
    const shapes = inferShapes(graph, FRAMES);
    return means.filter((node) => replace(graph, node, shapes)).length;
  },
};

function replace(graph: ModelGraph, mean: NodeProto, shapes: Shapes): boolean {
  const [x, axesInput] = mean.input;
  const rank = shapes.dims(x!)?.length;
  if (rank !== 4) return false;
  const axes = reducedAxes(mean, axesInput ? { values: graph.constant(axesInput) } : undefined, rank);
  if (axes?.join() !== '2,3') return false;
  const base = mean.output[0]!;
  const pooled = graph.add('GlobalAveragePool', `${base}.pooled`, [x!]);
  const keepsDims = integer(mean, 'keepdims', 1) === 1;
  graph.substitute(mean, keepsDims ? pooled : graph.add('Flatten', `${base}.flat`, [pooled], { axis: 1 }));
  return true;
}
