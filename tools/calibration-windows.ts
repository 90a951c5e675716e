// Windows to calibrate a model with: scaled features of recordings, or of feature files, spread evenly over all of them.
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import type { Manifest } from '../models/manifest.ts';
import { PRESETS } from '../models/presets.ts';
import { openWavFile } from '../runtime/capture/wav-file.ts';
import { FeatureExtractor } from '../runtime/features/extractor.ts';
import { UserError } from './command.ts';
import { readNpyShape, readNpyValues } from './data/npy.ts';

/** The ranges of fewer windows hang on which sounds happen to be in them. */
export const FEWEST_WINDOWS = 32;

/** Digital silence is -100 dB; a room in which nothing sounds is louder than this. */
const SILENT_DB = -95;
const READ_SAMPLES = 8192;
const RECORDING = /\.(wav|flac)$/i;

type Features = Pick<Manifest, 'features' | 'scaler' | 'window'>;

export interface CalibrationWindow {
  /** (channels, frames, bands) */
  readonly dims: readonly [number, number, number];
  /** Scaled, row-major. */
  readonly values: Float32Array;
}

/** A recording, or its features, and how many windows without overlap it holds. */
export interface CalibrationSource {
  readonly path: string;
  readonly kind: 'recording' | 'features';
  readonly windows: number;
}

/**
 * Looks at what is given: recordings, folders of them, folders of features, or data folders that hold either.
 * @throws UserError when there is nothing, too little, or something made for another preset or format
 */
export async function calibrationSources(paths: readonly string[], manifest: Features): Promise<CalibrationSource[]> {
  const sources: CalibrationSource[] = [];
  for (const path of paths) {
    for (const file of await filesOf(path, manifest)) sources.push(await sourceOf(file, manifest));
  }
  if (sources.length === 0)
    throw new UserError(
      `${paths.join(', ')} holds no recording: calibration needs sounds such as the device will hear.`,
    );
  const total = sources.reduce((sum, { windows }) => sum + windows, 0);
  if (total >= FEWEST_WINDOWS) return sources;
  const seconds = windowSeconds(manifest);
  throw new UserError(
    `${paths.join(', ')} holds ${total} windows of ${seconds} s, calibration needs ${FEWEST_WINDOWS} or more (${Math.ceil(FEWEST_WINDOWS * seconds)} s of sound): add recordings.`,
  );
}

/**
 * Yields up to `count` windows, the same ones in the same order every time; one recording is held at a time.
 * @throws UserError when values are not finite, or nothing is to be heard in any window
 */
export async function* calibrationWindows(
  sources: readonly CalibrationSource[],
  manifest: Features,
  count: number,
): AsyncGenerator<CalibrationWindow> {
  const shares = share(sources, count);
  let loudest = Number.NEGATIVE_INFINITY;
  for (const [i, source] of sources.entries()) {
    const chosen = spread(source.windows, shares[i]!);
    const windows =
      source.kind === 'features'
        ? windowsOfFeatures(source, manifest, chosen)
        : windowsOfRecording(source, manifest, chosen);
    for await (const values of windows) {
      loudest = Math.max(loudest, loudness(values, source, manifest));
      const [channels, bands] = [manifest.scaler.mean.length, manifest.scaler.mean[0]!.length];
      yield { dims: [channels, manifest.window.frames, bands], values: scale(values, manifest) };
    }
  }
  if (loudest <= SILENT_DB) {
    throw new UserError(
      `All ${count} calibration windows are silent (at most ${loudest.toFixed(0)} dB): calibrate with recordings of sounds such as the device will hear.`,
    );
  }
}

/** Windows that calibrationWindows will yield. */
export function windowCount(sources: readonly CalibrationSource[], count: number): number {
  return share(sources, count).reduce((sum, each) => sum + each, 0);
}

