// trt-fp16, trt-int8 (strongly typed, TensorRT 10 and 11) and trt8 (weakly typed, JetPack 5): int8 at the inputs of heavy operators only.
import { UserError } from '../../command.ts';
import { countOf } from '../graph/constants.ts';
import { inferShapes, type Shapes } from '../graph/infer-shapes.ts';
import type { ModelGraph } from '../graph/model-graph.ts';
import { parseGraph } from '../graph/read-graph.ts';
import { type NodeProto, narrowTensor } from '../onnx/codec.ts';
import { rewriteGraph } from '../rewrites/all-rewrites.ts';
import { WEIGHTED } from '../target-rules.ts';
import type { CalibratedGraph } from './calibrate.ts';
import { int8Grid, SMALLEST_SCALE } from './grid.ts';
import { halveGraph } from './half-graph.ts';
import { raiseOpset } from './raise-opset.ts';
import { int8GridFor, type Method } from './ranges.ts';
import { asHalf, type Int8Weights, int8Weights } from './weights.ts';

/** float16 ends at 65504; a tensor that came half as far in calibration may pass it on the device. */
const LARGEST_SAFE = 32752;

/** Channels below which TensorRT's int8 kernels gain nothing (ModelOpt, graph_utils.py). */
const FEWEST_CHANNELS = 16;
/** Work below which the change of format costs more than int8 saves: the dense layers of squeeze and excitation. */
const LEAST_MACS = 2 ** 17;

/** float16 throughout, GRUs float32. */
export function emitTensorrtFloat16(calibrated: CalibratedGraph): Uint8Array {
  const graph = tensorrtGraph(calibrated);
  checkReach(graph, calibrated);
  halveGraph(graph);
  return graph.encode();
}

/** int8 where TensorRT gains from it, float16 elsewhere, GRUs float32; opset 19. */
export function emitTensorrtInt8(calibrated: CalibratedGraph, method: Method): Uint8Array {
  const graph = tensorrtGraph(calibrated);
  checkReach(graph, calibrated);
  quantiseInputs(graph, calibrated, { method, strong: true });
  raiseOpset(graph);
  halveGraph(graph);
  return graph.encode();
}

/** Q and DQ in a float32 graph; the builder chooses float16 itself (--int8 --fp16). */
export function emitTensorrt8(calibrated: CalibratedGraph, method: Method): Uint8Array {
  const graph = tensorrtGraph(calibrated);
  quantiseInputs(graph, calibrated, { method, strong: false });
  return graph.encode();
}

/** The intermediate graph with what only TensorRT likes; tensor names stay those that were measured. */
export function tensorrtGraph({ bytes, where }: CalibratedGraph): ModelGraph {
  const graph = parseGraph(bytes, where);
  rewriteGraph(graph, 'trt-int8');
  return graph;
}

function checkReach(graph: ModelGraph, calibrated: CalibratedGraph): void {
  for (const { name, output } of graph.nodes) {
    if (!calibrated.knows(output[0]!)) continue;
    const { lowest, highest } = calibrated.distribution(output[0]!);
    const reach = Math.max(-lowest, highest);
    if (reach <= LARGEST_SAFE) continue;
    throw new UserError(
      `The node ${name} reaches ${reach.toPrecision(3)} on the calibration windows; float16 ends at 65504: keep this network in float32 (--target trt8 or ort-fp32).`,
    );
  }
}

interface Options {
  readonly method: Method;
  /** Scales that float16 holds exactly, weights as int8 constants; otherwise float32 and weights that the builder folds. */
  readonly strong: boolean;
}

/** One pair for each tensor that a chosen operator reads: readers that share a tensor share its scale. */
function quantiseInputs(graph: ModelGraph, calibrated: CalibratedGraph, options: Options): void {
  const shapes = inferShapes(graph, calibrated.frames);
  const chosen = graph.sorted().filter((node) => isWorthInt8(graph, node, shapes));
  const pairs = new Map<string, string>();
  for (const node of chosen) {
    const [x, weight, ...bias] = node.input as [string, string, ...string[]];
    const real = pairs.get(x) ?? addPair(graph, calibrated, x, options);
    pairs.set(x, real);
    const values = graph.constant(weight)!;
    const narrow = int8Weights(values, WEIGHTED[node.opType]!, options.strong ? asHalf : undefined);
    graph.rewire(node, [real, addWeights(graph, weight, narrow, options), ...bias]);
    if (graph.consumers(weight).length === 0) graph.removeInitializer(weight);
  }
}

function isWorthInt8(graph: ModelGraph, node: NodeProto, shapes: Shapes): boolean {
  const { opType, domain, input, output } = node;
  const axis = domain === '' ? WEIGHTED[opType] : undefined;
  if (axis === undefined || opType === 'ConvTranspose' || !graph.floats(input[1]!)) return false;
  const [weight, made] = [shapes.dims(input[1]!), shapes.dims(output[0]!)];
  if (!weight || !made || weight[axis]! < FEWEST_CHANNELS) return false;
  const perValue = opType === 'Conv' ? countOf(weight.slice(1)) : weight[0]!;
  return countOf(made) * perValue >= LEAST_MACS;
}

function addPair(graph: ModelGraph, calibrated: CalibratedGraph, tensor: string, { method, strong }: Options): string {
  const { scale } = int8GridFor(calibrated.distribution(tensor), { method });
  const held = strong ? asHalf(scale) : scale;
  const parameters = [
    graph.addConstant(`${tensor}.scale`, { dims: [], values: Float32Array.of(Math.max(held, SMALLEST_SCALE)) }),
    graph.addInitializer(`${tensor}.zero`, narrowTensor('', [], Int8Array.of(int8Grid(1).zeroPoint))),
  ];
  const integer = graph.add('QuantizeLinear', `${tensor}.integer`, [tensor, ...parameters]);
  return graph.add('DequantizeLinear', `${tensor}.real`, [integer, ...parameters]);
}

/** int8 constant and DequantizeLinear, or the float weights with a whole pair where int8 constants are refused (before 8.6). */
function addWeights(graph: ModelGraph, base: string, weights: Int8Weights, { strong }: Options): string {
  const { dims, values, scales, axis } = weights;
  const parameters = [
    graph.addConstant(`${base}.scale`, { dims: [scales.length], values: scales }),
    graph.addInitializer(`${base}.zero`, narrowTensor('', [scales.length], new Int8Array(scales.length))),
  ];
  const integers = strong
    ? graph.addInitializer(`${base}.int8`, narrowTensor('', dims, values))
    : graph.add(
        'QuantizeLinear',
        `${base}.integer`,
        [graph.addConstant(`${base}.float`, graph.constant(base)!), ...parameters],
        { axis },
      );
  return graph.add('DequantizeLinear', `${base}.real`, [integers, ...parameters], { axis });
}
