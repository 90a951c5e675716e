// From feature frames to scores: a ring of scaled features, overlapping windows through the network, merged label frames.
import type { Manifest } from '../../models/manifest.ts';
import type { FeatureFrame, Scores } from '../signals.ts';
import type { InferenceBackend, WindowScores } from './engine.ts';
import { FeatureRing } from './feature-ring.ts';
import { ScoreMerger } from './score-merger.ts';

const LATENCIES_KEPT = 600;

export interface WindowsOptions {
  readonly manifest: Pick<Manifest, 'window' | 'timePooling' | 'scaler' | 'labels'>;
  readonly bands: number;
  readonly frameSeconds: number;
  readonly backend: InferenceBackend;
  /** Feature frames of future a score waits for; default the manifest's. The whole window: each score gets all windows. */
  readonly lookaheadFrames?: number;
  readonly onScores: (scores: Scores) => void;
}

/** Figures of the stage so far. */
export interface WindowsFigures {
  readonly windows: number;
  /** Time the network computed, summed over windows, in milliseconds. */
  readonly busyMs: number;
  /** Of the latest windows, at most LATENCIES_KEPT. */
  readonly latenciesMs: readonly number[];
}

/**
 * Runs the network over a stream of feature frames. A window of up to window.frames ends at every multiple of hopFrames
 * since the stream (or the last break) began; a label frame leaves once its look-ahead is satisfied or the stream ends.
 * What leaves depends on the frames alone, never on timing or chunking.
 */
export class Windows {
  readonly #options: WindowsOptions;
  readonly #ring: FeatureRing;
  readonly #merger: ScoreMerger;
  readonly #lookahead: number;
  readonly #spare: Float32Array<ArrayBuffer>[] = [];
  readonly #latenciesMs: number[] = [];
  #windows = 0;
  #busyMs = 0;
  #chain: Promise<void> = Promise.resolve();
  #inFlight: Promise<WindowScores>[] = [];
  #failure: Error | undefined;
  #nextFrame = 0;
  /** First frame of the segment without a break; undefined until a frame on the label grid arrived. */
  #segmentStart: number | undefined;
  #lastWindowEnd = 0;
  /** Label frames before it belong to earlier segments. */
  #firstFreeLabel = 0;

  constructor(options: WindowsOptions) {
    this.#options = options;
    const { manifest, bands } = options;
    this.#lookahead = options.lookaheadFrames ?? manifest.window.lookaheadFrames;
    this.#ring = new FeatureRing({ scaler: manifest.scaler, bands, frames: manifest.window.frames });
    this.#merger = new ScoreMerger({ classes: manifest.labels.length });
  }

  get figures(): WindowsFigures {
    return { windows: this.#windows, busyMs: this.#busyMs, latenciesMs: this.#latenciesMs };
  }

  /**
   * Takes one frame; copies it, and starts a window when one is due. Await ready() between blocks.
   * Frames that samples are missing in are left out, and no window spans them.
   */
  push({ frame, values, discontinuity }: FeatureFrame): void {
    if (frame !== this.#nextFrame || discontinuity) this.#endSegment();
    this.#nextFrame = frame + 1;
    if (discontinuity) return;
    if (this.#segmentStart === undefined) {
      // Label frames lie on the grid of the whole stream, and none is emitted twice.
      const label = frame / this.#options.manifest.timePooling;
      if (!Number.isInteger(label) || label < this.#firstFreeLabel) return;
      this.#segmentStart = frame;
      this.#lastWindowEnd = frame;
      this.#then(undefined, () => this.#merger.begin(label));
    }
    this.#ring.push(values);
    this.#runDueWindow(frame + 1);
  }

  /** Resolves when the backend can take another window: one waits while others compute, so that neither side idles. */
  async ready(): Promise<void> {
    const most = this.#options.backend.concurrency + 1;
    while (!this.#failure && this.#inFlight.length >= most) await Promise.allSettled([this.#inFlight[0]]);
    if (this.#failure) throw this.#failure;
  }

  /** Ends the stream: scores what is left and resolves when all scores have left. */
  async end(): Promise<void> {
    this.#endSegment();
    await this.#chain;
    if (this.#failure) throw this.#failure;
  }

  #runDueWindow(end: number): void {
    const { window, timePooling } = this.#options.manifest;
    const length = end - this.#segmentStart!;
    if (length % window.hopFrames !== 0) return;
    // A window that could not release a frame anyway is left to the longer one that follows.
    if (length + window.hopFrames <= window.frames && length < this.#lookahead + timePooling) return;
    this.#run(end, Math.floor((end - this.#lookahead) / timePooling));
  }

  /** Scores the rest of a segment; the last label frame is filled up with the scaler's mean. */
  #endSegment(): void {
    const start = this.#segmentStart;
    if (start === undefined) return;
    const { timePooling } = this.#options.manifest;
    const end = Math.ceil(this.#nextFrame / timePooling) * timePooling;
    for (let frame = this.#nextFrame; frame < end; frame += 1) this.#ring.pushMean();
    if (end > this.#lastWindowEnd) this.#run(end, end / timePooling);
    else this.#then(undefined, () => this.#release(end / timePooling));
    this.#firstFreeLabel = end / timePooling;
    this.#segmentStart = undefined;
    this.#ring.clear();
  }

  /** Starts the window that ends before a frame; when its scores are merged, label frames before `until` leave. */
  #run(end: number, until: number): void {
    const { backend, manifest } = this.#options;
    const frames = this.#ring.length;
    const features = this.#spare.pop() ?? this.#ring.allocate();
    this.#ring.copyInto(features);
    this.#lastWindowEnd = end;
    const running = backend.run(features, frames);
    this.#inFlight.push(running);
    const firstLabel = (end - frames) / manifest.timePooling;
    this.#then(running, (scores) => {
      this.#count(scores.latencyMs);
      this.#spare.push(scores.features as Float32Array<ArrayBuffer>);
      this.#merger.add(firstLabel, frames / manifest.timePooling, scores);
      this.#release(until);
    });
  }

  /** Does a step after all steps before it; the first failure is kept for ready() and end() to throw. */
  #then<T>(running: Promise<T> | T, step: (result: T) => void): void {
    const settle = async (before: Promise<void>) => {
      try {
        const [result] = await Promise.all([running, before]);
        if (!this.#failure) step(result);
      } catch (error) {
        this.#failure ??= error as Error;
      } finally {
        this.#inFlight = this.#inFlight.filter((other) => other !== running);
      }
    };
    this.#chain = settle(this.#chain);
  }

  #count(latencyMs: number): void {
    this.#windows += 1;
    this.#busyMs += latencyMs;
    this.#latenciesMs.push(latencyMs);
    if (this.#latenciesMs.length > LATENCIES_KEPT) this.#latenciesMs.shift();
  }

  #release(until: number): void {
    const { frameSeconds, onScores } = this.#options;
    const merged = this.#merger.take(until);
    if (merged) onScores({ ...merged, frameSeconds });
  }
}
