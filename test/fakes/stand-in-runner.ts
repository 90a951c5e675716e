// trt-runner compiled against the stand-in for TensorRT and CUDA, with the address and undefined-behaviour sanitizers.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const RUNNER = fileURLToPath(new URL('../../runtime/inference/trt-runner/', import.meta.url));
const STAND_IN = fileURLToPath(new URL('./tensorrt/', import.meta.url));
const FLAGS = [
  ...['-std=c++17', '-Wall', '-Wextra', '-Werror', '-O1', '-g'],
  ...['-fsanitize=address,undefined', '-fno-sanitize-recover=all'],
];

/** Whether g++ is here; without it the tests of the runner say that they were left out. */
export const compilerMissing: string | undefined = (() => {
  try {
    execFileSync('g++', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'g++ is missing: apt-get install g++';
  }
})();

/**
 * Compiles the runner once for all test files: the program lies in a folder named after the sources.
 * @param tensorrt 8: dimensions of 32 bits, as before TensorRT 10
 * @returns path of the program
 */
export function standInRunner(tensorrt: 8 | 10 = 10): string {
  const flags = [...FLAGS, ...(tensorrt === 10 ? ['-DSTAND_IN_DIMS64'] : [])];
  const hash = createHash('sha256').update(flags.join(' '));
  const files = (folder: string) => readdirSync(folder).map((name) => join(folder, name));
  const sources = [...files(RUNNER), ...files(STAND_IN)].filter((file) => /\.[ch]pp$|\.h$/.test(file)).sort();
  for (const file of sources) hash.update(readFileSync(file));
  const folder = join(tmpdir(), `earshot-trt-runner-${hash.digest('hex').slice(0, 16)}`);
  const program = join(folder, 'trt-runner');
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const partial = `${program}.${process.pid}`;
  const units = sources.filter((file) => file.endsWith('.cpp'));
  execFileSync('g++', [...flags, '-I', STAND_IN, '-I', RUNNER, ...units, '-o', partial], { stdio: 'pipe' });
  renameSync(partial, program);
  return program;
}

export interface StandInEngine {
  /** Default 100300. */
  readonly version?: number;
  /** Default 100. */
  readonly longest?: number;
  /** e.g. "crash 3": in its third window, the warm-up counted; "slow 50": 50 ms longer each. */
  readonly fault?: string;
  /** A file: the fault happens only while it does not exist. */
  readonly once?: string;
}

export function standInEngineText({ version = 100300, longest = 100, fault, once }: StandInEngine): string {
  const lines = ['stand-in engine', `version ${version}`, 'channels 7', 'bands 64', 'pooling 5', `longest ${longest}`];
  if (fault) lines.push(`fault ${fault}`);
  if (once) lines.push(`once ${once}`);
  return `${lines.join('\n')}\n`;
}

/** Writes an engine of the loudness model as the stand-in reads it. */
export async function writeStandInEngine(file: string, engine: StandInEngine = {}): Promise<string> {
  await writeFile(file, standInEngineText(engine));
  return file;
}
