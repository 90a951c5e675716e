// Shapes of all tensors: what the operators of our networks and of exporters' graphs make of the shapes they get.
import type { NodeProto, ValueInfoProto } from '../onnx/codec.ts';
import { DataType } from '../onnx/codec.ts';
import { type Constant, dimsOf, readConstant } from './constants.ts';
import { evaluate } from './evaluate.ts';
import type { ModelGraph } from './model-graph.ts';
import { type Known, outputDims } from './shape-rules.ts';

export interface Shapes {
  /** undefined: it depends on a free size, or the operator is not known */
  dims(tensor: string): readonly number[] | undefined;
  /** Values of tensors that depend on nothing but constants and known sizes. */
  values(tensor: string): Constant | undefined;
}

/**
 * @param frames what free sizes of inputs are taken for: 1 as the first size (the batch), this elsewhere. Without it, what
 *   depends on them stays unknown: then values hold for every size
 */
export function inferShapes(graph: ModelGraph, frames?: number): Shapes {
  const known = new Map<string, Known>();
  for (const tensor of graph.initializers) {
    // Long constants are weights, whose values no shape depends on.
    const values = graph.initializer(tensor.name) && tensor.dims.length <= 1 ? readConstant(tensor) : undefined;
    known.set(tensor.name, { dims: dimsOf(tensor), values });
  }
  for (const input of graph.inputs) known.set(input.name, { dims: inputDims(input, frames) });
  for (const node of graph.sorted()) {
    const inputs = node.input.map((name) => known.get(name) ?? {});
    const value = computed(node, inputs);
    const outputs = value ? [value.dims] : outputDims(node, inputs, graph.opset);
    node.output.forEach((name, i) => {
      const dims = outputs[i];
      const plausible = dims?.every((size) => Number.isSafeInteger(size) && size >= 0);
      known.set(name, { dims: plausible ? dims : undefined, values: i === 0 ? value : undefined });
    });
  }
  return { dims: (tensor) => known.get(tensor)?.dims, values: (tensor) => known.get(tensor)?.values };
}

function computed(node: NodeProto, inputs: readonly Known[]): Constant | undefined {
  if (node.opType !== 'Shape')
    return evaluate(
      node,
      inputs.map(({ values }) => values),
    );
  const dims = inputs[0]?.dims;
  return dims && node.attribute.length === 0 ? { dims: [dims.length], values: dims } : undefined;
}

/** Sizes of an input as the model states them: a number, or undefined where it leaves one open. */
export function statedDims({ type }: ValueInfoProto): (number | undefined)[] | undefined {
  if (type?.value.case !== 'tensorType') return undefined;
  return type.value.value.shape?.dim.map(({ value }) => (value.case === 'dimValue' ? Number(value.value) : undefined));
}

/** Whether an input or output holds float32. */
export function isFloat({ type }: ValueInfoProto): boolean {
  return type?.value.case === 'tensorType' && type.value.value.elemType === DataType.FLOAT;
}

/** Sizes of an input with free ones filled in; undefined while one stays open. */
export function inputDims(input: ValueInfoProto, frames?: number): readonly number[] | undefined {
  const dims = statedDims(input)?.map((size, i) => size ?? (frames === undefined ? undefined : i === 0 ? 1 : frames));
  return dims?.every((size) => size !== undefined) ? dims : undefined;
}
