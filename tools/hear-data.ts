// The recordings of a data folder through a model: frame scores of each, from feature files where they are, else from the sound.
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { PRESETS } from '../models/presets.ts';
import { quantile } from '../runtime/health.ts';
import type { InferenceBackend } from '../runtime/inference/engine.ts';
import type { Model } from '../runtime/inference/model-files.ts';
import { Windows } from '../runtime/inference/windows.ts';
import { Pipeline } from '../runtime/pipeline.ts';
import type { Scores, SoundEvent } from '../runtime/signals.ts';
import { Tracker } from '../runtime/tracking/tracker.ts';
import { UserError } from './command.ts';
import { readNpy } from './data/npy.ts';
import { type DetectedEvent, framesOf } from './detect.ts';
import { openRecordingSource } from './recording-source.ts';
import type { Scene } from './scene-csv.ts';

const SOUND_ENDINGS = ['.wav', '.flac'];

/** A recording of a data folder with its labels. */
export interface DataRecording {
  readonly name: string;
  /** FORMAT_dev/NAME.wav, or features-FORMAT-PRESET/NAME.npy. */
  readonly path: string;
  /** metadata_dev/NAME.csv */
  readonly labels: string;
}

export interface HeardRecording extends DataRecording {
  readonly seconds: number;
  /** All label frames in order. */
  readonly scores: readonly Scores[];
}

export interface HearOptions {
  readonly recordings: readonly DataRecording[];
  readonly model: Model;
  /** Started. */
  readonly backend: InferenceBackend;
  /** Feature frames of future a score waits for: the model's, as on the device, or the whole window, as `earshot predict`. */
  readonly lookaheadFrames: number;
  readonly onDone?: (done: number, name: string) => void;
}

/**
 * Recordings of data folders that a model can hear, in the order of their names.
 * @param splits only names that begin with one of them, e.g. split1_; all where undefined
 * @throws UserError when there are none, or labels are missing
 */
export async function findRecordings(
  folders: readonly string[],
  { manifest }: Model,
  splits?: readonly number[],
): Promise<DataRecording[]> {
  const found: DataRecording[] = [];
  for (const folder of folders) found.push(...(await recordingsOf(folder, manifest.features, splits)));
  if (found.length > 0) return found;
  const which = splits ? ` of split ${splits.join(', ')}` : '';
  throw new UserError(`No recordings${which} in ${folders.join(', ')}: name data folders that hold some.`);
}

async function recordingsOf(
  folder: string,
  { format, preset }: Model['manifest']['features'],
  splits: readonly number[] | undefined,
): Promise<DataRecording[]> {
  const wanted = (name: string) => !splits || splits.some((split) => name.startsWith(`split${split}_`));
  const labels = await filesOf(join(folder, 'metadata_dev'), ['.csv'], wanted);
  const places = [
    await filesOf(join(folder, `features-${format}-${preset}`), ['.npy'], wanted),
    await filesOf(join(folder, `${format}_dev`), SOUND_ENDINGS, wanted),
  ];
  // Features may be on their way or have been left half done: they count only where there is one for every recording.
  const complete = places.find((place) => place.size > 0 && [...labels.keys()].every((name) => place.has(name)));
  const found = complete ?? places.find((place) => place.size > 0);
  const names = [...new Set([...labels.keys(), ...(found?.keys() ?? [])])];
  return names.sort(byNumber).map((name) => {
    const [path, csv] = [found?.get(name), labels.get(name)];
    if (path === undefined)
      throw new UserError(
        `${csv} has neither a recording in ${join(folder, `${format}_dev`)} nor features in features-${format}-${preset}: add one, or remove the labels.`,
      );
    if (csv === undefined) throw new UserError(`${path} has no labels ${name}.csv in metadata_dev: add them.`);
    return { name, path, labels: csv };
  });
}

/** Paths by name without ending; none where there is no such folder. */
async function filesOf(
  folder: string,
  endings: readonly string[],
  wanted: (name: string) => boolean,
): Promise<Map<string, string>> {
  if (!existsSync(folder)) return new Map();
  const files = (await readdir(folder)).filter((file) => endings.includes(extname(file).toLowerCase()));
  const named = files.map((file) => [file.slice(0, -extname(file).length), join(folder, file)] as const);
  return new Map(named.filter(([name]) => wanted(name)));
}

/** split1_ir0_ov2_2 before split1_ir0_ov2_10. */
function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

