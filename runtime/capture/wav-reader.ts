// Reads WAV recordings of any length as planar float32, a block at a time.
import { type FileHandle, open } from 'node:fs/promises';
import { readFormat, WavError, type WavFormat } from './wav-format.ts';

export { WavError } from './wav-format.ts';

/** Samples of all channels read from the disk at once: few system calls, memory independent of the recording's length. */
const READ_AHEAD_BYTES = 1 << 18;

export interface WavReader extends WavFormat {
  readonly path: string;
  /**
   * Fills the arrays, one per channel and all of one length, with the next samples; full scale is -1..1.
   * @returns samples written per channel; fewer than the arrays hold only at the end, then 0
   * @throws WavError when a sample is NaN or infinite, or the file has become shorter meanwhile
   */
  read(into: readonly Float32Array[]): Promise<number>;
  close(): Promise<void>;
}

/**
 * Opens a recording: PCM of 16, 24 or 32 bits or float of 32 or 64, plain or WAVE_FORMAT_EXTENSIBLE, RIFF, RF64 or BW64.
 * The caller closes it.
 * @throws WavError when the file is missing, empty, no WAV, truncated or coded in another way
 */
export async function openWav(path: string, { allowTruncated = false } = {}): Promise<WavReader> {
  const file = await openFile(path);
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new WavError('unreadable', `${path} is not a file: give the path of a WAV file`);
    if (stat.size === 0) throw new WavError('empty', `${path} is empty (0 bytes): record or copy it again`);
    return new FileReader(file, path, await readFormat(file, path, stat.size, allowTruncated));
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The rates that the feature presets know. */
const KNOWN_RATES = [48_000, 24_000];
const RESAMPLED_RATES = { lowest: 8_000, highest: 384_000 };

/**
 * Checks that the networks can hear a recording: four channels, and 48 or 24 kHz unless it is to be resampled.
 * @throws WavError saying what is supported
 */
export function checkRecording(
  { path, channels, sampleRate }: Pick<WavReader, 'path' | 'channels' | 'sampleRate'>,
  resample = false,
): void {
  if (channels !== 4)
    throw new WavError(
      'channels',
      `${path} has ${channels} channel${channels === 1 ? '' : 's'}; supported are 4: first-order ambisonics (W, Y, Z, X) or the four capsules of a tetrahedral array`,
    );
  if (KNOWN_RATES.includes(sampleRate)) return;
  if (!resample)
    throw new WavError(
      'sample-rate',
      `${path} has a rate of ${sampleRate} Hz; supported are 48000 and 24000 Hz, or add --resample to have it converted`,
    );
  const { lowest, highest } = RESAMPLED_RATES;
  if (sampleRate < lowest || sampleRate > highest)
    throw new WavError(
      'sample-rate',
      `${path} has a rate of ${sampleRate} Hz; --resample takes ${lowest} to ${highest} Hz`,
    );
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'you may not read it' : code;
    throw new WavError('unreadable', `Cannot open ${path}: ${reason}`, error);
  }
}

type Samples = { readonly [index: number]: number };

class FileReader implements WavReader {
  readonly path: string;
  readonly sampleRate: number;
  readonly channels: number;
  readonly bitsPerSample: WavFormat['bitsPerSample'];
  readonly encoding: WavFormat['encoding'];
  readonly ambisonic: boolean;
  readonly dataStart: number;
  readonly frames: number;

  readonly #file: FileHandle;
  readonly #bytesPerFrame: number;
  /** Stored samples, interleaved; the same memory seen as bytes and as numbers of the stored width. */
  readonly #bytes: Uint8Array;
  readonly #samples: Samples;
  readonly #fullScale: number;
  /** Next frame to hand out, and which frames of the file the memory holds. */
  #position = 0;
  #heldFrom = 0;
  #heldTo = 0;

