// What an inference backend is: it loads a model, warms up, scores windows of scaled features one after the other, stops.
import type { Model } from './model-files.ts';

/** What the network said about one window; `features` is the memory handed to run(), given back for the next window. */
export interface WindowScores {
  /** (label frames, classes), 0..1 */
  readonly activity: Float32Array;
  /** (label frames, 3 x classes): the x of all classes, then y, then z, as the network emits them */
  readonly direction: Float32Array;
  readonly features: Float32Array;
  /** Time the network itself took in milliseconds, without waiting. */
  readonly latencyMs: number;
}

/** What really computes, in parts. */
export interface BackendStatus {
  readonly library: 'onnxruntime' | 'tensorrt';
  /** fp32, fp16 or int8. */
  readonly precision: string;
  /** The processor or the GPU by its name. */
  readonly device: string;
  /** Times the process that computes was begun anew. */
  readonly restarts: number;
  /** Why not the backend runs that was wanted first; null: it does. */
  readonly fallback: string | null;
}

/** Runs a network beside the event loop: run() may be called again before the last result came; results keep order. */
export interface InferenceBackend {
  /** What really computes, for the health message: library, device, threads. Known once started. */
  readonly description: string;
  /** The same in parts; absent where a backend is none of these. */
  readonly status?: BackendStatus;
  /** Windows it computes at the same time. */
  readonly concurrency: number;
  /**
   * Loads the model and runs one window of zeros, so that the first real window is as fast as the others.
   * @throws InferenceError when the weights are no network this backend can run
   */
  start(): Promise<void>;
  /**
   * Scores one window.
   * @param features (feature channels, frames, bands), scaled; its buffer is transferred: unusable until given back
   * @param frames feature frames in the window, a multiple of the model's time pooling
   */
  run(features: Float32Array<ArrayBuffer>, frames: number): Promise<WindowScores>;
  /** Ends what start() began; runs not yet answered are rejected. */
  stop(): Promise<void>;
}

export interface BackendOptions {
  readonly model: Model;
  /** Threads inside one operator of the network; default 1, which leaves the other cores to the other stages. */
  readonly threads?: number;
}

/** The network cannot be run: a file that is none, or other inputs and outputs than the manifest promises. */
export class InferenceError extends Error {
  override name = 'UserError';
}
