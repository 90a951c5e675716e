// Engines built on this board: found by what they were built from and with, built when there is none, proved before they are used.
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { PRESETS } from '../../models/presets.ts';
import { type EngineBuild, trtexecArguments } from '../../models/tensorrt.ts';
import { jsonOrUndefined } from '../json-text.ts';
import { InferenceError } from './engine.ts';
import { type BuildOptions, buildEngine } from './engine-build.ts';
import type { EnginePlan } from './engine-plan.ts';
import type { Proof } from './golden-proof.ts';
import type { Model } from './model-files.ts';

/** While it builds, TensorRT holds the network and the engine several times. */
const ROOM_PER_BYTE = 4;
const LEAST_ROOM_BYTES = 64 * 2 ** 20;
/** Engines of a model that stay: the one in use and the one before it. */
const KEPT_PER_MODEL = 2;

/** The board an engine is for: an engine runs with exactly this TensorRT on exactly this GPU. */
export interface EngineBoard {
  readonly tensorrt: string;
  readonly device: string;
  readonly sm: number;
}

const Facts = z.object({
  model: z.string(),
  onnxSha256: z.string(),
  tensorrt: z.string(),
  device: z.string(),
  sm: z.int(),
  /** Arguments of trtexec without the paths: precision, shapes, memory. */
  flags: z.array(z.string()),
});
export type EngineFacts = z.infer<typeof Facts>;

const Record = z.object({
  facts: Facts,
  sha256: z.string(),
  builtAt: z.string(),
  builtSeconds: z.number().nullable(),
  proof: z.object({ rms: z.number().nullable(), windows: z.int() }),
});
export type EngineRecord = z.infer<typeof Record>;

export interface FoundEngine {
  readonly file: string;
  readonly record: EngineRecord;
  /** Why a newer one could not be built; null: this is the one that was asked for. */
  readonly problem: string | null;
}

export interface EngineRequest extends Pick<BuildOptions, 'onProgress' | 'onLine' | 'signal' | 'limitMs'> {
  readonly folder: string;
  readonly model: Model;
  readonly board: EngineBoard;
  readonly plan: EnginePlan;
  readonly trtexec: BuildOptions['program'];
  /** Loads an engine and holds it to the golden windows. */
  readonly prove: (engineFile: string) => Promise<Proof>;
}

/** What an engine is of and for; two engines with the same facts are the same. */
export function engineFacts({ model, board, plan }: Pick<EngineRequest, 'model' | 'board' | 'plan'>): EngineFacts {
  const { tensorrt, device, sm } = board;
  const flags = trtexecArguments(buildOf({ model, board, plan }, 'engine')).filter((flag) => !isPath(flag));
  return { model: model.manifest.name, onnxSha256: model.networkSha256, tensorrt, device, sm, flags };
}

/**
 * The engine for a model on this board: from the cache, or built and proved now. When the build fails, an engine of the same
 * network for the same board that was built with other flags stays in use.
 * @throws InferenceError when there is none and none can be built
 */
export async function engineFor(request: EngineRequest): Promise<FoundEngine> {
  const { folder } = request;
  await mkdir(folder, { recursive: true }).catch((cause: Error) => {
    throw new InferenceError(`${folder}, where engines are kept, cannot be made: ${cause.message}.`, { cause });
  });
  await removeLeftOvers(folder);
  const facts = engineFacts(request);
  const file = join(folder, `${facts.model}-${keyOf(facts)}.engine`);
  const record = await readRecord(file);
  if (record) return { file, record, problem: null };
  try {
    return { file, record: await build(request, facts, file), problem: null };
  } catch (error) {
    if (!(error instanceof InferenceError)) throw error;
    const old = await olderEngine(folder, facts);
    if (!old) throw error;
    return { ...old, problem: error.message };
  }
}

