// Changed ONNX models that are still ONNX: what bytes alone seldom reach, such as other operators, shapes, types and wires.
import {
  AttributeType,
  decodeModel,
  encodeDecoded,
  type ModelProto,
  type NodeProto,
} from '../../tools/model/onnx/codec.ts';
import { below, oneOf, type Random } from './mutate.ts';

const OPERATORS = [
  ...[
    'Conv',
    'MatMul',
    'Gemm',
    'GRU',
    'LSTM',
    'MaxPool',
    'GlobalAveragePool',
    'ReduceMean',
    'BatchNormalization',
    'Elu',
    'Exp',
  ],
  ...[
    'Reshape',
    'Slice',
    'Expand',
    'ConstantOfShape',
    'Transpose',
    'Gather',
    'Concat',
    'Squeeze',
    'Unsqueeze',
    'Shape',
    'Tile',
  ],
  ...[
    'QuantizeLinear',
    'DequantizeLinear',
    'Cast',
    'Add',
    'Mul',
    'Div',
    'Identity',
    'Constant',
    'Range',
    'Split',
    'Loop',
    'Pad',
  ],
];
const NUMBERS = [-1n, 0n, 1n, 2n, 3n, 64n, 1000n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 62n, -(2n ** 63n)];

type GraphProto = NonNullable<ModelProto['graph']>;
type Change = (graph: GraphProto, random: Random, model: ModelProto) => void;

const anyNode = (graph: GraphProto, random: Random): NodeProto => oneOf(random, graph.node);
const anyName = (graph: GraphProto, random: Random): string =>
  oneOf(random, ['', ...graph.initializer.map(({ name }) => name), ...graph.node.flatMap(({ output }) => output)]);

const CHANGES: readonly Change[] = [
  (graph, random) => {
    anyNode(graph, random).opType = oneOf(random, OPERATORS);
  },
  (graph, random) => {
    const { input } = anyNode(graph, random);
    if (input.length > 0) input[below(random, input.length)] = anyName(graph, random);
  },
  (graph, random) => {
    const node = anyNode(graph, random);
    node.input = random() < 0.5 ? node.input.slice(0, -1) : [...node.input, anyName(graph, random)];
  },
  (graph, random) => {
    const { output } = anyNode(graph, random);
    if (output.length > 0) output[below(random, output.length)] = anyName(graph, random);
  },
  (graph, random) => {
    const { attribute } = anyNode(graph, random);
    const chosen = attribute[below(random, Math.max(1, attribute.length))];
    if (!chosen) return;
    chosen.i = oneOf(random, NUMBERS);
    chosen.ints = Array.from({ length: below(random, 6) }, () => oneOf(random, NUMBERS));
    chosen.f = oneOf(random, [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e-45]);
    if (random() < 0.3)
      chosen.type = oneOf(
        random,
        Object.values(AttributeType).filter((type) => typeof type === 'number'),
      );
  },
  (graph, random) => {
    if (graph.initializer.length === 0) return;
    const tensor = oneOf(random, graph.initializer);
    tensor.dims = Array.from({ length: below(random, 6) }, () => oneOf(random, NUMBERS));
    if (random() < 0.5) tensor.rawData = new Uint8Array(below(random, 64));
  },
  (graph, random) => {
    if (graph.initializer.length > 0) oneOf(random, graph.initializer).dataType = below(random, 26);
  },
  (graph, random) => {
    const shape = oneOf(random, [...graph.input, ...graph.output]).type?.value;
    if (shape?.case !== 'tensorType') return;
    for (const dim of shape.value.shape?.dim ?? []) {
      if (random() < 0.5) dim.value = { case: 'dimValue', value: oneOf(random, NUMBERS) };
    }
    if (random() < 0.2) shape.value.elemType = below(random, 26);
  },
  (_, random, model) => {
    for (const opset of model.opsetImport)
      opset.version = oneOf(random, [0n, 7n, 13n, 17n, 18n, 21n, 22n, 2n ** 62n, -1n]);
  },
  (graph, random) => {
    graph.node.splice(below(random, graph.node.length), below(random, 3));
  },
];

/** A model with one to five changes; the original's bytes where it holds no nodes to change. */
export function mutateGraph(original: Uint8Array, random: Random): Uint8Array {
  const model = decodeModel(original);
  for (let left = 1 + below(random, 5); left > 0; left -= 1) {
    if (model.graph && model.graph.node.length > 0) oneOf(random, CHANGES)(model.graph, random, model);
  }
  return encodeDecoded(model);
}
