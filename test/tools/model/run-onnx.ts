// Runs model bytes with onnxruntime-node: the judge of the graphs we build.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Network } from '../../../models/network.ts';

export interface Outputs {
  readonly activity: Float32Array;
  readonly direction: Float32Array;
  readonly dims: readonly (readonly number[])[];
}

/** Loads a model; the function runs one window (channels, frames, bands). */
export async function openOnnx(model: Uint8Array, { channels, bands }: Network) {
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1 });
  return async (features: Float32Array): Promise<Outputs> => {
    const dims = [1, channels, features.length / channels / bands, bands];
    const { activity, direction } = await session.run({ features: new Tensor('float32', features, dims) });
    return {
      activity: activity!.data as Float32Array,
      direction: direction!.data as Float32Array,
      dims: [activity!.dims, direction!.dims],
    };
  };
}

export function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return a.reduce((most, value, i) => Math.max(most, Number.isNaN(value) ? Infinity : Math.abs(value - b[i]!)), 0);
}
