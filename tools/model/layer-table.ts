// What a model consists of, node by node: shapes, parameters, work and bytes for a window of a given length.

import { byteLength, countOf, typeName } from './graph/constants.ts';
import { inferShapes, type Shapes } from './graph/infer-shapes.ts';
import { inferTypes } from './graph/infer-types.ts';
import type { ModelGraph } from './graph/model-graph.ts';
import { DataType, type NodeProto, type TensorProto } from './onnx/codec.ts';

export interface LayerRow {
  readonly op: string;
  readonly name: string;
  /** Of the first output; undefined where it cannot be told. */
  readonly shape: readonly number[] | undefined;
  /** Trained values this node is the first to use; statistics of batch norms, shapes and limits do not count. */
  readonly parameters: number;
  /** Multiply-accumulates of convolutions, matrix products and recurrent layers; elementwise work is not counted. */
  readonly macs: number;
  /** Of all constants this node is the first to use. */
  readonly bytes: number;
  /** Number format of the first output: float, uint8 ...; undefined where it cannot be told. */
  readonly dtype: string | undefined;
  /** Number format the weights are stored in; undefined without weights. */
  readonly weights: string | undefined;
  /** Nodes, counted from 0 in this table, whose outputs it reads. */
  readonly reads: readonly number[];
}

/** An input or output of the model, and the nodes of the table that read or make it. */
export interface Terminal {
  readonly name: string;
  readonly shape: readonly number[] | undefined;
  readonly nodes: readonly number[];
}

export interface LayerTable {
  readonly frames: number;
  readonly inputs: readonly Terminal[];
  readonly outputs: readonly Terminal[];
  readonly layers: readonly LayerRow[];
  readonly totals: {
    readonly nodes: number;
    readonly parameters: number;
    readonly macs: number;
    readonly bytes: number;
  };
  /** Nodes whose shape or work could not be told. */
  readonly unknown: readonly string[];
}

/** Inputs of an operator that hold what training learns; others hold shapes, statistics, scales or limits. */
const TRAINED: Record<string, readonly number[]> = {
  Conv: [1, 2],
  ConvTranspose: [1, 2],
  Gemm: [1, 2],
  MatMul: [0, 1],
  Add: [0, 1],
  BatchNormalization: [1, 2],
  GRU: [1, 2, 3],
  LSTM: [1, 2, 3],
  DequantizeLinear: [0],
};

/** @param frames length of the window where the model leaves it free */
export function layerTable(graph: ModelGraph, frames: number): LayerTable {
  const shapes = inferShapes(graph, frames);
  const types = inferTypes(graph);
  const nodes = graph.sorted();
  const place = new Map(nodes.map((node, i) => [node, i]));
  const counted = new Set<string>();
  const layers = nodes.map((node) => {
    const own = node.input.map((name) => (counted.has(name) ? undefined : graph.initializer(name)));
    for (const tensor of own) if (tensor) counted.add(tensor.name);
    const makers = node.input.map((name) => graph.producer(name)).filter((maker) => maker !== undefined);
    return {
      op: node.opType,
      name: node.name || node.output[0]!,
      shape: shapes.dims(node.output[0]!),
      parameters: parametersOf(node, own, shapes),
      macs: macsOf(node, shapes),
      bytes: own.reduce((sum, tensor) => sum + (tensor ? byteLength(tensor) : 0), 0),
      dtype: types.get(node.output[0]!),
      weights: storedAs(graph, node),
      reads: [...new Set(makers.map((maker) => place.get(maker)!))],
    };
  });
  const sum = (key: 'parameters' | 'macs' | 'bytes') => layers.reduce((all, layer) => all + (layer[key] || 0), 0);
  const terminal = (name: string, touching: readonly NodeProto[]) => ({
    name,
    shape: shapes.dims(name),
    nodes: touching.map((node) => place.get(node)!),
  });
  return {
    frames,
    inputs: graph.inputs.map(({ name }) => terminal(name, graph.consumers(name))),
    outputs: graph.outputs.map(({ name }) =>
      terminal(
        name,
        [graph.producer(name)].filter((maker) => maker !== undefined),
      ),
    ),
    layers,
    totals: { nodes: layers.length, parameters: sum('parameters'), macs: sum('macs'), bytes: sum('bytes') },
    unknown: layers.filter(({ shape, macs }) => !shape || Number.isNaN(macs)).map(({ name }) => name),
  };
}

/** An Add of something without a scale is a bias only when it holds one value per channel or unit. */
function parametersOf(
  { opType, domain }: NodeProto,
  own: readonly (TensorProto | undefined)[],
  shapes: Shapes,
): number {
  const trained = domain === '' ? (TRAINED[opType] ?? []) : [];
  return trained.reduce((sum, i) => {
    const dims = own[i] && shapes.dims(own[i].name);
    const isScalar = opType === 'Add' && dims?.length === 0;
    return sum + (dims && own[i]!.dataType !== DataType.INT64 && !isScalar ? countOf(dims) : 0);
  }, 0);
}

/** NaN where an operator that multiplies has shapes that are not known. */
function macsOf(node: NodeProto, shapes: Shapes): number {
  const [x, w, r] = node.input.map((name) => shapes.dims(name));
  const out = shapes.dims(node.output[0]!);
  const product = (dims: readonly number[] | undefined) => (dims ? countOf(dims) : Number.NaN);
  if (node.domain !== '') return 0;
  if (node.opType === 'Conv') return product(out) * product(w?.slice(1));
  if (node.opType === 'MatMul' || node.opType === 'Gemm') return product(out) * (x?.at(-1) ?? Number.NaN);
  if (node.opType !== 'GRU' && node.opType !== 'LSTM') return 0;
  return (product(w) + product(r)) * product(x?.slice(0, 2));
}

/** How the node's weights are stored, also behind a DequantizeLinear; undefined when it has none. */
function storedAs(graph: ModelGraph, node: NodeProto): string | undefined {
  const names = (TRAINED[node.opType] ?? []).map((i) => node.input[i] ?? '');
  return names.map((name) => stored(graph, name)).find((type) => type !== undefined);
}

function stored(graph: ModelGraph, name: string): string | undefined {
  const constant = graph.initializer(name);
  if (constant) return typeName(constant.dataType);
  const maker = graph.producer(name);
  return maker?.opType === 'DequantizeLinear' ? stored(graph, maker.input[0]!) : undefined;
}
