// The clock of a live stream: when each sample was taken, how fast the card's clock runs, and samples that vanished in silence.

/** Time over which the earliest arrival is taken as the true one: the others came late for reasons of ours. */
const WINDOW_MS = 2000;
/** Sound that stays late by more than this for a whole window was lost: the kernel's buffer holds less for so long. */
const LOST_MS = 60;
/** A clock further off than this is no clock of the rate asked for. */
const WRONG_RATE = 0.01;
const WRONG_WINDOWS = 3;
/** Drift is told when the look back is long enough for the jitter of a period (about 1 ms) to be a few ppm. */
const SHORTEST_LOOK_MS = 60_000;
const LOOK_STEP_MS = 30_000;
const LOOKS = 60;

/** What a look at the clock found; each is told once. */
export interface ClockFinding {
  /** Samples that are missing although nobody complained. */
  readonly lostSamples: number;
  /** Samples per second that really come, when they are not those asked for. */
  readonly wrongRate: number | undefined;
}

const NOTHING: ClockFinding = { lostSamples: 0, wrongRate: undefined };

/** Maps positions in the stream, in samples at the card's rate, to monotonic time in milliseconds. */
export class StreamClock {
  readonly #rate: number;
  /** Monotonic time of position 0, followed as the card drifts. */
  #originMs: number | undefined;
  #windowEndMs = 0;
  #earliest = Number.POSITIVE_INFINITY;
  #early = 0;
  #wrongWindows = 0;
  #windowStart = { ms: 0, samples: 0 };
  #segmentSamples = 0;
  /** Ring of (time, origin) a step apart, since the stream last broke. */
  readonly #looks = new Float64Array(2 * LOOKS);
  #lookCount = 0;
  #driftPpm: number | null = null;

  constructor(rate: number) {
    this.#rate = rate;
  }

  /** Parts per million by which the card runs fast against this machine; null until it is known. */
  get driftPpm(): number | null {
    return this.#driftPpm;
  }

  /** Monotonic time of a position; undefined before the first sample. */
  timeOf(position: number): number | undefined {
    return this.#originMs === undefined ? undefined : this.#originMs + (1000 * position) / this.#rate;
  }

  /**
   * The first samples of a stream have come.
   * @param position of the last one of the stream before
   * @param count samples that have come
   * @returns samples lost since that position, at least 0
   */
  begin(nowMs: number, position: number, count: number): number {
    const firstMs = nowMs - (1000 * count) / this.#rate;
    const expectedMs = this.timeOf(position);
    const lost = expectedMs === undefined ? 0 : Math.max(0, Math.round(((firstMs - expectedMs) * this.#rate) / 1000));
    this.#originMs = firstMs - (1000 * (position + lost)) / this.#rate;
    this.#windowEndMs = nowMs + WINDOW_MS;
    this.#windowStart = { ms: nowMs, samples: 0 };
    this.#segmentSamples = 0;
    this.#earliest = Number.POSITIVE_INFINITY;
    this.#early = 0;
    this.#wrongWindows = 0;
    this.restartDrift();
    return lost;
  }

  /** Forgets the drift measured so far: positions were guessed over a break. */
  restartDrift(): void {
    this.#lookCount = 0;
  }

  /** @param position after the samples that have come; @param count of them */
  arrived(nowMs: number, position: number, count: number): ClockFinding {
    this.#segmentSamples += count;
    const lateMs = nowMs - this.timeOf(position)!;
    if (lateMs < 0) {
      this.#originMs! += lateMs; // nothing comes before it was heard: the origin was too late
      this.#early -= lateMs;
      this.#earliest = 0;
    } else if (lateMs < this.#earliest) this.#earliest = lateMs;
    return nowMs < this.#windowEndMs ? NOTHING : this.#endWindow(nowMs);
  }

  #endWindow(nowMs: number): ClockFinding {
    const { ms, samples } = this.#windowStart;
    const first = samples === 0; // the first window holds what waited while the stream began
    const lateMs = this.#earliest;
    const elapsedMs = nowMs - ms;
    const offRate = (lateMs > LOST_MS ? -lateMs : this.#early) / elapsedMs;
    const wrong = !first && Math.abs(offRate) > WRONG_RATE;
    const rate = (1000 * (this.#segmentSamples - samples)) / elapsedMs;
    this.#wrongWindows = wrong ? this.#wrongWindows + 1 : 0;
    this.#windowStart = { ms: nowMs, samples: this.#segmentSamples };
    this.#windowEndMs = nowMs + WINDOW_MS;
    this.#earliest = Number.POSITIVE_INFINITY;
    this.#early = 0;
    const wrongRate = this.#wrongWindows >= WRONG_WINDOWS ? rate : undefined;
    if (lateMs > LOST_MS) {
      this.restartDrift();
      return { lostSamples: Math.round((lateMs * this.#rate) / 1000), wrongRate };
    }
    this.#originMs! += lateMs; // a slow card: its samples come later and later
    if (!first) this.#look(nowMs);
    return wrongRate === undefined ? NOTHING : { lostSamples: 0, wrongRate };
  }

  #look(nowMs: number): void {
    const looks = this.#looks;
    const oldest = Math.max(0, this.#lookCount - LOOKS) % LOOKS;
    const newest = (this.#lookCount - 1) % LOOKS;
    if (this.#lookCount > 0) {
      const [thenMs, thenOrigin] = [looks[2 * oldest]!, looks[2 * oldest + 1]!];
      const spanMs = nowMs - thenMs;
      if (spanMs >= SHORTEST_LOOK_MS) this.#driftPpm = (-1e6 * (this.#originMs! - thenOrigin)) / spanMs;
      if (nowMs - looks[2 * newest]! < LOOK_STEP_MS) return;
    }
    const at = this.#lookCount % LOOKS;
    looks[2 * at] = nowMs;
    looks[2 * at + 1] = this.#originMs!;
    this.#lookCount += 1;
  }
}
