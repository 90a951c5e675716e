// A batch norm after a convolution becomes part of its weights and bias.
import { float, integer } from '../graph/attributes.ts';
import { dimsOf } from '../graph/constants.ts';
import type { ModelGraph } from '../graph/model-graph.ts';
import type { NodeProto } from '../onnx/codec.ts';
import type { Rewrite } from './rewrite.ts';

/** ONNX's default. */
const EPSILON = 1e-5;

export const foldBatchNorm: Rewrite = {
  name: 'batch-norm',
  summary: 'Conv, BatchNormalization -> Conv',
  exactness: 'rounding',
  apply(graph) {
    return graph.nodes.filter((node) => node.opType === 'BatchNormalization' && fold(graph, node)).length;
  },
};

/** w' = w g, b' = beta + (b - mean) g with g = gamma / sqrt(variance + epsilon), all per output channel. */
function fold(graph: ModelGraph, norm: NodeProto): boolean {
  const conv = graph.producer(norm.input[0]!);
  if (conv?.opType !== 'Conv' || conv.domain !== '' || norm.domain !== '') return false;
  if (graph.onlyConsumer(norm.input[0]!) !== norm || norm.output.length > 1) return false;
  if (integer(norm, 'training_mode', 0) !== 0) return false;
  const [gamma, beta, mean, variance] = norm.input.slice(1).map((name) => graph.floats(name));
  const [x, w, b] = conv.input;
  const weight = graph.floats(w!);
  if (!gamma || !beta || !mean || !variance || !weight) return false;
  const dims = dimsOf(graph.initializer(w!)!);
  const bias = b ? graph.floats(b) : new Float32Array(gamma.length);
  if ([bias, beta, mean, variance].some((each) => each?.length !== dims[0]) || !bias) return false;
  const epsilon = float(norm, 'epsilon', EPSILON);
  const gain = Float64Array.from(gamma, (value, c) => value / Math.sqrt(variance[c]! + epsilon));
  if (!gain.every(Number.isFinite)) return false;
  const perChannel = weight.length / gain.length;
  const scaled = weight.map((value, i) => value * gain[Math.floor(i / perChannel)]!);
  const shifted = bias.map((value, c) => beta[c]! + (value - mean[c]!) * gain[c]!);
  const names = [
    graph.addConstant(`${w}.folded`, { dims, values: scaled }),
    graph.addConstant(b ? `${b}.folded` : `${w}.bias`, { dims: [gain.length], values: shifted }),
  ];
  graph.rewire(conv, [x!, ...names]);
  graph.substitute(norm, conv.output[0]!);
  return true;
}
