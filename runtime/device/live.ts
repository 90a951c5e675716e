// What the device hears now, five times a second: levels, power by direction, a small spectrogram. Costs nothing while nobody looks.
import type { AudioBlock, FeatureFrame, Scores } from '../signals.ts';
import { AZIMUTHS, type DirectionPower, ELEVATIONS } from './live-map.ts';

const PICTURE_SECONDS = 0.2;
/** Frames of features that become one column. */
const FRAMES_PER_COLUMN = 2;
const COLUMNS = 5;
/** Frames held until privacy has decided about them: six seconds; older ones are never shown. */
const HELD_FRAMES = 300;
const LOWEST_DB = -99;
/** Of how many classes the scores are told: the highest. */
const SCORES = 10;

/** The content of the message live. */
export interface LivePicture {
  readonly streamSeconds: number;
  readonly levelsDbfs: number[];
  readonly peaksDbfs: number[];
  readonly map: { readonly azimuths: number[]; readonly elevations: number[]; readonly decibels: number[] } | null;
  readonly spectrogram: {
    readonly endSeconds: number;
    readonly frameSeconds: number;
    readonly hertz: number[];
    readonly decibels: number[][];
  } | null;
  readonly scores?: Record<string, number>;
}

export interface LiveViewOptions {
  readonly labels: readonly string[];
  /** Seconds between two frames of features. */
  readonly frameSeconds: number;
  /** Centre of each mel band, and the log-mel value of a full-scale tone there. */
  readonly bands: { readonly hertz: readonly number[]; readonly fullScaleDb: readonly number[] };
  readonly power: DirectionPower;
  /**
   * What privacy says about a stretch of the stream: whether it may be shown, undefined while it is not known. Levels and
   * directions are always shown: no word can be heard from them.
   */
  readonly mayShow?: (fromSeconds: number, toSeconds: number) => boolean | undefined;
}

interface HeldFrame {
  frame: number;
  readonly decibels: Float32Array;
}

/** Takes what a pipeline lets others see; between start() and stop() it makes pictures, five for each second of sound. */
export class LiveView {
  readonly #options: LiveViewOptions;
  #show: ((picture: LivePicture) => void) | undefined;
  /** Frames that wait, oldest first; those no longer needed are used again. */
  #held: HeldFrame[] = [];
  readonly #spare: HeldFrame[] = [];
  #squares = new Float64Array(0);
  #peaks = new Float64Array(0);
  #samples = 0;
  #scores: Record<string, number> | undefined;

  constructor(options: LiveViewOptions) {
    this.#options = options;
  }

  start(show: (picture: LivePicture) => void): void {
    this.#begin();
    this.#show = show;
  }

  stop(): void {
    this.#show = undefined;
    this.#begin();
  }

  /** Another stream begins. */
  restart(): void {
    this.#begin();
  }

  pushBlock(block: AudioBlock): void {
    if (!this.#show) return;
    const { channels, sampleRate, sampleIndex } = block;
    const length = channels[0]!.length;
    if (this.#squares.length !== channels.length) {
      this.#squares = new Float64Array(channels.length);
      this.#peaks = new Float64Array(channels.length);
    }
    for (let c = 0; c < channels.length; c++) this.#measure(channels[c]!, c);
    this.#samples += length;
    this.#options.power.pushBlock(block);
    if (this.#samples >= PICTURE_SECONDS * sampleRate) this.#tell((sampleIndex + length) / sampleRate);
  }

  pushFrame(frame: FeatureFrame): void {
    if (!this.#show) return;
    const bands = this.#options.bands.hertz.length;
    this.#options.power.pushFrame(frame);
    if (this.#held.length === HELD_FRAMES) this.#spare.push(this.#held.shift()!);
    const held = this.#spare.pop() ?? { frame: 0, decibels: new Float32Array(bands) };
    held.frame = frame.frame;
    held.decibels.set(frame.values.subarray(0, bands)); // the first row: W, or the first capsule
    this.#held.push(held);
  }

  pushScores({ frames, activity }: Scores): void {
    if (!this.#show) return;
    const { labels } = this.#options;
    const newest = labels.map((label, c) => [label, activity[(frames - 1) * labels.length + c]!] as const);
    const highest = newest.sort(([, a], [, b]) => b - a).slice(0, SCORES);
    this.#scores = Object.fromEntries(highest.map(([label, score]) => [label, Math.round(100 * score) / 100]));
  }

  #begin(): void {
    this.#spare.push(...this.#held);
    this.#held = [];
    this.#squares.fill(0);
    this.#peaks.fill(0);
    this.#samples = 0;
    this.#scores = undefined;
    this.#options.power.take();
  }

  #measure(channel: Float32Array, c: number): void {
    let [sum, peak] = [0, this.#peaks[c]!];
    for (let i = 0; i < channel.length; i++) {
      const value = Math.abs(channel[i]!);
      sum += value * value;
      if (value > peak) peak = value;
    }
    this.#squares[c]! += sum;
    this.#peaks[c] = peak;
  }

  #tell(streamSeconds: number): void {
    const decibels = this.#options.power.take();
    const picture: LivePicture = {
      streamSeconds,
      levelsDbfs: [...this.#squares].map((sum) => tenth(10 * Math.log10(sum / this.#samples))),
      peaksDbfs: [...this.#peaks].map((peak) => tenth(20 * Math.log10(peak))),
      map: decibels && { azimuths: [...AZIMUTHS], elevations: [...ELEVATIONS], decibels },
      spectrogram: this.#spectrogram(),
      ...(this.#scores && { scores: this.#scores }),
    };
    this.#squares.fill(0);
    this.#peaks.fill(0);
    this.#samples = 0;
    this.#show?.(picture);
  }

  /** The oldest columns that privacy has decided about; what must not be shown is left out, so that null is a gap in time. */
  #spectrogram(): LivePicture['spectrogram'] {
    const { frameSeconds, bands } = this.#options;
    const columns: number[][] = [];
    let endSeconds = 0;
    for (let taken = 0; taken < COLUMNS && this.#held.length >= FRAMES_PER_COLUMN; taken++) {
      const from = (this.#held[0]!.frame - 1) * frameSeconds; // a frame hears a hop before and behind its centre
      const to = (this.#held[FRAMES_PER_COLUMN - 1]!.frame + 1) * frameSeconds;
      const mayShow = this.#options.mayShow ? this.#options.mayShow(Math.max(0, from), to) : true;
      if (mayShow === undefined) break;
      const frames = this.#held.splice(0, FRAMES_PER_COLUMN);
      if (mayShow) {
        columns.push(bands.fullScaleDb.map((fullScale, b) => whole(mean(frames, b) - fullScale)));
        endSeconds = to;
      } else if (columns.length > 0) taken = COLUMNS; // columns of a picture follow each other in time
      this.#spare.push(...frames);
    }
    if (columns.length === 0) return null;
    return {
      ...{ endSeconds, frameSeconds: FRAMES_PER_COLUMN * frameSeconds },
      ...{ hertz: bands.hertz.map(Math.round), decibels: columns },
    };
  }
}

function mean(frames: readonly HeldFrame[], band: number): number {
  return frames.reduce((sum, { decibels }) => sum + decibels[band]!, 0) / frames.length;
}

function whole(decibels: number): number {
  return Math.max(LOWEST_DB, Math.round(decibels)) + 0;
}

function tenth(decibels: number): number {
  return Math.max(LOWEST_DB, Math.round(10 * decibels) / 10) + 0;
}
