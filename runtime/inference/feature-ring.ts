// The last frames of features, scaled, in a ring laid out as the network reads them.
import type { Manifest } from '../../models/manifest.ts';

interface FeatureRingOptions {
  readonly scaler: Manifest['scaler'];
  readonly bands: number;
  /** Frames it holds: the longest window. */
  readonly frames: number;
}

/** Holds up to `frames` frames; the oldest goes when a new one comes. */
export class FeatureRing {
  readonly #bands: number;
  readonly #capacity: number;
  readonly #channels: number;
  /** (channels, capacity, bands) */
  readonly #ring: Float32Array;
  readonly #mean: Float32Array;
  readonly #gain: Float32Array;
  #next = 0;
  #length = 0;

  constructor({ scaler, bands, frames }: FeatureRingOptions) {
    this.#bands = bands;
    this.#capacity = frames;
    this.#channels = scaler.mean.length;
    this.#ring = new Float32Array(this.#channels * frames * bands);
    this.#mean = Float32Array.from(scaler.mean.flat());
    this.#gain = Float32Array.from(scaler.std.flat(), (deviation) => 1 / deviation);
  }

  /** Frames held. */
  get length(): number {
    return this.#length;
  }

  /** Takes a frame of unscaled values, (channels, bands). */
  push(values: Float32Array): void {
    for (let channel = 0; channel < this.#channels; channel += 1) {
      const from = channel * this.#bands;
      const to = (channel * this.#capacity + this.#next) * this.#bands;
      for (let band = 0; band < this.#bands; band += 1) {
        const i = from + band;
        this.#ring[to + band] = (values[i]! - this.#mean[i]!) * this.#gain[i]!;
      }
    }
    this.#advance();
  }

  /** Takes a frame of the training data's mean: nothing the network could take for a sound. */
  pushMean(): void {
    for (let channel = 0; channel < this.#channels; channel += 1) {
      const to = (channel * this.#capacity + this.#next) * this.#bands;
      this.#ring.fill(0, to, to + this.#bands);
    }
    this.#advance();
  }

  clear(): void {
    this.#length = 0;
  }

  /** Memory for the longest window. */
  allocate(): Float32Array<ArrayBuffer> {
    return new Float32Array(this.#ring.length);
  }

  /** Writes the frames held, oldest first, as (channels, length, bands) to the front of `out`. */
  copyInto(out: Float32Array): void {
    const first = (this.#next - this.#length + this.#capacity) % this.#capacity;
    const head = Math.min(this.#length, this.#capacity - first);
    for (let channel = 0; channel < this.#channels; channel += 1) {
      const base = channel * this.#capacity;
      const to = channel * this.#length;
      out.set(this.#frames(base + first, head), to * this.#bands);
      out.set(this.#frames(base, this.#length - head), (to + head) * this.#bands);
    }
  }

  #frames(from: number, count: number): Float32Array {
    return this.#ring.subarray(from * this.#bands, (from + count) * this.#bands);
  }

  #advance(): void {
    this.#next = (this.#next + 1) % this.#capacity;
    this.#length = Math.min(this.#length + 1, this.#capacity);
  }
}