/**
 * Hears all recordings, as many at a time as the backend computes windows.
 * @returns windowMs: time the network took for a window, median over the recording in which the machine was least busy else
 */
export async function hearRecordings(
  options: HearOptions,
): Promise<{ heard: HeardRecording[]; windowMs: number | null }> {
  const { recordings, backend, onDone } = options;
  const heard = new Map<string, HeardRecording>();
  const latencies: number[] = [];
  const queue = [...recordings];
  const lane = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const { scores, seconds, medianMs } = await hear(next, options);
      if (medianMs !== null) latencies.push(medianMs);
      heard.set(next.path, { ...next, scores, seconds });
      onDone?.(heard.size, next.name);
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: backend.concurrency }, lane));
  for (const result of lanes) if (result.status === 'rejected') throw result.reason;
  return {
    heard: recordings.map(({ path }) => heard.get(path)!),
    windowMs: latencies.length > 0 ? Math.min(...latencies) : null,
  };
}

interface Hearing {
  readonly scores: readonly Scores[];
  readonly seconds: number;
  readonly medianMs: number | null;
}

function hear(recording: DataRecording, options: HearOptions): Promise<Hearing> {
  return extname(recording.path) === '.npy' ? hearFeatures(recording, options) : hearSound(recording, options);
}

async function hearSound({ path }: DataRecording, { model, backend, lookaheadFrames }: HearOptions): Promise<Hearing> {
  const scores: Scores[] = [];
  const onScores = (more: Scores) => scores.push(more);
  const source = await openRecordingSource({ path, model, paced: false, resample: false });
  const pipeline = new Pipeline({ source, model, backend, timing: { lookaheadFrames }, onScores });
  try {
    await pipeline.run();
  } finally {
    await source.stop();
  }
  const { streamSeconds, inference } = pipeline.figures;
  return { scores, seconds: streamSeconds, medianMs: inference.medianMs };
}

async function hearFeatures(
  { path }: DataRecording,
  { model, backend, lookaheadFrames }: HearOptions,
): Promise<Hearing> {
  const { manifest, frameSeconds } = model;
  const { shape, values } = await readNpy(path);
  const [channels, frames, bands] = shape as readonly [number, number, number];
  const scores: Scores[] = [];
  const onScores = (more: Scores) => scores.push(more);
  const windows = new Windows({ manifest, bands, frameSeconds, backend, timing: { lookaheadFrames }, onScores });
  const frameValues = new Float32Array(channels * bands);
  for (let frame = 0; frame < frames; frame += 1) {
    for (let c = 0; c < channels; c += 1) {
      const at = (c * frames + frame) * bands;
      frameValues.set(values.subarray(at, at + bands), c * bands);
    }
    windows.push({ frame, values: frameValues, discontinuity: false });
    if (frame % manifest.window.hopFrames === 0) await windows.ready();
  }
  await windows.end();
  const { hopLength, sampleRate } = PRESETS[manifest.features.preset];
  return { scores, seconds: (frames * hopLength) / sampleRate, medianMs: quantile(windows.figures.latenciesMs, 0.5) };
}

/** The events a tracker makes of frame scores, in the order of their starts, none beyond the recording's end. */
export function eventsOf(
  { scores, seconds }: Pick<HeardRecording, 'scores' | 'seconds'>,
  { labels, thresholds }: Pick<Model['manifest'], 'labels' | 'thresholds'>,
  frameSeconds: number,
): DetectedEvent[] {
  const events: DetectedEvent[] = [];
  const onEvent = (event: SoundEvent) => {
    if (event.phase !== 'offset') return;
    const { label, classIndex, startSeconds, endSeconds, azimuth, elevation, score } = event;
    events.push({
      ...{ label, classIndex, azimuth, elevation, score },
      ...{ startSeconds, endSeconds: Math.min(endSeconds, seconds) },
    });
  };
  const tracker = new Tracker({ manifest: { labels, thresholds }, frameSeconds, onEvent });
  for (const some of scores) tracker.push(some);
  tracker.end();
  return events.sort((a, b) => a.startSeconds - b.startSeconds || a.classIndex - b.classIndex);
}

/** Events as scorers see them: 20 ms frames with whole degrees, what `earshot predict --frames` writes. */
export function asWritten(events: readonly DetectedEvent[]): Scene {
  const frames = framesOf({ events }).map((frame) => ({
    ...frame,
    azimuth: Math.round(frame.azimuth),
    elevation: Math.round(frame.elevation),
  }));
  return { kind: 'frames', frameSeconds: 0.02, frames };
}
