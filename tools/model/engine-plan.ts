// What it takes to run a model on a board: the file, the exact trtexec command of its release, what it writes, how it is proved.
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Board, type Jetpack, jetpacks } from '../../boards/board.ts';
import { engineKey } from '../../models/engine-key.ts';
import { PRESETS } from '../../models/presets.ts';
import { accepts, precisionsOf, trtexecCommand, trtexecRelease } from '../../models/tensorrt.ts';
import type { Precision } from '../../models/tensorrt-releases.ts';
import type { Model } from '../../runtime/inference/model-files.ts';
import { UserError } from '../command.ts';
import { findFamily } from '../find-board.ts';
import { readModelFile } from './graph/read-graph.ts';
import type { Finding } from './judgement.ts';
import { lintModel } from './lint.ts';
import { sha256 } from './model-folder.ts';
import { FILES } from './quantise/targets.ts';
import type { Target } from './rewrites/all-rewrites.ts';
import { isBefore, TENSORRT_RELEASES, type TensorrtRelease } from './target-rules.ts';

export interface EnginePlan {
  readonly board: Board;
  readonly jetpack: Jetpack;
  readonly precision: Precision;
  readonly typing: 'weak' | 'strong';
  /** Path here of the ONNX file that goes onto the board. */
  readonly onnx: string;
  readonly onnxSha256: string;
  /** Program and arguments, run on the board in the folder of the ONNX file. */
  readonly command: readonly [string, ...string[]];
  readonly cacheKey: string;
  /** Files that appear on the board. */
  readonly writes: readonly string[];
  readonly golden: { readonly file: string; readonly windows: number; readonly tolerance: number } | undefined;
  readonly findings: readonly Finding[];
}

/** A board whose GPU runs TensorRT. */
type GpuBoard = Board & { readonly sm: number };

export interface PlanOptions {
  readonly board: string;
  readonly jetpack: string;
  /** Default: int8 where the GPU has it and the file was made, else float16. */
  readonly precision?: Precision;
}

/** @throws UserError for an unknown board or JetPack, one that does not run on the other, or a precision that cannot be had */
export async function planEngine(model: Model, options: PlanOptions): Promise<EnginePlan> {
  const board = findBoard(options.board);
  const jetpack = findJetpack(options.jetpack, board);
  const { precision, typing, onnx, target } = chooseFile(model, board, jetpack, options.precision);
  const bytes = await readModelFile(onnx);
  const onnxSha256 = sha256(bytes);
  const build = { onnx: basename(onnx), tensorrt: jetpack.tensorrt, precision, typing, input: inputOf(model) };
  const [, ...effective] = trtexecCommand({ ...build, engine: '' });
  const { sm, name } = board;
  const cacheKey = engineKey({ onnxSha256, tensorrt: jetpack.tensorrt, sm, board: name, arguments: effective });
  const engine = `engines/${model.manifest.name}-${precision}-${cacheKey.slice(0, 12)}.engine`;
  const timingCacheFile = `engines/timing-${jetpack.tensorrt}-sm${sm}.cache`;
  const layerInfoFile = `${engine}.layers.json`;
  return {
    ...{ board, jetpack, precision, typing, onnx, onnxSha256, cacheKey },
    command: trtexecCommand({ ...build, engine, timingCacheFile, layerInfoFile }),
    writes: [engine, timingCacheFile, layerInfoFile],
    golden: goldenOf(model, precision),
    findings: lintModel(bytes, onnx, target, lintRelease(jetpack.tensorrt)),
  };
}

/** @throws UserError where there is no GPU that TensorRT computes on */
function findBoard(wanted: string): GpuBoard {
  const board = findFamily(wanted);
  const { name, sm, summary } = board;
  if (sm !== null) return { ...board, sm };
  throw new UserError(`${name} (${summary}) has no GPU for TensorRT: it computes with onnxruntime, without an engine.`);
}

