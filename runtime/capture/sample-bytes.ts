// Samples as a sound card delivers them, interleaved little-endian bytes, into one float array per channel.
import type { SampleFormat } from '../../boards/microphones.ts';

export const BYTES_PER_SAMPLE: Readonly<Record<SampleFormat, number>> = {
  S16_LE: 2,
  S24_3LE: 3,
  S24_LE: 4,
  S32_LE: 4,
  FLOAT_LE: 4,
};

/**
 * Takes channels apart; made once for a buffer, so that a block costs no memory.
 * @param frames samples per channel, from the start of the buffer
 * @param into one array per channel, full scale -1..1
 */
export type Deinterleave = (frames: number, into: readonly Float32Array[]) => void;

/**
 * @param bytes the buffer that blocks come in; its offset in memory must be a multiple of 4
 * @param channels interleaved in it
 * @param wanted which of them to take, counted from 0, in the order of the arrays
 */
export function deinterleaver(
  bytes: Uint8Array<ArrayBuffer>,
  format: SampleFormat,
  channels: number,
  wanted: readonly number[],
): Deinterleave {
  const picks = Int32Array.from(wanted);
  if (format === 'S24_3LE') return packed(bytes, channels, picks);
  const count = Math.floor(bytes.byteLength / BYTES_PER_SAMPLE[format]);
  const { buffer, byteOffset } = bytes;
  if (format === 'S16_LE') return scaled(new Int16Array(buffer, byteOffset, count), 0, 2 ** -15, channels, picks);
  if (format === 'FLOAT_LE') return floats(new Float32Array(buffer, byteOffset, count), channels, picks);
  // S24_LE has its 24 bits below; what lies above them need not be their sign (ALSA, snd_pcm_format_t).
  const shift = format === 'S24_LE' ? 8 : 0;
  return scaled(new Int32Array(buffer, byteOffset, count), shift, 2 ** -31, channels, picks);
}

function scaled(
  samples: Int16Array | Int32Array,
  shift: number,
  scale: number,
  channels: number,
  picks: Int32Array,
): Deinterleave {
  return (frames, into) => {
    for (let c = 0; c < picks.length; c += 1) {
      const out = into[c]!;
      for (let i = 0, at = picks[c]!; i < frames; i += 1, at += channels) out[i] = (samples[at]! << shift) * scale;
    }
  };
}

function floats(samples: Float32Array, channels: number, picks: Int32Array): Deinterleave {
  return (frames, into) => {
    for (let c = 0; c < picks.length; c += 1) {
      const out = into[c]!;
      for (let i = 0, at = picks[c]!; i < frames; i += 1, at += channels) out[i] = samples[at]!;
    }
  };
}

/** Three bytes a sample: put together at the top of a word, so that the sign comes by itself. */
function packed(bytes: Uint8Array, channels: number, picks: Int32Array): Deinterleave {
  const stride = 3 * channels;
  const scale = 2 ** -31;
  return (frames, into) => {
    for (let c = 0; c < picks.length; c += 1) {
      const out = into[c]!;
      for (let i = 0, at = 3 * picks[c]!; i < frames; i += 1, at += stride)
        out[i] = ((bytes[at]! << 8) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 24)) * scale;
    }
  };
}