/** The files meant by a path, in the order of their names. */
async function filesOf(path: string, { features }: Features): Promise<string[]> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(
      `Cannot read ${path}: ${cause.code === 'ENOENT' ? 'there is no such file or folder' : cause.code}.`,
      { cause },
    );
  });
  if (!found.isDirectory()) return [path];
  const inside = [`features-${features.format}-${features.preset}`, `${features.format}_dev`].map((name) =>
    join(path, name),
  );
  const folder = inside.find((candidate) => existsSync(candidate)) ?? path;
  const names = (await readdir(folder)).sort();
  await checkDescription(folder, features);
  const ending = names.some((name) => name.endsWith('.npy')) ? /\.npy$/ : RECORDING;
  return names.filter((name) => ending.test(name)).map((name) => join(folder, name));
}

/** Feature folders say what they were made with. */
async function checkDescription(folder: string, wanted: Features['features']): Promise<void> {
  const file = join(folder, 'features.json');
  if (!existsSync(file)) return;
  const { preset, format } = JSON.parse(await readFile(file, 'utf8')) as { preset?: string; format?: string };
  if (preset === wanted.preset && format === wanted.format) return;
  throw new UserError(
    `${folder} holds features of preset ${preset}, format ${format}; the model hears ${wanted.preset}, ${wanted.format}: calibrate with such ones, or with recordings.`,
  );
}

async function sourceOf(path: string, manifest: Features): Promise<CalibrationSource> {
  if (extname(path) === '.npy') return featureSource(path, manifest);
  if (!RECORDING.test(path)) throw new UserError(`${path} is no recording: give .wav or .flac files, or folders.`);
  const { hopLength } = PRESETS[manifest.features.preset];
  const source = await openForModel(path, manifest);
  const frames = Math.floor(source.totalSamples / hopLength);
  await source.stop();
  return { path, kind: 'recording', windows: Math.floor(frames / manifest.window.frames) };
}

async function featureSource(path: string, { features, scaler, window }: Features): Promise<CalibrationSource> {
  const [channels, frames, bands] = await readNpyShape(path);
  const [wantedChannels, wantedBands] = [scaler.mean.length, scaler.mean[0]!.length];
  if (channels !== wantedChannels || bands !== wantedBands) {
    throw new UserError(
      `${path} has ${channels} channels of ${bands} bands; the model hears ${features.preset}, ${features.format}: ${wantedChannels} of ${wantedBands}. Calibrate with such features, or with recordings.`,
    );
  }
  return { path, kind: 'features', windows: Math.floor((frames ?? 0) / window.frames) };
}

function openForModel(path: string, { features }: Features) {
  return openWavFile({
    path,
    paced: false,
    resampleTo: PRESETS[features.preset].sampleRate,
    blockFrames: READ_SAMPLES,
  });
}

/** How many windows each source gives: equal shares, and what short ones cannot give from those that have more. */
function share(sources: readonly CalibrationSource[], count: number): number[] {
  const even = (i: number) => Math.floor(((i + 1) * count) / sources.length) - Math.floor((i * count) / sources.length);
  const shares = sources.map(({ windows }, i) => Math.min(windows, even(i)));
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  let left = Math.min(count, sum(sources.map(({ windows }) => windows))) - sum(shares);
  while (left > 0) {
    for (const [i, { windows }] of sources.entries()) {
      if (left === 0 || shares[i]! >= windows) continue;
      shares[i]! += 1;
      left -= 1;
    }
  }
  return shares;
}

/** `chosen` of `windows` indices, each in the middle of its share. */
function spread(windows: number, chosen: number): number[] {
  return Array.from({ length: chosen }, (_, i) => Math.floor(((i + 0.5) * windows) / chosen));
}

async function* windowsOfFeatures({ path }: CalibrationSource, { window }: Features, chosen: readonly number[]) {
  const [channels, frames, bands] = (await readNpyShape(path)) as [number, number, number];
  const length = window.frames * bands;
  for (const index of chosen) {
    const values = new Float32Array(channels * length);
    for (let c = 0; c < channels; c += 1) {
      values.set(await readNpyValues(path, (c * frames + index * window.frames) * bands, length), c * length);
    }
    yield values;
  }
}

