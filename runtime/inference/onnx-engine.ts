// ONNX Runtime as an inference backend: one worker thread, windows handed over without a copy, answers in order.
import { Worker } from 'node:worker_threads';
import { precisionOf } from '../../models/manifest.ts';
import { PRESETS } from '../../models/presets.ts';
import { workerFile } from '../worker-file.ts';
import {
  type BackendOptions,
  type BackendStatus,
  type InferenceBackend,
  InferenceError,
  type WindowScores,
} from './engine.ts';
import type { Model } from './model-files.ts';
import { checkedScores, neededOutputs } from './network-output.ts';
import type { OnnxReply, OnnxRequest, OnnxWorkerData } from './onnx-worker.ts';

interface Waiting {
  readonly frames: number;
  readonly resolve: (scores: WindowScores) => void;
  readonly reject: (error: Error) => void;
}

/** Runs a model with onnxruntime-node on the CPU. */
export class OnnxEngine implements InferenceBackend {
  readonly description: string;
  readonly status: BackendStatus;
  readonly concurrency = 1;
  readonly #model: Model;
  readonly #threads: number;
  readonly #waiting: Waiting[] = [];
  #worker: Worker | undefined;
  #ended: Error | undefined;

  constructor({ model, threads = 1 }: BackendOptions) {
    this.#model = model;
    this.#threads = threads;
    const precision = precisionOf(model.variant);
    this.status = { library: 'onnxruntime', precision, device: 'cpu', restarts: 0, fallback: null };
    this.description = `onnxruntime-node, ${precision}, cpu, ${threads} thread${threads === 1 ? '' : 's'}`;
  }

  async start(): Promise<void> {
    const { manifest, networkFile } = this.#model;
    const channels = manifest.features.channels.length;
    const bands = PRESETS[manifest.features.preset].melBands;
    const workerData: OnnxWorkerData = { networkFile, threads: this.#threads, channels, bands };
    const worker = new Worker(workerFile(new URL('./onnx-worker.ts', import.meta.url)), { workerData });
    this.#worker = worker;
    try {
      await this.#loaded(worker);
      worker.on('message', (reply: OnnxReply) => this.#settle(reply));
      worker.on('error', (error) => this.#rejectAll(error));
      worker.on('exit', () => this.#rejectAll(new Error('the inference thread ended')));
      await this.run(new Float32Array(channels * manifest.window.frames * bands), manifest.window.frames);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  run(features: Float32Array<ArrayBuffer>, frames: number): Promise<WindowScores> {
    const worker = this.#worker;
    if (this.#ended) return Promise.reject(this.#ended);
    if (!worker) return Promise.reject(new Error('the inference engine is not started'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ frames, resolve, reject });
      worker.postMessage({ features, frames } satisfies OnnxRequest, [features.buffer]);
    });
  }

  async stop(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    if (!worker || worker.threadId === -1) return;
    this.#rejectAll(new Error('the inference engine was stopped'));
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage('stop' satisfies OnnxRequest);
    await exited;
  }

  /** Waits for the session; the network must have the outputs that the manifest's output form has. */
  #loaded(worker: Worker): Promise<void> {
    const { networkFile } = this.#model;
    const needed = neededOutputs(this.#model);
    const refuse = (reason: string) =>
      new InferenceError(`${networkFile} cannot be run: ${reason}; build it again with "earshot model build".`);
    return new Promise((resolve, reject) => {
      worker.once('error', reject);
      worker.once('message', (reply: OnnxReply) => {
        worker.off('error', reject);
        const missing = needed.filter((name) => reply.kind === 'ready' && !reply.outputs.includes(name));
        if (reply.kind === 'refused') reject(refuse(reply.reason));
        else if (missing.length > 0) reject(refuse(`it has no output ${missing.join(' and ')}`));
        else resolve();
      });
    });
  }

  #settle(reply: OnnxReply): void {
    const waiting = this.#waiting.shift();
    if (!waiting) return; // its run was rejected by stop()
    try {
      waiting.resolve(this.#scores(reply, waiting.frames));
    } catch (error) {
      waiting.reject(error as Error);
    }
  }

  #scores(reply: OnnxReply, frames: number): WindowScores {
    const { networkFile } = this.#model;
    if (reply.kind === 'failed') throw new InferenceError(`${networkFile} cannot be run: ${reply.reason}.`);
    if (reply.kind !== 'scores') throw new Error(`unexpected ${reply.kind} from the inference thread`);
    const { features, latencyMs } = reply;
    return { ...checkedScores(this.#model, frames, reply), features, latencyMs };
  }

  #rejectAll(error: Error): void {
    this.#ended = error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
