// Several backends as one: windows go to them in turn. For recordings that nobody waits for in real time.
import type { BackendStatus, InferenceBackend, WindowScores } from './engine.ts';

/**
 * Windows do not depend on each other, so N engines of one thread do nearly N times the work, where N threads inside one
 * engine meet after every operator. Scores are the same as those of a single engine.
 */
export class EnginePool implements InferenceBackend {
  readonly #engines: readonly InferenceBackend[];
  #next = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** @param engines equal ones, at least one, not started */
  constructor(engines: readonly InferenceBackend[]) {
    this.#engines = engines;
  }

  get description(): string {
    const count = this.#engines.length;
    return `${count > 1 ? `${count} × ` : ''}${this.#engines[0]!.description}`;
  }

  get status(): BackendStatus | undefined {
    return this.#engines[0]!.status;
  }

  get concurrency(): number {
    return this.#engines.reduce((sum, { concurrency }) => sum + concurrency, 0);
  }

  async start(): Promise<void> {
    try {
      await Promise.all(this.#engines.map((engine) => engine.start()));
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  run(features: Float32Array<ArrayBuffer>, frames: number): Promise<WindowScores> {
    const engine = this.#engines[this.#next]!;
    this.#next = (this.#next + 1) % this.#engines.length;
    const [before, scores] = [this.#last, engine.run(features, frames)];
    const inOrder = Promise.allSettled([before, scores]).then(() => scores);
    this.#last = inOrder.catch(() => undefined); // told to whom it belongs; here only the order counts
    return inOrder;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#engines.map((engine) => engine.stop()));
  }
}
