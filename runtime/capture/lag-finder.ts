// How much later one channel hears than another: cross-correlation of a short piece, sharpened by taking differences.

const LONGEST_LAG = 96;
/** Of several peaks nearly as high the one nearest to no lag counts: a tone has one per period. */
const NEARLY = 0.93;

/** Works on pieces of one length; all memory is taken when it is made. */
export class LagFinder {
  readonly #length: number;
  readonly #a: Float64Array;
  readonly #b: Float64Array;
  readonly #peaks = new Float64Array(2 * LONGEST_LAG + 1);
  /** Samples by which b is later than a; its sign of correlation is in `correlation`. */
  lag = 0;
  /** Normalised, -1..1. */
  correlation = 0;

  /** @param length samples of a piece, more than twice the longest lag of 96 */
  constructor(length: number) {
    this.#length = length;
    this.#a = new Float64Array(length);
    this.#b = new Float64Array(length);
  }

  find(a: Float32Array, b: Float32Array): void {
    const powers = difference(a, this.#a) * difference(b, this.#b);
    this.lag = 0;
    this.correlation = 0;
    if (powers <= 1e-24) return;
    const scale = 1 / Math.sqrt(powers);
    let best = 0;
    for (let lag = -LONGEST_LAG; lag <= LONGEST_LAG; lag += 1) {
      const value = this.#correlate(lag) * scale;
      this.#peaks[lag + LONGEST_LAG] = value;
      best = Math.max(best, Math.abs(value));
    }
    for (let k = 0; k <= 2 * LONGEST_LAG; k += 1) {
      const lag = k % 2 === 0 ? -k / 2 : (k + 1) / 2;
      const value = this.#peaks[lag + LONGEST_LAG]!;
      if (Math.abs(value) < NEARLY * best || !this.#isPeak(lag)) continue;
      this.lag = lag;
      this.correlation = value;
      return;
    }
  }

  /** The lag between samples, by a parabola through the peak and its neighbours. */
  get fineLag(): number {
    const at = this.lag + LONGEST_LAG;
    const [left, middle, right] = [this.#peaks[at - 1], this.#peaks[at]!, this.#peaks[at + 1]];
    if (left === undefined || right === undefined) return this.lag;
    const bend = left - 2 * middle + right;
    return bend === 0 ? this.lag : this.lag + Math.max(-0.5, Math.min(0.5, (0.5 * (left - right)) / bend));
  }

  #isPeak(lag: number): boolean {
    const at = lag + LONGEST_LAG;
    const value = Math.abs(this.#peaks[at]!);
    return value >= Math.abs(this.#peaks[at - 1] ?? 0) && value >= Math.abs(this.#peaks[at + 1] ?? 0);
  }

  #correlate(lag: number): number {
    let sum = 0;
    const from = Math.max(0, -lag);
    const to = Math.min(this.#length, this.#length - lag);
    for (let i = from; i < to; i += 1) sum += this.#a[i]! * this.#b[i + lag]!;
    return sum;
  }
}

/** @returns power of the difference */
function difference(samples: Float32Array, out: Float64Array): number {
  let power = 0;
  let before = samples[0]!;
  for (let i = 0; i < out.length; i += 1) {
    const v = samples[i]!;
    out[i] = v - before;
    before = v;
    power += out[i]! * out[i]!;
  }
  return power;
}
