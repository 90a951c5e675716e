// `earshot data features`: recordings to feature files for training, made by the extractor that the device runs.
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { FORMATS, type Format, PRESET_NAMES, type PresetName } from '../../models/presets.ts';
import { printJson, UserError } from '../command.ts';
import { duration, showProgress } from '../progress.ts';
import { planBatch, runBatch } from './feature-batch.ts';
import { writeFeatureFile } from './feature-file.ts';

interface Options {
  readonly preset: PresetName;
  readonly format: Format;
  readonly out: string;
  readonly resample: boolean;
  readonly jobs: number;
  readonly json: boolean;
}

export function featuresCommand(): Command {
  return new Command('features')
    .summary('write the features of recordings as .npy files')
    .description(
      'Writes unscaled float32 features, (channels, frames, 64), of a four-channel recording or of every recording in a folder.\n' +
        'foa: log-mel of W, Y, Z, X in dB, then intensity X, Y, Z. mic: log-mel of the four capsules, then GCC-PHAT of the six pairs.\n' +
        'Frame k is centred on k * 20 ms. A folder is done on all cores, and a stopped run goes on where it was.',
    )
    .argument('<recording>', 'WAV or FLAC file, or a folder of them')
    .addOption(new Option('--preset <name>', 'spectral analysis').choices(PRESET_NAMES).default('paper-48k'))
    .addOption(new Option('--format <name>', 'what the four channels are').choices(FORMATS).default('foa'))
    .requiredOption('--out <path>', 'file to write, or folder for the files of a folder')
    .option('--resample', "convert recordings of any rate to the preset's", false)
    .option('--jobs <n>', 'recordings worked on at the same time', positiveInteger, availableParallelism())
    .option('--json', 'print one JSON object per recording', false)
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  earshot data features scene.wav --out scene.npy\n' +
        '  earshot data features foa_dev --preset paper-48k --format foa --out features-foa\n' +
        '  earshot data features mic_dev --preset edge-24k --format mic --out features-mic --jobs 4\n',
    )
    .action(run);
}

async function run(recording: string, options: Options): Promise<void> {
  const folder = await isFolder(recording);
  if (folder === undefined)
    throw new UserError(`There is no ${recording}: give a WAV or FLAC file, or a folder of them`);
  if (folder) await runFolder(recording, options);
  else await runFile(recording, options);
}

async function runFile(recording: string, { out, preset, format, resample, json }: Options): Promise<void> {
  if (await isFolder(out)) throw new UserError(`${out} is a folder: with one recording, --out names the file to write`);
  const { shape, seconds } = await writeFeatureFile({ recording, out, preset, format, resample });
  if (json) printJson({ recording, out, preset, format, shape, seconds });
  else process.stdout.write(`${out}: ${preset}, ${format}, (${shape.join(', ')}) float32\n`);
}

async function runFolder(folder: string, { jobs, json, ...settings }: Options): Promise<void> {
  if ((await isFolder(settings.out)) === false)
    throw new UserError(`${settings.out} is a file: with a folder of recordings, --out names the folder to write to`);
  const batch = { folder, ...settings };
  const plan = await planBatch(batch);
  const skipped = plan.recordings - plan.todo.length;
  const progress = json ? undefined : showProgress('features', plan.recordings, 'recordings', skipped);
  const started = performance.now();
  let done = skipped;
  await runBatch(plan, batch, jobs, (task, { shape, seconds }) => {
    progress?.update(++done);
    if (json) printJson({ recording: task.recording, out: task.out, shape, seconds });
  });
  progress?.finish();
  if (json) return;
  const speed = (1000 * plan.seconds) / (performance.now() - started);
  const made = `${plan.todo.length} recordings (${duration(plan.seconds)}) at ${speed.toFixed(0)} x real time`;
  const kept = `${skipped} kept from before`;
  const parts = [plan.todo.length > 0 ? made : '', skipped > 0 ? kept : ''].filter((part) => part !== '');
  process.stdout.write(`${settings.out}: ${parts.join(', ')}\n`);
}

/** Undefined when there is nothing at the path. */
async function isFolder(path: string): Promise<boolean | undefined> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => undefined,
  );
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number of 1 or more.');
  return value;
}
