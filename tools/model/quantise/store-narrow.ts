// Weights of float nodes in fewer bits on disk: ONNX Runtime widens them once, when it loads the model.
import { type Constant, countOf } from '../graph/constants.ts';
import type { ModelGraph } from '../graph/model-graph.ts';
import { DataType, type NodeProto, narrowTensor } from '../onnx/codec.ts';
import { addHalfWeights, int8Weights } from './weights.ts';

/** Shorter constants stay as they are: the nodes around them would take as many bytes. */
const LEAST_VALUES = 512;

type Storage = 'int8' | 'float16';

/**
 * How each weight input is stored. What multiplies an input is added up once per frame and bears 8 bits; what multiplies a
 * state acts again and again, and the last layers speak directly, so they get 16.
 */
const STORAGE: Record<string, Readonly<Record<number, Storage>>> = {
  Conv: { 1: 'float16' },
  MatMul: { 1: 'float16' },
  Gemm: { 1: 'float16' },
  GRU: { 1: 'int8', 2: 'float16' },
  LSTM: { 1: 'int8', 2: 'float16' },
};

/** Replaces weights of float nodes by narrow ones and the node that widens them. */
export function storeNarrow(graph: ModelGraph, only?: Storage): void {
  for (const node of graph.nodes) {
    for (const [place, storage] of Object.entries(STORAGE[node.opType] ?? {})) {
      store(graph, node, Number(place), only ?? storage);
    }
  }
}

function store(graph: ModelGraph, node: NodeProto, place: number, storage: Storage): void {
  const name = node.input[place]!;
  const constant = graph.constant(name);
  if (!constant || !(constant.values instanceof Float32Array) || countOf(constant.dims) < LEAST_VALUES) return;
  const narrow = storage === 'int8' ? addRows(graph, name, constant) : addHalfWeights(graph, name, constant);
  graph.rewire(
    node,
    node.input.map((input, i) => (i === place ? narrow : input)),
  );
  if (graph.consumers(name).length === 0) graph.removeInitializer(name);
}

/**
 * int8 with a scale for each row of the last axis, widened by Cast and Mul: ONNX Runtime computes these once, at load, which it
 * does not do with DequantizeLinear.
 */
function addRows(graph: ModelGraph, name: string, { dims, values }: Constant): string {
  const width = dims.at(-1)!;
  const rows = int8Weights({ dims: [values.length / width, width], values }, 0);
  const integers = graph.addInitializer(`${name}.int8`, narrowTensor('', dims, rows.values));
  const scale = graph.addConstant(`${name}.scale`, { dims: [...dims.slice(0, -1), 1], values: rows.scales });
  return graph.add('Mul', `${name}.real`, [
    graph.add('Cast', `${name}.steps`, [integers], { to: DataType.FLOAT }),
    scale,
  ]);
}
