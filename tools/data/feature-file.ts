// Features of one recording into one .npy file, (channels, frames, bands), whatever the recording's length.
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FEATURE_CHANNELS, type Format, PRESETS, type PresetName } from '../../models/presets.ts';
import type { AudioSource } from '../../runtime/capture/source.ts';
import { openWavFile } from '../../runtime/capture/wav-file.ts';
import { FeatureExtractor } from '../../runtime/features/extractor.ts';
import type { FeatureFrame } from '../../runtime/signals.ts';
import { UserError } from '../command.ts';
import { npyHeader } from './npy.ts';

export interface FeatureFileOptions {
  readonly recording: string;
  readonly out: string;
  readonly preset: PresetName;
  readonly format: Format;
  /** Convert recordings of any rate to the preset's. */
  readonly resample: boolean;
}

export interface FeatureFile {
  readonly shape: readonly [channels: number, frames: number, bands: number];
  /** Length of the recording. */
  readonly seconds: number;
}

const READ_SAMPLES = 8192;
/** Frames gathered before they are written: one write per channel for each so many. */
const GATHERED_FRAMES = 256;
/** The most that a block completes: 8 kHz converted to 48 gives 6 x READ_SAMPLES, and the shortest hop is 480. */
const FRAMES_PER_BLOCK = 104;

/**
 * Writes the unscaled features of a recording. The file appears when it is whole.
 * @throws an error named UserError when the recording cannot be read or does not suit the preset
 */
export async function writeFeatureFile(options: FeatureFileOptions): Promise<FeatureFile> {
  const source = await openForPreset(options);
  const partial = `${options.out}.part`;
  try {
    const file = describe(source, options);
    await mkdir(dirname(options.out), { recursive: true });
    await writeFrames(partial, file, source, options);
    await rename(partial, options.out);
    return file;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  } finally {
    await source.stop();
  }
}

/** What writeFeatureFile would write, from the recording's header alone. */
export async function planFeatureFile(options: FeatureFileOptions): Promise<FeatureFile> {
  const source = await openForPreset(options);
  await source.stop();
  return describe(source, options);
}

function describe(source: AudioSource, { recording, preset, format }: FeatureFileOptions): FeatureFile {
  const { totalSamples, sampleRate } = source;
  const { hopLength, melBands } = PRESETS[preset];
  const frames = Math.floor(totalSamples / hopLength);
  if (frames === 0)
    throw new UserError(
      `${recording} is ${totalSamples} samples long but a frame of features takes ${hopLength} (${hopLength / sampleRate} s): record longer`,
    );
  return { shape: [FEATURE_CHANNELS[format].length, frames, melBands], seconds: totalSamples / sampleRate };
}

/** A 48 kHz recording may always be decimated to 24 kHz; any other change of rate must be asked for. */
async function openForPreset({ recording, preset, resample }: FeatureFileOptions): Promise<AudioSource> {
  const wanted = PRESETS[preset].sampleRate;
  const as = { path: recording, paced: false, blockFrames: READ_SAMPLES };
  if (resample) return openWavFile({ ...as, resampleTo: wanted });
  const source = await openWavFile(as);
  if (source.sampleRate === wanted) return source;
  await source.stop();
  if (source.sampleRate === 2 * wanted) return openWavFile({ ...as, resampleTo: wanted });
  throw new UserError(
    `${recording} has a rate of ${source.sampleRate} Hz but preset ${preset} takes ${wanted} Hz; use --preset edge-24k, or add --resample to have it converted`,
  );
}

async function writeFrames(
  path: string,
  { shape }: FeatureFile,
  source: AudioSource,
  { preset, format }: FeatureFileOptions,
): Promise<void> {
  const extractor = await FeatureExtractor.create({ preset, format });
  const file = await open(path, 'w');
  try {
    const writer = new FrameWriter(file, shape);
    await writer.start();
    await source.start((block) => {
      extractor.push(block, writer.add);
      return writer.pause();
    });
    extractor.end(writer.add);
    await writer.finish();
  } finally {
    await file.close();
  }
}

/** Turns frames of (channels, bands) into a file of (channels, frames, bands), a run of frames at a time. */
class FrameWriter {
  readonly #file: FileHandle;
  readonly #shape: FeatureFile['shape'];
  readonly #header: Buffer;
  /** (channels, gathered frames, bands) */
  readonly #gathered: Float32Array;
  readonly #capacity: number;
  #count = 0;
  #written = 0;

  constructor(file: FileHandle, shape: FeatureFile['shape']) {
    const [channels, , bands] = shape;
    this.#file = file;
    this.#shape = shape;
    this.#header = npyHeader(shape);
    this.#capacity = GATHERED_FRAMES + FRAMES_PER_BLOCK;
    this.#gathered = new Float32Array(channels * this.#capacity * bands);
  }

  async start(): Promise<void> {
    await this.#file.write(this.#header, 0, this.#header.length, 0);
  }

  readonly add = ({ values }: FeatureFrame): void => {
    const [channels, , bands] = this.#shape;
    const at = this.#count * bands;
    for (let c = 0; c < channels; c++)
      for (let b = 0; b < bands; b++) this.#gathered[c * this.#capacity * bands + at + b] = values[c * bands + b]!;
    this.#count++;
  };

  /** To be awaited between blocks. */
  pause(): Promise<void> | undefined {
    return this.#count >= GATHERED_FRAMES ? this.#flush() : undefined;
  }

  async finish(): Promise<void> {
    await this.#flush();
    const [, frames] = this.#shape;
    if (this.#written !== frames) throw new Error(`${this.#written} frames came instead of ${frames}`);
    await this.#file.sync();
  }

  async #flush(): Promise<void> {
    const [channels, frames, bands] = this.#shape;
    const length = this.#count * bands * 4;
    for (let c = 0; c < channels; c++) {
      const bytes = Buffer.from(this.#gathered.buffer, c * this.#capacity * bands * 4, length);
      await this.#file.write(bytes, 0, length, this.#header.length + (c * frames + this.#written) * bands * 4);
    }
    this.#written += this.#count;
    this.#count = 0;
  }
}
