// ELU put together from operators that ONNX Runtime has vectorised; its own Elu is slower than all four of them.
import { float, integer } from '../graph/attributes.ts';
import { isFloat } from '../graph/infer-shapes.ts';
import type { ModelGraph } from '../graph/model-graph.ts';
import { DataType, type NodeProto } from '../onnx/codec.ts';
import type { Rewrite } from './rewrite.ts';

export const eluFromExp: Rewrite = {
  name: 'elu',
  summary: 'Elu(x) -> Max(x, Exp(Min(x, 0)) - 1)',
  exactness: 'rounding',
  runtime: 'onnxruntime',
  apply(graph) {
    // With another alpha the larger of both is not ELU: 2 (exp(x) - 1) lies below x left of zero.
    const elus = graph.nodes.filter(
      (node) => node.opType === 'Elu' && node.domain === '' && float(node, 'alpha', 1) === 1,
    );
    if (elus.length === 0 || !isSinglePrecision(graph)) return 0;
    const scalar = (base: string, value: number) =>
      graph.addConstant(base, { dims: [], values: Float32Array.of(value) });
    const [zero, one] = [scalar('elu.zero', 0), scalar('elu.one', 1)];
    for (const elu of elus) replace(graph, elu, zero, one);
    return elus.length;
  },
};

function replace(graph: ModelGraph, elu: NodeProto, zero: string, one: string): void {
  const x = elu.input[0]!;
  const base = elu.name || elu.output[0]!;
  const negative = graph.add('Min', `${base}.negative`, [x, zero]);
  const power = graph.add('Exp', `${base}.exp`, [negative]);
  const bent = graph.add('Sub', `${base}.bent`, [power, one]);
  graph.substitute(elu, graph.add('Max', `${base}.max`, [x, bent]));
}

/** The two numbers are float32 like everything they meet, or the model would not load. */
function isSinglePrecision(graph: ModelGraph): boolean {
  const others: number[] = [DataType.FLOAT16, DataType.BFLOAT16, DataType.DOUBLE];
  const casts = graph.nodes.filter((node) => node.opType === 'Cast' && others.includes(integer(node, 'to', 0)));
  const constants = graph.initializers.filter(({ dataType }) => others.includes(dataType));
  return graph.inputs.every(isFloat) && casts.length + constants.length === 0;
}
