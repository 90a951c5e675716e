// Features of a folder of recordings: what is still to be done, and doing it on all cores.
import { access, mkdir, readdir, readFile, rename, statfs, writeFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { Piscina } from 'piscina';
import { FEATURE_CHANNELS, type Format, PRESETS, type PresetName } from '../../models/presets.ts';
import { workerFile } from '../../runtime/worker-file.ts';
import { UserError } from '../command.ts';
import { type FeatureFile, type FeatureFileOptions, planFeatureFile } from './feature-file.ts';
import { elements, npyHeader, readNpyShape } from './npy.ts';

/** Beside the feature files: what they were made with, so that a folder never mixes presets. */
const DESCRIPTION = 'features.json';
const RECORDING = /\.(wav|flac)$/i;

export interface BatchOptions {
  readonly folder: string;
  readonly out: string;
  readonly preset: PresetName;
  readonly format: Format;
  readonly resample: boolean;
}

export interface BatchPlan {
  readonly recordings: number;
  readonly todo: readonly FeatureFileOptions[];
  /** Bytes that the files still to be made will take. */
  readonly bytes: number;
  /** Recorded seconds still to be done. */
  readonly seconds: number;
}

/**
 * Looks at every recording before any is worked on: a fault in one is told now, not after an hour.
 * Features that an earlier run wrote are kept when they fit their recording.
 * @throws UserError when there is no recording, one does not suit, or the output folder holds other features
 */
export async function planBatch({ folder, out, ...settings }: BatchOptions): Promise<BatchPlan> {
  const names = (await readdir(folder)).filter((name) => RECORDING.test(name)).sort();
  if (names.length === 0) throw new UserError(`${folder} holds no .wav or .flac recording: give the folder that does`);
  const outputs = names.map((name) => join(out, `${basename(name, extname(name))}.npy`));
  const twice = outputs.find((path, i) => outputs.indexOf(path) !== i);
  if (twice) throw new UserError(`${folder} holds two recordings that would both give ${twice}: rename one of them`);
  await checkDescription(out, settings);
  const todo: FeatureFileOptions[] = [];
  let bytes = 0;
  let seconds = 0;
  for (const [i, name] of names.entries()) {
    const task = { recording: join(folder, name), out: outputs[i]!, ...settings };
    const plan = await planFeatureFile(task);
    if (await isDone(task.out, plan)) continue;
    todo.push(task);
    bytes += npyHeader(plan.shape).length + 4 * elements(plan.shape);
    seconds += plan.seconds;
  }
  return { recordings: names.length, todo, bytes, seconds };
}

/**
 * Does what the plan says.
 * @param onDone called after each recording
 * @throws UserError when the disk has no room for all
 */
export async function runBatch(
  plan: BatchPlan,
  options: BatchOptions,
  jobs: number,
  onDone: (task: FeatureFileOptions, file: FeatureFile) => void,
): Promise<void> {
  await mkdir(options.out, { recursive: true });
  await checkSpace(options.out, plan.bytes);
  await writeDescription(options);
  const pool = new Piscina({
    filename: workerFile(new URL('./features-worker.ts', import.meta.url)).href,
    maxThreads: Math.min(jobs, Math.max(1, plan.todo.length)),
  });
  try {
    await Promise.all(plan.todo.map(async (task) => onDone(task, await pool.run(task))));
  } finally {
    await pool.destroy();
  }
}

async function isDone(path: string, { shape }: FeatureFile): Promise<boolean> {
  if (!(await exists(path))) return false;
  const found = await readNpyShape(path);
  if (found.join() === shape.join()) return true;
  throw new UserError(
    `${path} has shape (${found}), its recording asks for (${shape}): delete it or choose another --out`,
  );
}

function description({ preset, format }: Pick<BatchOptions, 'preset' | 'format'>): string {
  const { sampleRate, hopLength, melBands } = PRESETS[preset];
  const framesPerSecond = sampleRate / hopLength;
  const facts = { version: 1, preset, format, channels: FEATURE_CHANNELS[format], bands: melBands, framesPerSecond };
  return `${JSON.stringify(facts, null, 2)}\n`;
}

async function checkDescription(out: string, settings: Pick<BatchOptions, 'preset' | 'format'>): Promise<void> {
  const path = join(out, DESCRIPTION);
  if (!(await exists(path))) return;
  if ((await readFile(path, 'utf8')) !== description(settings))
    throw new UserError(
      `${path} says that the folder holds other features than ${settings.preset}, ${settings.format}: choose another --out`,
    );
}

async function writeDescription(options: BatchOptions): Promise<void> {
  const path = join(options.out, DESCRIPTION);
  await writeFile(`${path}.part`, description(options));
  await rename(`${path}.part`, path);
}

async function checkSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (bytes > free)
    throw new UserError(
      `The features take ${gigabytes(bytes)} but ${folder} has ${gigabytes(free)} free: make room or choose another --out`,
    );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
