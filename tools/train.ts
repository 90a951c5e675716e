// earshot train: checks the data, computes missing features, trains in PyTorch (models/train), and writes the model.
import { existsSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { OFFICE_LABELS } from '../models/labels.ts';
import { FEATURE_CHANNELS, FORMATS, type Format, PRESET_NAMES, type PresetName } from '../models/presets.ts';
import { PACKAGE_ROOT } from '../runtime/worker-file.ts';
import { complaintOf, runChild } from './child.ts';
import { UserError } from './command.ts';
import { trainRowsCommand } from './train-rows.ts';
import { checkDataFolder, type FeatureTask } from './training-data.ts';

const SCRIPTS = join(PACKAGE_ROOT, 'models', 'train');
const NETWORKS = join(PACKAGE_ROOT, 'models', 'networks');
const CLI = join(PACKAGE_ROOT, 'bin', 'earshot.js');

/** Options that train.py takes under the same name; their defaults stand there. */
const PASSED_ON = [
  'epochs',
  'minutes',
  'optimizer',
  'schedule',
  'rate',
  'batch',
  'directionWeight',
  'augment',
  'seed',
  'device',
  'precision',
  'threads',
] as const;

type TrainOptions = {
  readonly network: string;
  readonly format: Format;
  readonly preset: PresetName;
  readonly data?: readonly string[];
  readonly fold?: string;
  readonly train?: readonly string[];
  readonly validation?: readonly string[];
  readonly init?: string;
  readonly compile?: boolean;
  readonly run: string;
  readonly out: string;
  readonly name?: string;
  readonly licence?: string;
  readonly python: string;
  readonly json?: boolean;
} & { readonly [key in (typeof PASSED_ON)[number]]?: string };

export function trainCommand(): Command {
  return new Command('train')
    .summary('train a network on recordings and write it as a model')
    .description(
      'Trains on folders with FORMAT_dev (recordings) and metadata_dev (labels), as "earshot data synth" writes them.\n' +
        'Missing features are computed first. A stopped run goes on with the same command and loses at most one epoch.\n' +
        'Needs Python with PyTorch: pip install -r models/train/requirements.txt',
    )
    .option('--network <name>', 'one of models/networks, or a file of that kind')
    .option('--run <folder>', 'where checkpoint and learning curve (metrics.jsonl) go')
    .option('--out <folder>', 'model folder to write: weights, ONNX model, network.json, manifest.json')
    .addOption(new Option('--format <name>', 'what the four channels are').choices(FORMATS).default('foa'))
    .addOption(new Option('--preset <name>', 'spectral analysis').choices(PRESET_NAMES).default('paper-48k'))
    .option('--data <folders>', 'folders with all four splits, with commas; needs --fold', folders)
    .addOption(new Option('--fold <n>', 'official fold of the data set').choices(['1', '2', '3', '4']))
    .option('--train <folders>', 'folders to train on, with commas, instead of --data', folders)
    .option('--validation <folders>', 'folders that choose epoch and thresholds, with commas', folders)
    .option('--init <weights>', 'begin with the weights of a run, model folder or .safetensors; the rest starts fresh')
    .option('--epochs <n>', 'passes over the data at most (default: 50)', positive)
    .option('--minutes <n>', 'wall time after which the run ends, its schedule complete', positive)
    .addOption(new Option('--optimizer <name>', 'adamw (default), or adam as in the paper').choices(['adamw', 'adam']))
    .addOption(new Option('--schedule <name>', 'one-cycle (default) or constant').choices(['one-cycle', 'constant']))
    .option('--rate <r>', 'highest learning rate (default: 0.002)', positive)
    .option('--batch <n>', 'windows of 6 s per step (default: 32)', positive)
    .option('--direction-weight <w>', "of the directions' loss beside the activity's (default: 2)", positive)
    .addOption(new Option('--augment <what>', 'all (default) or none').choices(['all', 'none']))
    .option('--seed <n>', 'same seed, same result on the same machine (default: 1)')
    .option('--device <name>', 'auto (default), cpu or cuda')
    .addOption(
      new Option('--precision <name>', 'auto (default): the faster one, measured').choices([
        'auto',
        'float32',
        'bfloat16',
      ]),
    )
    .option('--compile', 'compile the convolutions first: minutes of waiting, then steps take about 3/4 of the time')
    .option('--threads <n>', 'CPU threads (default: all cores)', positive)
    .option('--name <name>', "of the model (default: the model folder's)")
    .option('--licence <text>', 'what the weights may be used for, and why')
    .option('--python <program>', 'Python with PyTorch', 'python3')
    .option('--json', 'print one JSON object per epoch')
    .addHelpText(
      'after',
      '\nExamples:\n  earshot train --network res-scse-crnn --data scenes --fold 1 --run runs/foa --out my-models/foa\n' +
        '  earshot train --network res-scse-crnn --train scenes --validation others --minutes 60 --run runs/a --out my-models/a\n' +
        '  earshot train --network crnn --format mic --data scenes --fold 1 --optimizer adam --schedule constant --rate 0.001 --run runs/mic --out my-models/mic\n' +
        '  earshot train rows --data scenes --runs runs --only foa-crnn --list',
    )
    .addCommand(trainRowsCommand())
    .action(train);
}

/** A subcommand inherits options that must be given, so these are asked for here. */
function checkGiven(options: Partial<TrainOptions>): void {
  const missing = (['network', 'run', 'out'] as const).find((key) => options[key] === undefined);
  if (missing) throw new UserError(`--${missing} is missing: add it, or see "earshot train --help" for examples.`);
}

async function train(options: TrainOptions): Promise<void> {
  checkGiven(options);
  const network = findNetwork(options.network);
  const data = dataFolders(options).map((folder) => checkDataFolder(folder, options.format, options.preset));
  await checkPython(options.python);
  for (const task of data) {
    if (!task) continue;
    const { format, preset, json = false } = options;
    const args = ['data', 'features', task.recordings, '--format', format, '--preset', preset, '--out', task.features];
    if (json) args.push('--json');
    if (!(await succeeds(process.execPath, [CLI, ...args], json))) return;
  }
  if (!(await succeeds(options.python, [join(SCRIPTS, 'train.py'), ...trainArguments(options, network)]))) return;
  if (!(await succeeds(options.python, [join(SCRIPTS, 'export.py'), ...exportArguments(options)], options.json)))
    return;
  if (!(await succeeds(process.execPath, [CLI, 'model', 'build', options.out], options.json))) return;
  if (!(await succeeds(process.execPath, [CLI, ...thresholdArguments(options)], options.json))) return;
  const recording = goldenRecording(options, data);
  if (options.format !== 'foa' && !recording) return;
  const golden = ['model', 'golden', options.out, '--python', options.python];
  await succeeds(process.execPath, [CLI, ...golden, ...(recording ? ['--recording', recording] : [])], options.json);
}

/** Thresholds are chosen once more, on the events that the device would tell of the validation recordings. */
function thresholdArguments({ out, data, fold, validation, threads, json }: TrainOptions): string[] {
  const recordings = fold ? [data!.join(','), '--fold', fold] : [validation!.join(',')];
  const args = ['field', 'thresholds', '--model', out, '--write', '--data', ...recordings];
  if (json) args.push('--json');
  return threads === undefined ? args : [...args, '--threads', threads];
}

/** What windows are kept of with the model: first-order ambisonics has the bundled recording, which anyone may have. */
function goldenRecording({ format }: TrainOptions, data: readonly (FeatureTask | undefined)[]): string | undefined {
  const folder = format === 'foa' ? undefined : data.findLast((task) => task !== undefined)?.recordings;
  const first =
    folder &&
    readdirSync(folder)
      .sort()
      .find((name) => /\.(wav|flac)$/i.test(name));
  return first && join(folder, first);
}

/** Runs a program that speaks for itself; its exit code becomes ours when it is not 0. */
async function succeeds(program: string, args: readonly string[], quiet = false): Promise<boolean> {
  const code = await runChild(program, args, quiet);
  if (code !== 0) process.exitCode = code;
  return code === 0;
}

function findNetwork(name: string): string {
  if (existsSync(name)) return resolve(name);
  const file = join(NETWORKS, `${name}.json`);
  if (existsSync(file)) return file;
  const known = readdirSync(NETWORKS).map((entry) => basename(entry, '.json'));
  throw new UserError(`There is no network ${name}: name one of ${known.join(', ')}, or a file of that kind.`);
}

/** Folders of the run, each once. */
function dataFolders({ data, fold, train, validation }: TrainOptions): string[] {
  if (data && fold && !train && !validation) return [...new Set(data)];
  if (train && validation && !data && !fold) return [...new Set([...train, ...validation])];
  throw new UserError('Give either --data FOLDER --fold N, or --train FOLDER --validation FOLDER.');
}

async function checkPython(python: string): Promise<void> {
  const complaint = await complaintOf(python, ['-c', 'import numpy, safetensors, torch']);
  if (complaint === undefined) return;
  throw new UserError(
    `${python} cannot train (${complaint}): run "pip install -r models/train/requirements.txt", or name another Python with --python.`,
  );
}

function trainArguments(options: TrainOptions, network: string): string[] {
  const { format, preset, run, fold, json } = options;
  const args = ['--network', network, '--format', format, '--preset', preset, '--run', run];
  args.push('--labels', OFFICE_LABELS.join(','), '--channels', FEATURE_CHANNELS[format].join(','));
  for (const key of ['data', 'train', 'validation'] as const) {
    const given = options[key];
    if (given) args.push(`--${key}`, given.join(','));
  }
  if (fold) args.push('--fold', fold);
  if (options.init) args.push('--init', options.init);
  if (options.compile) args.push('--compile');
  if (json) args.push('--json');
  return [...args, ...passedOn(options)];
}

function passedOn(options: TrainOptions): string[] {
  return PASSED_ON.flatMap((key) => (options[key] === undefined ? [] : [flag(key), String(options[key])]));
}

/** --direction-weight of directionWeight. */
function flag(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function exportArguments(options: TrainOptions): string[] {
  const { run, out, licence } = options;
  const args = [
    '--run',
    run,
    '--out',
    out,
    '--name',
    options.name ?? basename(resolve(out)),
    '--command',
    commandLine(options),
  ];
  if (licence) args.push('--licence', licence);
  return args;
}

/** The command as the manifest keeps it: folders by their names, since paths mean nothing on another machine. */
function commandLine(options: TrainOptions): string {
  const words = ['earshot', 'train', '--network', basename(options.network, '.json')];
  words.push('--format', options.format, '--preset', options.preset);
  for (const key of ['data', 'train', 'validation'] as const) {
    const given = options[key];
    if (given) words.push(`--${key}`, given.map((folder) => basename(resolve(folder))).join(','));
  }
  if (options.fold) words.push('--fold', options.fold);
  if (options.init) words.push('--init', basename(resolve(options.init)));
  return [...words, ...passedOn(options)].join(' ');
}

function folders(text: string): string[] {
  return text.split(',').filter((folder) => folder !== '');
}

function positive(text: string): string {
  if (!(Number(text) > 0)) throw new InvalidArgumentError('It must be a number above 0.');
  return text;
}
