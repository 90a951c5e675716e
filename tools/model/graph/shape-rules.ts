// Shape of each operator's outputs from the shapes of its inputs (ONNX operators, opsets 13 to 21).
import type { NodeProto } from '../onnx/codec.ts';
import { integer, integers, text } from './attributes.ts';
import type { Constant } from './constants.ts';
import { countOf } from './constants.ts';
import { broadcastDims, reshapedDims, squeezedDims, unsqueezedDims } from './evaluate.ts';

type Dims = readonly number[];

export interface Known {
  readonly dims?: Dims | undefined;
  readonly values?: Constant | undefined;
}

type Rule = (node: NodeProto, inputs: readonly Known[], opset: number) => readonly (Dims | undefined)[] | undefined;

const same: Rule = (_, [x]) => [x?.dims];
const broadcast: Rule = (_, inputs) => [
  inputs.reduce<Dims | undefined>((dims, x) => dims && x.dims && broadcastDims(dims, x.dims), []),
];

const RULES: Record<string, Rule> = {
  ...Object.fromEntries(
    [
      'Elu',
      'Relu',
      'Sigmoid',
      'Tanh',
      'Exp',
      'Clip',
      'Dropout',
      'Softmax',
      'LeakyRelu',
      'Identity',
      'Cast',
      'Neg',
      'Abs',
    ]
      .concat(['Sqrt', 'HardSigmoid', 'Erf', 'BatchNormalization', 'QuantizeLinear', 'DequantizeLinear', 'LogSoftmax'])
      .map((name) => [name, same]),
  ),
  ...Object.fromEntries(['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Pow'].map((name) => [name, broadcast])),
  Conv: (node, [x, w]) => [x?.dims && w?.dims && convolved(node, x.dims, w.dims)],
  MaxPool: (node, [x]) => [x?.dims && slid(node, x.dims, integers(node, 'kernel_shape') ?? [])],
  AveragePool: (node, [x]) => [x?.dims && slid(node, x.dims, integers(node, 'kernel_shape') ?? [])],
  GlobalAveragePool: (_, [x]) => [x?.dims?.map((size, i) => (i < 2 ? size : 1))],
  MatMul: (_, [a, b]) => [a?.dims && b?.dims && multiplied(a.dims, b.dims)],
  Gemm: (node, [a, b]) => {
    if (a?.dims?.length !== 2 || b?.dims?.length !== 2) return undefined;
    return [[a.dims[integer(node, 'transA', 0)]!, b.dims[1 - integer(node, 'transB', 0)]!]];
  },
  Concat: (node, inputs) => {
    const all = inputs.map(({ dims }) => dims);
    const [first] = all;
    if (!first || all.some((dims) => dims?.length !== first.length)) return undefined;
    const axis = positive(integer(node, 'axis', 0), first.length);
    return [first.map((size, i) => (i === axis ? all.reduce((sum, dims) => sum + dims![i]!, 0) : size))];
  },
  Transpose: (node, [x]) => [
    x?.dims && (integers(node, 'perm') ?? [...x.dims.keys()].reverse()).map((axis) => x.dims![axis] ?? Number.NaN),
  ],
  Reshape: (node, [x, shape]) => [x?.dims && shape?.values && reshapedDims(x.dims, shape.values.values, node)],
  Flatten: (node, [x]) => {
    if (!x?.dims) return undefined;
    const axis = positive(integer(node, 'axis', 1), x.dims.length);
    return [[countOf(x.dims.slice(0, axis)), countOf(x.dims.slice(axis))]];
  },
  Squeeze: (node, [x, axes]) =>
    [x?.dims && (node.input.length < 2 || axes?.values) && squeezedDims(x.dims, axes?.values?.values)].map(
      (dims) => dims || undefined,
    ),
  Unsqueeze: (_, [x, axes]) => [x?.dims && axes?.values && unsqueezedDims(x.dims, axes.values.values)],
  Expand: (_, [x, shape]) => [x?.dims && shape?.values && broadcastDims(x.dims, Array.from(shape.values.values))],
  Shape: (_, [x]) => [x?.dims && [x.dims.length]],
  Gather: (node, [x, at]) => {
    if (!x?.dims || !at?.dims) return undefined;
    const axis = positive(integer(node, 'axis', 0), x.dims.length);
    return [[...x.dims.slice(0, axis), ...at.dims, ...x.dims.slice(axis + 1)]];
  },
  Split: split,
  Slice: slice,
  GRU: (node, [x, , r]) => recurrent(x?.dims, r?.dims, integer(node, 'layout', 0)),
  LSTM: (node, [x, , r]) => {
    const [all, last] = recurrent(x?.dims, r?.dims, integer(node, 'layout', 0)) ?? [];
    return [all, last, last];
  },
  ...Object.fromEntries(
    ['Mean', 'Sum', 'Max', 'Min', 'L1', 'L2', 'Prod', 'SumSquare', 'LogSum'].map((name) => [`Reduce${name}`, reduced]),
  ),
};

