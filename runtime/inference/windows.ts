// From feature frames to scores: a ring of scaled features, overlapping windows through the network, merged label frames.
import type { Manifest } from '../../models/manifest.ts';
import type { FeatureFrame, Scores } from '../signals.ts';
import type { InferenceBackend, WindowScores } from './engine.ts';
import { FeatureRing } from './feature-ring.ts';
import { HopRule } from './hop-rule.ts';
import { ScoreMerger } from './score-merger.ts';
import { recordingTiming, type Timing } from './timing.ts';

const LATENCIES_KEPT = 600;
/** Breaks of the stream that may wait for a slow network; the oldest windows beyond are dropped. */
const MOST_STEPS_WAITING = 8;

export interface WindowsOptions {
  readonly manifest: Pick<Manifest, 'window' | 'timePooling' | 'scaler' | 'labels'>;
  readonly bands: number;
  readonly frameSeconds: number;
  readonly backend: InferenceBackend;
  /** Default the manifest's. A look-ahead of the whole window: each score gets all windows. */
  readonly timing?: Partial<Timing>;
  /** Sound that cannot wait: ready() never does, and windows are dropped where the network is too slow. Default false. */
  readonly live?: boolean;
  readonly onScores: (scores: Scores) => void;
  /** What is known of the label frames to come, with less look-ahead: told again, and better, by onScores. */
  readonly onEarlyScores?: (scores: Scores) => void;
}

/** Figures of the stage so far. */
export interface WindowsFigures {
  readonly windows: number;
  /** Windows left out because a newer one was there before the network was free. */
  readonly droppedWindows: number;
  /** Label frames that no window saw. */
  readonly unheardFrames: number;
  /** Feature frames between two windows now; more than was set while the network is too slow. */
  readonly hopFrames: number;
  /** Time the network computed, summed over windows, in milliseconds. */
  readonly busyMs: number;
  /** Of the latest windows, at most LATENCIES_KEPT. */
  readonly latenciesMs: readonly number[];
}

/** What is done in order: a segment begins, a window is scored and merged, label frames leave. */
type Step =
  | { readonly kind: 'begin'; readonly label: number }
  | { readonly kind: 'release'; readonly until: number }
  | (WindowStep & { readonly kind: 'window' });

interface WindowStep {
  /** First feature frame behind the window. */
  readonly end: number;
  readonly frames: number;
  /** Label frames before it leave when the window is merged. */
  readonly until: number;
  readonly features: Float32Array<ArrayBuffer>;
}

/**
 * Runs the network over a stream of feature frames. A window of up to timing.frames ends at every multiple of hopFrames
 * since the stream (or the last break) began; a label frame leaves once its look-ahead is satisfied or the stream ends.
 * Unless it is live, what leaves depends on the frames alone, never on timing or chunking.
 */
export class Windows {
  readonly #options: WindowsOptions;
  readonly #timing: Timing;
  readonly #hop: HopRule;
  readonly #ring: FeatureRing;
  readonly #merger: ScoreMerger;
  readonly #spare: Float32Array<ArrayBuffer>[] = [];
  readonly #latenciesMs: number[] = [];
  #windows = 0;
  #droppedWindows = 0;
  #unheardFrames = 0;
  #busyMs = 0;
  /** Steps that wait for the network. */
  #waiting: Step[] = [];
  #chain: Promise<void> = Promise.resolve();
  #inFlight: Promise<WindowScores>[] = [];
  #failure: Error | undefined;
  #nextFrame = 0;
  /** First frame of the segment without a break; undefined until a frame on the label grid arrived. */
  #segmentStart: number | undefined;
  #lastDue = 0;
  #lastWindowEnd = 0;
  /** Label frames before it belong to earlier segments. */
  #firstFreeLabel = 0;

