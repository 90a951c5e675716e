// earshot predict: what sounded in a recording and from where, as CSV; one recording or a folder of them.
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { Command, Option } from 'commander';
import { FORMATS, type Format } from '../models/presets.ts';
import type { Normalization } from '../runtime/ambisonics.ts';
import { findModel } from '../runtime/inference/model-files.ts';
import { printJson, UserError } from './command.ts';
import { type Detection, detect, framesOf } from './detect.ts';
import { allThreads, enginesFor, wholeNumber } from './engines.ts';
import { showProgress } from './progress.ts';
import { formatEvents, formatFrames20ms } from './scene-csv.ts';
import { writeWhole } from './write-whole.ts';

const ENDINGS = ['.wav', '.flac'];

interface PredictOptions {
  readonly model?: string;
  readonly variant?: string;
  readonly format: Format;
  readonly out?: string;
  readonly frames?: string;
  readonly json?: boolean;
  readonly resample?: boolean;
  readonly normalization?: Normalization;
  readonly threads?: string;
}

export function predictCommand(): Command {
  return new Command('predict')
    .summary('write what sounded in recordings, and from where, as CSV')
    .description(
      'Runs recordings through features, inference and tracking as the device does, but waits for all of the sound:\n' +
        'each moment is judged by every window that sees it. Events go to standard output unless --out is given.',
    )
    .argument('<recording>', 'WAV or FLAC file, four channels, or a folder of them')
    .option('--model <name>', 'a shipped model, or a folder with manifest.json')
    .option('--variant <name>', "form of the model's network, e.g. int8 (default: fp32)")
    .addOption(
      new Option('--format <name>', 'what the channels are, to choose a shipped model').choices(FORMATS).default('foa'),
    )
    .option('--out <file>', 'CSV of events (class, start, end, elevation, azimuth); a folder for a folder')
    .option('--frames <file>', 'CSV of 20 ms frames (DCASE 2019 output format); a folder for a folder')
    .option('--json', 'print one JSON object per event instead of CSV')
    .option('--resample', 'also take recordings that are not at 48 or 24 kHz')
    .addOption(
      new Option('--normalization <name>', "of the ambisonic channels (default: the model's)").choices(['sn3d', 'n3d']),
    )
    .option('--threads <n>', 'windows computed at the same time (default: one per core, at most 8)')
    .addHelpText(
      'after',
      '\nExamples:\n  earshot predict yard.wav\n  earshot predict yard.wav --out yard.csv --frames yard-frames.csv\n' +
        '  earshot predict recordings/ --out predictions/\n  earshot predict yard.wav --json | jq .azimuth',
    )
    .action(predict);
}

async function predict(path: string, options: PredictOptions): Promise<void> {
  const isFolder = await isExistingFolder(path);
  if (isFolder && !options.out && !options.json) {
    throw new UserError(
      `${path} is a folder: say with --out into which folder its CSVs go, or print them with --json.`,
    );
  }
  const threads = options.threads === undefined ? allThreads() : wholeNumber('--threads', options.threads);
  const recordings = isFolder ? await recordingsIn(path) : [path];
  const model = await findModel(options.model, options.format, options.variant);
  const backend = enginesFor(model, threads);
  const { resample = false, normalization } = options;
  const progress = isFolder ? showProgress('predict', recordings.length, 'recordings') : undefined;
  let done = 0;
  try {
    await backend.start();
    await forEachOf(recordings, threads, async (recording) => {
      await deliver(await detect({ recording, model, backend, resample, normalization }), options, isFolder);
      done += 1;
      progress?.update(done, basename(recording));
    });
  } finally {
    await backend.stop();
  }
  progress?.finish();
}

/** Does something with each item, `width` at a time; the first failure ends it when what is under way is done. */
async function forEachOf<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const lane = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      await work(item).catch((error) => {
        queue.length = 0;
        throw error;
      });
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: width }, lane));
  for (const result of lanes) if (result.status === 'rejected') throw result.reason;
}

/** Writes and prints what was asked for. */
async function deliver(detection: Detection, options: PredictOptions, isFolder: boolean): Promise<void> {
  const { recording, events } = detection;
  const name = `${basename(recording, extname(recording))}.csv`;
  const place = (target: string) => (isFolder ? join(target, name) : target);
  if (options.out) await writeWhole(place(options.out), formatEvents(events));
  if (options.frames) await writeWhole(place(options.frames), formatFrames20ms(framesOf(detection)));
  if (options.json) for (const event of events) printJson(jsonEvent(event, isFolder ? recording : undefined));
  else if (!options.out) process.stdout.write(formatEvents(events));
}

function jsonEvent(event: Detection['events'][number], recording: string | undefined) {
  const { label, azimuth, elevation, score, startSeconds, endSeconds } = event;
  const short = (value: number, digits: number) => Number(value.toFixed(digits)) + 0;
  return {
    ...(recording && { recording }),
    ...{ type: 'event', class: label, azimuth: short(azimuth, 2), elevation: short(elevation, 2) },
    ...{ score: short(score, 4), start: short(startSeconds, 6), end: short(endSeconds, 6) },
  };
}

async function isExistingFolder(path: string): Promise<boolean> {
  return existsSync(path) && (await stat(path)).isDirectory();
}

async function recordingsIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => ENDINGS.includes(extname(name).toLowerCase())).sort();
  if (names.length === 0)
    throw new UserError(`${folder} holds no recordings: files must end in ${ENDINGS.join(' or ')}.`);
  return names.map((name) => join(folder, name));
}
