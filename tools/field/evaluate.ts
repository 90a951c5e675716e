// `earshot field evaluate`: predictions against references, with the metrics of DCASE 2019 and the joint ones of 2020 and later.
import { Command, InvalidArgumentError, Option } from 'commander';
import { OFFICE_LABELS } from '../../models/labels.ts';
import { findModel } from '../../runtime/inference/model-files.ts';
import { printJson, UserError } from '../command.ts';
import { readScene, type Scene } from '../scene-csv.ts';
import {
  type CountedRecording,
  countScenes,
  PARTS,
  type Part,
  type PartScores,
  partOf,
  scoreParts,
} from './breakdown.ts';
import { findPairs, type ScenePair } from './scene-pairs.ts';
import { scoreTable } from './score-table.ts';
import { checkTrialOptions, runTrial } from './trial.ts';

interface Options {
  readonly reference?: string;
  readonly prediction?: string;
  readonly recordings?: string;
  readonly out?: string;
  readonly by: readonly Part[];
  readonly labels?: readonly string[];
  readonly model?: string;
  readonly seconds?: number;
  readonly missingAsSilence: boolean;
  readonly json: boolean;
}

const SILENCE: Scene = { kind: 'events', events: [] };

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .summary('score predictions against references')
    .description(
      'Scores predicted scenes against reference scenes. Files of two folders are matched by name.\n' +
        'With --recordings the installed model hears them first, as the device does; without labels it counts false alarms.\n' +
        'Both sides may be metadata CSV (sound_event_recording,start_time,end_time,ele,azi,dist) or DCASE output:\n' +
        'frame,class,azi,ele (20 ms) or frame,class,source,azi,ele[,dist] (100 ms); the columns tell which.',
    )
    .option('--reference <path>', 'CSV file or folder: what sounded')
    .option('--prediction <path>', 'CSV file or folder: what was heard')
    .addOption(
      new Option('--by <parts>', `also score parts, any of ${PARTS.join(',')}`).argParser(partList).default([], 'none'),
    )
    .option('--labels <names>', 'classes in the order of their index, separated by commas', nameList)
    .option('--model <name>', 'take the classes of this model; by default those of TAU Spatial Sound Events 2019')
    .option('--seconds <n>', 'length of each recording; by default 60, or more where a reference goes on', wholeSeconds)
    .option('--missing-as-silence', 'take a missing prediction file as one that heard nothing', false)
    .option('--json', 'print one JSON object for all recordings, then one per part', false)
    .optionsGroup('Hearing recordings on this machine:')
    .option('--recordings <folder>', 'hear these with the installed model, in place of --prediction')
    .option('--out <folder>', 'where result.json, report.html and what is heard go; a broken run goes on from there')
    .option('--compare <file>', 'result.json of another machine: how far both agree')
    .option('--broker <url>', 'MQTT broker to tell the result to')
    .option('--config <file>', 'settings of the device, JSON: model, names, broker and access to it')
    .option('--threads <n>', 'threads of the network (default: those of the settings, 1)')
    .option('--resample', 'also take recordings that are not at 48 or 24 kHz')
    .addOption(
      new Option('--normalization <name>', "of the ambisonic channels (default: the model's)").choices(['sn3d', 'n3d']),
    )
    .addHelpText('after', MORE_HELP)
    .action(run);
}

const MORE_HELP = `
Scores
  ER, F1        error rate and F-score of what sounded, in one-second segments
  DE            direction error in degrees as the official 2019 run has it: angles are floored to the 10 degree grid,
                so that an error of 0.01 degrees costs about 4: right for predictions that are on the grid already
  DE_snapped    the same, but predictions are rounded to the nearest 10 degrees first: compare this with other papers
  DE_unsnapped  no grid: angles as they are, one direction per class and frame; FR_unsnapped goes with it
  FR            share of 20 ms frames with the right number of directions
  SELD          mean of ER, 1-F1, DE/180, 1-FR
  joint_micro, joint_macro   ER20, F20, LE_CD, LR_CD, SELD: right class and within 20 degrees
Counts are added up over recordings before rates are formed. A score that nothing was there for is null (- in the table).

Examples:
  earshot field evaluate --reference metadata_dev --prediction predicted
  earshot field evaluate --reference metadata_dev --prediction predicted --by split,ov --json
  earshot field evaluate --reference scene.csv --prediction heard.csv --seconds 30
  earshot field evaluate --recordings yard --reference labels --out yard-here            on the device itself
  earshot field evaluate --recordings night --out night-here                             false alarms per hour
  earshot field evaluate --recordings yard --reference labels --out yard-here --compare yard-workstation/result.json
`;

