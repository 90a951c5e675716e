// Computes nodes whose inputs are constants: what exporters write around shapes and weights, float32 and int64.
import type { NodeProto } from '../onnx/codec.ts';
import { float, floats, integer, integers, tensorAttribute } from './attributes.ts';
import { type Constant, countOf, readConstant } from './constants.ts';

/** Larger results are not computed: a few bytes of shape could otherwise become gigabytes. */
const MOST_VALUES = 2 ** 24;

type Inputs = readonly (Constant | undefined)[];

const OPERATORS: Record<string, (node: NodeProto, inputs: Inputs) => Constant | undefined> = {
  Constant: constantNode,
  Identity: (_, [x]) => x,
  Cast: (node, [x]) => x && cast(x, integer(node, 'to', 0)),
  Reshape: (node, [x, shape]) => x && shape && reshaped(x, reshapedDims(x.dims, shape.values, node)),
  Unsqueeze: (_, [x, axes]) => x && axes && reshaped(x, unsqueezedDims(x.dims, axes.values)),
  Squeeze: (_, [x, axes]) => x && reshaped(x, squeezedDims(x.dims, axes?.values)),
  Transpose: (node, [x]) => x && transposed(x, integers(node, 'perm') ?? x.dims.map((_size, i) => i).reverse()),
  Concat: (_, inputs) => joined(inputs),
  Gather: (node, [x, at]) => x && at && gathered(x, at, integer(node, 'axis', 0)),
  Slice: (_, [x, starts, ends, axes, steps]) => x && starts && ends && sliced(x, starts, ends, axes, steps),
  ConstantOfShape: (node, [shape]) => shape && filled(shape.values, tensorAttribute(node, 'value')),
  Expand: (_, [x, shape]) => x && shape && expanded(x, shape.values),
  Neg: (_, [x]) => x && mapped(x, (value) => -value),
  Sqrt: (_, [x]) => x && mapped(x, Math.sqrt),
  Add: (_, [a, b]) => elementwise(a, b, (x, y) => x + y),
  Sub: (_, [a, b]) => elementwise(a, b, (x, y) => x - y),
  Mul: (_, [a, b]) => elementwise(a, b, (x, y) => x * y),
  Div: (_, [a, b]) => elementwise(a, b, (x, y) => x / y),
};

/**
 * Value of a node's one output.
 * @param inputs in the node's order, undefined where it has none or the value is not known
 * @returns undefined when it cannot be known, or we cannot compute the operator
 */
export function evaluate(node: NodeProto, inputs: Inputs): Constant | undefined {
  const absent = node.input.some((name, i) => name !== '' && inputs[i] === undefined);
  if (absent || node.domain !== '' || node.output.length !== 1) return undefined;
  const result = OPERATORS[node.opType]?.(node, inputs);
  return result && result.values.length === countOf(result.dims) ? result : undefined;
}

/** Dims after Reshape: 0 keeps a size, -1 takes what is left. @returns undefined when they do not fit */
export function reshapedDims(
  dims: readonly number[],
  shape: ArrayLike<number>,
  node: NodeProto,
): readonly number[] | undefined {
  const keepsZero = integer(node, 'allowzero', 0) === 0;
  const wished = Array.from(shape, (size, i) => (size === 0 && keepsZero ? (dims[i] ?? -2) : size));
  const open = wished.indexOf(-1);
  const count = countOf(dims);
  if (open >= 0) wished[open] = count / countOf(wished.filter((_, i) => i !== open));
  const fits = wished.every((size) => Number.isSafeInteger(size) && size >= 0) && countOf(wished) === count;
  return fits ? wished : undefined;
}

export function unsqueezedDims(dims: readonly number[], axes: ArrayLike<number>): readonly number[] {
  const rank = dims.length + axes.length;
  const added = new Set(Array.from(axes, (axis) => (axis < 0 ? axis + rank : axis)));
  const rest = [...dims];
  return Array.from({ length: rank }, (_, i) => (added.has(i) ? 1 : rest.shift()!));
}

/** @param axes all of size 1 when not given */
export function squeezedDims(dims: readonly number[], axes?: ArrayLike<number>): readonly number[] {
  const gone = axes && new Set(Array.from(axes, (axis) => (axis < 0 ? axis + dims.length : axis)));
  return dims.filter((size, i) => (gone ? !gone.has(i) : size !== 1));
}

/** Dims of a numpy broadcast. @returns undefined when they do not fit */
export function broadcastDims(a: readonly number[], b: readonly number[]): readonly number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const sizes = Array.from({ length: rank }, (_, i) => [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1]);
  return sizes.every(([x, y]) => x === y || x === 1 || y === 1)
    ? sizes.map(([x, y]) => (x === 1 ? y! : x!))
    : undefined;
}

