// Recordings through the installed model as the device hears them, one after the other; what is heard is kept, so that a broken run goes on.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import type { Normalization } from '../../runtime/ambisonics.ts';
import type { Config } from '../../runtime/config.ts';
import type { InferenceBackend } from '../../runtime/inference/engine.ts';
import type { Model } from '../../runtime/inference/model-files.ts';
import { Pipeline } from '../../runtime/pipeline.ts';
import type { Scores, SoundEvent } from '../../runtime/signals.ts';
import { UserError } from '../command.ts';
import { openRecordingSource } from '../recording-source.ts';
import { writeWhole } from '../write-whole.ts';
import { type HeardEntry, packActivity, readHeardEntry } from './trial-result.ts';

const ENDINGS = ['.wav', '.flac'];

export interface TrialRecording {
  readonly name: string;
  readonly path: string;
  /** CSV of what sounded; undefined where nobody has labelled it. */
  readonly labels: string | undefined;
}

/**
 * The recordings of a folder, and the CSV of the same name in the folder of labels.
 * @throws UserError when there are none, or labels have no recording
 */
export async function findTrialRecordings(folder: string, labels: string | undefined): Promise<TrialRecording[]> {
  const files = await list(folder, 'recordings');
  const recordings = files.filter((file) => ENDINGS.includes(extname(file).toLowerCase()));
  if (recordings.length === 0)
    throw new UserError(`${folder} holds no recordings: files must end in ${ENDINGS.join(' or ')}.`);
  const names = recordings.map((file) => basename(file, extname(file)));
  const twin = names.find((name, i) => names.indexOf(name) !== i);
  if (twin) throw new UserError(`${folder} holds two recordings called ${twin}: remove or rename one.`);
  const labelled = labels === undefined ? [] : (await list(labels, 'labels')).filter((file) => file.endsWith('.csv'));
  if (labels !== undefined && !labelled.some((file) => names.includes(basename(file, '.csv'))))
    throw new UserError(
      `${labels} has no CSV for any recording of ${folder}: labels are called NAME.csv for NAME.wav.`,
    );
  return recordings
    .map((file, i) => {
      const csv = `${names[i]}.csv`;
      const found = labels !== undefined && labelled.includes(csv);
      return { name: names[i]!, path: join(folder, file), labels: found ? join(labels, csv) : undefined };
    })
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
}

async function list(folder: string, what: string): Promise<string[]> {
  return readdir(folder).catch((cause) => {
    throw new UserError(`There is no folder ${folder}: give one with ${what}.`, { cause });
  });
}

export interface HearingOptions {
  readonly model: Model;
  /** Started. */
  readonly backend: InferenceBackend;
  /** Where what is heard is kept between runs. */
  readonly folder: string;
  readonly resample: boolean;
  readonly normalization?: Normalization;
  /** How the device hears: its windows, look-ahead and tracking. */
  readonly settings: Pick<Config, 'inference' | 'tracking'>;
}

/** Whether a recording was heard by an earlier run with the same model on the same backend. */
export async function isHeard(recording: TrialRecording, options: HearingOptions): Promise<boolean> {
  const file = entryFile(recording, options);
  if (!existsSync(file)) return false;
  return (await readHeardEntry(file))?.key === (await keyOf(recording, options));
}

/**
 * Hears a recording with the windows, the look-ahead and the tracking of the device, or takes what an earlier run heard.
 * @param signal ends it early; what was heard until then is thrown away
 * @returns undefined when it was ended
 */
export async function hearRecording(
  recording: TrialRecording,
  options: HearingOptions,
  signal: AbortSignal,
): Promise<HeardEntry | undefined> {
  const key = await keyOf(recording, options);
  const file = entryFile(recording, options);
  const before = await readHeardEntry(file);
  if (before?.key === key) return before;
  const { model, backend, resample, normalization, settings } = options;
  const source = await openRecordingSource({ path: recording.path, model, paced: false, resample });
  const scores: Scores[] = [];
  const events: HeardEntry['events'][number][] = [];
  const pipeline = new Pipeline({
    ...{ source, model, backend, normalization, ...settings },
    onScores: (some) => scores.push(some),
    onEvent: (event) => {
      if (event.phase === 'offset') events.push(entryOf(event));
    },
  });
  const stop = () => void source.stop();
  signal.addEventListener('abort', stop);
  try {
    await pipeline.run();
  } finally {
    signal.removeEventListener('abort', stop);
    await source.stop();
  }
  if (signal.aborted) return undefined;
  const seconds = pipeline.figures.streamSeconds;
  const { frameSeconds } = model;
  const activity = packActivity(joined(scores, Math.round(seconds / frameSeconds), model.manifest.labels.length));
  const inOrder = events
    .filter(({ startSeconds }) => startSeconds < seconds)
    .map((event) => ({ ...event, endSeconds: Math.min(event.endSeconds, seconds) }))
    .sort((a, b) => a.startSeconds - b.startSeconds || a.classIndex - b.classIndex);
  const entry = { name: recording.name, key, seconds, events: inOrder, frameSeconds, activity };
  await writeWhole(file, `${JSON.stringify(entry)}\n`);
  return entry;
}

function entryOf({ label, classIndex, startSeconds, endSeconds, azimuth, elevation, score }: SoundEvent) {
  return { label, classIndex, startSeconds, endSeconds, azimuth, elevation, score };
}

/** Label frames that were never scored (a break in the sound) stay 0. */
function joined(scores: readonly Scores[], frames: number, classes: number): Float32Array {
  const activity = new Float32Array(frames * classes);
  for (const { firstFrame, activity: some } of scores)
    activity.set(some.subarray(0, Math.max(0, activity.length - firstFrame * classes)), firstFrame * classes);
  return activity;
}

function entryFile({ name }: TrialRecording, { folder }: HearingOptions): string {
  return join(folder, `${name}.json`);
}

/** Changes when the recording, the model or what computes it does. */
async function keyOf(
  { path }: TrialRecording,
  { model, backend, normalization, settings }: HearingOptions,
): Promise<string> {
  const { size, mtimeMs } = await stat(path);
  const { thresholds, window } = model.manifest;
  const facts = [
    size,
    mtimeMs,
    model.networkSha256,
    thresholds,
    window,
    backend.description,
    normalization ?? '',
    settings,
  ];
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 32);
}
