// What the runtime knows of its own health: levels per channel, losses, and the time each stage takes.
import type { AudioBlock } from './signals.ts';

const FLOOR_DBFS = -120;

export const STAGES = ['features', 'inference', 'tracking', 'uplink'] as const;
export type Stage = (typeof STAGES)[number];

/** Figures of a running pipeline. */
export interface PipelineFigures {
  /** Sound heard so far. */
  readonly streamSeconds: number;
  /** Time since the start. */
  readonly wallSeconds: number;
  /** Time each stage computed, as a share of the sound heard. */
  readonly stages: Readonly<Record<Stage, number>>;
  /** Time of the inference engine per window. */
  readonly inference: {
    readonly windows: number;
    /** Left out because the network was too slow, and label frames that no window saw for it. */
    readonly droppedWindows: number;
    readonly unheardFrames: number;
    /** Feature frames between two windows now. */
    readonly hopFrames: number;
    readonly medianMs: number | null;
    readonly p95Ms: number | null;
  };
  readonly lostSamples: number;
  readonly discontinuities: number;
}

/** Sums up blocks as they come. */
export class InputMeter {
  #sampleRate = 1;
  #samples = 0;
  #lostSamples = 0;
  #discontinuities = 0;
  #squares: number[] = [];
  #squared = 0;

  add({ channels, sampleRate, sampleIndex, discontinuity }: AudioBlock): void {
    const length = channels[0]!.length;
    this.#sampleRate = sampleRate;
    this.#samples = sampleIndex + length;
    this.#lostSamples += Math.max(0, discontinuity);
    if (discontinuity !== 0) this.#discontinuities += 1;
    if (this.#squares.length !== channels.length) this.#squares = channels.map(() => 0);
    for (const [c, channel] of channels.entries()) {
      let sum = 0;
      for (let i = 0; i < length; i += 1) sum += channel[i]! * channel[i]!;
      this.#squares[c]! += sum;
    }
    this.#squared += length;
  }

  get streamSeconds(): number {
    return this.#samples / this.#sampleRate;
  }

  get losses(): { lostSamples: number; discontinuities: number } {
    return { lostSamples: this.#lostSamples, discontinuities: this.#discontinuities };
  }

  /** Root mean square per channel in dB of full scale since the last call. */
  takeLevels(): number[] {
    const samples = Math.max(1, this.#squared);
    const levels = this.#squares.map((sum) => Math.max(FLOOR_DBFS, 10 * Math.log10(sum / samples)));
    this.#squares = this.#squares.map(() => 0);
    this.#squared = 0;
    return levels;
  }
}

/** The value that a share p of the values does not exceed; null without values. */
export function quantile(values: readonly number[], p: number): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(p * sorted.length) - 1)]!;
}
