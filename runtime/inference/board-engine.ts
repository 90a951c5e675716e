// TensorRT on this very board: finds out what the board is, gets the engine for it, from the cache or built now, and runs it.
import { type BackendStatus, type InferenceBackend, InferenceError, type WindowScores } from './engine.ts';
import type { BuildProgress } from './engine-build.ts';
import { type EngineBoard, engineFor, type FoundEngine } from './engine-cache.ts';
import { planEngine } from './engine-plan.ts';
import { proveBackend } from './golden-proof.ts';
import type { Model } from './model-files.ts';
import { RunnerChild, type RunnerOptions } from './runner-child.ts';
import { readHello } from './runner-hello.ts';
import { TensorRtEngine, type TensorRtOptions } from './tensorrt-engine.ts';
import { recogniseProblem } from './tensorrt-errors.ts';

const HELLO_MS = 30_000;

export interface BoardEngineOptions {
  readonly model: Model;
  readonly runner: RunnerOptions['command'];
  readonly trtexec: readonly [string, ...string[]];
  /** Where engines are kept. */
  readonly folder: string;
  /** Frames of the windows that will come: what the builder makes fast. */
  readonly usualFrames: number;
  readonly log?: (line: string) => void;
  readonly onProgress?: (progress: BuildProgress) => void;
  readonly environment?: RunnerOptions['environment'];
  readonly limits?: TensorRtOptions['limits'];
}

export class BoardEngine implements InferenceBackend {
  readonly concurrency = 1;
  readonly #options: BoardEngineOptions;
  readonly #stopping = new AbortController();
  #engine: TensorRtEngine | undefined;
  #found: FoundEngine | undefined;

  constructor(options: BoardEngineOptions) {
    this.#options = options;
  }

  get description(): string {
    return this.#engine?.description ?? 'tensorrt';
  }

  get status(): BackendStatus | undefined {
    const status = this.#engine?.status;
    // An older engine is no other backend, but people must know that the newest could not be built.
    return status && { ...status, fallback: this.#found?.problem ?? null };
  }

  /** Building an engine takes minutes; the engine of a board that has not changed is there at once. */
  async start(): Promise<void> {
    const { model, folder, usualFrames, trtexec, log, onProgress } = this.#options;
    const board = await this.#probe();
    const plan = planEngine(model.variant, board, usualFrames);
    this.#found = await engineFor({
      ...{ folder, model, board, plan, trtexec, onProgress, onLine: log, signal: this.#stopping.signal },
      prove: async (engineFile) => {
        const engine = this.#engineOf(engineFile, plan.precision);
        try {
          await engine.start();
          return await proveBackend(engine, model, plan.precision);
        } finally {
          await engine.stop();
        }
      },
    });
    this.#engine = this.#engineOf(this.#found.file, plan.precision);
    await this.#engine.start();
  }

  run(features: Float32Array<ArrayBuffer>, frames: number): Promise<WindowScores> {
    if (!this.#engine) return Promise.reject(new Error('the inference engine is not started'));
    return this.#engine.run(features, frames);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#engine?.stop();
  }

  #engineOf(engineFile: string, precision: TensorRtOptions['precision']): TensorRtEngine {
    const { model, runner, log, environment, limits } = this.#options;
    return new TensorRtEngine({ model, engineFile, precision, command: runner, log, environment, limits });
  }

  /** What the runner says of the board. @throws InferenceError when it does not run here */
  async #probe(): Promise<EngineBoard> {
    const { runner, log, environment } = this.#options;
    const child = new RunnerChild({ command: runner, environment, onLine: log });
    try {
      const { tensorrt, device, sm } = readHello(await child.hello(HELLO_MS));
      return { tensorrt, device, sm };
    } catch (error) {
      const known = recogniseProblem([...child.lines, (error as Error).message]);
      const why = known ? `${known.line}; ${known.wayOut}` : (error as Error).message;
      throw new InferenceError(`${runner[0]} does not run here: ${why}.`, { cause: error });
    } finally {
      await child.stop();
    }
  }
}
