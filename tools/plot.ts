// The command `earshot plot`: pictures of results, and of how a training run went.
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { Command } from 'commander';
import { OFFICE_LABELS } from '../models/labels.ts';
import { printJson, UserError } from './command.ts';
import { drawLearningCurve, parseEpochs } from './plot/learning-curve.ts';
import { writePicture } from './plot/rasterise.ts';
import { drawResultDiagram } from './plot/result-diagram.ts';
import { scorePlotCommands } from './plot-scores.ts';
import { readEvents, type SceneEvent } from './scene-csv.ts';

interface Options {
  out?: string;
  reference?: string;
  learningCurve?: string;
  duration?: number;
  title?: string;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  earshot plot found.csv --reference truth.csv --out result.png   what was found, below what is known to be there
  earshot plot scene.csv --out scene.svg                          one set of events alone
  earshot plot --learning-curve run/metrics.jsonl --out curve.png how a training run went
  earshot plot classes --reference metadata_dev --prediction heard --out classes.png   how right they are, over many recordings
  earshot plot reliability --reference metadata_dev --scores heard.jsonl --out reliability.png

The CSV files are metadata CSVs as \`earshot predict --out\` writes them. Text is drawn as outlines: no fonts are needed.`;

export function plotCommand(): Command {
  const plotting = new Command('plot')
    .summary('draw what sounded and from where, or how a training run went')
    .description(
      'Draws class, azimuth and elevation over time, reference above prediction; or the learning curves of a run.\n' +
        'The subcommands draw how right predictions are over many recordings: each has its own options and --help.',
    )
    .argument('[events]', 'metadata CSV of the events to draw')
    .option('--out <file>', 'picture to write (must be given); its ending says which kind: .png or .svg')
    .option('--reference <file>', 'metadata CSV of what really sounded')
    .option('--learning-curve <file>', 'draw the metrics.jsonl of a training run instead of events')
    .option('--duration <seconds>', 'length of the time axis (default: a minute, or up to the last event)', positive)
    .option('--title <text>', 'heading of the picture (default: the name of the file)')
    .option('--json', 'print one JSON object naming the picture')
    .addHelpText('after', EXAMPLES)
    .action(plot);
  for (const command of scorePlotCommands()) plotting.addCommand(command);
  return plotting;
}

async function plot(events: string | undefined, options: Options): Promise<void> {
  const { learningCurve, out, json } = options;
  if ((events === undefined) === (learningCurve === undefined))
    throw new UserError('Nothing or too much to draw: give either a metadata CSV or --learning-curve FILE.');
  if (out === undefined) throw new UserError('The picture needs a name: give --out FILE.png or FILE.svg.');
  const svg = events === undefined ? await curve(learningCurve!, options) : await result(events, options);
  await writePicture(svg, out);
  if (json) printJson({ type: 'picture', file: out });
  else process.stdout.write(`${out}\n`);
}

async function result(file: string, { reference: truth, title = basename(file, '.csv'), duration }: Options) {
  const predicted = await readEvents(file);
  const known = truth === undefined ? undefined : await readEvents(truth);
  const durationSeconds = duration ?? lengthOf([...predicted, ...(known ?? [])]);
  const inTime = ({ startSeconds }: SceneEvent) => startSeconds < durationSeconds;
  const [prediction, reference] = [predicted.filter(inTime), known?.filter(inTime)];
  return drawResultDiagram({ reference, prediction, labels: OFFICE_LABELS, durationSeconds, title });
}

async function curve(file: string, { title = basename(file) }: Options): Promise<string> {
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (error) {
    throw new UserError(
      `Cannot read ${file} (${(error as NodeJS.ErrnoException).code}): give the metrics.jsonl of a run.`,
      {
        cause: error,
      },
    );
  }
  return drawLearningCurve(parseEpochs(content, file), title);
}

/** The data set's minute when all events lie in it; otherwise up to the end of the last. */
function lengthOf(events: readonly SceneEvent[]): number {
  return Math.max(60, ...events.map((e) => Math.ceil(e.endSeconds)));
}

function positive(text: string): number {
  const value = Number(text);
  if (!(Number.isFinite(value) && value > 0))
    throw new UserError(`--duration ${text} must be a number of seconds above 0.`);
  return value;
}
