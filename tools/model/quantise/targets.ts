// One calibrated graph, several emitters: what each target gets, and what the file is called.
import { UserError } from '../../command.ts';
import { parseGraph } from '../graph/read-graph.ts';
import { rewriteGraph, TARGETS, type Target } from '../rewrites/all-rewrites.ts';
import type { CalibratedGraph } from './calibrate.ts';
import { calibrationCache } from './calibration-cache.ts';
import { emitOnnxruntimeInt8 } from './emit-onnxruntime.ts';
import { emitTensorrt8, emitTensorrtFloat16, emitTensorrtInt8, tensorrtGraph } from './emit-tensorrt.ts';
import { integerLayers, planIntegers } from './integer-plan.ts';
import type { Method } from './ranges.ts';

export const EMITTED = [...TARGETS, 'calibration-cache'] as const;
export type Emitted = Target | 'calibration-cache';

/** What a file is called in the model's folder, and under which name the manifest offers it to the runtime. */
export const FILES: Readonly<Record<Emitted, { readonly file: string; readonly variant?: string }>> = {
  'ort-fp32': { file: 'model-optimised.onnx', variant: 'fp32-optimised' },
  'ort-int8': { file: 'model-int8.onnx', variant: 'int8' },
  'trt-fp16': { file: 'model-trt-fp16.onnx' },
  'trt-int8': { file: 'model-trt-int8.onnx' },
  trt8: { file: 'model-trt8.onnx' },
  'calibration-cache': { file: 'model-calibration.cache' },
};

export interface EmitOptions {
  readonly method: Method;
  /** Layers that stay float (ort-int8). */
  readonly floatLayers: readonly string[];
  /** Release of TensorRT that a calibration cache is for, e.g. 8.5.2. */
  readonly release: string;
}

/** Bytes of the file, and of a second one that belongs to it. */
export interface EmittedFile {
  readonly bytes: Uint8Array;
  /** The float model whose tensors a calibration cache names. */
  readonly model?: Uint8Array;
}

/** @throws UserError when the network cannot be brought to the target, or a layer is not known */
export function emit(target: Emitted, calibrated: CalibratedGraph, options: EmitOptions): EmittedFile {
  const { method, release } = options;
  if (target === 'ort-int8') return { bytes: integers(calibrated, options) };
  if (target === 'trt-fp16') return { bytes: emitTensorrtFloat16(calibrated) };
  if (target === 'trt-int8') return { bytes: emitTensorrtInt8(calibrated, method) };
  if (target === 'trt8') return { bytes: emitTensorrt8(calibrated, method) };
  if (target === 'ort-fp32') return { bytes: optimised(calibrated) };
  const cache = new TextEncoder().encode(calibrationCache(calibrated, method, release));
  return { bytes: cache, model: tensorrtGraph(calibrated).encode() };
}

function integers(calibrated: CalibratedGraph, { method, floatLayers }: EmitOptions): Uint8Array {
  const graph = parseGraph(calibrated.bytes, calibrated.where);
  const layers = integerLayers(graph, calibrated.frames).map(({ name }) => name);
  if (layers.length === 0) {
    throw new UserError(
      `${calibrated.where} has no layer that integers would make faster: its convolutions are too small, or none.`,
    );
  }
  const unknown = floatLayers.find((name) => !layers.includes(name));
  if (unknown !== undefined)
    throw new UserError(`--float: there is no layer "${unknown}" that could be integers. Known: ${layers.join(', ')}.`);
  const chosen = new Set(layers.filter((name) => !floatLayers.includes(name)));
  return emitOnnxruntimeInt8(calibrated, planIntegers(graph, calibrated, chosen, method));
}

/** The intermediate graph with what only ONNX Runtime likes. */
function optimised({ bytes, where }: CalibratedGraph): Uint8Array {
  const graph = parseGraph(bytes, where);
  rewriteGraph(graph, 'ort-fp32');
  return graph.encode();
}
