// earshot model quantise: one calibration, and from it the model in the numbers that a target computes fastest in.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_VARIANT } from '../../models/manifest.ts';
import { findModel, type Model } from '../../runtime/inference/model-files.ts';
import {
  type CalibrationSource,
  calibrationSources,
  calibrationWindows,
  FEWEST_WINDOWS,
  windowCount,
} from '../calibration-windows.ts';
import { printJson, UserError } from '../command.ts';
import { allThreads } from '../engines.ts';
import { DEFAULT_BUDGET } from '../labelled-set.ts';
import { showProgress } from '../progress.ts';
import { writeSensitivityPicture } from '../sensitivity-picture.ts';
import { writeWhole } from '../write-whole.ts';
import { readManifest, sha256, writeManifest } from './model-folder.ts';
import { openSession } from './onnx-session.ts';
import { type BudgetSearch, searchBudget } from './quantise/budget.ts';
import { type CalibratedGraph, calibrate, type Window } from './quantise/calibrate.ts';
import { decibels, outputNoise, referenceOutputs } from './quantise/output-noise.ts';
import { METHODS, type Method } from './quantise/ranges.ts';
import { formatQuantised, type Quantised } from './quantise/report.ts';
import {
  measureSensitivity,
  SENSITIVITY_WINDOWS,
  type Sensitivity,
  sensitivityTable,
  worstFirst,
} from './quantise/sensitivity.ts';
import { EMITTED, type Emitted, emit, FILES } from './quantise/targets.ts';