function findJetpack(wanted: string, board: Board): Jetpack {
  const all = jetpacks();
  const found = all.find(({ jetpack }) => jetpack === wanted);
  const runs = `${board.summary} runs ${board.jetpacks.join(', ')}`;
  if (!found) {
    const nearest = nearestVersion(
      wanted,
      all.map(({ jetpack }) => jetpack),
    );
    throw new UserError(`There is no JetPack "${wanted}" that we know, the nearest is ${nearest}; ${runs}.`);
  }
  if (board.jetpacks.includes(wanted)) return found;
  throw new UserError(`JetPack ${wanted} does not run on ${board.name}: ${runs}.`);
}

/** By the first number that differs. */
function nearestVersion(wanted: string, known: readonly string[]): string {
  const numbers = (text: string) => Array.from({ length: 3 }, (_, i) => Number(text.split('.')[i] ?? 0) || 0);
  const distance = (text: string) =>
    numbers(text).reduce((sum, n, i) => sum + Math.abs(n - numbers(wanted)[i]!) * 1e4 ** (2 - i), 0);
  return known.reduce((best, each) => (distance(each) < distance(best) ? each : best));
}

interface Choice {
  readonly precision: Precision;
  readonly typing: 'weak' | 'strong';
  readonly onnx: string;
  readonly target: Target;
}

/** From TensorRT 10 on the types in the file rule; before, the builder is allowed what flags say. */
function chooseFile(
  { folder, networkFile }: Model,
  board: GpuBoard,
  { tensorrt }: Jetpack,
  wanted?: Precision,
): Choice {
  const release = trtexecRelease(tensorrt);
  const isStrong = accepts(release, '--stronglyTyped');
  const able = precisionsOf(board.sm);
  if (wanted && !able.includes(wanted)) {
    throw new UserError(
      `${board.summary} (sm_${board.sm}) does not compute in ${wanted}: choose ${able.join(' or ')}.`,
    );
  }
  const narrow = { int8: isStrong ? ('trt-int8' as const) : ('trt8' as const), fp16: 'trt-fp16' as const };
  const place = (target: keyof typeof FILES) => join(folder, FILES[target].file);
  const hasInt8 = able.includes('int8') && existsSync(place(narrow.int8));
  const precision = wanted ?? (hasInt8 ? 'int8' : 'fp16');
  const typing = isStrong && precision !== 'fp32' ? 'strong' : 'weak';
  if (precision === 'fp32') return { precision, typing, onnx: networkFile, target: 'trt8' };
  const target = narrow[precision];
  const canBeWeak = precision === 'fp16' && accepts(release, '--fp16');
  if (isStrong || precision === 'int8') {
    if (existsSync(place(target))) return { precision, typing, onnx: place(target), target };
  }
  // With weak typing the builder makes float16 of the plain file.
  if (canBeWeak) return { precision, typing: 'weak', onnx: networkFile, target: 'trt8' };
  throw new UserError(
    `${place(target)} is missing, which TensorRT ${tensorrt} needs for ${precision}: make it with "earshot model quantise ${folder} --target ${target} --calibration RECORDINGS".`,
  );
}

/** The newest release of the linter's tables that is not newer than the board's. */
function lintRelease(tensorrt: string): TensorrtRelease {
  return TENSORRT_RELEASES.filter((release) => !isBefore(tensorrt, release)).at(-1) ?? TENSORRT_RELEASES[0];
}

/** A stream begins and ends with shorter windows, in steps of a label frame. */
function inputOf({ manifest }: Model) {
  const { features, window, timePooling } = manifest;
  const shape = (frames: number) => [1, features.channels.length, frames, PRESETS[features.preset].melBands];
  return { name: 'features', min: shape(timePooling), opt: shape(window.frames), max: shape(window.frames) };
}

function goldenOf({ folder, manifest }: Model, precision: Precision): EnginePlan['golden'] {
  if (!manifest.golden) return undefined;
  const { file, windows, tolerance } = manifest.golden;
  const names = { fp32: 'float32', fp16: 'float16', int8: 'int8' } as const;
  return { file: join(folder, file), windows, tolerance: tolerance[names[precision]] };
}
