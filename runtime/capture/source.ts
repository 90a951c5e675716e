// Where sound comes from: a recording now, a microphone on the device, the same to all that follows.
import type { AudioBlock } from '../signals.ts';

/**
 * Takes a block; the block's arrays are valid until it returns or, when it returns a promise, until that is settled.
 * A recording waits for the promise. A live source cannot wait: while the promise is open it keeps what arrives in a bounded
 * queue, drops what does not fit, and counts it in the `discontinuity` of the next block.
 */
export type BlockHandler = (block: AudioBlock) => void | Promise<void>;

export interface AudioSource {
  /** Hz of the blocks handed out. */
  readonly sampleRate: number;
  readonly channels: number;
  /** Samples per channel that will come in all; Infinity for a live source. */
  readonly totalSamples: number;
  /**
   * Hands out blocks in order, one at a time, until the sound ends or stop() is called; may be called once.
   * Resolves then; rejects when the source fails (file broken, microphone unplugged) or the handler does.
   */
  start(onBlock: BlockHandler): Promise<void>;
  /**
   * Ends the stream and gives back what the source holds (file, child process). Resolves when no further block will come:
   * a handler that wants to stop calls it without waiting for it. Harmless when nothing runs.
   */
  stop(): Promise<void>;
}
