// Two backends as one: the second takes over for good when the first cannot start or gives up, and the reason is kept for all to see.
import { type BackendStatus, type InferenceBackend, InferenceError, type WindowScores } from './engine.ts';

export class FallbackBackend implements InferenceBackend {
  readonly concurrency = 1;
  readonly #second: InferenceBackend;
  #first: InferenceBackend | undefined;
  #active: InferenceBackend;
  #reason: string | null = null;
  #stopped = false;
  /** The change to the second; set once. */
  #change: Promise<void> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** @param reason why there is no first one */
  constructor(first: InferenceBackend | undefined, second: InferenceBackend, reason: string | null = null) {
    this.#first = first;
    this.#second = second;
    this.#active = first ?? second;
    this.#reason = reason;
  }

  get description(): string {
    return this.#active.description;
  }

  get status(): BackendStatus | undefined {
    const status = this.#active.status;
    return status && { ...status, fallback: this.#reason ?? status.fallback };
  }

  async start(): Promise<void> {
    if (!this.#first) return this.#second.start();
    try {
      await this.#first.start();
    } catch (error) {
      await this.#takeOver(error as Error);
    }
  }

  run(features: Float32Array<ArrayBuffer>, frames: number): Promise<WindowScores> {
    const before = this.#last;
    const scores = this.#score(features, frames);
    const inOrder = Promise.allSettled([before, scores]).then(() => scores);
    this.#last = inOrder.catch(() => undefined); // told to whom it belongs; here only the order counts
    return inOrder;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([this.#first?.stop(), this.#change?.catch(() => undefined)]);
    await this.#second.stop();
  }

  async #score(features: Float32Array<ArrayBuffer>, frames: number): Promise<WindowScores> {
    if (this.#active === this.#second) return this.#second.run(features, frames);
    // The first may take the window with it when it fails.
    const copy = structuredClone(features);
    try {
      return await this.#first!.run(features, frames);
    } catch (error) {
      if (this.#stopped || !(error instanceof InferenceError)) throw error;
      await this.#takeOver(error);
      return this.#second.run(copy, frames);
    }
  }

  #takeOver(error: Error): Promise<void> {
    this.#change ??= (async () => {
      this.#reason = error.message;
      await this.#first?.stop();
      await this.#second.start();
      this.#active = this.#second;
    })();
    return this.#change;
  }
}
