// Reads FLAC recordings as planar float32, a piece of the file at a time. The one door to the FLAC decoder.
import { type FileHandle, open } from 'node:fs/promises';
import { FLACDecoder } from '@wasm-audio-decoders/flac';
import type { RecordingReader } from './recording.ts';

export const FLAC_MAGIC = 'fLaC';

/** Bytes handed to the decoder at once. */
const PIECE_BYTES = 1 << 16;
/** Marker, block header and the STREAMINFO block that must come first (RFC 9639, section 8.2). */
const HEADER_BYTES = 4 + 4 + 34;

/** A FLAC file we cannot use: a mistake the user can mend. */
export class FlacError extends Error {
  override name = 'UserError';
}

/**
 * Opens a FLAC recording of any length; the caller closes it.
 * @throws FlacError when the file holds no FLAC stream or does not say how long it is
 */
export async function openFlac(path: string): Promise<RecordingReader> {
  const file = await open(path, 'r');
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    const { bytesRead } = await file.read(header, 0, HEADER_BYTES, 0);
    if (bytesRead < HEADER_BYTES || header.toString('latin1', 0, 4) !== FLAC_MAGIC)
      throw new FlacError(`${path} is not a whole FLAC file: its header is cut off; copy it again.`);
    const info = streamInfo(header.subarray(8));
    if (info.frames === 0)
      throw new FlacError(
        `${path} does not say how many samples it holds: write it again with a FLAC encoder's file output.`,
      );
    const firstFrame = await firstFrameHeader(file);
    const decoder = new FLACDecoder();
    await decoder.ready;
    return new FlacReader(path, file, decoder, info, firstFrame);
  } catch (error) {
    await file.close();
    throw error;
  }
}

interface StreamInfo {
  readonly sampleRate: number;
  readonly channels: number;
  readonly frames: number;
  readonly bitsPerSample: number;
}

/** After 10 bytes of block and frame sizes: 20 bits rate, 3 bits channels - 1, 5 bits width - 1, 36 bits length. */
function streamInfo(block: Buffer): StreamInfo {
  return {
    sampleRate: block.readUIntBE(10, 3) >> 4,
    channels: ((block[12]! >> 1) & 7) + 1,
    bitsPerSample: (((block[12]! & 1) << 4) | (block[13]! >> 4)) + 1,
    frames: (block[13]! & 15) * 2 ** 32 + block.readUInt32BE(14),
  };
}

const LAST_BLOCK = 0x80;
/** The longest frame header (RFC 9639, section 9.1), and zeros enough for a parser that looks ahead. */
const FRAME_HEADER_BYTES = 16 + 64;

/** The header of the first frame, which follows the metadata blocks. */
async function firstFrameHeader(file: FileHandle): Promise<Uint8Array> {
  const block = Buffer.alloc(4);
  let at = FLAC_MAGIC.length;
  do {
    const { bytesRead } = await file.read(block, 0, 4, at);
    if (bytesRead < 4) break;
    at += 4 + block.readUIntBE(1, 3);
  } while ((block[0]! & LAST_BLOCK) === 0);
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  await file.read(header, 0, 16, at);
  return header;
}

class FlacReader implements RecordingReader {
  readonly path: string;
  readonly sampleRate: number;
  readonly channels: number;
  readonly frames: number;
  readonly #file: FileHandle;
  readonly #decoder: FLACDecoder;
  /** The decoder divides by the largest sample (2^(bits-1) - 1); we, like everybody, by one more. */
  readonly #largestSample: number;
  readonly #piece = new Uint8Array(PIECE_BYTES);
  /** Decoded samples not yet handed out, and how many of them were. */
  #decoded: Float32Array[] = [];
  #used = 0;
  #handedOut = 0;
  #ended = false;
  readonly #firstFrame: Uint8Array;

  constructor(path: string, file: FileHandle, decoder: FLACDecoder, info: StreamInfo, firstFrame: Uint8Array) {
    this.path = path;
    this.sampleRate = info.sampleRate;
    this.channels = info.channels;
    this.frames = info.frames;
    this.#largestSample = 2 ** (info.bitsPerSample - 1) - 1;
    this.#file = file;
    this.#decoder = decoder;
    this.#firstFrame = firstFrame;
  }

  async read(into: readonly Float32Array[]): Promise<number> {
    const wanted = Math.min(into[0]?.length ?? 0, this.frames - this.#handedOut);
    let done = 0;
    while (done < wanted) {
      const ready = (this.#decoded[0]?.length ?? 0) - this.#used;
      if (ready === 0) {
        await this.#decodeNext();
        continue;
      }
      const count = Math.min(ready, wanted - done);
      for (let c = 0; c < this.channels; c++) this.#copyChannel(into[c]!, done, this.#decoded[c]!, count);
      this.#used += count;
      this.#handedOut += count;
      done += count;
    }
    return done;
  }

  async close(): Promise<void> {
    this.#decoder.free();
    await this.#file.close();
  }

  #copyChannel(into: Float32Array, at: number, decoded: Float32Array, count: number): void {
    const largest = this.#largestSample;
    const scale = 1 / (largest + 1);
    for (let i = 0, s = this.#used; i < count; i++, s++) into[at + i] = Math.round(decoded[s]! * largest) * scale;
  }

  async #decodeNext(): Promise<void> {
    if (this.#ended) throw this.#damaged(`ends after ${this.#handedOut} of ${this.frames} samples`);
    const { bytesRead } = await this.#file.read(this.#piece, 0, PIECE_BYTES);
    this.#ended = bytesRead === 0;
    // The decoder knows the end of a frame by the header of the next. Its own flush() loses a last frame of fewer than 14 bytes,
    // which digital silence makes (codec-parser 2.5.0), so another header follows the last frame.
    const piece = this.#ended ? this.#firstFrame : this.#piece.slice(0, bytesRead);
    const { channelData, errors } = await this.#decoder.decode(piece);
    if (errors.length > 0) throw this.#damaged(errors[0]!.message);
    this.#decoded = channelData;
    this.#used = 0;
  }

  #damaged(what: string): FlacError {
    return new FlacError(`${this.path} is damaged: ${what}; copy or record it again.`);
  }
}
