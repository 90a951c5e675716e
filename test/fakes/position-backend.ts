// A backend without a network: the activity of a label frame is the mean of its first feature, so that tests see which
// frames reached which window. Answers take a turn of the event loop; failures can be ordered.
import type { InferenceBackend, WindowScores } from '../../runtime/inference/engine.ts';

export interface PositionBackendOptions {
  readonly classes: number;
  readonly timePooling: number;
  readonly channels: number;
  readonly bands: number;
  /** Number of the run, from 1, that fails. */
  readonly failAt?: number;
  /** Milliseconds until run number n answers; default none. */
  readonly delayMs?: (run: number) => number;
}

export interface SeenWindow {
  readonly frames: number;
  /** First feature of the first and of the last frame. */
  readonly first: number;
  readonly last: number;
}

export class PositionBackend implements InferenceBackend {
  readonly description = 'position';
  readonly concurrency = 1;
  readonly windows: SeenWindow[] = [];
  readonly #options: PositionBackendOptions;
  waiting = 0;
  mostWaiting = 0;

  constructor(options: PositionBackendOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}

  async run(features: Float32Array<ArrayBuffer>, frames: number): Promise<WindowScores> {
    const { classes, timePooling, bands, failAt, delayMs } = this.#options;
    const held = structuredClone(features, { transfer: [features.buffer] });
    this.windows.push({ frames, first: held[0]!, last: held[(frames - 1) * bands]! });
    const run = this.windows.length;
    this.waiting += 1;
    this.mostWaiting = Math.max(this.mostWaiting, this.waiting);
    await new Promise((resolve) => setTimeout(resolve, delayMs?.(run) ?? 0));
    this.waiting -= 1;
    if (run === failAt) throw new Error('ordered to fail');
    const labels = frames / timePooling;
    const activity = new Float32Array(labels * classes);
    const direction = new Float32Array(labels * classes * 3);
    for (let l = 0; l < labels; l += 1) {
      let sum = 0;
      for (let f = l * timePooling; f < (l + 1) * timePooling; f += 1) sum += held[f * bands]!;
      for (let c = 0; c < classes; c += 1) {
        activity[l * classes + c] = sum / timePooling + c;
        for (let axis = 0; axis < 3; axis += 1) direction[(l * 3 + axis) * classes + c] = 10 * c + axis;
      }
    }
    return { activity, direction, features: held, latencyMs: 1 };
  }
}
