// One run of trtexec that builds an engine: progress while it is silent, and why it failed when it did.
import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { type EngineBuild, trtexecCommand } from '../../models/tensorrt.ts';
import { InferenceError } from './engine.ts';
import { recogniseProblem } from './tensorrt-errors.ts';

const TELL_MS = 1000;
const LINES_KEPT = 200;
/** The slowest build known took 45 minutes, at a level of optimisation above ours. */
const DEFAULT_LIMIT_MS = 2 * 3600 * 1000;

/** trtexec tells nothing while it tries kernels: between 'building' and 'saving' only time passes. */
export type BuildStage = 'starting' | 'building' | 'saving' | 'done';

export interface BuildProgress {
  readonly stage: BuildStage;
  readonly elapsedSeconds: number;
}

export interface BuildOptions {
  readonly build: EngineBuild;
  /** Path of trtexec, with arguments that come first. */
  readonly program: readonly [string, ...string[]];
  readonly limitMs?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: BuildProgress) => void;
  readonly onLine?: (line: string) => void;
}

export interface BuildResult {
  /** As trtexec says; null where it does not. */
  readonly builtSeconds: number | null;
  readonly engineMib: number | null;
}

/** Labels of samples/common/sampleReporting.cpp and trtexec.cpp, the same from 8.2 to 11.1. */
const STAGES: readonly { readonly stage: BuildStage; readonly pattern: RegExp }[] = [
  { stage: 'building', pattern: /=== Build Options ===|=== Model Options ===|Start parsing network model/ },
  { stage: 'saving', pattern: /Engine built in ([\d.]+) sec/ },
  { stage: 'done', pattern: /&&&& PASSED/ },
];

/**
 * Builds an engine at build.engine; what was there before is overwritten by trtexec, so give it a name of its own.
 * @throws InferenceError with trtexec's reason and what helps
 */
export async function buildEngine(options: BuildOptions): Promise<BuildResult> {
  const { build, program, onProgress, onLine, signal, limitMs = DEFAULT_LIMIT_MS } = options;
  const [file, ...args] = [...program, ...trtexecCommand(build).slice(1)] as [string, ...string[]];
  const started = performance.now();
  let stage: BuildStage = 'starting';
  const tell = () => onProgress?.({ stage, elapsedSeconds: (performance.now() - started) / 1000 });
  const lines: string[] = [];
  const heard = (line: string) => {
    lines.push(line);
    if (lines.length > LINES_KEPT) lines.shift();
    onLine?.(line);
    const next = STAGES.find(({ pattern }) => pattern.test(line))?.stage;
    if (next === undefined || next === stage) return;
    stage = next;
    tell();
  };
  tell();
  const timer = setInterval(tell, TELL_MS);
  try {
    const stopping = AbortSignal.any([AbortSignal.timeout(limitMs), ...(signal ? [signal] : [])]);
    const end = await runToEnd(file, args, heard, stopping);
    const size = await stat(build.engine).then(
      ({ size }) => size,
      () => 0,
    );
    if (end === 'exit code 0' && lines.some((line) => line.includes('&&&& PASSED')) && size > 0) {
      return { builtSeconds: numberIn(lines, /Engine built in ([\d.]+) sec/), engineMib: size / 2 ** 20 };
    }
    throw failure(file, end, lines);
  } finally {
    clearInterval(timer);
  }
}

function failure(file: string, end: string, lines: readonly string[]): InferenceError {
  const known = recogniseProblem([...lines, end]);
  const last = [...lines]
    .reverse()
    .find((line) => /\[E\]|error/i.test(line))
    ?.trim();
  const why = known ? `${known.line}; ${known.wayOut}` : (last ?? 'it printed no error');
  return new InferenceError(`${file} built no engine (${end}): ${why}.`);
}

function numberIn(lines: readonly string[], pattern: RegExp): number | null {
  const match = lines.map((line) => pattern.exec(line)).find((found) => found !== null);
  return match ? Number(match[1]) : null;
}

/** @returns how the program ended, in words */
function runToEnd(
  file: string,
  args: readonly string[],
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const stop = () => child.kill('SIGKILL');
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => {
        const lines = (rest + text).split(/\r?\n/);
        rest = lines.pop()!.slice(-4096);
        for (const line of lines) onLine(line);
      });
      stream.on('end', () => rest && onLine(rest));
    }
    const ended = (how: string) => {
      signal.removeEventListener('abort', stop);
      resolve(how);
    };
    child.once('error', (error) => ended(error.message));
    child.once('close', (code, name) => ended(signal.aborted ? 'it was stopped' : (name ?? `exit code ${code}`)));
  });
}
