// Builds WAV files chunk by chunk, sound or broken, for the tests of the readers.
export interface WavParts {
  riff?: 'RIFF' | 'RF64' | 'BW64';
  tag?: number;
  channels?: number;
  rate?: number;
  bits?: number;
  /** Sub-format GUID as hexadecimal: makes the fmt chunk WAVE_FORMAT_EXTENSIBLE. */
  guid?: string;
  /** Whole chunks in front of and behind the data chunk. */
  before?: Buffer[];
  after?: Buffer[];
  data: Buffer;
  /** What the data chunk says its size is. */
  dataSize?: number;
}

export const PCM_GUID = '0100000000001000800000aa00389b71';
export const FLOAT_GUID = '0300000000001000800000aa00389b71';
export const AMBISONIC_PCM_GUID = '010000002107d3118644c8c1ca000000';

export function chunk(id: string, body: Buffer, size = body.length): Buffer {
  const head = Buffer.alloc(8);
  head.write(id, 'latin1');
  head.writeUInt32LE(size, 4);
  return Buffer.concat([head, body, Buffer.alloc(body.length % 2)]);
}

export function wavBytes(parts: WavParts): Buffer {
  const { riff = 'RIFF', channels = 4, rate = 48000, bits = 16, guid, before = [], after = [], data } = parts;
  const fmt = Buffer.alloc(guid ? 40 : 16);
  fmt.writeUInt16LE(guid ? 0xfffe : (parts.tag ?? 1), 0);
  fmt.writeUInt16LE(channels, 2);
  fmt.writeUInt32LE(rate, 4);
  fmt.writeUInt32LE((rate * channels * bits) / 8, 8);
  fmt.writeUInt16LE((channels * bits) / 8, 12);
  fmt.writeUInt16LE(bits, 14);
  if (guid) {
    fmt.writeUInt16LE(22, 16);
    fmt.writeUInt16LE(bits, 18);
    fmt.write(guid, 24, 'hex');
  }
  const body = Buffer.concat([
    Buffer.from('WAVE'),
    ...before,
    chunk('fmt ', fmt),
    chunk('data', data, parts.dataSize ?? data.length),
    ...after,
  ]);
  return chunk(riff, body, riff === 'RIFF' ? body.length : 0xffffffff);
}

/** A ds64 chunk promising so many bytes of sound. */
export function ds64(dataBytes: bigint): Buffer {
  const body = Buffer.alloc(28);
  body.writeBigUInt64LE(dataBytes + 72n, 0);
  body.writeBigUInt64LE(dataBytes, 8);
  return chunk('ds64', body);
}

/** Interleaved samples -1..1 coded as a WAV stores them. */
export function encode(
  samples: readonly number[],
  coding: 'pcm16' | 'pcm24' | 'pcm32' | 'float32' | 'float64',
): Buffer {
  const bytes = Number(coding.slice(-2)) / 8;
  const out = Buffer.alloc(samples.length * bytes);
  for (const [i, value] of samples.entries()) {
    if (coding === 'float32') out.writeFloatLE(value, i * 4);
    else if (coding === 'float64') out.writeDoubleLE(value, i * 8);
    else out.writeIntLE(value * 2 ** (bytes * 8 - 1), i * bytes, bytes);
  }
  return out;
}
