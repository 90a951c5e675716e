// The command `earshot data synth`: renders labelled four-channel recordings to train and test on.
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { Piscina } from 'piscina';
import { FORMATS, type Format } from '../../models/presets.ts';
import { FIRST_ORDER_GAIN, type Normalization } from '../../runtime/ambisonics.ts';
import { workerFile } from '../../runtime/worker-file.ts';
import { printJson, UserError } from '../command.ts';
import { showProgress } from '../progress.ts';
import { type Bank, corpusBank, folderBank } from './scenes/bank.ts';
import { checkSamples, listLayouts } from './scenes/layout.ts';
import { prepareFolder, removePartial } from './scenes/output-folder.ts';
import type { FreshSource, Recipe, Task } from './scenes/recipe.ts';
import type { Rendered } from './scenes/render-worker.ts';

interface Options {
  out: string;
  corpus?: string;
  sounds?: string[];
  extra?: boolean;
  split: number[];
  fresh?: number;
  asSplit: number;
  format: Format[];
  normalization: Normalization;
  seconds: number;
  rooms: FreshSource['rooms'];
  directions: FreshSource['directions'];
  overlap: number[];
  snr: [number, number];
  ambience?: string;
  vary?: boolean;
  seed: number;
  jobs: number;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  # the 400 development recordings of TAU Spatial Sound Events 2019, in simulated rooms
  earshot data synth --corpus corpus --out data/tau
  # 200 fresh recordings from folders of your own sounds (sounds/CLASS/*.wav), each in a room of its own
  earshot data synth --sounds sounds --fresh 200 --rooms random --vary --snr 5:35 --out data/train
  # fresh layouts over the corpus's training samples, numbered as split 3
  earshot data synth --corpus corpus --split 3,4 --extra --fresh 100 --as-split 3 --out data/more

The folder gets foa_dev/, mic_dev/ (48 kHz, 4 channels, 16 bit) and metadata_dev/ as the data set has them. FOA channels are
W, Y, Z, X (ACN); the 2019 data set is N3D, this writes SN3D unless told otherwise. MIC is four capsules at (45,35), (-45,-35),
(135,-35), (-135,35) on a rigid sphere of 4.2 cm. The same command gives the same bytes; stopped, it goes on where it was.`;

export function synthCommand(): Command {
  return new Command('synth')
    .summary('render labelled spatial recordings from single sounds')
    .description(
      'Renders labelled four-channel recordings: sounds in simulated rooms, with ambience, to train and test on.',
    )
    .requiredOption('--out <dir>', 'folder for the recordings; an interrupted run there goes on')
    .option(
      '--corpus <dir>',
      'corpus with scenes/, events/ and samples.csv: renders its layouts, or fresh ones with --fresh',
    )
    .option('--sounds <dir>', 'folder of CLASS/sound.wav or .flac for fresh layouts (may be given again)', collect)
    .option('--extra', 'use the corpus’s extra/ sounds too (with --fresh)')
    .addOption(
      new Option('--split <list>', 'splits of the corpus to use')
        .argParser(wholeList(1, 4))
        .default([1, 2, 3, 4], '1,2,3,4'),
    )
    .option('--fresh <n>', 'draw this many new layouts with the data set’s statistics', whole(1, 1e6))
    .option('--as-split <n>', 'split number in the names of fresh recordings', whole(0, 9), 1)
    .addOption(
      new Option('--format <list>', 'foa, mic or both').argParser(formatList).default([...FORMATS], FORMATS.join(',')),
    )
    .addOption(
      new Option('--normalization <name>', 'gains of FOA').choices(Object.keys(FIRST_ORDER_GAIN)).default('sn3d'),
    )
    .option('--seconds <n>', 'length of a recording', whole(1, 3600), 60)
    .addOption(
      new Option('--rooms <kind>', 'fresh layouts: 5 fixed rooms or a new one each')
        .choices(['5', 'random'])
        .default('5'),
    )
    .addOption(
      new Option('--directions <kind>', 'fresh layouts: the 10° grid, anywhere, or either by recording')
        .choices(['grid', 'free', 'mix'])
        .default('grid'),
    )
    .addOption(
      new Option('--overlap <list>', 'fresh layouts: sounds at once at most, 1, 2, or as many recordings of either')
        .argParser(wholeList(1, 2))
        .default([1, 2], '1,2'),
    )
    .addOption(
      new Option('--snr <db>', 'mean event level above the ambience, or a range LOW:HIGH to draw from')
        .argParser(range)
        .default([30, 30], '30'),
    )
    .option('--ambience <dir>', 'folder of mono recordings to make diffuse (default: shaped noise)')
    .option('--vary', 'vary sounds (speed, filters, level), microphone gains and phases, sensor noise, recording level')
    .option('--seed <n>', 'another seed gives another set', whole(0, 2 ** 32), 1)
    .option('--jobs <n>', 'recordings rendered at the same time', whole(1, 1024), availableParallelism())
    .option('--json', 'print one JSON object per recording')
    .addHelpText('after', EXAMPLES)
    .action(synthesise);
}

async function synthesise(options: Options): Promise<void> {
  const { recipe, tasks } = await plan(options);
  const remaining = await prepareFolder(options.out, recipe, tasks);
  const started = performance.now();
  await renderAll(options, recipe, tasks.length, remaining);
  const seconds = (performance.now() - started) / 1000;
  const summary = {
    recordings: tasks.length,
    rendered: remaining.length,
    seconds: Number(seconds.toFixed(1)),
    timesRealTime: Number(((remaining.length * recipe.seconds) / seconds).toFixed(1)),
  };
  if (options.json) printJson(summary);
  else
    process.stdout.write(
      `${tasks.length} recordings in ${options.out}: ${remaining.length} rendered now, ${summary.timesRealTime} x real time\n`,
    );
}

async function renderAll(
  { out, jobs, json }: Options,
  recipe: Recipe,
  total: number,
  remaining: Task[],
): Promise<void> {
  if (remaining.length === 0) return;
  const threads = Math.min(jobs, remaining.length);
  const pool = new Piscina({
    filename: workerFile(new URL('./scenes/render-worker.ts', import.meta.url)).href,
    minThreads: threads,
    maxThreads: threads,
    workerData: { recipe, folder: out },
  });
  const skipped = total - remaining.length;
  const progress = json ? undefined : showProgress('Rendering', total, 'recordings', skipped);
  const started = performance.now();
  let done = 0;
  let stopped = false;
  const stop = () => {
    stopped = true;
    pool.destroy();
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const renderOne = async (task: Task) => {
      const result = (await pool.run(task)) as Rendered;
      if ('mistake' in result) throw new UserError(result.mistake);
      done++;
      const speed = (done * recipe.seconds) / ((performance.now() - started) / 1000);
      progress?.update(skipped + done, `${speed.toFixed(0)} x real time`);
      if (json) printJson(result);
    };
    await Promise.all(remaining.map(renderOne));
    progress?.finish();
  } catch (error) {
    if (!stopped) throw error;
    throw new UserError(
      `Stopped: ${skipped + done} of ${total} recordings are complete in ${out}; the same command goes on from there`,
    );
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    await pool.destroy();
    removePartial(out, recipe);
  }
}

async function plan(options: Options): Promise<{ recipe: Recipe; tasks: Task[] }> {
  const common = {
    seed: options.seed,
    seconds: options.seconds,
    formats: options.format,
    normalization: options.normalization,
    snrDb: options.snr,
    ambience: options.ambience === undefined ? [] : soundFiles(options.ambience),
    vary: options.vary ?? false,
  };
  if (options.fresh === undefined) {
    const corpus = layoutsOnly(options);
    const names = listLayouts(corpus, options.split);
    await checkSamples(corpus, names);
    return {
      recipe: { ...common, source: { kind: 'corpus', corpus, splits: options.split } },
      tasks: names.map((name, index) => ({ index, name })),
    };
  }
  const { fresh: count, asSplit, rooms, directions, overlap: overlaps } = options;
  const source: FreshSource = { kind: 'fresh', banks: banksOf(options), count, rooms, directions, overlaps, asSplit };
  return {
    recipe: { ...common, source },
    tasks: Array.from({ length: count }, (_, index) => ({ index, name: freshName(source, index) })),
  };
}

/** Names go through rooms and overlaps so that any number of recordings has about as many of each. */
function freshName({ asSplit, overlaps }: FreshSource, index: number): string {
  const overlap = overlaps[Math.floor(index / 5) % overlaps.length];
  return `split${asSplit}_ir${index % 5}_ov${overlap}_${index + 1}`;
}

function layoutsOnly({ corpus, sounds = [], vary, extra }: Options): string {
  if (sounds.length > 0) throw new UserError('--sounds needs --fresh N: say how many recordings to draw from them');
  if (corpus === undefined) throw new UserError('Nothing to render: give --corpus DIR, or --sounds DIR with --fresh N');
  if (vary || extra)
    throw new UserError(
      `${vary ? '--vary' : '--extra'} needs --fresh N: the corpus’s layouts are rendered as they are`,
    );
  return resolve(corpus);
}

function banksOf({ corpus, sounds = [], extra, split }: Options): Bank[] {
  const banks = sounds.map((folder) => folderBank(resolve(folder)));
  if (corpus !== undefined) banks.push(corpusBank(resolve(corpus), split));
  if (extra) {
    if (corpus === undefined) throw new UserError('--extra needs --corpus DIR: the extra sounds lie in it');
    banks.push(folderBank(join(resolve(corpus), 'extra')));
  }
  if (banks.length === 0) throw new UserError('No sounds to draw from: give --sounds DIR or --corpus DIR');
  return banks;
}

function soundFiles(folder: string): string[] {
  const files = readdirSync(folder).filter((file) => /\.(wav|flac)$/i.test(file));
  if (files.length === 0) throw new UserError(`${folder} holds no .wav or .flac file to use as ambience`);
  return files.sort().map((file) => join(resolve(folder), file));
}

const collect = (value: string, before: string[] = []) => [...before, value];

function whole(low: number, high: number) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isInteger(value) || value < low || value > high)
      throw new InvalidArgumentError(`It must be a whole number from ${low} to ${high}.`);
    return value;
  };
}

function wholeList(low: number, high: number) {
  return (text: string): number[] => text.split(',').map(whole(low, high));
}

function formatList(text: string): Format[] {
  const wanted = text.split(',');
  if (!wanted.every((name) => (FORMATS as readonly string[]).includes(name)))
    throw new InvalidArgumentError('It must be foa, mic or foa,mic.');
  return FORMATS.filter((format) => wanted.includes(format));
}

function range(text: string): [number, number] {
  const [low, high = low] = text.split(':').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (!(Number.isFinite(low) && Number.isFinite(high) && low! <= high!))
    throw new InvalidArgumentError('It must be decibels such as 30, or a range from low to high such as 5:35.');
  return [low!, high!];
}
