// What a WAV file says about itself: the RIFF, RF64 or BW64 header up to the first sample, and what we refuse.
import type { FileHandle } from 'node:fs/promises';

export type WavErrorCode =
  | 'unreadable'
  | 'empty'
  | 'not-wav'
  | 'truncated'
  | 'unsupported-codec'
  | 'no-samples'
  | 'channels'
  | 'sample-rate'
  | 'not-finite';

/** A recording we cannot use: a mistake the user can mend, so its name is UserError. */
export class WavError extends Error {
  override name = 'UserError';
  readonly code: WavErrorCode;
  constructor(code: WavErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export interface WavFormat {
  readonly sampleRate: number;
  readonly channels: number;
  /** Bits of one stored sample. */
  readonly bitsPerSample: 16 | 24 | 32 | 64;
  readonly encoding: 'pcm' | 'float';
  /** True when the header carries the ambisonic sub-format (AMB files). */
  readonly ambisonic: boolean;
  /** Position of the first sample in the file, in bytes. */
  readonly dataStart: number;
  /** Number of samples per channel. */
  readonly frames: number;
}

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;
const TAG_NAMES: Record<number, string> = { 2: 'MS ADPCM', 6: 'A-law', 7: 'mu-law', 17: 'IMA ADPCM', 85: 'MP3' };
// Last 14 bytes of the sub-format GUID; the first two are a plain format tag (Microsoft ksmedia.h; AMB specification).
const PLAIN_GUID = '000000001000800000aa00389b71';
const AMBISONIC_GUID = '00002107d3118644c8c1ca000000';
const IN_DS64 = 0xffffffff;
const CHUNK_HEADER = 8;

/**
 * Reads the header of an open file.
 * @param size length of the file in bytes; @param allowTruncated take what is there when the data chunk promises more
 * @throws WavError when it is no WAV, is cut short, holds no samples or is coded in a way we do not read
 */
export async function readFormat(
  file: FileHandle,
  path: string,
  size: number,
  allowTruncated: boolean,
): Promise<WavFormat> {
  const riff = await bytesAt(file, 0, 12);
  const kind = riff.toString('latin1', 0, 4);
  if (!['RIFF', 'RF64', 'BW64'].includes(kind) || riff.toString('latin1', 8, 12) !== 'WAVE')
    throw new WavError(
      'not-wav',
      `${path} is not a WAV file: it begins with ${quoteBytes(riff)} instead of RIFF....WAVE`,
    );

  let format: Omit<WavFormat, 'dataStart' | 'frames'> | undefined;
  let longDataBytes: number | undefined;
  for (let at = 12; at + CHUNK_HEADER <= size; ) {
    const header = await bytesAt(file, at, CHUNK_HEADER);
    const id = header.toString('latin1', 0, 4);
    const length = header.readUInt32LE(4);
    const body = at + CHUNK_HEADER;
    if (id === 'ds64') longDataBytes = readLongDataBytes(await bytesAt(file, body, 16), path);
    if (id === 'fmt ') format = readFmt(await bytesAt(file, body, Math.min(length, 40)), path);
    if (id === 'data') {
      if (!format)
        throw new WavError('not-wav', `${path} is not a usable WAV file: its data chunk comes before any fmt chunk`);
      const promised = length === IN_DS64 && longDataBytes !== undefined ? longDataBytes : length;
      const there = dataBytes(promised, size - body, path, allowTruncated);
      const frames = Math.floor(there / ((format.bitsPerSample / 8) * format.channels));
      if (frames === 0)
        throw new WavError('no-samples', `${path} is a WAV file without a single sample: record it again`);
      return { ...format, dataStart: body, frames };
    }
    at = body + length + (length % 2); // chunks start at even positions; the pad byte is not counted
  }
  const missing = format ? 'data' : 'fmt';
  throw new WavError(
    'truncated',
    `${path} is cut short: its ${size} bytes hold no ${missing} chunk; copy or record it again`,
  );
}

/** Sizes that writers put down when they do not know the length: ffmpeg, sox and arecord writing into a pipe. */
function isPlaceholder(length: number): boolean {
  return length === 0 || length === 0xffffffff || (length >= 0x7ffff000 && length <= 0x80000000);
}

function dataBytes(promised: number, there: number, path: string, allowTruncated: boolean): number {
  if (promised === 0) return there;
  if (promised <= there) return promised;
  if (allowTruncated || isPlaceholder(promised)) return there;
  throw new WavError(
    'truncated',
    `${path} is truncated: its header promises ${promised} bytes of sound and only ${there} are there; ` +
      'copy it again, or keep what is there with: ffmpeg -i FILE -c copy REPAIRED.wav',
  );
}

function readLongDataBytes(ds64: Buffer, path: string): number | undefined {
  if (ds64.length < 16) throw new WavError('truncated', `${path} is cut short inside its ds64 chunk; copy it again`);
  const bytes = Number(ds64.readBigUInt64LE(8));
  return bytes === 0 ? undefined : bytes;
}

function readFmt(fmt: Buffer, path: string): Omit<WavFormat, 'dataStart' | 'frames'> {
  if (fmt.length < 16) throw new WavError('truncated', `${path} is cut short inside its fmt chunk; copy it again`);
  let tag = fmt.readUInt16LE(0);
  let ambisonic = false;
  if (tag === EXTENSIBLE && fmt.length >= 40) {
    const guid = fmt.toString('hex', 26, 40);
    ambisonic = guid === AMBISONIC_GUID;
    if (ambisonic || guid === PLAIN_GUID) tag = fmt.readUInt16LE(24);
  }
  const channels = fmt.readUInt16LE(2);
  const sampleRate = fmt.readUInt32LE(4);
  const bits = fmt.readUInt16LE(14);
  const encoding = tag === PCM ? 'pcm' : tag === FLOAT ? 'float' : undefined;
  if (!encoding || !(encoding === 'pcm' ? [16, 24, 32] : [32, 64]).includes(bits)) {
    const name = encoding ?? TAG_NAMES[tag];
    throw new WavError(
      'unsupported-codec',
      `${path} is coded as ${name ? `${name}, ` : ''}format tag 0x${tag.toString(16).padStart(4, '0')} with ${bits} bits, which earshot does not read; ` +
        'convert it to PCM of 16, 24 or 32 bits or to float, for example: ffmpeg -i FILE -c:a pcm_s16le OUT.wav',
    );
  }
  if (channels === 0 || sampleRate === 0)
    throw new WavError(
      'not-wav',
      `${path} is not a usable WAV file: its header says ${channels} channels at ${sampleRate} Hz`,
    );
  return { sampleRate, channels, bitsPerSample: bits as WavFormat['bitsPerSample'], encoding, ambisonic };
}

async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/** "OggS...." or, where they are not letters, the bytes in hexadecimal. */
function quoteBytes(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  return /^[\x20-\x7e]+$/.test(text) ? `"${text}"` : `the bytes ${bytes.toString('hex').replace(/..(?=.)/g, '$& ')}`;
}
