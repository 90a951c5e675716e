// Writes 16-bit PCM WAV files a piece at a time; the file has its name only when it is whole.
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';

const HEADER_BYTES = 44;
const PIECE = 16384;

/** What unfinished files end in. */
export const PARTIAL_SUFFIX = '.partial';

export class WavWriter {
  readonly #path: string;
  readonly #file: number;
  readonly #channels: number;
  readonly #sampleRate: number;
  readonly #samples: Int16Array;
  #bytes = 0;

  /** Opens `path`.partial for writing. */
  constructor(path: string, channels: number, sampleRate: number) {
    this.#path = path;
    this.#channels = channels;
    this.#sampleRate = sampleRate;
    this.#samples = new Int16Array(PIECE * channels);
    this.#file = openSync(path + PARTIAL_SUFFIX, 'w');
    writeSync(this.#file, new Uint8Array(HEADER_BYTES));
  }

  /** Appends samples, one array per channel; full scale is -1..1, what exceeds it is clipped. */
  write(channels: readonly Float32Array[]): void {
    const length = channels[0]!.length;
    for (let from = 0; from < length; from += PIECE) {
      const count = Math.min(PIECE, length - from);
      channels.forEach((channel, c) => {
        this.#interleave(channel, c, from, count);
      });
      const bytes = new Uint8Array(this.#samples.buffer, 0, 2 * count * this.#channels);
      this.#bytes += writeSync(this.#file, bytes);
    }
  }

  /** Completes the header and gives the file its name. */
  close(): void {
    writeSync(this.#file, this.#header(), 0, HEADER_BYTES, 0);
    closeSync(this.#file);
    renameSync(this.#path + PARTIAL_SUFFIX, this.#path);
  }

  /** Removes what was written so far. */
  abandon(): void {
    closeSync(this.#file);
    rmSync(this.#path + PARTIAL_SUFFIX);
  }

  #interleave(channel: Float32Array, c: number, from: number, count: number): void {
    const samples = this.#samples;
    const stride = this.#channels;
    for (let i = 0, at = c; i < count; i++, at += stride) {
      const v = channel[from + i]! * 32768;
      samples[at] = v >= 32767 ? 32767 : v <= -32768 ? -32768 : Math.round(v);
    }
  }

  #header(): Buffer {
    const header = Buffer.alloc(HEADER_BYTES);
    const frameBytes = 2 * this.#channels;
    header.write('RIFF', 0, 'latin1');
    header.writeUInt32LE(HEADER_BYTES - 8 + this.#bytes, 4);
    header.write('WAVEfmt ', 8, 'latin1');
    header.writeUInt32LE(16, 16);
    header.writeUInt16LE(1, 20);
    header.writeUInt16LE(this.#channels, 22);
    header.writeUInt32LE(this.#sampleRate, 24);
    header.writeUInt32LE(this.#sampleRate * frameBytes, 28);
    header.writeUInt16LE(frameBytes, 32);
    header.writeUInt16LE(16, 34);
    header.write('data', 36, 'latin1');
    header.writeUInt32LE(this.#bytes, 40);
    return header;
  }
}