  constructor(options: WindowsOptions) {
    this.#options = options;
    const { manifest, bands, frameSeconds } = options;
    this.#timing = { ...recordingTiming(manifest), ...options.timing };
    const { frames, hopFrames, lookaheadFrames } = this.#timing;
    this.#hop = new HopRule({
      ...{ hopFrames, longestFrames: frames - lookaheadFrames },
      frameMs: (1000 * frameSeconds) / manifest.timePooling,
    });
    this.#ring = new FeatureRing({ scaler: manifest.scaler, bands, frames });
    this.#merger = new ScoreMerger({ classes: manifest.labels.length });
  }

  get figures(): WindowsFigures {
    return {
      ...{ windows: this.#windows, droppedWindows: this.#droppedWindows, unheardFrames: this.#unheardFrames },
      ...{ hopFrames: this.#hop.hopFrames, busyMs: this.#busyMs, latenciesMs: this.#latenciesMs },
    };
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
      this.#lastDue = frame;
      this.#lastWindowEnd = frame;
      this.#enqueue({ kind: 'begin', label });
    }
    this.#ring.push(values);
    this.#runDueWindow(frame + 1);
  }

  /**
   * Resolves when the backend can take another window: one waits while others compute, so that neither side idles.
   * With live sound it resolves at once. Rejects when the backend failed.
   */
  async ready(): Promise<void> {
    const { backend, live } = this.#options;
    const most = live ? Number.POSITIVE_INFINITY : backend.concurrency + 1;
    while (!this.#failure && this.#inFlight.length >= most) await Promise.allSettled([this.#inFlight[0]]);
    if (this.#failure) throw this.#failure;
  }

  /** Ends the stream: scores what is left and resolves when all scores have left. */
  async end(): Promise<void> {
    this.#endSegment();
    while (!this.#failure && this.#waiting.length > 0) await Promise.allSettled([this.#inFlight[0]]);
    await this.#chain;
    if (this.#failure) throw this.#failure;
  }

  #runDueWindow(end: number): void {
    const { frames, lookaheadFrames } = this.#timing;
    const { hopFrames } = this.#hop;
    if (end - this.#lastDue < hopFrames) return;
    this.#lastDue = end;
    const length = end - this.#segmentStart!;
    // A window that could not release a frame anyway is left to the longer one that follows.
    const { timePooling } = this.#options.manifest;
    if (length + hopFrames <= frames && length < lookaheadFrames + timePooling) return;
    this.#run(end, Math.floor((end - lookaheadFrames) / timePooling));
  }

  /** Scores the rest of a segment; the last label frame is filled up with the scaler's mean. */
  #endSegment(): void {
    const start = this.#segmentStart;
    if (start === undefined) return;
    const { timePooling } = this.#options.manifest;
    const end = Math.ceil(this.#nextFrame / timePooling) * timePooling;
    for (let frame = this.#nextFrame; frame < end; frame += 1) this.#ring.pushMean();
    if (end > this.#lastWindowEnd) this.#run(end, end / timePooling);
    else this.#enqueue({ kind: 'release', until: end / timePooling });
    this.#firstFreeLabel = end / timePooling;
    this.#segmentStart = undefined;
    this.#ring.clear();
  }

  /** Has the window that ends before a frame scored; when it is merged, label frames before `until` leave. */
  #run(end: number, until: number): void {
    const features = this.#spare.pop() ?? this.#ring.allocate();
    this.#ring.copyInto(features);
    this.#lastWindowEnd = end;
    const dropped = this.#options.live === true && this.#dropWaiting();
    this.#enqueue({ kind: 'window', end, frames: this.#ring.length, until, features });
    if (this.#options.live) this.#hop.due(dropped);
  }

  /** The newest window wins: one of the same segment that still waits makes room, its label frames are in the newer one too. */
  #dropWaiting(): boolean {
    const last = this.#waiting.at(-1);
    const tooMany = this.#waiting.length >= MOST_STEPS_WAITING;
    const index = last?.kind === 'window' ? this.#waiting.length - 1 : tooMany ? this.#waiting.findIndex(isWindow) : -1;
    if (index < 0) return false;
    const [step] = this.#waiting.splice(index, 1);
    if (step?.kind === 'window') this.#spare.push(step.features);
    this.#droppedWindows += 1;
    return true;
  }

  #enqueue(step: Step): void {
    this.#waiting.push(step);
    this.#startWaiting();
  }

  /** Live, no more windows are with the backend than it computes at once: those that wait here can still be dropped. */
  #startWaiting(): void {
    const { live, backend } = this.#options;
    const most = live ? backend.concurrency : Number.POSITIVE_INFINITY;
    for (let step = this.#waiting[0]; step; step = this.#waiting[0]) {
      if (step.kind === 'window' && this.#inFlight.length >= most) return;
      this.#waiting.shift();
      this.#start(step);
    }
  }

  #start(step: Step): void {
    if (step.kind === 'begin') this.#then(undefined, () => this.#merger.begin(step.label));
    else if (step.kind === 'release') this.#then(undefined, () => this.#release(step.until));
    else this.#score(step);
  }

  #score({ end, frames, until, features }: WindowStep): void {
    const { backend, manifest } = this.#options;
    const started = performance.now();
    const running = backend.run(features, frames);
    this.#inFlight.push(running);
    const firstLabel = (end - frames) / manifest.timePooling;
    this.#then(running, (scores) => {
      this.#count(scores.latencyMs);
      this.#hop.scored(performance.now() - started);
      this.#spare.push(scores.features as Float32Array<ArrayBuffer>);
      this.#merger.add(firstLabel, frames / manifest.timePooling, scores);
      this.#release(until);
      this.#tellEarly(end);
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
        if (!this.#failure) this.#startWaiting();
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
    const { stretches, unheard } = this.#merger.take(until);
    this.#unheardFrames += unheard;
    for (const stretch of stretches) onScores({ ...stretch, frameSeconds });
  }

  #tellEarly(end: number): void {
    const { frameSeconds, manifest, onEarlyScores } = this.#options;
    const { earlyFrames } = this.#timing;
    if (earlyFrames === null || !onEarlyScores) return;
    const known = this.#merger.peek(Math.floor((end - earlyFrames) / manifest.timePooling));
    if (known) onEarlyScores({ ...known, frameSeconds });
  }
}

function isWindow({ kind }: Step): boolean {
  return kind === 'window';
}