/** Dims of a node's outputs; undefined where they cannot be told. */
export function outputDims(node: NodeProto, inputs: readonly Known[], opset: number): readonly (Dims | undefined)[] {
  return (node.domain === '' && RULES[node.opType]?.(node, inputs, opset)) || [];
}

/** Axes of a Reduce: an attribute before opset 18 (13 for ReduceSum), an input since; all axes when empty. */
export function reducedAxes(node: NodeProto, axes: Known | undefined, rank: number): number[] | undefined {
  const given = integers(node, 'axes') ?? (node.input[1] ? axes?.values && Array.from(axes.values.values) : []);
  if (!given) return undefined;
  if (given.length > 0) return given.map((axis) => positive(axis, rank)).sort((a, b) => a - b);
  return integer(node, 'noop_with_empty_axes', 0) === 1 ? [] : Array.from({ length: rank }, (_, i) => i);
}

const positive = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis);

function convolved(node: NodeProto, x: Dims, w: Dims): Dims | undefined {
  const dims = slid(node, x, w.slice(2));
  return dims?.map((size, i) => (i === 1 ? w[0]! : size));
}

/** Spatial sizes after a window slid over them; floor, or ceil with ceil_mode. */
function slid(node: NodeProto, x: Dims, kernel: Dims): Dims | undefined {
  const spatial = x.length - 2;
  if (kernel.length !== spatial) return undefined;
  const ones = new Array<number>(spatial).fill(1);
  const [strides, dilations] = [integers(node, 'strides') ?? ones, integers(node, 'dilations') ?? ones];
  const pads = integers(node, 'pads') ?? new Array<number>(2 * spatial).fill(0);
  const automatic = text(node, 'auto_pad', 'NOTSET');
  const round = integer(node, 'ceil_mode', 0) === 1 ? Math.ceil : Math.floor;
  return x.map((size, i) => {
    if (i < 2) return size;
    const k = i - 2;
    if (automatic.startsWith('SAME')) return Math.ceil(size / strides[k]!);
    const margin = automatic === 'VALID' ? 0 : pads[k]! + pads[k + spatial]!;
    return round((size + margin - dilations[k]! * (kernel[k]! - 1) - 1) / strides[k]!) + 1;
  });
}

function multiplied(a: Dims, b: Dims): Dims | undefined {
  if (a.length < 2 || b.length < 2 || a.at(-1) !== b.at(-2)) return undefined;
  const batch = broadcastDims(a.slice(0, -2), b.slice(0, -2));
  return batch && [...batch, a.at(-2)!, b.at(-1)!];
}

/** (frames, directions, batch, units), and the last states; layout 1 puts the batch first. */
function recurrent(x: Dims | undefined, r: Dims | undefined, layout: number): Dims[] | undefined {
  if (x?.length !== 3 || r?.length !== 3) return undefined;
  const [directions, units] = [r[0]!, r[2]!];
  const [first, second] = [x[0]!, x[1]!];
  return layout === 0
    ? [
        [first, directions, second, units],
        [directions, second, units],
      ]
    : [
        [first, second, directions, units],
        [first, directions, units],
      ];
}

function reduced(node: NodeProto, [x, axes]: readonly Known[]): (Dims | undefined)[] | undefined {
  if (!x?.dims) return undefined;
  const gone = reducedAxes(node, axes, x.dims.length);
  if (!gone) return undefined;
  const keep = integer(node, 'keepdims', 1) === 1;
  const ones = x.dims.map((size, i) => (gone.includes(i) ? 1 : size));
  return [keep ? ones : ones.filter((_, i) => !gone.includes(i))];
}

function split(node: NodeProto, [x, sizes]: readonly Known[]): Dims[] | undefined {
  if (!x?.dims || (node.input[1] && !sizes?.values)) return undefined;
  const axis = positive(integer(node, 'axis', 0), x.dims.length);
  const even = Math.ceil(x.dims[axis]! / node.output.length);
  return node.output.map((_, i) => {
    const part = sizes?.values?.values[i] ?? Math.min(even, x.dims![axis]! - i * even);
    return x.dims!.map((size, k) => (k === axis ? part : size));
  });
}

/** Forwards only. */
function slice(_: NodeProto, [x, starts, ends, axes, steps]: readonly Known[]): Dims[] | undefined {
  if (!x?.dims || !starts?.values || !ends?.values) return undefined;
  const dims = [...x.dims];
  for (const [i, start] of Array.from(starts.values.values).entries()) {
    const axis = positive(axes?.values?.values[i] ?? i, dims.length);
    const step = steps?.values?.values[i] ?? 1;
    const size = dims[axis];
    if (size === undefined || step <= 0) return undefined;
    const clamp = (at: number) => Math.min(size, Math.max(0, at < 0 ? at + size : at));
    dims[axis] = Math.max(0, Math.ceil((clamp(ends.values.values[i]!) - clamp(start)) / step));
  }
  return [dims];
}
