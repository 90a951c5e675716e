// `earshot field label`: what a model hears becomes a starting annotation to correct by hand, and the corrected one labels again.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { Command, Option } from 'commander';
import { FORMATS, type Format } from '../../models/presets.ts';
import type { Normalization } from '../../runtime/ambisonics.ts';
import { findModel } from '../../runtime/inference/model-files.ts';
import { printJson, UserError } from '../command.ts';
import { detect } from '../detect.ts';
import { allThreads, enginesFor, wholeNumber } from '../engines.ts';
import { showProgress } from '../progress.ts';
import { formatEvents } from '../scene-csv.ts';
import { writeWhole } from '../write-whole.ts';
import { formatLabelTrack, parseLabelTrack } from './audacity.ts';

interface Options {
  readonly fromAudacity?: boolean;
  readonly out?: string;
  readonly model?: string;
  readonly format: Format;
  readonly anyClass?: boolean;
  readonly force?: boolean;
  readonly resample?: boolean;
  readonly normalization?: Normalization;
  readonly threads?: string;
  readonly json?: boolean;
}

export function labelCommand(): Command {
  return new Command('label')
    .summary('write a starting annotation of recordings, and read the corrected one back')
    .description(
      'Writes for each recording what a model hears in it, twice: NAME.txt, a label track for Audacity (File > Import > Labels),\n' +
        'and NAME.csv, the metadata CSV that evaluation and training read. A label reads "speech az=90 el=20 p=0.93".\n' +
        'With --from-audacity the corrected label tracks become metadata CSVs again.',
    )
    .argument('<files...>', 'recordings (WAV or FLAC, four channels); with --from-audacity label tracks')
    .option('--from-audacity', 'turn label tracks (File > Export Other > Export Labels) into metadata CSVs')
    .option('--out <folder>', 'where the files go (default: beside each input)')
    .option('--model <name>', 'the model that hears, and whose classes are known')
    .addOption(
      new Option('--format <name>', 'what the channels are, to choose a shipped model').choices(FORMATS).default('foa'),
    )
    .option('--any-class', 'with --from-audacity: also take classes that the model does not know')
    .option('--force', 'write over files that are there already')
    .option('--resample', 'also take recordings that are not at 48 or 24 kHz')
    .addOption(
      new Option('--normalization <name>', "of the ambisonic channels (default: the model's)").choices(['sn3d', 'n3d']),
    )
    .option('--threads <n>', 'windows computed at the same time (default: one per core, at most 8)')
    .option('--json', 'print one JSON object per file written')
    .addHelpText(
      'after',
      '\nExamples:\n  earshot field label yard.wav                       yard.txt and yard.csv beside it\n' +
        '  earshot field label night/*.wav --out labels\n' +
        '  earshot field label labels/yard.txt --from-audacity --force   yard.csv as corrected',
    )
    .action(label);
}

async function label(files: readonly string[], options: Options): Promise<void> {
  const endings = options.fromAudacity ? ['.csv'] : ['.txt', '.csv'];
  const targets = files.map((file) => endings.map((ending) => targetOf(file, ending, options)));
  refuseTwins(targets.map(([first]) => first!));
  const inTheWay = options.force ? undefined : targets.flat().find((target) => existsSync(target));
  if (inTheWay) throw new UserError(`${inTheWay} is there already: add --force to write over it, or --out FOLDER.`);
  if (options.fromAudacity) await readBack(files, options);
  else await annotate(files, options);
}

async function annotate(recordings: readonly string[], options: Options): Promise<void> {
  const model = await findModel(options.model, options.format);
  const threads = options.threads === undefined ? allThreads() : wholeNumber('--threads', options.threads);
  const backend = enginesFor(model, threads);
  const { resample = false, normalization } = options;
  const progress = recordings.length > 1 ? showProgress('label', recordings.length, 'recordings') : undefined;
  try {
    await backend.start();
    for (const [i, recording] of recordings.entries()) {
      const { events } = await detect({ recording, model, backend, resample, normalization });
      await write(targetOf(recording, '.txt', options), formatLabelTrack(events), events.length, options);
      await write(targetOf(recording, '.csv', options), formatEvents(events), events.length, options);
      progress?.update(i + 1, basename(recording));
    }
  } finally {
    await backend.stop();
  }
  progress?.finish();
}

async function readBack(tracks: readonly string[], options: Options): Promise<void> {
  const { labels } = (await findModel(options.model, options.format)).manifest;
  const read = await Promise.all(
    tracks.map(async (path) => {
      const text = await readFile(path, 'utf8').catch((cause) => {
        throw new UserError(`Cannot read ${path} (${(cause as NodeJS.ErrnoException).code}): give a label track.`, {
          cause,
        });
      });
      return { path, sounds: parseLabelTrack(text, path, options.anyClass ? undefined : labels) };
    }),
  );
  for (const { path, sounds } of read)
    await write(targetOf(path, '.csv', options), formatEvents(sounds), sounds.length, options);
}

async function write(file: string, content: string, sounds: number, { json }: Options): Promise<void> {
  await writeWhole(file, content);
  if (json) printJson({ type: 'labels', file, sounds });
  else process.stdout.write(`${file}: ${sounds} sound${sounds === 1 ? '' : 's'}\n`);
}

function targetOf(file: string, ending: string, { out }: Options): string {
  return join(out ?? dirname(file), `${basename(file, extname(file))}${ending}`);
}

function refuseTwins(targets: readonly string[]): void {
  const twin = targets.find((target, i) => targets.indexOf(target) !== i);
  if (twin) throw new UserError(`Two of the inputs would become ${twin}: label them one after the other, with --out.`);
}
