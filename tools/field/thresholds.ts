// `earshot field thresholds`: the thresholds of a model chosen on labelled recordings, through the tracker as the device runs it.
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { Manifest } from '../../models/manifest.ts';
import { type Model, readModel } from '../../runtime/inference/model-files.ts';
import { printJson } from '../command.ts';
import { allThreads, enginesFor, wholeNumber } from '../engines.ts';
import { FOLDS, type Fold } from '../folds.ts';
import { asWritten, eventsOf, findRecordings, hearRecordings } from '../hear-data.ts';
import { showProgress } from '../progress.ts';
import { readEvents } from '../scene-csv.ts';
import { writeWhole } from '../write-whole.ts';
import { type AllScores, addCounts, allScores, countRecording, framePair } from './metrics/scores.ts';
import { oneLine } from './score-table.ts';
import { type LabelledRecording, searchThresholds, type Thresholds } from './threshold-search.ts';

interface Options {
  readonly model: string;
  readonly data: string;
  readonly fold?: string;
  readonly write: boolean;
  readonly threads?: string;
  readonly json: boolean;
}

export function thresholdsCommand(): Command {
  return new Command('thresholds')
    .summary('choose the thresholds of a model on labelled recordings')
    .description(
      'Hears the recordings with the look-ahead of the device and searches, class by class, the onset and offset thresholds with the\n' +
        'least mean of ER, 1-F1, DE/180 and 1-FR. Use validation recordings, never those that judge the model.\n' +
        'As a check each half of the recordings is also judged with thresholds chosen on the other half.',
    )
    .requiredOption('--model <folder>', 'model folder')
    .requiredOption('--data <folders>', 'data folders, with commas: recordings or features, and metadata_dev')
    .addOption(new Option('--fold <n>', 'official fold: only its validation split').choices(['1', '2', '3', '4']))
    .option('--write', 'put the thresholds and their scores into the manifest', false)
    .option('--threads <n>', 'windows computed at the same time (default: one per core, at most 8)')
    .option('--json', 'print one JSON object', false)
    .addHelpText(
      'after',
      '\nExamples:\n  earshot field thresholds --model my-models/foa --data scenes --fold 1\n' +
        '  earshot field thresholds --model my-models/foa --data validation --write',
    )
    .action(run);
}

async function run(options: Options): Promise<void> {
  const model = await readModel(options.model);
  const recordings = await hearLabelled(model, options);
  const { labels, thresholds: before } = model.manifest;
  const search = (some: readonly LabelledRecording[]) =>
    searchThresholds(some, labels, model.frameSeconds, before).thresholds;
  const after = search(recordings);
  const halves = [0, 1].map((half) => recordings.filter((_, i) => i % 2 === half));
  const crossed = halves[1]!.length > 0 ? halves.map((half, h) => ({ half, thresholds: search(halves[1 - h]!) })) : [];
  const result = {
    thresholds: after,
    before: scoresOf([{ half: recordings, thresholds: before }], model),
    after: scoresOf([{ half: recordings, thresholds: after }], model),
    crossed: crossed.length > 0 ? scoresOf(crossed, model) : null,
  };
  if (options.write) await writeThresholds(model, after, result.after, commandLine(options));
  if (options.json) printJson(result);
  else process.stdout.write(report(labels, before, result, options.write));
}

async function hearLabelled(model: Model, { data, fold, threads, json }: Options): Promise<LabelledRecording[]> {
  const splits = fold ? [FOLDS[fold as Fold].validation] : undefined;
  const recordings = await findRecordings(data.split(','), model, splits);
  const backend = enginesFor(model, threads === undefined ? allThreads() : wholeNumber('--threads', threads));
  const progress = json ? undefined : showProgress('hear', recordings.length, 'recordings');
  const onDone = (done: number, name: string) => progress?.update(done, name);
  try {
    await backend.start();
    const { lookaheadFrames } = model.manifest.window;
    const { heard } = await hearRecordings({ recordings, model, backend, lookaheadFrames, onDone });
    progress?.finish();
    const { labels } = model.manifest;
    return await Promise.all(
      heard.map(async (one) => ({ heard: one, reference: await readEvents(one.labels, labels) })),
    );
  } finally {
    await backend.stop();
  }
}

/** Scores over several groups of recordings, each with thresholds of its own. */
function scoresOf(
  groups: readonly { half: readonly LabelledRecording[]; thresholds: Thresholds }[],
  { manifest, frameSeconds }: Model,
): AllScores {
  const counts = groups.flatMap(({ half, thresholds: { onset, offset } }) =>
    half.map(({ heard, reference }) => {
      const thresholds = { onset: [...onset], offset: [...offset] };
      const events = eventsOf(heard, { labels: manifest.labels, thresholds }, frameSeconds);
      const seconds = Math.max(1, Math.round(heard.seconds));
      const pair = framePair({ kind: 'events', events: reference }, asWritten(events), seconds);
      return countRecording(pair, manifest.labels.length);
    }),
  );
  return allScores(addCounts(counts));
}

async function writeThresholds(model: Model, { onset, offset }: Thresholds, scores: AllScores, command: string) {
  const file = join(model.folder, 'manifest.json');
  const json = Manifest.parse(JSON.parse(await readFile(file, 'utf8')));
  const { ER, F1, DE_unsnapped: DE, FR, SELD } = scores;
  const known = json.scores.filter(({ on }) => on !== 'validation');
  const changed: Manifest = {
    ...json,
    thresholds: { onset: [...onset], offset: [...offset] },
    training: { ...json.training, thresholds: command },
    scores: [
      { on: 'validation', command: json.scores[0]?.command ?? command, values: { ER, F1, DE, FR, SELD } },
      ...known,
    ],
  };
  await writeWhole(file, `${JSON.stringify(changed, null, 2)}\n`);
}

function report(
  labels: readonly string[],
  before: Thresholds,
  {
    thresholds,
    before: was,
    after,
    crossed,
  }: { thresholds: Thresholds; before: AllScores; after: AllScores; crossed: AllScores | null },
  written: boolean,
): string {
  const width = Math.max(...labels.map((label) => label.length));
  const two = (t: Thresholds, c: number) => `${t.onset[c]!.toFixed(2)} / ${t.offset[c]!.toFixed(2)}`;
  const lines = labels.map((label, c) => `${label.padEnd(width)}  ${two(before, c)}  ->  ${two(thresholds, c)}`);
  return [
    'onset / offset',
    ...lines,
    '',
    `before:          ${oneLine(was)}`,
    `after:           ${oneLine(after)}`,
    ...(crossed ? [`on other halves: ${oneLine(crossed)}`] : []),
    written ? 'The manifest has the new thresholds.' : 'Nothing was changed: add --write to keep them.',
    '',
  ].join('\n');
}

/** The command as the manifest keeps it: folders by their names. */
function commandLine({ model, data, fold }: Options): string {
  const name = (path: string) => basename(resolve(path));
  const words = ['earshot field thresholds', '--model', name(model), '--data', data.split(',').map(name).join(',')];
  return [...words, ...(fold ? ['--fold', fold] : [])].join(' ');
}