async function build(request: EngineRequest, facts: EngineFacts, file: string): Promise<EngineRecord> {
  const { folder, trtexec, onProgress, onLine, signal, limitMs, prove, model } = request;
  await checkRoom(folder, model);
  const partial = `${file}.${process.pid}.part`;
  try {
    const { builtSeconds } = await buildEngine({
      ...{ program: trtexec, onProgress, onLine, signal, limitMs },
      build: { ...buildOf(request, partial), timingCacheFile: timingCache(folder, facts) },
    });
    const proof = await prove(partial);
    const sha256 = await hashOf(partial);
    const record: EngineRecord = { facts, sha256, builtAt: new Date().toISOString(), builtSeconds, proof };
    await writeFile(`${partial}.json`, `${JSON.stringify(record, null, 2)}\n`);
    // The engine first: a record without its engine, or of another one, is none.
    await rename(partial, file);
    await rename(`${partial}.json`, `${file}.json`);
    await removeOld(folder, facts.model, file);
    return record;
  } catch (error) {
    await rm(partial, { force: true });
    await rm(`${partial}.json`, { force: true });
    if (error instanceof InferenceError) throw error;
    throw new InferenceError(`${file} cannot be written: ${(error as Error).message}.`, { cause: error });
  }
}

function buildOf({ model, board, plan }: Pick<EngineRequest, 'model' | 'board' | 'plan'>, engine: string): EngineBuild {
  const { features, window, timePooling } = model.manifest;
  const shape = (frames: number) => [1, features.channels.length, frames, PRESETS[features.preset].melBands];
  return {
    ...{ onnx: model.networkFile, engine, tensorrt: board.tensorrt, ...plan },
    input: { name: 'features', min: shape(timePooling), opt: shape(plan.usualFrames), max: shape(window.frames) },
  };
}

function isPath(flag: string): boolean {
  return /^--(onnx|saveEngine|timingCacheFile)=/.test(flag);
}

function keyOf(facts: EngineFacts): string {
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16);
}

function timingCache(folder: string, { tensorrt, sm }: EngineFacts): string {
  return join(folder, `timing-${tensorrt}-sm${sm}.cache`);
}

async function checkRoom(folder: string, { networkFile }: Model): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const { size } = await stat(networkFile);
  const [free, needed] = [bavail * bsize, ROOM_PER_BYTE * size + LEAST_ROOM_BYTES];
  if (free >= needed) return;
  const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  throw new InferenceError(
    `${folder} has ${mib(free)} left, building an engine of ${basename(networkFile)} takes ${mib(needed)}: make room on the disk.`,
  );
}

/** The record beside an engine; undefined when either is missing or damaged: then the engine is built again. */
async function readRecord(file: string): Promise<EngineRecord | undefined> {
  const text = await readFile(`${file}.json`, 'utf8').catch(missing);
  if (text === undefined) return undefined;
  const record = Record.safeParse(jsonOrUndefined(text));
  if (!record.success) return undefined;
  return (await hashOf(file).catch(missing)) === record.data.sha256 ? record.data : undefined;
}

/** The newest engine of the same network for the same board. */
async function olderEngine(folder: string, facts: EngineFacts): Promise<Omit<FoundEngine, 'problem'> | undefined> {
  const found = await enginesIn(folder);
  return found
    .filter(({ record }) => sameNetworkAndBoard(record.facts, facts))
    .sort((a, b) => b.record.builtAt.localeCompare(a.record.builtAt))[0];
}

function sameNetworkAndBoard(a: EngineFacts, b: EngineFacts): boolean {
  return a.onnxSha256 === b.onnxSha256 && a.tensorrt === b.tensorrt && a.sm === b.sm && a.device === b.device;
}

async function enginesIn(folder: string): Promise<Omit<FoundEngine, 'problem'>[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.engine')).map((name) => join(folder, name));
  const found = await Promise.all(files.map(async (file) => ({ file, record: await readRecord(file) })));
  return found.flatMap(({ file, record }) => (record ? [{ file, record }] : []));
}

async function removeOld(folder: string, model: string, current: string): Promise<void> {
  const others = (await enginesIn(folder)).filter(
    ({ file, record }) => file !== current && record.facts.model === model,
  );
  others.sort((a, b) => b.record.builtAt.localeCompare(a.record.builtAt));
  for (const { file } of others.slice(KEPT_PER_MODEL - 1)) {
    await rm(file, { force: true });
    await rm(`${file}.json`, { force: true });
  }
}

/** What a build left behind whose process is gone. */
async function removeLeftOvers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = /\.(\d+)\.part(\.json)?$/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(folder, name), { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function hashOf(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}
