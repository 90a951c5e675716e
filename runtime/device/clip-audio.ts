// A stored clip for ears far away: its first channel (W, or the first capsule) as 16 bit, in parts that a broker takes.
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Privacy } from '../clip-settings.ts';
import type { Sidecar } from './clips-sidecar.ts';
import { WAVE_HEAD_BYTES } from './clips-wave.ts';

/** Longest that is sent: a minute at 48 kHz is 5.8 MB. */
export const LONGEST_AUDIO_SECONDS = 60;
/** Samples of a part: 48 KiB, 64 KiB as base64, under what brokers take at most. */
const PART_SAMPLES = 24_576;

export interface ClipAudioPart {
  readonly file: string;
  /** Counted from 1. */
  readonly part: number;
  readonly parts: number;
  /** Hz. */
  readonly sampleRate: number;
  /** Signed 16-bit samples, little-endian, as base64. */
  readonly data: string;
}

/**
 * Reads a clip for sending, part by part.
 * @throws RangeError when there is no sound in it, or when speech may be in it and privacy forbids that
 */
export async function* clipAudio(
  folder: string,
  sidecar: Sidecar,
  privacy: Privacy,
  seconds = LONGEST_AUDIO_SECONDS,
): AsyncGenerator<ClipAudioPart> {
  const { file, sampleRate, channels, bits } = sidecar;
  if (privacy === 'no-speech' && sidecar.privacy !== 'no-speech')
    throw new RangeError(`${file} was recorded before privacy was no-speech: it stays on the device`);
  const samples = Math.min(sidecar.samples, Math.floor(seconds * sampleRate));
  if (samples <= 0) throw new RangeError(`${file} holds no sound`);
  const parts = Math.ceil(samples / PART_SAMPLES);
  const frameBytes = (channels * bits) / 8;
  const handle = await open(join(folder, file));
  try {
    for (let part = 1; part <= parts; part++) {
      const from = (part - 1) * PART_SAMPLES;
      const count = Math.min(PART_SAMPLES, samples - from);
      const bytes = Buffer.alloc(count * frameBytes);
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, WAVE_HEAD_BYTES + from * frameBytes);
      if (bytesRead < bytes.length) throw new RangeError(`${file} is shorter than its sidecar says`);
      const data = firstChannel(bytes, count, frameBytes, bits).toString('base64');
      yield { file, part, parts, sampleRate, data };
    }
  } finally {
    await handle.close();
  }
}

/** The upper 16 bits of the first channel. */
function firstChannel(bytes: Buffer, count: number, frameBytes: number, bits: 16 | 24): Buffer {
  const mono = Buffer.alloc(2 * count);
  const skip = bits === 24 ? 1 : 0;
  for (let i = 0; i < count; i++) bytes.copy(mono, 2 * i, i * frameBytes + skip, i * frameBytes + skip + 2);
  return mono;
}
