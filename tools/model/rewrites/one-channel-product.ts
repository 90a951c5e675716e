// A convolution over single places into one channel is a vector times a matrix, which ONNX Runtime computes faster as that.
import { integer, integers, text } from '../graph/attributes.ts';
import { dimsOf } from '../graph/constants.ts';
import { inferShapes, type Shapes } from '../graph/infer-shapes.ts';
import type { ModelGraph } from '../graph/model-graph.ts';
import type { NodeProto } from '../onnx/codec.ts';
import type { Rewrite } from './rewrite.ts';

/** Any size will do to learn the last one, which no free size reaches. */
const FRAMES = [300, 240] as const;

export const oneChannelProduct: Rewrite = {
  name: 'one-channel',
  summary: 'Conv 1x1 into one channel -> MatMul',
  exactness: 'rounding',
  runtime: 'onnxruntime',
  apply(graph) {
    const convs = graph.nodes.filter((node) => node.opType === 'Conv' && isPlain(graph, node));
    if (convs.length === 0) return 0;
    const shapes = FRAMES.map((frames) => inferShapes(graph, frames));
    return convs.filter((conv) => replace(graph, conv, shapes)).length;
  },
};

/** Weights (1, channels, 1, 1), every place once, nothing around. */
function isPlain(graph: ModelGraph, conv: NodeProto): boolean {
  const weight = graph.initializer(conv.input[1]!);
  const dims = weight ? dimsOf(weight) : [];
  const bias = conv.input[2] ? graph.floats(conv.input[2]) : new Float32Array(1);
  const ones = (name: string) => (integers(conv, name) ?? []).every((value) => value === 1);
  const unpadded =
    (integers(conv, 'pads') ?? []).every((value) => value === 0) && text(conv, 'auto_pad', 'NOTSET') === 'NOTSET';
  return (
    conv.domain === '' &&
    dims.length === 4 &&
    dims[0] === 1 &&
    dims.slice(2).every((size) => size === 1) &&
    graph.floats(conv.input[1]!) !== undefined &&
    bias?.length === 1 &&
    unpadded &&
    ones('strides') &&
    integer(conv, 'group', 1) === 1
  );
}

/** (N, C, H, W) as (N, C, HW), times (1, C), back to (N, 1, H, W). */
function replace(graph: ModelGraph, conv: NodeProto, shapes: readonly Shapes[]): boolean {
  const [x, weight, bias] = conv.input as [string, string, string?];
  const widths = shapes.map((each) => each.dims(x)?.at(-1));
  const [width] = widths;
  // A width that depends on the window's length cannot be written down.
  if (width === undefined || widths.some((each) => each !== width)) return false;
  const { dims, values } = graph.constant(weight)!;
  const base = conv.name || conv.output[0]!;
  const shape = (name: string, sizes: number[]) =>
    graph.addConstant(`${base}.${name}`, { dims: [sizes.length], values: sizes });
  const row = graph.addConstant(`${base}.row`, { dims: [1, dims[1]!], values });
  const flat = graph.add('Reshape', `${base}.flat`, [x, shape('flat.shape', [0, 0, -1])]);
  let product = graph.add('MatMul', `${base}.product`, [row, flat]);
  if (bias) {
    const offset = graph.addConstant(`${base}.offset`, { dims: [1, 1, 1], values: graph.floats(bias)! });
    product = graph.add('Add', `${base}.sum`, [product, offset]);
  }
  graph.substitute(conv, graph.add('Reshape', `${base}.placed`, [product, shape('placed.shape', [0, 1, -1, width])]));
  return true;
}
