// A model that also gives out what flows inside it: short tensors whole, of long ones a sample and the exact ends.
import { countOf } from '../graph/constants.ts';
import { inferShapes } from '../graph/infer-shapes.ts';
import type { ModelGraph } from '../graph/model-graph.ts';
import { parseGraph } from '../graph/read-graph.ts';
import type { Values } from '../onnx-session.ts';
import { eluFromExp } from '../rewrites/elu-from-exp.ts';
import type { Histogram } from './histogram.ts';

/** Longer tensors are sampled: what leaves the runtime is copied, and most of the time went there. */
const LONGEST_WHOLE = 2 ** 17;

export interface Observer {
  /** ONNX bytes of the model with more outputs. */
  readonly bytes: Uint8Array;
  /** Adds one run's values of a tensor. */
  add(tensor: string, results: Readonly<Record<string, Values>>, histogram: Histogram): void;
}

/** @param frames of one window */
export function observer(bytes: Uint8Array, where: string, tensors: readonly string[], frames: number): Observer {
  const graph = parseGraph(bytes, where);
  const shapes = inferShapes(graph, frames);
  const samples = new Map<string, Sample>();
  for (const tensor of tensors) {
    const dims = shapes.dims(tensor);
    if (dims && countOf(dims) > LONGEST_WHOLE) samples.set(tensor, addSample(graph, tensor, dims));
  }
  // Its operators are the faster ones; ELUs are not observed, they follow from what they bend.
  eluFromExp.apply(graph);
  const outputs = tensors.flatMap((tensor) => {
    const sample = samples.get(tensor);
    return sample ? [sample.values, sample.lowest, sample.highest] : [tensor];
  });
  return {
    bytes: graph.encode(outputs),
    add(tensor, results, histogram) {
      const sample = samples.get(tensor);
      if (!sample) return histogram.add(results[tensor]!.values);
      const ends = [sample.lowest, sample.highest].map((name) => results[name]!.values[0]!) as [number, number];
      histogram.add(results[sample.values]!.values, ends);
    },
  };
}

interface Sample {
  readonly values: string;
  readonly lowest: string;
  readonly highest: string;
}

/** Every so manieth row of the longest axis behind the channels: all channels stay, an odd step meets all phases of a pooling. */
function addSample(graph: ModelGraph, tensor: string, dims: readonly number[]): Sample {
  const axis = dims.indexOf(Math.max(...dims.slice(Math.min(2, dims.length - 1))), Math.min(2, dims.length - 1));
  const step = 2 * Math.floor(countOf(dims) / LONGEST_WHOLE / 2) + 1;
  const list = (base: string, value: number) => graph.addConstant(base, { dims: [1], values: [value] });
  const ranges = [
    list('sample.start', 0),
    list('sample.end', 2 ** 31),
    list('sample.axis', axis),
    list('sample.step', step),
  ];
  return {
    values: graph.add('Slice', `${tensor}.sample`, [tensor, ...ranges]),
    lowest: graph.add('ReduceMin', `${tensor}.lowest`, [tensor], { keepdims: 0 }),
    highest: graph.add('ReduceMax', `${tensor}.highest`, [tensor], { keepdims: 0 }),
  };
}
