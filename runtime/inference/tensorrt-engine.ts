// TensorRT as an inference backend: a trt-runner process, begun anew when it is lost, with every window answered or refused.
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { PRESETS } from '../../models/presets.ts';
import type { Precision } from '../../models/tensorrt-releases.ts';
import {
  type BackendOptions,
  type BackendStatus,
  type InferenceBackend,
  InferenceError,
  type WindowScores,
} from './engine.ts';
import type { Model } from './model-files.ts';
import { checkedScores, neededOutputs } from './network-output.ts';
import { RunnerChild, RunnerLost, type RunnerOptions, RunnerRefusal } from './runner-child.ts';
import { parseReply, readHello } from './runner-hello.ts';
import { ProtocolError, readScores, tensorHeader } from './runner-protocol.ts';
import { recogniseProblem } from './tensorrt-errors.ts';

/** How long a runner may take, in milliseconds; the longest seen on small boards several times over. */
const DEFAULT_LIMITS = { helloMs: 30_000, loadMs: 120_000, windowMs: 5000, firstPauseMs: 100, longestPauseMs: 5000 };
/** A runner that is lost so often without a window between is not begun again. */
const MOST_LOSSES = 5;
/** A window that was under way when the runner was lost is tried once more: it may not be what broke it. */
const MOST_TRIES = 2;

const Info = z.object({
  input: z.string(),
  smallest: z.array(z.int()).length(4),
  largest: z.array(z.int()).length(4),
  outputs: z.array(z.string()),
});

export interface TensorRtOptions extends Pick<BackendOptions, 'model'> {
  /** The engine built for this board, proved. */
  readonly engineFile: string;
  readonly precision: Precision;
  /** trt-runner, with arguments. */
  readonly command: RunnerOptions['command'];
  readonly environment?: RunnerOptions['environment'];
  readonly limits?: Partial<typeof DEFAULT_LIMITS>;
  /** What the runner prints, and why it was begun anew. */
  readonly log?: (line: string) => void;
}

interface Job {
  readonly features: Float32Array<ArrayBuffer>;
  readonly frames: number;
  readonly resolve: (scores: WindowScores) => void;
  readonly reject: (error: Error) => void;
  tries: number;
}

/** Windows go to the runner one at a time, in order. */
export class TensorRtEngine implements InferenceBackend {
  readonly concurrency = 1;
  readonly #options: TensorRtOptions;
  readonly #limits: typeof DEFAULT_LIMITS;
  readonly #jobs: Job[] = [];
  readonly #stopping = new AbortController();
  #runner: RunnerChild | undefined;
  #outputs: readonly string[] = [];
  #device = 'unknown GPU';
  #version = '';
  #working: Promise<void> | undefined;
  #ended: Error | undefined;
  #losses = 0;
  #restarts = 0;

  constructor(options: TensorRtOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
  }

  get description(): string {
    return `tensorrt ${this.#version}, ${this.#options.precision}, ${this.#device}`;
  }

