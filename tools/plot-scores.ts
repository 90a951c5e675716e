// The commands `earshot plot classes|directions|confusion|reliability`: pictures of how right predictions are, over many recordings.
import { basename, extname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { OFFICE_LABELS } from '../models/labels.ts';
import { findModel } from '../runtime/inference/model-files.ts';
import { printJson, UserError } from './command.ts';
import type { ScenePair } from './field/scene-pairs.ts';
import { findPairs } from './field/scene-pairs.ts';
import { writePicture } from './plot/rasterise.ts';
import { readEvents, readScene } from './scene-csv.ts';
import { drawScoreFile, type ScoreFileKind } from './score-file-pictures.ts';
import { drawClasses, drawConfusion, drawDirections, drawReliabilityOf, type ScoredScene } from './score-pictures.ts';
import { readToldEvents } from './told-events.ts';

interface Options {
  readonly out: string;
  readonly reference?: string;
  readonly prediction?: string;
  readonly scores?: string;
  readonly set?: string;
  readonly model?: string;
  readonly seconds?: number;
  readonly title?: string;
  readonly json?: boolean;
}

interface Kind {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly draw: (scenes: readonly ScoredScene[], labels: readonly string[], title: string) => string;
}

const KINDS: readonly Kind[] = [
  {
    name: 'classes',
    summary: 'F1, error rate and direction error of each class',
    description: 'Draws F1, ER and DE (unsnapped) of each class as bars, with those of all classes together above.',
    draw: drawClasses,
  },
  {
    name: 'directions',
    summary: 'where directions are wrong, and how much',
    description: 'Draws the mean direction error over azimuth and elevation, its spread, and its mean by elevation.',
    draw: drawDirections,
  },
  {
    name: 'confusion',
    summary: 'which classes are taken for which, missed or invented',
    description: 'Draws what sounded against what was heard, in shares of 20 ms frames.',
    draw: drawConfusion,
  },
];

/** The subcommands of `earshot plot`. */
export function scorePlotCommands(): Command[] {
  const ofFolders = KINDS.map((kind) =>
    withCommonOptions(new Command(kind.name))
      .summary(kind.summary)
      .description(
        `${kind.description}\nCSV files of the two folders are matched by name, in any of the formats of "field evaluate".`,
      )
      .option('--prediction <path>', 'CSV file or folder: what was heard')
      .option(
        '--seconds <n>',
        'length of each recording (default: 60, or more where a reference goes on)',
        wholeSeconds,
      )
      .addHelpText('after', examples(kind.name, '--prediction heard'))
      .action((_: unknown, command: Command) => plotFolders(kind, optionsOf(command))),
  );
  const reliability = withCommonOptions(new Command('reliability'))
    .summary('whether confidence can be believed')
    .description(
      'Draws how often events told with a confidence were right (class, and within 20 degrees), bin by bin.\n' +
        'The confidences are those that "earshot predict FOLDER --json" prints.',
    )
    .addHelpText('after', examples('reliability', '--scores heard.jsonl'))
    .action((_: unknown, command: Command) => plotReliability(optionsOf(command)));
  return [...ofFolders, reliability];
}

/** --reference, --out, --title and --json are those of `earshot plot`: they mean the same here. */
function withCommonOptions(command: Command): Command {
  return command
    .configureHelp({ showGlobalOptions: true })
    .option(
      '--scores <file>',
      'scores.json of "field score", which needs no --reference; or events of "predict --json"',
    )
    .option('--set <name>', 'the set of a scores.json to draw (default: its last)')
    .option('--model <name>', 'take the classes of this model; by default those of TAU Spatial Sound Events 2019');
}

function optionsOf(command: Command): Options {
  const { out, ...others } = command.optsWithGlobals<Partial<Options>>();
  if (out === undefined) throw new UserError('The picture needs a name: give --out FILE.png or FILE.svg.');
  return { ...others, out };
}

/** A scores.json, told from the lines of events by its ending. */
function scoreFileOf({ scores }: Options): string | undefined {
  return scores && extname(scores) === '.json' ? scores : undefined;
}

/** @throws UserError when an option is missing that this way to a picture needs */
function needed(value: string | undefined, what: string): string {
  if (value === undefined) throw new UserError(`${what}, or --scores with the scores.json of "field score".`);
  return value;
}

function examples(kind: string, given: string): string {
  const ofFile =
    kind === 'directions' ? '' : `\n  earshot plot ${kind} --scores scores.json --set test --out ${kind}.png`;
  return `\nExamples:\n  earshot plot ${kind} --reference metadata_dev ${given} --out ${kind}.png${ofFile}`;
}

async function plotFolders(kind: Kind, options: Options): Promise<void> {
  const { name } = kind;
  const scoreFile = scoreFileOf(options);
  if (scoreFile && name === 'directions')
    throw new UserError('A scores.json keeps no directions: give --reference and --prediction to draw them.');
  if (scoreFile) return write(await drawScoreFile(scoreFile, name as ScoreFileKind, options), options);
  const reference = needed(options.reference, 'What really sounded is needed to judge by: give --reference FOLDER');
  const prediction = needed(options.prediction, 'What was heard is needed: give --prediction FOLDER');
  const labels = await labelsOf(options);
  const { pairs } = await findPairs(reference, prediction, false);
  const scenes: ScoredScene[] = [];
  for (const pair of pairs) scenes.push(await readPair(pair, labels, options.seconds));
  const title = options.title ?? `${basename(resolve(prediction))}: ${kind.summary}`;
  await write(kind.draw(scenes, labels, title), options);
}

async function readPair(pair: ScenePair, labels: readonly string[], seconds: number | undefined): Promise<ScoredScene> {
  return {
    name: pair.name,
    reference: await readScene(pair.reference, labels),
    prediction: await readScene(pair.prediction!, labels),
    ...(seconds && { seconds }),
  };
}

async function plotReliability(options: Options): Promise<void> {
  const scoreFile = scoreFileOf(options);
  if (scoreFile) return write(await drawScoreFile(scoreFile, 'reliability', options), options);
  const heard = needed(options.scores, 'What was heard is needed: give --scores FILE.jsonl of "predict --json"');
  const reference = needed(options.reference, 'What really sounded is needed to judge by: give --reference FOLDER');
  const labels = await labelsOf(options);
  const told = await readToldEvents(heard, labels);
  const names = [...told.keys()];
  const references = await Promise.all(
    names.map((name) => readEvents(referenceOf(reference, name, names.length), labels)),
  );
  const scenes = names.map((name, i) => ({ reference: references[i]!, events: told.get(name)! }));
  await write(drawReliabilityOf(scenes, labels, options.title ?? 'Can its confidence be believed?'), options);
}

function referenceOf(path: string, name: string, recordings: number): string {
  if (extname(path) !== '.csv') return join(path, `${name}.csv`);
  if (recordings === 1) return path;
  throw new UserError(
    `${path} is one file, but ${recordings} recordings were heard: give the folder of their references.`,
  );
}

async function labelsOf({ model }: Options): Promise<readonly string[]> {
  return model ? (await findModel(model, 'foa')).manifest.labels : OFFICE_LABELS;
}

async function write(svg: string, { out, json }: Options): Promise<void> {
  await writePicture(svg, out);
  if (json) printJson({ type: 'picture', file: out });
  else process.stdout.write(`${out}\n`);
}

function wholeSeconds(text: string): number {
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= 86_400) return seconds;
  throw new UserError(`--seconds ${text} must be a whole number, 1 to 86400.`);
}
