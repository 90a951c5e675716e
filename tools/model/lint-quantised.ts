// TensorRT's rules of explicit quantisation: zero points, scales, weights, biases, and where the pairs may stand.
import { integer } from './graph/attributes.ts';
import { dimsOf, typeName } from './graph/constants.ts';
import type { ModelGraph } from './graph/model-graph.ts';
import { isConstant, type Judgement } from './judgement.ts';
import type { NodeProto, TensorProto } from './onnx/codec.ts';
import { isBefore, TENSORRT_FLOAT_ONLY, WEIGHTED } from './target-rules.ts';
import { tensorNumbers } from './tensor-numbers.ts';

export function lintTensorrtQuantised(judgement: Judgement): void {
  for (const node of judgement.graph.sorted()) {
    if (node.opType === 'QuantizeLinear' || node.opType === 'DequantizeLinear') lintPairMember(node, judgement);
    else if (node.opType in WEIGHTED) lintWeighted(node, judgement);
    if (node.opType === 'DequantizeLinear') lintReaders(node, judgement);
  }
}

function lintPairMember(node: NodeProto, { graph, release, report }: Judgement): void {
  const [data, scaleName, zeroName] = node.input;
  const zero = zeroName ? graph.initializer(zeroName) : undefined;
  if (!zero) report('q-zero-point', node, zeroName ? `its zero point ${zeroName} is computed` : 'it has none');
  else {
    const wrong = tensorNumbers(zero)?.find((value) => value !== 0);
    // A float8 pair has a zero point of its own kind; TensorRT's rule is for int8.
    if (typeName(zero.dataType) !== 'int8') report('q-zero-point', node, `it is ${typeName(zero.dataType)}`);
    else if (wrong !== undefined) report('q-zero-point', node, `it is ${wrong}`);
  }
  const scale = graph.initializer(scaleName!);
  const scales = scale && tensorNumbers(scale);
  if (!scales) report('q-scale', node, `its scale ${scaleName} is computed`);
  else {
    const wrong = scales.find((value) => !(value > 0 && Number.isFinite(value)));
    if (wrong !== undefined) report('q-scale', node, `a scale of ${scaleName} is ${wrong}`);
    if (scales.length > 1) lintChannels(node, scale, { graph, report });
  }
  const isBias = typeName(graph.initializer(data!)?.dataType ?? 0) === 'int32';
  const isInt8Constant = typeName(graph.initializer(data!)?.dataType ?? 0) === 'int8';
  if (isBias) report('q-bias', node, `it makes a float bias of the int32 constant ${data}`);
  if (isInt8Constant && isBefore(release, '8.6')) report('q-int8-constant', node, `${data} is an int8 constant`);
}

/** Several scales: only for the weights of an operator, along its output channels. */
function lintChannels(
  node: NodeProto,
  scale: TensorProto,
  { graph, report }: Pick<Judgement, 'graph' | 'report'>,
): void {
  const [data] = node.input;
  if (!isConstant(graph, data!)) {
    report('q-activation', node, `${data} has ${dimsOf(scale).join(' x ')} scales`);
    return;
  }
  const axis = integer(node, 'axis', 1);
  const reader = weightedReader(graph, node);
  if (reader && WEIGHTED[reader.opType] !== axis) {
    report('q-weight-axis', node, `axis ${axis} for the weights of ${reader.opType} ${reader.name}`);
  }
}

/** The weighted operator at the end of Q -> DQ -> operator. */
function weightedReader(graph: ModelGraph, node: NodeProto): NodeProto | undefined {
  const readers = graph.consumers(node.output[0]!);
  const direct = readers.find(({ opType }) => opType in WEIGHTED);
  const next = readers.find(({ opType }) => opType === 'DequantizeLinear');
  return direct ?? (next && weightedReader(graph, next));
}

const dequantised = (graph: ModelGraph, tensor: string | undefined) =>
  tensor !== undefined && graph.producer(tensor)?.opType === 'DequantizeLinear';

function lintWeighted(node: NodeProto, { graph, report }: Judgement): void {
  const [data, weight, bias] = node.input;
  if (dequantised(graph, bias)) report('q-bias', node, `its bias ${bias} comes out of a DequantizeLinear`);
  if (dequantised(graph, data) && isConstant(graph, weight!) && !dequantised(graph, weight)) {
    report('q-weights', node, `its input is quantised, its weights ${weight} are float`);
  }
}

function lintReaders(dequantise: NodeProto, { graph, report }: Judgement): void {
  if (isConstant(graph, dequantise.input[0]!)) return;
  const quantise = graph.producer(dequantise.input[0]!);
  const maker = quantise && graph.producer(quantise.input[0]!);
  for (const reader of graph.consumers(dequantise.output[0]!)) {
    if (TENSORRT_FLOAT_ONLY.includes(reader.opType)) report('q-no-int8', reader, `it reads ${dequantise.output[0]}`);
    if (reader.opType === 'Add' && maker && maker.opType in WEIGHTED) {
      report('q-before-add', quantise!, `it stands between ${maker.opType} ${maker.name} and Add ${reader.name}`);
    }
  }
}
