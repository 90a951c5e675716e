// Breaks of a live stream: each counted by its kind, timed, and the newest kept to be looked at.

/** Why sound is missing: what arecord said, what we noticed, or that whoever takes the blocks was too slow. */
export const DISCONTINUITY_KINDS = [
  'overrun',
  'lost',
  'short-read',
  'stalled',
  'ended',
  'unplugged',
  'busy',
  'refused',
  'no-such-device',
  'wrong-rate',
  'moved',
  'slow-taker',
] as const;
export type DiscontinuityKind = (typeof DISCONTINUITY_KINDS)[number];

export interface Discontinuity {
  readonly kind: DiscontinuityKind;
  /** Unix time in milliseconds. */
  readonly timeMs: number;
  /** Position in the stream handed out: the sample after the gap. */
  readonly sampleIndex: number;
  /** Samples per channel, at the rate handed out, that never come. */
  readonly lostSamples: number;
  readonly message: string;
}

const KEPT = 64;

export class Discontinuities {
  readonly #counts = new Map<DiscontinuityKind, number>();
  readonly #recent: Discontinuity[] = [];
  readonly #onEach: ((discontinuity: Discontinuity) => void) | undefined;
  #lostSamples = 0;

  constructor(onEach?: (discontinuity: Discontinuity) => void) {
    this.#onEach = onEach;
  }

  record(kind: DiscontinuityKind, sampleIndex: number, lostSamples: number, message: string): void {
    const discontinuity = { kind, timeMs: Date.now(), sampleIndex, lostSamples, message };
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    this.#lostSamples += lostSamples;
    this.#recent.push(discontinuity);
    if (this.#recent.length > KEPT) this.#recent.shift();
    this.#onEach?.(discontinuity);
  }

  get counts(): Readonly<Partial<Record<DiscontinuityKind, number>>> {
    return Object.fromEntries(this.#counts);
  }

  /** The newest, oldest first. */
  get recent(): readonly Discontinuity[] {
    return [...this.#recent];
  }

  get lostSamples(): number {
    return this.#lostSamples;
  }
}
