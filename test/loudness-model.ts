// The model of test/golden/loudness-model, which hears loud low and high sounds, and recordings made for it.
import { readFileSync } from 'node:fs';
import { cp, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unitVector } from '../runtime/directions.ts';
import { type Model, readModel } from '../runtime/inference/model-files.ts';
import { WavWriter } from '../tools/data/wav-writer.ts';

export const LOUDNESS_FOLDER = fileURLToPath(new URL('./golden/loudness-model', import.meta.url));

export interface Golden {
  readonly frames: number;
  readonly activity: readonly (readonly number[])[];
  readonly direction: readonly (readonly number[])[];
}

export const golden: Golden = JSON.parse(readFileSync(join(LOUDNESS_FOLDER, 'golden.json'), 'utf8'));

export function loudnessModel(): Promise<Model> {
  return readModel(LOUDNESS_FOLDER);
}

/** A folder of its own for one test file; the system clears it. */
export function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'earshot-test-'));
}

/** A copy of the model that a test may spoil. */
export async function copyOfModel(): Promise<string> {
  const folder = await temporaryFolder();
  await cp(LOUDNESS_FOLDER, folder, { recursive: true });
  return folder;
}

/** The window that make_model.py describes, (7, frames, 64). */
export function goldenWindow(): Float32Array<ArrayBuffer> {
  const { frames } = golden;
  return Float32Array.from({ length: 7 * frames * 64 }, (_, i) => {
    const [c, f, b] = [Math.floor(i / (frames * 64)), Math.floor(i / 64) % frames, i % 64];
    return c < 4 ? -50 + 4 * Math.sin(0.7 * f + 0.05 * b) : Math.cos(1.3 * c + 0.2 * f + 0.1 * b);
  });
}

export interface TestSound {
  readonly label: 'low' | 'high';
  readonly startSeconds: number;
  readonly endSeconds: number;
  readonly azimuth: number;
  readonly elevation: number;
}

/** Hertz between which each class of the loudness model sounds, well inside its half of the mel bands. */
const RANGES = { low: [300, 1000], high: [3500, 9000] } as const;
const PARTIALS = 24;

export interface RecordingOptions {
  readonly seconds: number;
  readonly sampleRate: number;
  readonly sounds: readonly TestSound[];
}

/** First-order ambisonic samples (W, Y, Z, X; SN3D) of sounds that begin and end at once. */
export function ambisonicSamples({ seconds, sampleRate, sounds }: RecordingOptions): Float32Array[] {
  const channels = Array.from({ length: 4 }, () => new Float32Array(Math.round(seconds * sampleRate)));
  for (const { label, startSeconds, endSeconds, azimuth, elevation } of sounds) {
    const [x, y, z] = unitVector(azimuth, elevation);
    const gains = [1, y, z, x];
    const [from, to] = RANGES[label];
    for (let i = Math.round(startSeconds * sampleRate); i < Math.round(endSeconds * sampleRate); i += 1) {
      let sum = 0;
      for (let p = 0; p < PARTIALS; p += 1) {
        const frequency = from * (to / from) ** (p / (PARTIALS - 1));
        sum += Math.sin((2 * Math.PI * frequency * i) / sampleRate + p * p);
      }
      for (const [c, gain] of gains.entries()) channels[c]![i]! += (0.3 / PARTIALS) * gain * sum;
    }
  }
  return channels;
}

/** Writes such samples as a 16-bit WAV. */
export function writeRecording(path: string, options: RecordingOptions): void {
  const writer = new WavWriter(path, 4, options.sampleRate);
  writer.write(ambisonicSamples(options));
  writer.close();
}