  constructor(file: FileHandle, path: string, format: WavFormat) {
    this.path = path;
    this.sampleRate = format.sampleRate;
    this.channels = format.channels;
    this.bitsPerSample = format.bitsPerSample;
    this.encoding = format.encoding;
    this.ambisonic = format.ambisonic;
    this.dataStart = format.dataStart;
    this.frames = format.frames;
    this.#file = file;
    this.#bytesPerFrame = (format.bitsPerSample / 8) * format.channels;
    const heldFrames = Math.max(1, Math.floor(READ_AHEAD_BYTES / this.#bytesPerFrame));
    // A multiple of eight, so that numbers of any width can be seen in it.
    const memory = new ArrayBuffer(Math.ceil((heldFrames * this.#bytesPerFrame) / 8) * 8);
    this.#bytes = new Uint8Array(memory, 0, heldFrames * this.#bytesPerFrame);
    this.#samples = numbersIn(memory, format);
    this.#fullScale = format.encoding === 'pcm' ? 2 ** (format.bitsPerSample - 1) : 1;
  }

  async read(into: readonly Float32Array[]): Promise<number> {
    const wanted = Math.min(into[0]?.length ?? 0, this.frames - this.#position);
    let done = 0;
    while (done < wanted) {
      if (this.#position === this.#heldTo) await this.#readAhead();
      const count = Math.min(wanted - done, this.#heldTo - this.#position);
      const first = (this.#position - this.#heldFrom) * this.channels;
      for (let c = 0; c < this.channels; c++) this.#copyChannel(into[c]!, done, count, first + c);
      if (this.encoding === 'float') this.#refuseNonFinite(into, done, count);
      done += count;
      this.#position += count;
    }
    return done;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  #copyChannel(into: Float32Array, at: number, count: number, first: number): void {
    const { channels } = this;
    if (this.bitsPerSample === 24) {
      const bytes = this.#bytes;
      const stride = channels * 3;
      for (let i = 0, b = first * 3; i < count; i++, b += stride)
        into[at + i] = ((bytes[b]! << 8) | (bytes[b + 1]! << 16) | (bytes[b + 2]! << 24)) / 0x80000000;
      return;
    }
    const samples = this.#samples;
    const scale = 1 / this.#fullScale;
    for (let i = 0, s = first; i < count; i++, s += channels) into[at + i] = samples[s]! * scale;
  }

  #refuseNonFinite(into: readonly Float32Array[], at: number, count: number): void {
    for (let c = 0; c < this.channels; c++) {
      const channel = into[c]!;
      for (let i = at; i < at + count; i++) {
        const value = channel[i]!;
        if (value - value === 0) continue; // true of finite numbers only
        const sample = this.#position + i - at;
        throw new WavError(
          'not-finite',
          `${this.path} holds ${value} at sample ${sample} (${(sample / this.sampleRate).toFixed(3)} s) of channel ${c + 1}; samples must be finite numbers: repair the program that wrote it`,
        );
      }
    }
  }

  /** Fills the memory with the frames from the present position on. */
  async #readAhead(): Promise<void> {
    const start = this.dataStart + this.#position * this.#bytesPerFrame;
    const length = Math.min(this.#bytes.length, (this.frames - this.#position) * this.#bytesPerFrame);
    for (let read = 0; read < length; ) {
      const { bytesRead } = await this.#file.read(this.#bytes, read, length - read, start + read);
      if (bytesRead === 0)
        throw new WavError(
          'truncated',
          `${this.path} has become shorter while it was read; wait until it is whole, then run again`,
        );
      read += bytesRead;
    }
    this.#heldFrom = this.#position;
    this.#heldTo = this.#position + length / this.#bytesPerFrame;
  }
}

/** The stored numbers as the machine's own (little-endian, as all that Node's typed arrays run on here). */
function numbersIn(memory: ArrayBuffer, { encoding, bitsPerSample }: WavFormat): Samples {
  if (encoding === 'float') return bitsPerSample === 64 ? new Float64Array(memory) : new Float32Array(memory);
  return bitsPerSample === 16 ? new Int16Array(memory) : new Int32Array(memory, 0, Math.floor(memory.byteLength / 4));
}
