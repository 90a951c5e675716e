// TensorRT's versions, and the one command line by which trtexec of any release builds an engine.
import {
  FLAG_ACCEPTANCE,
  GPUS,
  JETPACKS,
  type Precision,
  TRTEXEC_RELEASES,
  type TrtexecFlag,
  type TrtexecRelease,
} from './tensorrt-releases.ts';

/** Where JetPack puts it; it is not on the PATH. */
export const TRTEXEC = '/usr/src/tensorrt/bin/trtexec';
/** Half of what the smallest boards with 4 GB can spare; larger pools only admit faster tactics of layers larger than ours. */
const WORKSPACE_MIB = 1024;

/** An engine that this release or this GPU cannot build. */
export class TensorrtError extends Error {
  override name = 'UserError';
}

export interface EngineBuild {
  /** Paths. */
  readonly onnx: string;
  readonly engine: string;
  /** Version of the board's TensorRT, e.g. 10.3.0 or 10.3. */
  readonly tensorrt: string;
  /** What the engine computes in; int8 needs a file with QuantizeLinear and DequantizeLinear. */
  readonly precision: Precision;
  /** strong: the types in the file rule, as TensorRT 11 always has it; weak: flags allow the builder lower precision. */
  readonly typing: 'weak' | 'strong';
  /** Of the input; the time axis may vary between min and max, opt is what the builder makes fast. */
  readonly input: { readonly name: string; readonly min: Shape; readonly opt: Shape; readonly max: Shape };
  /** Kept between builds: makes the next one fast. */
  readonly timingCacheFile?: string;
  /** Default 1024. */
  readonly workspaceMib?: number;
  /** Also runs the engine and prints how long it takes; default only builds. */
  readonly measure?: boolean;
  /** Where the layers, as they were fused, are written as JSON. */
  readonly layerInfoFile?: string;
}

type Shape = readonly number[];

/**
 * The arguments of trtexec for a build.
 * @throws TensorrtError when the release cannot build it: strong typing before 10, float16 of a weakly typed file from 11 on
 */
export function trtexecArguments(build: EngineBuild): string[] {
  const release = trtexecRelease(build.tensorrt);
  const { onnx, engine, input, timingCacheFile, layerInfoFile, workspaceMib = WORKSPACE_MIB } = build;
  const has = (flag: TrtexecFlag) => accepts(release, flag);
  const args = [`--onnx=${onnx}`, `--saveEngine=${engine}`, ...typeFlags(build, release)];
  for (const which of ['min', 'opt', 'max'] as const) {
    args.push(`--${which}Shapes=${input.name}:${input[which].join('x')}`);
  }
  args.push(has('--memPoolSize') ? `--memPoolSize=workspace:${workspaceMib}` : `--workspace=${workspaceMib}`);
  if (timingCacheFile) args.push(`--timingCacheFile=${timingCacheFile}`);
  if (layerInfoFile) args.push(`--exportLayerInfo=${layerInfoFile}`, '--profilingVerbosity=detailed');
  if (!build.measure) args.push(has('--skipInference') ? '--skipInference' : '--buildOnly');
  return args;
}

/** The same as a program and its arguments; a shell would need no quotes as long as the paths need none. */
export function trtexecCommand(build: EngineBuild, program = TRTEXEC): readonly [string, ...string[]] {
  return [program, ...trtexecArguments(build)];
}

function typeFlags({ precision, typing, tensorrt }: EngineBuild, release: TrtexecRelease): string[] {
  const canBeStrong = accepts(release, '--stronglyTyped');
  if (typing === 'strong') {
    if (canBeStrong) return ['--stronglyTyped'];
    throw new TensorrtError(
      `TensorRT ${tensorrt} has no strong typing (10.0 and later have): build a weakly typed file for it.`,
    );
  }
  // TF32 has the mantissa of float16: who asks for float32 would not get it.
  if (precision === 'fp32') return ['--noTF32'];
  if (!accepts(release, '--fp16')) {
    throw new TensorrtError(
      `TensorRT ${tensorrt} computes in the types the file has: for ${precision} give it a file with these types (strong typing).`,
    );
  }
  return precision === 'int8' ? ['--int8', '--fp16'] : ['--fp16'];
}

/** Whether a release's trtexec takes a flag. */
export function accepts(release: TrtexecRelease, flag: TrtexecFlag): boolean {
  const { since, until } = FLAG_ACCEPTANCE[flag];
  const order = (r: TrtexecRelease) => TRTEXEC_RELEASES.indexOf(r);
  return (!since || order(release) >= order(since)) && (!until || order(release) <= order(until));
}

/** Whether it takes the flag but says that it should no longer be used. */
export function isDeprecated(release: TrtexecRelease, flag: TrtexecFlag): boolean {
  const { deprecated } = FLAG_ACCEPTANCE[flag];
  return (
    deprecated !== undefined &&
    accepts(release, flag) &&
    TRTEXEC_RELEASES.indexOf(release) >= TRTEXEC_RELEASES.indexOf(deprecated)
  );
}

/**
 * The release whose flags a version takes: itself, or the newest one before it that was read; the oldest for older ones.
 * @throws TensorrtError when it is no version
 */
export function trtexecRelease(version: string): TrtexecRelease {
  const [major, minor] = numbersOf(version);
  const notNewer = TRTEXEC_RELEASES.filter((release) => {
    const [a, b] = numbersOf(release);
    return a < major || (a === major && b <= minor);
  });
  return notNewer.at(-1) ?? TRTEXEC_RELEASES[0];
}

/** The TensorRT that a JetPack brings, by the L4T release of /etc/nv_tegra_release, e.g. 36.4.3; undefined when unknown. */
export function tensorrtOfL4t(l4t: string): string | undefined {
  const release = numbersOf(l4t).join('.');
  return JETPACKS.find((jetpack) => (jetpack.l4t as readonly string[]).includes(release))?.tensorrt;
}

/** What a GPU computes in; all precisions for one we do not know. @param sm compute capability without the dot, e.g. 87 */
export function precisionsOf(sm: number): readonly Precision[] {
  return GPUS.find((gpu) => gpu.sm === sm)?.precisions ?? ['fp32', 'fp16', 'int8'];
}

/** The version in NvInferVersion.h's and trtexec's encoding: 8502 is 8.5.2, 101602 is 10.16.2. */
export function decodeTensorrtVersion(encoded: number): string {
  const [major, minor] = encoded >= 10_000 ? [10_000, 100] : [1000, 100];
  return [Math.floor(encoded / major), Math.floor((encoded % major) / minor), encoded % minor].join('.');
}

function numbersOf(version: string): [number, number] {
  const match = /^(\d+)\.(\d+)(?:\.|$)/.exec(version);
  if (!match) throw new TensorrtError(`${version} is no version: write it like 10.3 or 8.5.2.`);
  return [Number(match[1]), Number(match[2])];
}