interface Options {
  readonly calibration: readonly string[];
  readonly target: Emitted;
  readonly out?: string;
  readonly windows: number;
  readonly method: Method;
  readonly float: readonly string[];
  readonly labelled?: string;
  readonly budgetF1: number;
  readonly budgetDe: number;
  readonly sensitivity?: string;
  readonly release: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Calibration takes recordings, folders of them, data folders or folders of features; labels are not needed. With --labelled
(a data folder, or recordings with a CSV beside each) layers that cost too much are left in float32 until F1 and direction
error keep the budget; an interrupted search goes on where it was. The same inputs give the same bytes.

An ort- file in the model's own folder is entered into the manifest with its sha256, as a variant of the network.

Examples:
  earshot model quantise models/office-foa --calibration validation
  earshot model quantise models/office-foa --calibration validation --labelled validation --sensitivity layers.png
  earshot model quantise lab --calibration yard.wav street.wav --target trt-int8 --out lab-orin.onnx
  earshot model quantise lab --calibration sounds --target calibration-cache --release 8.2.1 --out lab.cache
`;

export function quantiseCommand(): Command {
  return new Command('quantise')
    .summary('make a model small and fast: INT8 or float16, for ONNX Runtime or TensorRT')
    .description('Calibrates a model with sounds and writes it in the number formats of a target.')
    .argument('<model>', 'model folder, or the name of a shipped model')
    .requiredOption(
      '--calibration <paths...>',
      `sounds such as the device will hear, ${FEWEST_WINDOWS} windows or more`,
    )
    .addOption(new Option('--target <target>', 'what will run it').choices(EMITTED).default('ort-int8'))
    .option('--out <file>', 'file to write (default: beside the model, named after the target)')
    .option('--windows <number>', 'windows to calibrate with, spread evenly over the recordings', wholeNumber, 128)
    .addOption(new Option('--method <name>', 'how ranges are chosen').choices(METHODS).default('mse'))
    .option('--float <layers>', 'layers that stay float32, separated by commas (ort-int8)', list, [])
    .option('--labelled <folder>', 'labelled recordings on which the budget must hold (ort-int8)')
    .option('--budget-f1 <points>', 'F1 that it may lose', positive, DEFAULT_BUDGET.f1Points)
    .option('--budget-de <degrees>', 'direction error that it may add', positive, DEFAULT_BUDGET.degrees)
    .option('--sensitivity <file>', 'also report what each layer alone costs: .txt, .json, .svg or .png')
    .option('--release <number>', 'of TensorRT, in the header of a calibration cache', '8.5.2')
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(quantise);
}

async function quantise(name: string, options: Options): Promise<void> {
  const { target, json } = options;
  checkOptions(options);
  // The plain form: what is optimised for one runtime hides what emitters look for.
  const model = await findModel(name, 'foa', DEFAULT_VARIANT);
  const out = options.out ?? join(model.folder, FILES[target].file);
  checkOut(out, model, target);
  const sources = await calibrationSources(options.calibration, model.manifest);
  const calibrated = await calibrateModel(model, sources, options.windows);
  const probes = await take(calibrationWindows(sources, model.manifest, SENSITIVITY_WINDOWS));
  const sensitivity =
    options.sensitivity || options.labelled ? await sensitivityOf(calibrated, probes, options) : undefined;
  const search = options.labelled ? await searchMixture(model, calibrated, sensitivity!, out, options) : undefined;
  const floatLayers = search?.chosen.floatLayers ?? options.float;
  const file = emit(target, calibrated, { ...options, floatLayers });
  await writeWhole(out, file.bytes);
  if (file.model) await writeWhole(`${out}.onnx`, file.model);
  const variant = await register(model, out, target, file.bytes);
  const result: Quantised = {
    ...{ file: out, target, method: options.method, windows: calibrated.windows, floatLayers, variant },
    ...{ bytes: file.bytes.length, bytesBefore: (await readFile(model.networkFile)).length, search },
    sqnrDb: target === 'ort-int8' ? await quality(calibrated, file.bytes, probes) : undefined,
  };
  if (json) printJson(result);
  else process.stdout.write(formatQuantised(result));
}

/** Files of the model stay as they are, but for the one of this target. */
function checkOut(out: string, { folder, manifest }: Model, target: Emitted): void {
  const file = basename(out);
  const isOurs = file === FILES[target].file && FILES[target].variant !== undefined;
  if (resolve(dirname(out)) !== resolve(folder) || isOurs || !(file in manifest.files)) return;
  throw new UserError(`--out ${out} is a file of the model itself: give another name.`);
}

/** What cannot go together is said before anything is computed. */
function checkOptions({ target, labelled, float, sensitivity }: Options): void {
  if (target !== 'ort-int8' && (labelled || float.length > 0 || sensitivity)) {
    throw new UserError(
      `--labelled, --float and --sensitivity choose layers for ort-int8, not for ${target}: leave them out.`,
    );
  }
  if (labelled && float.length > 0)
    throw new UserError('--float and --labelled both choose the layers that stay float: give one of them.');
  if (sensitivity && !REPORTS.includes(extname(sensitivity).toLowerCase()))
    throw new UserError(
      `--sensitivity ${sensitivity} must end in ${REPORTS.join(', ')}: the ending says what is written.`,
    );
}

async function calibrateModel(
  model: Model,
  sources: readonly CalibrationSource[],
  count: number,
): Promise<CalibratedGraph> {
  const { manifest, networkFile } = model;
  const progress = showProgress('calibration', windowCount(sources, count), 'windows');
  const calibrated = await calibrate({
    ...{ model: await readFile(networkFile), where: networkFile, frames: manifest.window.frames },
    ...{ windows: calibrationWindows(sources, manifest, count), onWindow: (done) => progress.update(done) },
  });
  progress.finish();
  return calibrated;
}

const REPORTS = ['.txt', '.json', '.svg', '.png'];

async function sensitivityOf(
  calibrated: CalibratedGraph,
  probes: readonly Window[],
  { method, sensitivity: file }: Options,
): Promise<Sensitivity> {
  let progress: ReturnType<typeof showProgress> | undefined;
  const sensitivity = await measureSensitivity(calibrated, method, probes, (done, of) => {
    progress ??= showProgress('sensitivity', of, 'layers');
    progress.update(done);
  });
  progress?.finish();
  if (!file) return sensitivity;
  const ending = extname(file).toLowerCase();
  if (ending === '.json') await writeWhole(file, `${JSON.stringify(sensitivity, null, 2)}\n`);
  else if (ending === '.txt') await writeWhole(file, sensitivityTable(sensitivity));
  else
    await writeSensitivityPicture(
      sensitivity,
      `${basename(dirname(calibrated.where))}: what each layer costs in INT8`,
      file,
    );
  return sensitivity;
}

/** Layers to leave float so that the budget holds. */
async function searchMixture(
  model: Model,
  calibrated: CalibratedGraph,
  sensitivity: Sensitivity,
  out: string,
  options: Options,
): Promise<BudgetSearch> {
  const { labelled, method, release, budgetF1, budgetDe } = options;
  const emitWith = (floatLayers: readonly string[]) =>
    emit('ort-int8', calibrated, { method, release, floatLayers }).bytes;
  const key = createHash('sha256')
    .update(calibrated.bytes)
    .update(emitWith([]))
    .update(resolve(labelled!))
    .digest('hex');
  let progress: ReturnType<typeof showProgress> | undefined;
  return searchBudget({
    ...{ model, labelled: labelled!, budget: { f1Points: budgetF1, degrees: budgetDe }, threads: allThreads() },
    ...{ order: worstFirst(sensitivity), emit: emitWith, notes: `${out}.search.json`, key },
    onRecording(trial, done, of) {
      if (done === 0) progress = showProgress(`trial ${trial}`, of, 'recordings');
      progress!.update(done);
      if (done === of) progress!.finish();
    },
  });
}

/** Beside the manifest a file gets a name by which the runtime finds it. @returns the name */
async function register(model: Model, out: string, target: Emitted, bytes: Uint8Array): Promise<string | undefined> {
  const { variant } = FILES[target];
  if (!variant || resolve(dirname(out)) !== resolve(model.folder)) return undefined;
  const manifest = (await readManifest(model.folder))!;
  const file = basename(out);
  await writeManifest(model.folder, {
    ...manifest,
    variants: { ...manifest.variants, [variant]: file },
    files: { ...manifest.files, [file]: sha256(bytes) },
  });
  return variant;
}

/** Signal over noise of each output beside the float model, in decibels. */
async function quality(
  calibrated: CalibratedGraph,
  bytes: Uint8Array,
  probes: readonly Window[],
): Promise<Record<string, number>> {
  const original = await openSession(calibrated.bytes, calibrated.where);
  const reference = await referenceOutputs(original, probes);
  await original.close();
  const session = await openSession(bytes, `what was made of ${calibrated.where}`);
  const noise = await outputNoise(session, probes, reference);
  await session.close();
  return Object.fromEntries(Object.entries(noise).map(([name, value]) => [name, decibels(value)]));
}

async function take(windows: AsyncIterable<Window>): Promise<Window[]> {
  const all: Window[] = [];
  for await (const window of windows) all.push(window);
  return all;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= FEWEST_WINDOWS) return value;
  throw new InvalidArgumentError(`It must be a whole number from ${FEWEST_WINDOWS}.`);
}

function positive(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('It must be a number from 0.');
}

function list(text: string): string[] {
  return text.split(',').map((name) => name.trim());
}
