// The latest sound of the stream as whole numbers, interleaved as a WAV file holds them: what lets a clip begin before its cause.
import type { AudioBlock } from '../signals.ts';

export type SampleBits = 16 | 24;

/** A stretch of stored samples that follow each other in the stream. */
interface Run {
  /** Number of its first sample, counted over all that were ever stored. */
  readonly stored: number;
  /** Index of that sample in the stream. */
  readonly position: number;
}

export interface SampleRingOptions {
  readonly channels: number;
  readonly bits: SampleBits;
  /** Samples per channel it holds. */
  readonly capacity: number;
}

/**
 * Holds the latest samples in memory of fixed size; push() allocates nothing while the stream has no breaks. Samples that
 * were lost have no place in it: stored samples are counted apart from the stream's index, and runs join the two.
 */
export class SampleRing {
  readonly bytesPerFrame: number;
  readonly capacity: number;
  readonly #channels: number;
  readonly #bits: SampleBits;
  readonly #bytes: Uint8Array;
  readonly #words: Int16Array;
  #runs: Run[] = [];
  #stored = 0;
  #end = 0;

  constructor({ channels, bits, capacity }: SampleRingOptions) {
    this.#channels = channels;
    this.#bits = bits;
    this.capacity = capacity;
    this.bytesPerFrame = (channels * bits) / 8;
    this.#bytes = new Uint8Array(2 * Math.ceil((capacity * this.bytesPerFrame) / 2));
    this.#words = new Int16Array(this.#bytes.buffer);
  }

  /** Samples ever stored; the next has this number. */
  get stored(): number {
    return this.#stored;
  }

  /** Number of the oldest sample still held. */
  get oldest(): number {
    return Math.max(0, this.#stored - this.capacity);
  }

  /** Index in the stream that the next sample would have. */
  get end(): number {
    return this.#end;
  }

  /** Forgets all: another stream begins. */
  clear(): void {
    this.#runs = [];
    this.#stored = 0;
    this.#end = 0;
  }

  push({ channels, sampleIndex }: AudioBlock): void {
    const length = channels[0]!.length;
    if (this.#runs.length === 0 || sampleIndex !== this.#end)
      this.#runs.push({ stored: this.#stored, position: sampleIndex });
    for (let from = Math.max(0, length - this.capacity); from < length; ) {
      const at = (this.#stored + from) % this.capacity;
      const count = Math.min(length - from, this.capacity - at);
      for (let c = 0; c < this.#channels; c++) this.#write(channels[c]!, c, from, at, count);
      from += count;
    }
    this.#stored += length;
    this.#end = sampleIndex + length;
    while (this.#runs.length > 1 && this.#runs[1]!.stored <= this.oldest) this.#runs.shift();
  }

  /** Number of the first held sample at or after an index of the stream; `stored` when it has not come yet. */
  placeOf(position: number): number {
    for (let r = this.#runs.length - 1; r >= 0; r--) {
      const { stored, position: start } = this.#runs[r]!;
      if (start > position) continue;
      const next = this.#runs[r + 1]?.stored ?? this.#stored;
      return Math.max(this.oldest, Math.min(next, stored + position - start));
    }
    return this.oldest;
  }

  /** Index in the stream of a held sample. */
  positionOf(place: number): number {
    const run = this.#runs.findLast(({ stored }) => stored <= place) ?? this.#runs[0];
    return run ? run.position + place - run.stored : this.#end;
  }

  /** Samples from a place on that follow each other in the stream, at most to `limit` places further. */
  contiguousFrom(place: number, limit: number): number {
    const next = this.#runs.find(({ stored }) => stored > place)?.stored ?? this.#stored;
    return Math.max(0, Math.min(next - place, limit));
  }

  /** Copies samples, interleaved and little-endian. @param count must be held from `place` on and fit */
  copy(place: number, count: number, into: Uint8Array): void {
    const bytes = this.bytesPerFrame;
    for (let done = 0; done < count; ) {
      const at = (place + done) % this.capacity;
      const some = Math.min(count - done, this.capacity - at);
      into.set(this.#bytes.subarray(at * bytes, (at + some) * bytes), done * bytes);
      done += some;
    }
  }

  #write(channel: Float32Array, c: number, from: number, at: number, count: number): void {
    if (this.#bits === 16) this.#write16(channel, c, from, at, count);
    else this.#write24(channel, c, from, at, count);
  }

  #write16(channel: Float32Array, c: number, from: number, at: number, count: number): void {
    const words = this.#words;
    const stride = this.#channels;
    for (let i = 0, w = at * stride + c; i < count; i++, w += stride) {
      const value = channel[from + i]! * 32768;
      words[w] = value >= 32767 ? 32767 : value <= -32768 ? -32768 : Math.round(value);
    }
  }

  #write24(channel: Float32Array, c: number, from: number, at: number, count: number): void {
    const bytes = this.#bytes;
    const stride = 3 * this.#channels;
    for (let i = 0, b = at * stride + 3 * c; i < count; i++, b += stride) {
      const value = channel[from + i]! * 8388608;
      const whole = value >= 8388607 ? 8388607 : value <= -8388608 ? -8388608 : Math.round(value);
      bytes[b] = whole;
      bytes[b + 1] = whole >> 8;
      bytes[b + 2] = whole >> 16;
    }
  }
}
