// earshot train rows: the trainings of models/train/rows.json that are not done yet, one after the other, each scored.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { countMacs } from '../models/layers.ts';
import { completeNetwork, parseNetwork } from '../models/network.ts';
import { FEATURE_CHANNELS } from '../models/presets.ts';
import { PACKAGE_ROOT } from '../runtime/worker-file.ts';
import { runChild } from './child.ts';
import { printJson, UserError } from './command.ts';
import { duration } from './progress.ts';
import { ROW_FILE, type Row, readRows, rowFolder } from './rows.ts';
import { holdsFormat } from './training-data.ts';

const CLI = join(PACKAGE_ROOT, 'bin', 'earshot.js');
const WINDOW_FRAMES = 300;
const CLASSES = 11;

interface Options {
  readonly data?: readonly string[];
  readonly runs: string;
  readonly only?: readonly string[];
  readonly rows: string;
  readonly list: boolean;
  readonly epochs?: string;
  readonly minutes?: string;
  readonly compile?: boolean;
  readonly threads?: string;
  readonly device?: string;
  readonly precision?: string;
  readonly python?: string;
  readonly json: boolean;
}

type State = 'done' | 'trained' | 'begun' | 'new';

interface Plan {
  readonly row: Row;
  readonly state: State;
  /** Of training: what it took, or is thought to take. */
  readonly minutes: number;
}

export function trainRowsCommand(): Command {
  return new Command('rows')
    .summary('train and score the rows of the result tables that are missing')
    .description(
      'Trains every row of models/train/rows.json that RUNS does not hold yet, scores it on the validation and test split of its\n' +
        'fold, and goes on with the next. Ctrl-C stops; the same command goes on after the last whole epoch.\n' +
        'RUNS/ROW holds run (checkpoint), model, scores.json and predictions. "earshot field results" makes the tables.',
    )
    .option('--data <folders>', 'folders with the splits, with commas; of each row those with its format are taken')
    .requiredOption('--runs <folder>', 'where the rows are kept')
    .option('--only <names>', 'only these rows, with commas, in this order', (text: string) => text.split(','))
    .option('--rows <file>', 'another list of rows', ROW_FILE)
    .option('--list', 'only show what is done and what is left', false)
    .option('--epochs <n>', "passes over the data at most, instead of the rows' own number")
    .option('--minutes <n>', "wall time of each training at most, instead of the rows' own")
    .option('--compile', 'compile the convolutions first: minutes of waiting, then steps take about 3/4 of the time')
    .option('--threads <n>', 'CPU threads (default: all cores)')
    .option('--device <name>', 'auto (default), cpu or cuda')
    .addOption(new Option('--precision <name>', 'auto (default), float32 or bfloat16'))
    .option('--python <program>', 'Python with PyTorch')
    .option('--json', 'print one JSON object per row', false)
    .addHelpText(
      'after',
      '\nExamples:\n  earshot train rows --runs runs --list\n  earshot train rows --data scenes --runs runs\n' +
        '  earshot train rows --data scenes --runs runs --only foa-crnn,mic-crnn --minutes 30',
    )
    .action((_: unknown, command: Command) => run(optionsOf(command)));
}

/** Options that `earshot train` knows too are parsed by it; those of its own that mean nothing here are refused. */
function optionsOf(command: Command): Options {
  const known = command.options.map((option) => option.attributeName());
  const strange = command.parent!.options.find(
    (option) =>
      !known.includes(option.attributeName()) && command.parent!.getOptionValueSource(option.attributeName()) === 'cli',
  );
  if (strange) throw new UserError(`${strange.long} does not go with "train rows": ${ROW_FILE} says it for each row.`);
  return command.optsWithGlobals<Options>();
}

async function run(options: Options): Promise<void> {
  const { rows } = await readRows(options.rows);
  const plans = planRows(chosen(rows, options), options.runs);
  tellPlans(plans, options.json);
  if (options.list) return;
  if (!options.data) throw new UserError('--data is missing: name the folders that hold the splits to train on.');
  for (const { row, state } of plans) {
    if (state === 'done') continue;
    if (!options.json) process.stdout.write(`\n${row.name}\n`);
    for (const command of commandsOf(row, state, options)) {
      const code = await runChild(process.execPath, [CLI, ...command], options.json);
      if (code === 0) continue;
      process.exitCode = code;
      return;
    }
  }
}