  get status(): BackendStatus {
    const { precision } = this.#options;
    return { library: 'tensorrt', precision, device: this.#device, restarts: this.#restarts, fallback: null };
  }

  async start(): Promise<void> {
    try {
      await this.#startRunner();
    } catch (error) {
      await this.stop();
      throw this.#refusal('cannot be used', error as Error);
    }
  }

  run(features: Float32Array<ArrayBuffer>, frames: number): Promise<WindowScores> {
    if (this.#ended) return Promise.reject(this.#ended);
    if (!this.#runner) return Promise.reject(new Error('the inference engine is not started'));
    const held = structuredClone(features, { transfer: [features.buffer] });
    return new Promise((resolve, reject) => {
      this.#jobs.push({ features: held, frames, resolve, reject, tries: 0 });
      this.#working ??= this.#work();
    });
  }

  async stop(): Promise<void> {
    this.#end(new Error('the inference engine was stopped'));
    this.#stopping.abort();
    await this.#runner?.stop();
    await this.#working;
  }

  /** Works off the jobs; ends when there is none. */
  async #work(): Promise<void> {
    for (let job = this.#jobs[0]; job; job = this.#jobs[0]) {
      try {
        const scores = await this.#score(await this.#livingRunner(), job);
        this.#losses = 0;
        this.#settle(job, () => job.resolve(scores));
      } catch (error) {
        await this.#afterFailure(job, error as Error);
      }
    }
    this.#working = undefined;
  }

  #settle(job: Job, answer: () => void): void {
    if (this.#jobs[0] !== job) return; // stop() or the end has answered it
    this.#jobs.shift();
    answer();
  }

  /** The rule for windows when something fails: a refused one is given up, one that met a loss is tried once more. */
  async #afterFailure(job: Job, error: Error): Promise<void> {
    const broken = isBroken(error);
    if (!(error instanceof RunnerLost) && !broken) return this.#settle(job, () => job.reject(this.#told(error)));
    if (broken) await this.#runner?.stop();
    if (this.#ended) return;
    this.#losses += 1;
    job.tries += 1;
    this.#options.log?.(`trt-runner ${error.message}; it is begun anew`);
    if (this.#losses >= MOST_LOSSES) return this.#end(this.#refusal(`was lost ${this.#losses} times in a row`, error));
    if (job.tries >= MOST_TRIES)
      this.#settle(job, () => job.reject(this.#refusal('was lost twice in this window', error)));
  }

  /** The runner, begun anew after a pause that grows when the one before is lost. */
  async #livingRunner(): Promise<RunnerChild> {
    if (this.#runner && !this.#runner.lost) return this.#runner;
    const { firstPauseMs, longestPauseMs } = this.#limits;
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.max(0, this.#losses - 1));
    await pause(pauseMs, undefined, { signal: this.#stopping.signal });
    this.#restarts += 1;
    try {
      return await this.#startRunner();
    } catch (error) {
      // However it failed, there is no runner now.
      throw error instanceof RunnerLost ? error : new RunnerLost((error as Error).message);
    }
  }

  /** Begins a runner, loads the engine and runs one window of zeros, so that the first real one is as fast as the others. */
  async #startRunner(): Promise<RunnerChild> {
    const { command, environment, log, engineFile, model } = this.#options;
    const runner = new RunnerChild({ command, environment, onLine: log });
    this.#runner = runner;
    try {
      const hello = readHello(await runner.hello(this.#limits.helloMs));
      this.#device = `${hello.device} (sm_${hello.sm})`;
      this.#version = hello.tensorrt;
      const info = parseReply(
        Info,
        await runner.ask('info', [new TextEncoder().encode(engineFile)], this.#limits.loadMs),
      );
      this.#outputs = fittingOutputs(info, model);
      const { channels, bands, longest } = dimsOf(model);
      const zeros = new Float32Array(channels * longest * bands);
      await this.#score(runner, { features: zeros, frames: longest });
      return runner;
    } catch (error) {
      await runner.stop();
      throw error;
    }
  }

  async #score(runner: RunnerChild, { features, frames }: Pick<Job, 'features' | 'frames'>): Promise<WindowScores> {
    const { model } = this.#options;
    const { channels, bands } = dimsOf(model);
    const values = new Uint8Array(features.buffer, features.byteOffset, 4 * channels * frames * bands);
    const header = tensorHeader([1, channels, frames, bands]);
    const { micros, tensors } = readScores(await runner.ask('scores', [header, values], this.#limits.windowMs));
    const named = (name: string) => tensors[this.#outputs.indexOf(name)]?.values;
    const direction = named('direction');
    if (!direction) throw new InferenceError(`${this.#options.engineFile} gave ${tensors.length} outputs.`);
    return {
      ...checkedScores(model, frames, { activity: named('activity'), direction }),
      features,
      latencyMs: micros / 1000,
    };
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#jobs.splice(0)) reject(this.#ended);
  }

  #told(error: Error): Error {
    return error instanceof RunnerRefusal ? this.#refusal('refused a window', error) : error;
  }

  #refusal(what: string, error: Error): Error {
    if (error instanceof InferenceError) return error;
    const { command, engineFile } = this.#options;
    const known = recogniseProblem([...(this.#runner?.lines ?? []), error.message]);
    const why = known ? `${known.line}; ${known.wayOut}` : error.message;
    return new InferenceError(`${command[0]} with ${engineFile} ${what}: ${why}.`, { cause: error });
  }
}

/** After a failure of CUDA, or an answer that is none, nothing that the same process computes can be trusted. */
function isBroken(error: Error): boolean {
  if (error instanceof ProtocolError) return true;
  return error instanceof RunnerRefusal && (error.code === 'failed' || error.code === 'out of memory');
}

function dimsOf({ manifest }: Model): { channels: number; bands: number; longest: number } {
  const { features, window } = manifest;
  return { channels: features.channels.length, bands: PRESETS[features.preset].melBands, longest: window.frames };
}

/** @throws InferenceError when the engine is one of another network */
function fittingOutputs(info: z.infer<typeof Info>, model: Model): readonly string[] {
  const { channels, bands, longest } = dimsOf(model);
  const [, engineChannels, engineLongest, engineBands] = info.largest as [number, number, number, number];
  const missing = neededOutputs(model).filter((name) => !info.outputs.includes(name));
  const fits = engineChannels === channels && engineBands === bands && engineLongest >= longest;
  if (missing.length === 0 && fits) return info.outputs;
  throw new InferenceError(
    `The engine takes ${info.largest.join(' x ')} and gives ${info.outputs.join(', ')}, the model ${model.manifest.name} ` +
      `needs 1 x ${channels} x ${longest} x ${bands} and ${neededOutputs(model).join(', ')}: build it again from this model.`,
  );
}
