// How loud each channel was, minute by minute, over the last hours: enough to see when a capsule began to fail.

const MINUTES = 240;
const SECONDS = 60;

/** One minute of one channel, dBFS of its seconds. */
export interface LevelMinute {
  readonly lowest: number;
  readonly mean: number;
  readonly highest: number;
}

export class LevelHistory {
  readonly #channels: number;
  /** (minutes, channels, 3), a ring. */
  readonly #minutes: Float32Array;
  readonly #now: Float64Array;
  #seconds = 0;
  #count = 0;

  constructor(channels: number) {
    this.#channels = channels;
    this.#minutes = new Float32Array(MINUTES * channels * 3);
    this.#now = new Float64Array(channels * 3);
  }

  add(channel: number, dbfs: number): void {
    const at = 3 * channel;
    const [now, first] = [this.#now, this.#seconds === 0];
    now[at] = first ? dbfs : Math.min(now[at]!, dbfs);
    now[at + 1] = (first ? 0 : now[at + 1]!) + dbfs;
    now[at + 2] = first ? dbfs : Math.max(now[at + 2]!, dbfs);
  }

  /** All channels of a second have been added. */
  endSecond(): void {
    this.#seconds += 1;
    if (this.#seconds < SECONDS) return;
    const row = (this.#count % MINUTES) * this.#channels * 3;
    for (let i = 0; i < this.#now.length; i += 1)
      this.#minutes[row + i] = i % 3 === 1 ? this.#now[i]! / SECONDS : this.#now[i]!;
    this.#count += 1;
    this.#seconds = 0;
  }

  /** Whole minutes of a channel, oldest first, at most four hours. */
  minutes(channel: number): LevelMinute[] {
    const kept = Math.min(MINUTES, this.#count);
    return Array.from({ length: kept }, (_, i) => {
      const at = (((this.#count - kept + i) % MINUTES) * this.#channels + channel) * 3;
      return { lowest: this.#minutes[at]!, mean: this.#minutes[at + 1]!, highest: this.#minutes[at + 2]! };
    });
  }
}