function chosen(rows: readonly Row[], { only, epochs, minutes }: Options): Row[] {
  const unknown = only?.find((name) => !rows.some((row) => row.name === name));
  if (unknown !== undefined)
    throw new UserError(
      `--only ${unknown}: there is no such row; name some of ${rows.map(({ name }) => name).join(', ')}.`,
    );
  const wanted = only ? only.map((name) => rows.find((row) => row.name === name)!) : rows;
  return wanted.map((row) => ({
    ...row,
    ...(epochs && { epochs: Number(epochs) }),
    ...(minutes && { minutes: Number(minutes) }),
  }));
}

/** What is done and left; times of rows not done follow from those that are, by their multiplications per window. */
function planRows(rows: readonly Row[], runs: string): Plan[] {
  const taken = rows.flatMap((row) => {
    const minutes = trainedMinutes(runs, row);
    return minutes === undefined ? [] : [minutes / (macsOf(row) * row.epochs)];
  });
  const perWork = taken.sort((a, b) => a - b)[taken.length >> 1];
  return rows.map((row) => {
    const state = stateOf(runs, row);
    const thought = perWork === undefined ? row.minutes : Math.min(row.minutes, perWork * macsOf(row) * row.epochs);
    return { row, state, minutes: trainedMinutes(runs, row) ?? thought };
  });
}

function stateOf(runs: string, row: Row): State {
  const { scores, model, run } = rowFolder(runs, row);
  if (existsSync(scores)) return 'done';
  if (existsSync(join(model, 'model.onnx')) && existsSync(join(model, 'manifest.json'))) return 'trained';
  return existsSync(join(run, 'checkpoint.pt')) ? 'begun' : 'new';
}

function trainedMinutes(runs: string, row: Row): number | undefined {
  const file = join(rowFolder(runs, row).model, 'manifest.json');
  if (!existsSync(file)) return undefined;
  const minutes = JSON.parse(readFileSync(file, 'utf8')).training?.trainedMinutes;
  return typeof minutes === 'number' ? minutes : undefined;
}

function macsOf(row: Row): number {
  const file = join(PACKAGE_ROOT, 'models', 'networks', `${row.network}.json`);
  const description = parseNetwork(JSON.parse(readFileSync(file, 'utf8')), file);
  const known = { channels: FEATURE_CHANNELS[row.format].length, classes: CLASSES };
  return countMacs(completeNetwork(description, known), WINDOW_FRAMES);
}

/** The commands that a row still needs. */
function commandsOf(row: Row, state: State, options: Options): string[][] {
  const { run, model, scores, predictions } = rowFolder(options.runs, row);
  const held = options.data!.filter((folder) => holdsFormat(folder, row.format, row.preset));
  // Where none has the row's format the command itself says what is missing.
  const folders = held.length > 0 ? held : options.data!;
  const data = ['--data', folders.join(','), '--fold', String(row.fold)];
  const passed = (['threads', 'device', 'precision', 'python'] as const).flatMap((key) =>
    options[key] === undefined ? [] : [`--${key}`, options[key]],
  );
  if (options.compile) passed.push('--compile');
  const settings = (['network', 'format', 'preset', 'seed', 'schedule', 'epochs', 'minutes'] as const).flatMap(
    (key) => [`--${key}`, String(row[key])],
  );
  const train = ['train', ...settings, ...data, '--run', run, '--out', model, '--name', row.name, ...passed];
  const score = ['field', 'score', '--model', model, ...data, '--out', scores, '--predictions', predictions];
  return state === 'trained' ? [score] : [train, score];
}

function tellPlans(plans: readonly Plan[], asJson: boolean): void {
  if (asJson) {
    for (const { row, state, minutes } of plans) printJson({ ...row, state, trainingMinutes: Math.round(minutes) });
    return;
  }
  const width = Math.max(...plans.map(({ row }) => row.name.length));
  for (const { row, state, minutes } of plans)
    process.stdout.write(`${row.name.padEnd(width)}  ${state.padEnd(7)}  ${minutes.toFixed(0).padStart(4)} min\n`);
  const left = plans.filter(({ state }) => state !== 'done' && state !== 'trained');
  const seconds = 60 * left.reduce((sum, { minutes }) => sum + minutes, 0);
  const done = plans.filter(({ state }) => state === 'done').length;
  process.stdout.write(`${done} of ${plans.length} done; training of the others takes about ${duration(seconds)}\n`);
}
