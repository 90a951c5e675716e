// Which nodes compute in integers, and on which grids: the plan that the emitter for ONNX Runtime carries out.
import { float } from '../graph/attributes.ts';
import { countOf } from '../graph/constants.ts';
import { inferShapes, type Shapes } from '../graph/infer-shapes.ts';
import type { ModelGraph } from '../graph/model-graph.ts';
import type { NodeProto } from '../onnx/codec.ts';
import type { CalibratedGraph } from './calibrate.ts';
import { type EluLookup, elu, eluLookup } from './elu-lookup.ts';
import type { Grid } from './grid.ts';
import { type Method, uint8GridFor } from './ranges.ts';

export interface IntegerPlan {
  /** First outputs of the nodes that compute in integers. */
  readonly nodes: ReadonlySet<string>;
  /** A grid for every tensor that one of them reads or makes. */
  readonly grids: ReadonlyMap<string, Grid>;
  /** By the output of the Elu. */
  readonly lookups: ReadonlyMap<string, EluLookup>;
}

/** A node that could compute in integers. */
export interface Layer {
  /** Its first output, which names it. */
  readonly name: string;
  readonly op: string;
  /** Multiply-accumulates and moved values of one window: roughly what integers save. */
  readonly work: number;
}

/** Smaller convolutions gain nothing from integers that the exactness of floats is not worth. */
const LEAST_MACS = 2 ** 20;
/** Neither do smaller tensors. */
const LEAST_ELEMENTS = 2 ** 17;

/** All nodes that are worth computing in integers, in the order of the graph. */
export function integerLayers(graph: ModelGraph, frames: number): Layer[] {
  const shapes = inferShapes(graph, frames);
  const layers: Layer[] = [];
  const chosen = new Set<string>();
  for (const node of graph.sorted()) {
    const work = integerWork(graph, node, shapes, chosen);
    if (work === 0 || graph.isOutput(node.output[0]!)) continue;
    chosen.add(node.output[0]!);
    layers.push({ name: node.output[0]!, op: node.opType, work });
  }
  return layers;
}

/** 0 for nodes that stay float. */
function integerWork(graph: ModelGraph, node: NodeProto, shapes: Shapes, chosen: ReadonlySet<string>): number {
  const { opType, input, output } = node;
  const [from, to] = [size(shapes, input[0]!), size(shapes, output[0]!)];
  if (node.domain !== '' || output.length > 1) return 0;
  if (opType === 'Conv') {
    const macs = graph.floats(input[1]!) ? to * countOf(shapes.dims(input[1]!)!.slice(1)) : 0;
    return macs >= LEAST_MACS ? macs : 0;
  }
  if (Math.max(from, to) < LEAST_ELEMENTS) return 0;
  const fromInteger = input.filter((name) => chosen.has(through(graph, name)));
  if (opType === 'Elu')
    return float(node, 'alpha', 1) === 1 && graph.onlyConsumer(input[0]!) === node && fromInteger.length === 1 ? to : 0;
  if (opType === 'MaxPool' || opType === 'GlobalAveragePool' || opType === 'AveragePool')
    return fromInteger.length === 1 ? from : 0;
  // A sum or product that is as large as one of its sides; the other side may be float so far.
  if (opType === 'Add' || opType === 'Mul')
    return input.some((name) => size(shapes, name) === to) && fromInteger.length > 0 && noConstant(graph, node)
      ? to
      : 0;
  if (opType === 'Concat') return fromInteger.length === input.length ? to : 0;
  return 0;
}

const size = (shapes: Shapes, tensor: string) => {
  const dims = shapes.dims(tensor);
  return dims ? countOf(dims) : 0;
};

const noConstant = (graph: ModelGraph, { input }: NodeProto) => input.every((name) => !graph.initializer(name));

/** A Relu behind an integer node is part of it: a grid that begins at 0 cuts what lies below. */
function through(graph: ModelGraph, tensor: string): string {
  const maker = graph.producer(tensor);
  return maker?.opType === 'Relu' ? maker.input[0]! : tensor;
}

/** The tensor that holds what an integer node computes, on a grid: behind its Relu when it has one of its own. */
export function resultOf(graph: ModelGraph, node: NodeProto): string {
  const next = graph.onlyConsumer(node.output[0]!);
  return node.opType !== 'Elu' && next?.opType === 'Relu' ? next.output[0]! : node.output[0]!;
}

/** Inputs of a node that carry what was computed, not weights. */
export function activations(graph: ModelGraph, { opType, input }: NodeProto): string[] {
  return opType === 'Conv' ? [input[0]!] : input.filter((name) => name !== '' && !graph.initializer(name));
}

/** Lays grids over everything the chosen layers read and make. */
export function planIntegers(
  graph: ModelGraph,
  calibrated: CalibratedGraph,
  chosen: ReadonlySet<string>,
  method: Method,
): IntegerPlan {
  const nodes = new Set(chosen);
  const lookups = new Map<string, EluLookup>();
  for (const node of graph.sorted()) {
    if (node.opType !== 'Elu' || !nodes.has(node.output[0]!)) continue;
    const lookup = eluLookup(calibrated.distribution(node.input[0]!), method === 'min-max');
    if (lookup) lookups.set(node.output[0]!, lookup);
    else nodes.delete(node.output[0]!);
  }
  const grids = new Map<string, Grid>();
  for (const [output, { grid }] of lookups) {
    grids.set(graph.producer(output)!.input[0]!, grid);
    grids.set(output, grid);
  }
  for (const node of graph.sorted()) {
    if (!nodes.has(node.output[0]!)) continue;
    for (const tensor of [...activations(graph, node), resultOf(graph, node)]) {
      if (grids.has(tensor)) continue;
      const pool = sharedPool(graph, tensor, nodes);
      const grid = gridFor(graph, calibrated, pool ?? tensor, method);
      for (const each of [tensor, ...(pool ? [pool] : [])]) grids.set(each, grid);
    }
  }
  shareAlongPools(graph, nodes, grids);
  return { nodes, grids, lookups };
}

/** Output of the integer MaxPool that alone reads a tensor: what does not get through it may be cut. */
function sharedPool(graph: ModelGraph, tensor: string, nodes: ReadonlySet<string>): string | undefined {
  const reader = graph.onlyConsumer(tensor);
  return reader?.opType === 'MaxPool' && nodes.has(reader.output[0]!) ? reader.output[0]! : undefined;
}

/** A maximum is taken between integers: they must mean the same before and after. */
function shareAlongPools(graph: ModelGraph, nodes: ReadonlySet<string>, grids: Map<string, Grid>): void {
  for (const { opType, input, output } of graph.sorted()) {
    if (opType === 'MaxPool' && nodes.has(output[0]!)) grids.set(output[0]!, grids.get(input[0]!)!);
  }
}

function gridFor(graph: ModelGraph, calibrated: CalibratedGraph, tensor: string, method: Method): Grid {
  return uint8GridFor(calibrated.distribution(tensor), { method, seenThrough: seenThrough(graph, tensor) });
}

/** A tensor that only a float Elu or Relu reads is judged by what comes out of it. */
function seenThrough(graph: ModelGraph, tensor: string): ((x: number) => number) | undefined {
  const readers = graph.consumers(tensor).map(({ opType }) => opType);
  if (graph.isOutput(tensor) || readers.length === 0) return undefined;
  if (readers.every((op) => op === 'Elu')) return elu;
  return readers.every((op) => op === 'Relu') ? (x) => Math.max(0, x) : undefined;
}