async function run(options: Options): Promise<void> {
  if (options.recordings !== undefined) {
    checkTrialOptions({ ...options });
    return runTrial({ ...options, recordings: options.recordings, out: options.out! });
  }
  await compareFiles(options);
}

async function compareFiles(options: Options): Promise<void> {
  const { reference, prediction, missingAsSilence } = options;
  if (reference === undefined || prediction === undefined)
    throw new UserError('Give --reference and --prediction to compare files, or --recordings to hear recordings now.');
  const labels = await labelsFor(options);
  const { pairs, extra } = await findPairs(reference, prediction, missingAsSilence);
  checkParts(pairs, options.by);
  if (extra.length > 0) process.stderr.write(`${leftOut(extra)}\n`);
  const recordings: CountedRecording[] = [];
  for (const pair of pairs) recordings.push(await countPair(pair, labels, options));
  const parts = scoreParts(recordings, options.by, labels);
  if (options.json) for (const part of parts) printJson(asJson(part, recordings));
  else process.stdout.write(`${headline(recordings)}\n\n${scoreTable(parts)}`);
}

async function countPair(
  pair: ScenePair,
  labels: readonly string[],
  { seconds, by }: Options,
): Promise<CountedRecording> {
  const reference = await readScene(pair.reference, labels);
  const prediction = pair.prediction === undefined ? SILENCE : await readScene(pair.prediction, labels);
  const scenes = { name: pair.name, reference, prediction };
  return countScenes(scenes, labels.length, { seconds, perClass: by.includes('class') });
}

async function labelsFor({ labels, model }: Options): Promise<readonly string[]> {
  if (labels && model) throw new UserError('--labels and --model both name the classes: give one of them');
  if (model) return (await findModel(model, 'foa')).manifest.labels;
  return labels ?? OFFICE_LABELS;
}

function checkParts(pairs: readonly ScenePair[], by: readonly Part[]): void {
  for (const part of by) {
    if (part === 'class') continue;
    const without = pairs.find(({ name }) => partOf(name, part) === undefined);
    if (without)
      throw new UserError(
        `--by ${part}: the name ${without.name} does not carry it (split1_ir0_ov2_11 does); leave ${part} out`,
      );
  }
}

function asJson({ part, value, recordings, scores, counts }: PartScores, counted: readonly CountedRecording[]) {
  const which = part === 'all' ? { by: part, ...totals(counted) } : { by: part, [part]: value, recordings };
  return { ...which, ...scores, counts: counts.official };
}

function totals(counted: readonly CountedRecording[]) {
  const sum = (of: (recording: CountedRecording) => number) => counted.reduce((total, r) => total + of(r), 0);
  return {
    recordings: counted.length,
    seconds: sum(({ seconds }) => seconds),
    n_ref: sum(({ referenceRows }) => referenceRows),
    n_pred: sum(({ predictionRows }) => predictionRows),
  };
}

function leftOut(extra: readonly string[]): string {
  const many =
    extra.length > 1 ? `${extra.length} predictions without a reference are` : '1 prediction without a reference is';
  return `${many} left out: ${extra.length > 3 ? `${extra.slice(0, 3).join('.csv, ')}.csv ...` : `${extra.join('.csv, ')}.csv`}`;
}

function headline(counted: readonly CountedRecording[]): string {
  const { recordings, seconds, n_ref, n_pred } = totals(counted);
  const plural = recordings === 1 ? '' : 's';
  return `${recordings} recording${plural}, ${seconds} s; rows: ${n_ref} reference, ${n_pred} predicted`;
}

function partList(text: string): Part[] {
  const names = text.split(',');
  const unknown = names.find((name) => !PARTS.some((part) => part === name));
  if (unknown !== undefined) throw new InvalidArgumentError(`"${unknown}" is none of ${PARTS.join(', ')}.`);
  return PARTS.filter((part) => names.includes(part));
}

function nameList(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('') || new Set(names).size < names.length)
    throw new InvalidArgumentError('Names must be separated by commas, none of them empty or twice.');
  return names;
}

function wholeSeconds(text: string): number {
  const seconds = Number(text);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 86_400)
    throw new InvalidArgumentError('It must be a whole number, 1 to 86400.');
  return seconds;
}