/** Unscaled windows of a recording; it is read on when the last window has been taken. */
async function* windowsOfRecording(source: CalibrationSource, manifest: Features, chosen: readonly number[]) {
  if (chosen.length === 0) return;
  const extractor = await FeatureExtractor.create(manifest.features);
  const cutter = new WindowCutter(manifest, chosen);
  const audio = await openForModel(source.path, manifest);
  let goOn = () => {};
  let tell = () => {};
  const ended = audio
    .start((block) => {
      extractor.push(block, cutter.add);
      if (cutter.made.length === 0) return undefined;
      tell();
      return new Promise<void>((resolve) => {
        goOn = resolve;
      });
    })
    .then(() => {
      extractor.end(cutter.add);
      return 'ended' as const;
    });
  try {
    for (let state: 'ended' | undefined; state !== 'ended'; ) {
      const told = new Promise<undefined>((resolve) => {
        tell = () => resolve(undefined);
      });
      goOn();
      state = await Promise.race([ended, told]);
      yield* cutter.made.splice(0);
    }
  } finally {
    const stopped = audio.stop();
    goOn();
    await stopped;
  }
}

/** Cuts windows out of a stream of frames. */
class WindowCutter {
  readonly made: Float32Array[] = [];
  readonly #frames: number;
  readonly #channels: number;
  readonly #bands: number;
  readonly #chosen: ReadonlySet<number>;
  #filling: Float32Array;

  constructor({ window, scaler }: Features, chosen: readonly number[]) {
    this.#frames = window.frames;
    this.#channels = scaler.mean.length;
    this.#bands = scaler.mean[0]!.length;
    this.#chosen = new Set(chosen);
    this.#filling = this.#empty();
  }

  readonly add = ({ frame, values }: { readonly frame: number; readonly values: Float32Array }): void => {
    const [index, at] = [Math.floor(frame / this.#frames), frame % this.#frames];
    if (!this.#chosen.has(index)) return;
    for (let c = 0; c < this.#channels; c += 1) {
      const row = values.subarray(c * this.#bands, (c + 1) * this.#bands);
      this.#filling.set(row, (c * this.#frames + at) * this.#bands);
    }
    if (at < this.#frames - 1) return;
    this.made.push(this.#filling);
    this.#filling = this.#empty();
  };

  #empty(): Float32Array {
    return new Float32Array(this.#channels * this.#frames * this.#bands);
  }
}

/** Of the loudest band and frame in decibels. @throws UserError when a value is not finite */
function loudness(values: Float32Array, { path }: CalibrationSource, { features, window, scaler }: Features): number {
  const spectra = features.channels.filter((name) => name.startsWith('logmel')).length;
  const end = spectra * window.frames * scaler.mean[0]!.length;
  let loudest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i]!;
    if (!Number.isFinite(value)) {
      throw new UserError(`${basename(path)} holds ${value} among its features: make them again, or leave it out.`);
    }
    if (i < end && value > loudest) loudest = value;
  }
  return loudest;
}

/** As the runtime scales, in place: (value - mean) / std of each channel and band. */
function scale(values: Float32Array, { scaler, window }: Features): Float32Array {
  let at = 0;
  for (const [c, mean] of scaler.mean.entries()) {
    const std = scaler.std[c]!;
    for (let frame = 0; frame < window.frames; frame += 1) {
      for (let band = 0; band < mean.length; band += 1, at += 1) values[at] = (values[at]! - mean[band]!) / std[band]!;
    }
  }
  return values;
}

/** Length of a window in seconds. */
export function windowSeconds({ features, window }: Pick<Manifest, 'features' | 'window'>): number {
  const { hopLength, sampleRate } = PRESETS[features.preset];
  return (window.frames * hopLength) / sampleRate;
}
