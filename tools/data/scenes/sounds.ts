// Reads sound files (WAV or FLAC, through the runtime's reader) as mono float32 at one rate, and keeps recent ones in memory.
import { openRecording } from '../../../runtime/capture/recording.ts';
import { Resampler } from '../../../runtime/capture/resample.ts';
import { UserError } from '../../command.ts';

/** Decoded sounds kept by one worker: 64 M samples, 256 MB. */
const KEPT_SAMPLES = 64e6;

/** Sounds by path; asking again for a recent one costs nothing. The arrays are shared: do not write into them. */
export class SoundStore {
  readonly #sampleRate: number;
  readonly #kept = new Map<string, Float32Array>();
  #keptSamples = 0;

  constructor(sampleRate: number) {
    this.#sampleRate = sampleRate;
  }

  /** @throws an error named UserError when the file is missing, damaged or empty */
  async load(path: string): Promise<Float32Array> {
    const known = this.#kept.get(path);
    const sound = known ?? (await this.#read(path));
    this.#kept.delete(path);
    this.#kept.set(path, sound);
    if (!known) this.#forgetOldest(sound.length);
    return sound;
  }

  async #read(path: string): Promise<Float32Array> {
    const { samples, sampleRate } = await readMono(path);
    if (samples.length === 0) throw new UserError(`${path} holds no samples: remove it or record it again`);
    return resample(samples, sampleRate, this.#sampleRate);
  }

  #forgetOldest(added: number): void {
    this.#keptSamples += added;
    for (const [path, { length }] of this.#kept) {
      if (this.#keptSamples <= KEPT_SAMPLES || this.#kept.size === 1) return;
      this.#kept.delete(path);
      this.#keptSamples -= length;
    }
  }
}

/** All channels of a recording as their mean. */
async function readMono(path: string): Promise<{ samples: Float32Array; sampleRate: number }> {
  const recording = await openRecording(path);
  try {
    const channels = Array.from({ length: recording.channels }, () => new Float32Array(recording.frames));
    await recording.read(channels);
    return { samples: mean(channels), sampleRate: recording.sampleRate };
  } finally {
    await recording.close();
  }
}

function mean(channels: readonly Float32Array[]): Float32Array {
  if (channels.length === 1) return channels[0]!;
  return channels[0]!.map((_, i) => channels.reduce((sum, channel) => sum + channel[i]!, 0) / channels.length);
}

function resample(samples: Float32Array, inputRate: number, outputRate: number): Float32Array {
  if (inputRate === outputRate) return samples;
  const resampler = new Resampler({ channels: 1, inputRate, outputRate });
  const out = new Float32Array(resampler.capacityFor(samples.length) + resampler.capacityFor(0));
  const written = resampler.process([samples], [out]);
  return out.slice(0, written + resampler.flush([out.subarray(written)]));
}
