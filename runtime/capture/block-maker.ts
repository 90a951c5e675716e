// Bytes of a sound card become blocks: cut into pieces of equal length, taken apart, converted, brought to the model's rate.
import type { SampleFormat } from '../../boards/microphones.ts';
import type { BlockQueue } from './block-queue.ts';
import type { ChannelMixer } from './channel-mixer.ts';
import { Resampler } from './resample.ts';
import { BYTES_PER_SAMPLE, type Deinterleave, deinterleaver } from './sample-bytes.ts';

export interface BlockMakerOptions {
  /** Channels and rate of the card. */
  readonly channels: number;
  readonly rate: number;
  readonly outputRate: number;
  /** Samples per channel of the card in a block. */
  readonly blockFrames: number;
  readonly mixer: ChannelMixer;
  readonly queue: BlockQueue;
  /** Monotonic time in milliseconds of a position in the stream. */
  readonly timeOf: (position: number) => number;
  /** The card's channels that are used, before conversion; valid during the call. */
  readonly onRaw?: (channels: readonly Float32Array[], frames: number) => void;
  /** Samples per channel that did not fit into the queue, told when it takes blocks again. */
  readonly onDropped: (lost: number) => void;
}

/** Samples per channel of the longest block that comes out. */
export function longestOutput({
  rate,
  outputRate,
  blockFrames,
}: Pick<BlockMakerOptions, 'rate' | 'outputRate' | 'blockFrames'>) {
  return Math.ceil((blockFrames * outputRate) / rate) + 200; // what the resampler held back comes with a stream's end
}

/** Counts every sample of the stream, lost ones included; allocates nothing per block. */
export class BlockMaker {
  readonly #options: BlockMakerOptions;
  readonly #inputs: readonly Float32Array[];
  readonly #mixed: readonly Float32Array[];
  #format: SampleFormat | undefined;
  #frameBytes = 1;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #filled = 0;
  #deinterleave: Deinterleave | undefined;
  #resampler: Resampler | undefined;
  /** Position of the first sample in #bytes, at the card's rate. */
  #position = 0;
  /** Where the resampler's output began, at the rate handed out, and how much of it has come. */
  #outputBase = 0;
  #outputs = 0;
  /** Where the block handed out next should begin. */
  #expected = 0;
  #dropped = 0;

  constructor(options: BlockMakerOptions) {
    this.#options = options;
    const { mixer, blockFrames } = options;
    this.#inputs = mixer.inputs.map(() => new Float32Array(blockFrames));
    this.#mixed = Array.from({ length: mixer.outputs }, () => new Float32Array(blockFrames));
    this.#beginOutput();
  }

  /** The bytes that come next are samples of this format; what was left of a frame is forgotten. */
  begin(format: SampleFormat): void {
    this.#filled = 0;
    if (format === this.#format) return;
    const { channels, blockFrames, mixer } = this.#options;
    this.#format = format;
    this.#frameBytes = BYTES_PER_SAMPLE[format] * channels;
    this.#bytes = new Uint8Array(blockFrames * this.#frameBytes);
    this.#deinterleave = deinterleaver(this.#bytes, format, channels, mixer.inputs);
  }

  get frameBytes(): number {
    return this.#frameBytes;
  }

  /** Samples per channel received and lost since the beginning, at the card's rate. */
  get position(): number {
    return this.#position + Math.floor(this.#filled / this.#frameBytes);
  }

  /** Position of the block that comes next, at the rate handed out. */
  get sampleIndex(): number {
    return Math.round((this.position * this.#options.outputRate) / this.#options.rate);
  }

  push(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      const count = Math.min(bytes.length - from, this.#bytes.length - this.#filled);
      this.#bytes.set(from === 0 && count === bytes.length ? bytes : bytes.subarray(from, from + count), this.#filled);
      this.#filled += count;
      from += count;
      if (this.#filled === this.#bytes.length) this.#make(this.#options.blockFrames);
    }
  }

  /**
   * Hands out what is there as a shorter block: the stream breaks here.
   * @returns bytes that were no whole frame
   */
  finish(): number {
    const frames = Math.floor(this.#filled / this.#frameBytes);
    const left = this.#filled - frames * this.#frameBytes;
    if (frames > 0) this.#make(frames);
    this.#filled = 0;
    return left;
  }

  /** Samples per channel at the card's rate will never come; the next block says so. */
  skip(lost: number): void {
    if (lost <= 0) return;
    this.finish();
    this.#position += lost;
    this.#options.mixer.reset();
    this.#beginOutput();
  }

  #beginOutput(): void {
    const { rate, outputRate, mixer } = this.#options;
    this.#outputBase = Math.round((this.#position * outputRate) / rate);
    this.#outputs = 0;
    if (rate !== outputRate) this.#resampler = new Resampler({ channels: mixer.outputs, inputRate: rate, outputRate });
  }

  #make(frames: number): void {
    const { mixer, onRaw, queue } = this.#options;
    this.#deinterleave!(frames, this.#inputs);
    onRaw?.(this.#inputs, frames);
    const slot = queue.free;
    if (slot) {
      const direct = !this.#resampler;
      mixer.mix(this.#inputs, frames, direct ? slot.memory : this.#mixed);
      const made = direct ? frames : this.#resampler!.process(this.#cut(frames), slot.memory);
      this.#send(slot, frames, made);
    } else {
      this.#dropped += frames;
      this.#position += frames;
    }
    this.#filled = 0;
  }

  #send(slot: NonNullable<BlockQueue['free']>, frames: number, made: number): void {
    const { rate, outputRate, queue, timeOf, onDropped } = this.#options;
    const dropped = this.#dropped;
    if (dropped > 0) {
      // A resampler that heard nothing of what was dropped goes on where it was: its place in the stream is another one now.
      this.#outputBase += Math.round((dropped * outputRate) / rate);
      this.#dropped = 0;
      onDropped(Math.round((dropped * outputRate) / rate));
    }
    const from = this.#outputBase + this.#outputs;
    this.#outputs += made;
    this.#position += frames;
    if (made === 0) return;
    slot.cutTo(made);
    slot.sampleIndex = from;
    slot.discontinuity = from - this.#expected;
    slot.wallTimeMs = Date.now() - performance.now() + timeOf((from * rate) / outputRate);
    this.#expected = from + made;
    queue.push();
  }

  #cut(frames: number): readonly Float32Array[] {
    if (frames === this.#options.blockFrames) return this.#mixed;
    return this.#mixed.map((channel) => channel.subarray(0, frames));
  }
}
