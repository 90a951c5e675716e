// The one door to onnxruntime-node. Its run() blocks the thread it is called on, so it lives in a worker thread.
import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';

/** What the thread is started with. */
export interface OnnxWorkerData {
  readonly networkFile: string;
  readonly threads: number;
  readonly channels: number;
  readonly bands: number;
}

/** One window, or the wish that the thread ends when all windows before are answered. */
export type OnnxRequest = { readonly features: Float32Array<ArrayBuffer>; readonly frames: number } | 'stop';

export type OnnxReply =
  | { readonly kind: 'ready'; readonly outputs: readonly string[] }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly features: Float32Array<ArrayBuffer> }
  | {
      readonly kind: 'scores';
      /** Absent when the network speaks ACCDOA: there the length of the direction is the activity. */
      readonly activity?: Float32Array;
      readonly direction: Float32Array;
      readonly features: Float32Array<ArrayBuffer>;
      readonly latencyMs: number;
    };

const port = parentPort!;
const { networkFile, threads, channels, bands } = workerData as OnnxWorkerData;

try {
  const session = await InferenceSession.create(networkFile, {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  });
  let previous = Promise.resolve();
  port.on('message', (request: OnnxRequest) => {
    previous = previous.then(() => (request === 'stop' ? finish(session) : answer(session, request)));
  });
  port.postMessage({ kind: 'ready', outputs: session.outputNames } satisfies OnnxReply);
} catch (error) {
  port.postMessage({ kind: 'refused', reason: (error as Error).message } satisfies OnnxReply);
}

/** Leaves in order: terminate() from outside can hit the native library in the middle of a run. */
async function finish(session: InferenceSession): Promise<void> {
  await session.release();
  port.close();
}

async function answer(session: InferenceSession, { features, frames }: Exclude<OnnxRequest, 'stop'>): Promise<void> {
  const started = performance.now();
  try {
    const size = channels * frames * bands;
    const input = new Tensor('float32', features.subarray(0, size), [1, channels, frames, bands]);
    const outputs = await session.run({ features: input });
    const activity = outputs.activity && own(outputs.activity.data as Float32Array);
    const direction = own(outputs.direction!.data as Float32Array);
    const latencyMs = performance.now() - started;
    const transfer = [features.buffer, direction.buffer, ...(activity ? [activity.buffer] : [])];
    port.postMessage({ kind: 'scores', activity, direction, features, latencyMs } satisfies OnnxReply, transfer);
  } catch (error) {
    port.postMessage({ kind: 'failed', reason: (error as Error).message, features } satisfies OnnxReply, [
      features.buffer,
    ]);
  }
}

/** The runtime's output memory may not be transferable; a few kB are copied instead. */
function own(values: Float32Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(values);
}