function constantNode(node: NodeProto): Constant | undefined {
  const proto = tensorAttribute(node, 'value');
  if (proto) return readConstant(proto);
  const { name } = node.attribute[0] ?? {};
  if (name === 'value_int') return { dims: [], values: [integer(node, name, 0)] };
  if (name === 'value_float') return { dims: [], values: Float32Array.of(float(node, name, 0)) };
  const list = name === 'value_ints' ? integers(node, name) : name === 'value_floats' ? floats(node, name) : undefined;
  if (!list) return undefined;
  return { dims: [list.length], values: name === 'value_floats' ? Float32Array.from(list) : list };
}

function cast({ dims, values }: Constant, to: number): Constant | undefined {
  if (to === 1) return { dims, values: Float32Array.from(values) };
  return to === 7 ? { dims, values: Array.from(values, Math.trunc) } : undefined;
}

function reshaped({ values }: Constant, dims: readonly number[] | undefined): Constant | undefined {
  return dims && { dims, values };
}

function like({ values }: Constant, result: readonly number[]): Constant['values'] {
  return values instanceof Float32Array ? Float32Array.from(result) : result.map(Math.trunc);
}

function transposed(x: Constant, order: readonly number[]): Constant {
  const dims = order.map((axis) => x.dims[axis]!);
  const strides = x.dims.map((_, i) => countOf(x.dims.slice(i + 1)));
  const result = Array.from({ length: x.values.length }, (_, i) => {
    let from = 0;
    let rest = i;
    for (let k = dims.length - 1; k >= 0; k -= 1) {
      from += (rest % dims[k]!) * strides[order[k]!]!;
      rest = Math.floor(rest / dims[k]!);
    }
    return x.values[from]!;
  });
  return { dims, values: like(x, result) };
}

/** Lists only: that is what shapes are. */
function joined(inputs: Inputs): Constant | undefined {
  const [first] = inputs;
  if (!first || inputs.some((x) => x?.dims.length !== 1)) return undefined;
  const result = inputs.flatMap((x) => Array.from(x!.values));
  return { dims: [result.length], values: like(first, result) };
}

/** From lists only. */
function gathered(x: Constant, at: Constant, axis: number): Constant | undefined {
  if (x.dims.length !== 1 || axis > 0) return undefined;
  const result = Array.from(at.values, (i) => x.values[i < 0 ? i + x.values.length : i]);
  if (result.some((value) => value === undefined)) return undefined;
  return { dims: at.dims, values: like(x, result as number[]) };
}

/** Of lists, forwards only. */
function sliced(x: Constant, starts: Constant, ends: Constant, axes?: Constant, steps?: Constant) {
  if (x.dims.length !== 1 || starts.values.length !== 1 || (axes?.values[0] ?? 0) > 0) return undefined;
  const step = steps?.values[0] ?? 1;
  if (step <= 0) return undefined;
  const part = Array.from(x.values).slice(starts.values[0], ends.values[0]);
  const result = part.filter((_, i) => i % step === 0);
  return { dims: [result.length], values: like(x, result) };
}

function filled(shape: ArrayLike<number>, value: Parameters<typeof readConstant>[0] | undefined) {
  const dims = Array.from(shape);
  const example = value ? readConstant(value) : { dims: [1], values: new Float32Array(1) };
  if (!example || !isShape(dims) || countOf(dims) > MOST_VALUES) return undefined;
  const result = new Array<number>(countOf(dims)).fill(example.values[0]!);
  return { dims, values: like(example, result) };
}

/** Single values, and what has its size already. */
function expanded(x: Constant, shape: ArrayLike<number>): Constant | undefined {
  const dims = broadcastDims(x.dims, Array.from(shape));
  if (!dims || !isShape(dims)) return undefined;
  if (countOf(dims) === x.values.length) return { dims, values: x.values };
  if (x.values.length !== 1 || countOf(dims) > MOST_VALUES) return undefined;
  return { dims, values: like(x, new Array<number>(countOf(dims)).fill(x.values[0]!)) };
}

/** What comes from a file may be anything, even a fraction. */
function isShape(dims: readonly number[]): boolean {
  return dims.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function mapped(x: Constant, change: (value: number) => number): Constant {
  return { dims: x.dims, values: like(x, Array.from(x.values, change)) };
}

/** Of equal shapes, or with a single value on one side. */
function elementwise(a: Constant | undefined, b: Constant | undefined, join: (x: number, y: number) => number) {
  if (!a || !b) return undefined;
  const dims = broadcastDims(a.dims, b.dims);
  const [x, y] = [a.values, b.values];
  if (!dims || (x.length !== y.length && x.length !== 1 && y.length !== 1)) return undefined;
  const result = Array.from({ length: countOf(dims) }, (_, i) =>
    join(x[x.length === 1 ? 0 : i]!, y[y.length === 1 ? 0 : i]!),
  );
  return result.every((value) => a.values instanceof Float32Array || Number.isFinite(value))
    ? { dims, values: like(a, result) }
    : undefined;
}
