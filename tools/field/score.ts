// `earshot field score`: a model hears recordings with labels, and what it got right is kept as counts per recording.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { countMacs, countParameters } from '../../models/layers.ts';
import { completeNetwork, parseNetwork } from '../../models/network.ts';
import { PRESETS } from '../../models/presets.ts';
import { type Model, readModel } from '../../runtime/inference/model-files.ts';
import { printJson, UserError } from '../command.ts';
import { allThreads, enginesFor, wholeNumber } from '../engines.ts';
import { FOLDS, type Fold } from '../folds.ts';
import {
  asWritten,
  type DataRecording,
  eventsOf,
  findRecordings,
  type HeardRecording,
  hearRecordings,
} from '../hear-data.ts';
import { showProgress } from '../progress.ts';
import { formatEvents, readEvents } from '../scene-csv.ts';
import { writeWhole } from '../write-whole.ts';
import { diagnose } from './diagnosis.ts';
import {
  addCounts,
  allScores,
  countRecording,
  type FramedPair,
  framePair,
  pairOfClass,
  type RecordingCounts,
} from './metrics/scores.ts';
import { reliability } from './reliability.ts';
import { type ScoredSet, type ScoreFile, writeScores } from './score-file.ts';
import { oneLine } from './score-table.ts';

interface Options {
  readonly model: string;
  readonly data: readonly string[];
  readonly out: string;
  readonly fold?: string;
  readonly split?: readonly number[];
  readonly set: string;
  readonly predictions?: string;
  readonly live: boolean;
  readonly threads?: string;
  readonly json: boolean;
}

export function scoreCommand(): Command {
  return new Command('score')
    .summary('let a model hear labelled recordings and keep what it got right')
    .description(
      'Writes counts per recording, class and elevation, confusions, and how far confidence can be believed.\n' +
        'Feature files (features-FORMAT-PRESET) are used where a data folder has them, else its recordings.',
    )
    .requiredOption('--model <folder>', 'model folder')
    .requiredOption('--data <folders>', 'data folders, with commas: recordings or features, and metadata_dev', list)
    .requiredOption('--out <file>', 'scores.json to write; sets of the same model that it holds stay')
    .addOption(
      new Option('--fold <n>', 'official fold: scores its validation and its test split').choices(['1', '2', '3', '4']),
    )
    .option('--split <numbers>', 'only recordings of these splits', splitList)
    .option('--set <name>', 'what to call the recordings where no fold is given', 'test')
    .option('--predictions <folder>', 'also write what was heard, SET/NAME.csv')
    .option('--live', 'wait for no more sound than the device does, instead of for all windows', false)
    .option('--threads <n>', 'windows computed at the same time (default: one per core, at most 8)')
    .option('--json', 'print one JSON object per set', false)
    .addHelpText(
      'after',
      '\nExamples:\n  earshot field score --model my-models/foa --data scenes --fold 1 --out my-models/foa-scores.json\n' +
        '  earshot field score --model models/office-foa --data yard --set yard --out yard.json --predictions heard',
    )
    .action(run);
}

async function run(options: Options): Promise<void> {
  if (options.fold && options.split)
    throw new UserError('--fold and --split both choose recordings: give one of them.');
  const model = await readModel(options.model);
  const threads = options.threads === undefined ? allThreads() : wholeNumber('--threads', options.threads);
  const backend = enginesFor(model, threads);
  const sets: ScoredSet[] = [];
  try {
    await backend.start();
    for (const { set, splits } of wantedSets(options)) {
      const recordings = await findRecordings(options.data, model, splits);
      const progress = options.json ? undefined : showProgress(set, recordings.length, 'recordings');
      const onDone = (done: number, name: string) => progress?.update(done, name);
      const lookaheadFrames = options.live ? model.manifest.window.lookaheadFrames : model.manifest.window.frames;
      const { heard, windowMs } = await hearRecordings({ recordings, model, backend, lookaheadFrames, onDone });
      progress?.finish();
      const facts = {
        ...{ set, splits: splits ?? null, folders: options.data.map((folder) => basename(resolve(folder))) },
        ...{ command: commandLine(options), sha256: await hashOf(recordings), lookaheadFrames, windowMs },
        processor: cpus()[0]?.model.trim() ?? 'unknown',
      };
      sets.push({ ...facts, ...(await judge(heard, model, options, set)) });
    }
  } finally {
    await backend.stop();
  }
  await writeScores(options.out, await factsOf(model), sets);
  for (const set of sets) tell(set, options.json);
}

function wantedSets({ fold, split, set }: Options): { set: string; splits: readonly number[] | undefined }[] {
  if (!fold) return [{ set, splits: split }];
  const { validation, test } = FOLDS[fold as Fold];
  return [
    { set: 'validation', splits: [validation] },
    { set: 'test', splits: [test] },
  ];
}

