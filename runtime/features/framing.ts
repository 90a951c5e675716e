// Cuts a stream of audio blocks into overlapping windows, whatever the blocks' lengths, and bridges lost samples.
import type { AudioBlock } from '../signals.ts';
import type { HeapArray } from './fft.ts';

/** Blocks up to this many samples per channel are taken in with one copy; longer ones in several. */
const STAGED_SAMPLES = 16_384;

export interface FramingOptions {
  readonly channels: number;
  readonly windowLength: number;
  readonly hopLength: number;
  /** Where the staged samples are kept. */
  allocate(length: number): HeapArray;
}

/**
 * Called for each window.
 * @param start index of the window's first sample in each of the staged channels
 * @param frame its number: it is centred on sample frame * hopLength
 * @param discontinuity true when samples were lost or repeated inside it
 */
export type OnWindow = (start: number, frame: number, discontinuity: boolean) => void;

/**
 * Frame k is centred on sample k * hopLength; before the stream's start and after its end lies silence (zeros).
 * Lost samples count as zeros. Frames that they touch are flagged; frames that lie wholly inside the loss are left out
 * (their numbers are skipped), so a long loss costs no more than a short one. A stream that begins at a sample index
 * above 0 has lost what came before. Repeated samples are dropped, and the frames across the seam are flagged.
 */
export class Framing {
  /** Per channel the samples from #base on, #held of them; windows are cut from here. */
  readonly staged: readonly HeapArray[];
  readonly #options: FramingOptions;
  readonly #onWindow: OnWindow;
  readonly #capacity: number;
  /** Stream index of the first staged sample; starts in the silence before the stream. */
  #base: number;
  #held: number;
  #frame = 0;
  /** Where the latest break begins and ends; a seam without loss has both equal. */
  #breakStart = Number.NEGATIVE_INFINITY;
  #breakEnd = Number.NEGATIVE_INFINITY;
  #ended = false;

  constructor(options: FramingOptions, onWindow: OnWindow) {
    const { channels, windowLength, allocate } = options;
    this.#options = options;
    this.#onWindow = onWindow;
    this.#capacity = 2 * windowLength + STAGED_SAMPLES;
    this.staged = Array.from({ length: channels }, () => allocate(this.#capacity));
    this.#held = windowLength / 2;
    this.#base = -this.#held;
  }

  /** Samples of the stream so far, lost ones included. */
  get samples(): number {
    return this.#base + this.#held;
  }

  push(block: AudioBlock): void {
    if (this.#ended) throw new Error('The stream has ended: make a new extractor for the next one');
    const length = block.channels[0]!.length;
    const ahead = block.sampleIndex - this.samples;
    if (ahead !== 0 || block.discontinuity !== 0) this.#break(Math.max(0, ahead));
    for (let from = Math.max(0, -ahead); from < length; from += STAGED_SAMPLES)
      this.#take(block.channels, from, Math.min(STAGED_SAMPLES, length - from));
  }

  /** Ends the stream with silence: floor(samples / hopLength) frames came in all, less those lost. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const frames = Math.floor(this.samples / this.#options.hopLength);
    this.#silence(this.#options.windowLength / 2);
    this.#cut(frames);
  }

  #take(channels: readonly Float32Array[], from: number, count: number): void {
    this.#makeRoom(count);
    for (let c = 0; c < this.staged.length; c++) copy(this.staged[c]!.values, this.#held, channels[c]!, from, count);
    this.#held += count;
    this.#cut(Number.POSITIVE_INFINITY);
  }

  #silence(count: number): void {
    this.#makeRoom(count);
    for (const { values } of this.staged) values.fill(0, this.#held, this.#held + count);
    this.#held += count;
  }

  #break(lost: number): void {
    const { windowLength, hopLength } = this.#options;
    this.#breakStart = this.samples;
    this.#breakEnd = this.#breakStart + lost;
    // After a window's length of zeros every frame that holds a sample from before the loss is complete.
    this.#silence(Math.min(lost, windowLength));
    this.#cut(Number.POSITIVE_INFINITY);
    if (this.samples === this.#breakEnd) return;
    this.#frame = Math.floor((this.#breakEnd - windowLength / 2) / hopLength) + 1;
    this.#base = this.#frame * hopLength - windowLength / 2;
    this.#held = 0;
    this.#silence(this.#breakEnd - this.#base);
  }

  /** Hands out the windows that are complete, below frame `end`. */
  #cut(end: number): void {
    const { windowLength, hopLength } = this.#options;
    for (; this.#frame < end; this.#frame++) {
      const first = this.#frame * hopLength - windowLength / 2;
      const last = first + windowLength;
      if (last > this.samples) return;
      const touched = first < this.#breakEnd && last > this.#breakStart;
      const lost = first >= this.#breakStart && last <= this.#breakEnd;
      if (!lost) this.#onWindow(first - this.#base, this.#frame, touched);
    }
  }

  /**
   * When `count` more samples do not fit, moves what the next window needs (less than a window's length) to the front:
   * room for STAGED_SAMPLES or a window's length of silence follows it.
   */
  #makeRoom(count: number): void {
    if (this.#held + count <= this.#capacity) return;
    const { windowLength, hopLength } = this.#options;
    const done = this.#frame * hopLength - windowLength / 2 - this.#base;
    for (const { values } of this.staged) values.copyWithin(0, done, this.#held);
    this.#base += done;
    this.#held -= done;
  }
}

/** A whole array is copied at once; of a part no view is made, as that would be an allocation per hop. */
function copy(target: Float32Array, at: number, source: Float32Array, from: number, count: number): void {
  if (count === source.length) target.set(source, at);
  else for (let i = 0; i < count; i++) target[at + i] = source[from + i]!;
}
