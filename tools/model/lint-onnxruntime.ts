// What keeps ONNX Runtime from running a quantised graph in integers.
import { typeName } from './graph/constants.ts';
import type { ModelGraph } from './graph/model-graph.ts';
import { isConstant, type Judgement } from './judgement.ts';
import type { NodeProto } from './onnx/codec.ts';
import { ORT_FLOAT_ONLY, ORT_FUSED } from './target-rules.ts';

export function lintOnnxruntimeInt8(judgement: Judgement): void {
  const { graph } = judgement;
  for (const node of graph.sorted()) {
    const { opType, input, output } = node;
    if (opType === 'QuantizeLinear') lintQuantise(node, judgement);
    const reads = dequantised(graph, input[0]!) && !isConstant(graph, input[0]!);
    if (!reads) continue;
    if (ORT_FLOAT_ONLY.includes(opType) && isQuantised(graph, output[0]!)) {
      judgement.report('float-island', node, `it stands between ${input[0]} and a QuantizeLinear`);
    }
    if (ORT_FUSED.includes(opType)) lintFused(node, judgement);
  }
}

const dequantised = (graph: ModelGraph, tensor: string) => graph.producer(tensor)?.opType === 'DequantizeLinear';
const isQuantised = (graph: ModelGraph, tensor: string) => graph.onlyConsumer(tensor)?.opType === 'QuantizeLinear';

/** Type of what comes out of a QuantizeLinear, or goes into a DequantizeLinear: that of the zero point. */
function integerType(graph: ModelGraph, node: NodeProto): string {
  const zero = node.input[2] ? graph.initializer(node.input[2]) : undefined;
  return zero ? typeName(zero.dataType) : 'uint8';
}

function lintQuantise(node: NodeProto, { graph, report }: Judgement): void {
  if (isConstant(graph, node.input[0]!)) return;
  const type = integerType(graph, node);
  if (type === 'int8') report('u8-activations', node, `it makes ${node.output[0]} int8`);
  if (type.endsWith('16')) report('16-bit', node, `it makes ${node.output[0]} ${type}`);
}

/** MatMul has a fused form without a QuantizeLinear behind it (MatMulIntegerToFloat). */
function lintFused(node: NodeProto, { graph, report }: Judgement): void {
  const { opType, input, output } = node;
  const weights = graph.producer(input[1] ?? '');
  if (weights?.opType === 'DequantizeLinear' && isConstant(graph, weights.input[0]!)) {
    const type = integerType(graph, weights);
    if (type !== 'int8') report('s8-weights', node, `its weights are ${type}`);
  }
  if (opType !== 'MatMul' && !isQuantised(graph, output[0]!)) {
    report('needs-output-q', node, `what it makes, ${output[0]}, is not read by one QuantizeLinear alone`);
  }
}