async function judge(heard: readonly HeardRecording[], model: Model, { predictions }: Options, set: string) {
  const { labels } = model.manifest;
  const judged = [];
  for (const recording of heard) {
    const events = eventsOf(recording, model.manifest, model.frameSeconds);
    if (predictions) await writeWhole(join(predictions, set, `${recording.name}.csv`), formatEvents(events));
    const reference = await readEvents(recording.labels, labels);
    const seconds = Math.max(1, Math.round(recording.seconds));
    const pair = framePair({ kind: 'events', events: reference }, asWritten(events), seconds);
    judged.push({ name: recording.name, seconds, scores: recording.scores, events, reference, pair });
  }
  const pairs = judged.map(({ pair }) => pair);
  return {
    recordings: judged.map(({ name, seconds, pair }) => ({
      ...{ name, seconds },
      counts: countRecording(pair, labels.length),
    })),
    classes: labels.map((label, c) => classCounts(label, c, pairs)),
    diagnosis: diagnose(pairs, labels.length),
    reliability: reliability(judged, labels.length),
  };
}

function classCounts(label: string, classIndex: number, pairs: readonly FramedPair[]): ScoredSet['classes'][number] {
  const { official, unsnapped } = addCounts(pairs.map((pair) => countRecording(pairOfClass(pair, classIndex), 1)));
  return { label, official, unsnapped };
}

async function factsOf(model: Model): Promise<ScoreFile['model']> {
  const { manifest, folder } = model;
  const { hopLength, sampleRate } = PRESETS[manifest.features.preset];
  const file = join(folder, 'network.json');
  const known = { channels: manifest.features.channels.length, classes: manifest.labels.length };
  const network = existsSync(file)
    ? completeNetwork(parseNetwork(JSON.parse(await readFile(file, 'utf8')), file), known)
    : undefined;
  return {
    ...{ name: manifest.name, sha256: manifest.files['weights.safetensors'] ?? manifest.files['model.onnx']! },
    ...{ labels: manifest.labels, output: manifest.output, timePooling: manifest.timePooling },
    features: { preset: manifest.features.preset, format: manifest.features.format },
    network: network?.name ?? null,
    parameters: network ? countParameters(network) : null,
    macs: network ? countMacs(network, manifest.window.frames) : null,
    windowSeconds: (manifest.window.frames * hopLength) / sampleRate,
    thresholds: manifest.thresholds,
    data: { sha256: manifest.data.sha256, seed: manifest.data.seed },
    training: manifest.training,
    command: manifest.scores[0]?.command ?? null,
  };
}

/** sha256 over names, recordings (or features) and labels. */
async function hashOf(recordings: readonly DataRecording[]): Promise<string> {
  const all = createHash('sha256');
  for (const { name, path, labels } of recordings)
    all.update(`${name} ${await hashFile(path)} ${await hashFile(labels)}\n`);
  return all.digest('hex');
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

function tell(set: ScoredSet, asJson: boolean): void {
  const counts: RecordingCounts = addCounts(set.recordings.map((recording) => recording.counts));
  const scores = allScores(counts);
  if (asJson)
    printJson({
      set: set.set,
      recordings: set.recordings.length,
      ...scores,
      windowMs: set.windowMs,
      reliability: set.reliability,
    });
  else process.stdout.write(`${set.set}: ${oneLine(scores)}\n${curveOf(set)}`);
}

/** How often events told with a confidence were right. */
function curveOf({ reliability: { events } }: ScoredSet): string {
  const told = events.filter(({ count }) => count > 0);
  const lines = told.map(({ from, to, count, right }) => {
    const share = (100 * right) / count;
    return `  score ${from.toFixed(1)} to ${to.toFixed(1)}: ${share.toFixed(0).padStart(3)} % of ${count} events right\n`;
  });
  return lines.join('');
}

/** The command as the file keeps it: folders by their names, since paths mean nothing on another machine. */
function commandLine({ model, data, out, fold, split, set, live }: Options): string {
  const name = (path: string) => basename(resolve(path));
  const words = ['earshot field score', '--model', name(model), '--data', data.map(name).join(',')];
  if (fold) words.push('--fold', fold);
  if (split) words.push('--split', split.join(','));
  if (!fold) words.push('--set', set);
  if (live) words.push('--live');
  return [...words, '--out', name(out)].join(' ');
}

function list(text: string): string[] {
  return text.split(',').filter((part) => part !== '');
}

function splitList(text: string): number[] {
  const splits = list(text).map(Number);
  if (splits.length === 0 || splits.some((split) => !Number.isInteger(split) || split < 0))
    throw new InvalidArgumentError('It must be whole numbers with commas, e.g. 1,2.');
  return splits;
}
