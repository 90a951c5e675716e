// Blocks of a live source on their way to a taker that may be slow: a ring of blocks made once; what does not fit is not taken in.
import type { AudioBlock } from '../signals.ts';
import type { BlockHandler } from './source.ts';

/** A block whose memory is used again when its taker is done with it. */
export class BlockSlot implements AudioBlock {
  readonly sampleRate: number;
  sampleIndex = 0;
  wallTimeMs = 0;
  discontinuity = 0;
  channels: readonly Float32Array[];
  /** The whole memory of the channels. */
  readonly memory: readonly Float32Array[];
  /** Channels cut to a length, by length: blocks have few of them. */
  readonly #cut = new Map<number, readonly Float32Array[]>();

  constructor(channels: number, capacity: number, sampleRate: number) {
    this.memory = Array.from({ length: channels }, () => new Float32Array(capacity));
    this.channels = this.memory;
    this.sampleRate = sampleRate;
  }

  /** Says how many samples per channel were written. */
  cutTo(length: number): void {
    let cut = this.#cut.get(length);
    if (!cut) {
      cut = this.memory.map((channel) => channel.subarray(0, length));
      if (this.#cut.size < 8) this.#cut.set(length, cut);
    }
    this.channels = cut;
  }
}

export interface BlockQueueOptions {
  readonly channels: number;
  /** Samples per channel in the longest block. */
  readonly capacity: number;
  readonly sampleRate: number;
  /** Blocks that may wait. */
  readonly blocks: number;
}

export class BlockQueue {
  readonly #slots: readonly BlockSlot[];
  #handler: BlockHandler | undefined;
  #onFailure: ((error: unknown) => void) | undefined;
  /** Slots first .. first + waiting - 1, round the ring, are full; the first of them may be with the taker. */
  #first = 0;
  #waiting = 0;
  #taken = false;
  #closed = false;

  constructor({ channels, capacity, sampleRate, blocks }: BlockQueueOptions) {
    this.#slots = Array.from({ length: blocks }, () => new BlockSlot(channels, capacity, sampleRate));
  }

  /** @param onFailure the handler threw or its promise was rejected; no block comes any more */
  open(handler: BlockHandler, onFailure: (error: unknown) => void): void {
    this.#handler = handler;
    this.#onFailure = onFailure;
  }

  /** Hands out no further block. */
  close(): void {
    this.#closed = true;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** The slot to fill next, then push(); undefined when all are full. */
  get free(): BlockSlot | undefined {
    if (this.#waiting === this.#slots.length) return undefined;
    return this.#slots[(this.#first + this.#waiting) % this.#slots.length];
  }

  /** Hands the slot got from `free` on, now or when those before it are done. */
  push(): void {
    this.#waiting += 1;
    this.#handOut();
  }

  #handOut(): void {
    while (!this.#taken && !this.#closed && this.#waiting > 0) {
      this.#taken = true;
      try {
        const done = this.#handler!(this.#slots[this.#first]!);
        if (done) {
          done.then(this.#goOn, this.#fail);
          return;
        }
        this.#release();
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  readonly #goOn = (): void => {
    this.#release();
    this.#handOut();
  };

  readonly #fail = (error: unknown): void => {
    this.#closed = true;
    this.#onFailure?.(error);
  };

  #release(): void {
    this.#taken = false;
    this.#first = (this.#first + 1) % this.#slots.length;
    this.#waiting -= 1;
  }
}
