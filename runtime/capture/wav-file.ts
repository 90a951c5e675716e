// A recording as a source of sound: at real speed as from a microphone, or as fast as it is taken.
import { setTimeout as sleep } from 'node:timers/promises';
import { openRecording, type RecordingReader } from './recording.ts';
import { Resampler } from './resample.ts';
import type { AudioSource, BlockHandler } from './source.ts';
import { checkRecording } from './wav-reader.ts';

export interface WavFileOptions {
  readonly path: string;
  /** True: each block comes when a microphone would have delivered it. False: as soon as the last one has been taken. */
  readonly paced: boolean;
  /** Convert to this rate in Hz; by default the recording's own, which must be 48 or 24 kHz. */
  readonly resampleTo?: number;
  /** Samples per channel read at a time; by default 20 ms. Converted blocks vary by a sample. */
  readonly blockFrames?: number;
  /** Take what is there of a recording that has been cut short. Default false. */
  readonly allowTruncated?: boolean;
}

const DEFAULT_BLOCK_SECONDS = 0.02;

/**
 * Opens a four-channel recording as a source; stop() closes it, also when it was never started.
 * @throws WavError when it cannot be read, or has channels or a rate that are not supported
 */
export async function openWavFile(options: WavFileOptions): Promise<AudioSource> {
  const wav = await openRecording(options.path, { allowTruncated: options.allowTruncated });
  try {
    checkRecording(wav, options.resampleTo !== undefined);
    return new WavFile(wav, options);
  } catch (error) {
    await wav.close();
    throw error;
  }
}

class WavFile implements AudioSource {
  readonly sampleRate: number;
  readonly channels: number;
  readonly totalSamples: number;
  readonly #wav: RecordingReader;
  readonly #paced: boolean;
  readonly #resampler: Resampler | undefined;
  readonly #input: Float32Array[];
  readonly #output: Float32Array[];
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #closed = false;
  #sampleIndex = 0;
  /** The same instant on the wall and on the monotonic clock. */
  #startWallMs = 0;
  #startMs = 0;

  constructor(wav: RecordingReader, { paced, resampleTo = wav.sampleRate, blockFrames }: WavFileOptions) {
    this.#wav = wav;
    this.#paced = paced;
    this.sampleRate = resampleTo;
    this.channels = wav.channels;
    this.totalSamples = Math.ceil((wav.frames * resampleTo) / wav.sampleRate);
    const frames = blockFrames ?? Math.round(wav.sampleRate * DEFAULT_BLOCK_SECONDS);
    this.#input = planes(wav.channels, frames);
    this.#output = this.#input;
    if (resampleTo !== wav.sampleRate) {
      this.#resampler = new Resampler({ channels: wav.channels, inputRate: wav.sampleRate, outputRate: resampleTo });
      this.#output = planes(wav.channels, this.#resampler.capacityFor(frames));
    }
  }

  start(onBlock: BlockHandler): Promise<void> {
    if (this.#running) throw new Error('a WavFile plays once: open it again');
    this.#running = this.#play(onBlock).finally(() => this.#close());
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled([this.#running]); // a failure is told to the caller of start()
    await this.#close();
  }

  async #play(onBlock: BlockHandler): Promise<void> {
    this.#startWallMs = Date.now();
    this.#startMs = performance.now();
    while (!this.#stopping.signal.aborted) {
      const read = await this.#wav.read(this.#input);
      const made = this.#convert(read);
      if (made > 0) await this.#deliver(made, onBlock);
      if (read === 0) return;
    }
  }

  /** @returns samples per channel now in the output arrays */
  #convert(read: number): number {
    if (!this.#resampler) return read;
    if (read === 0) return this.#resampler.flush(this.#output);
    return this.#resampler.process(shortened(this.#input, read), this.#output);
  }

  async #deliver(count: number, onBlock: BlockHandler): Promise<void> {
    const { sampleRate } = this;
    const sampleIndex = this.#sampleIndex;
    this.#sampleIndex += count;
    if (this.#paced) await this.#waitUntil(this.#startMs + (1000 * this.#sampleIndex) / sampleRate);
    if (this.#stopping.signal.aborted) return;
    const wallTimeMs = this.#startWallMs + (1000 * sampleIndex) / sampleRate;
    await onBlock({ channels: shortened(this.#output, count), sampleRate, sampleIndex, wallTimeMs, discontinuity: 0 });
  }

  /** Each block's time is counted from the start, so that late timers do not add up; Node's timers may also fire early. */
  async #waitUntil(dueMs: number): Promise<void> {
    const { signal } = this.#stopping;
    for (let wait = dueMs - performance.now(); wait > 0 && !signal.aborted; wait = dueMs - performance.now())
      await sleep(wait, undefined, { signal }).catch((error: unknown) => {
        if (!signal.aborted) throw error; // stop() ends the wait
      });
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#wav.close();
  }
}

function planes(channels: number, frames: number): Float32Array[] {
  return Array.from({ length: channels }, () => new Float32Array(frames));
}

function shortened(arrays: Float32Array[], length: number): Float32Array[] {
  return arrays[0]!.length === length ? arrays : arrays.map((array) => array.subarray(0, length));
}
