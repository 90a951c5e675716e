// earshot doctor: can this machine run, build and train? One line for each thing needed, with the way out.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { Command } from 'commander';
import { openRecording } from '../runtime/capture/recording.ts';
import { readModel, shippedModels } from '../runtime/inference/model-files.ts';
import { OnnxEngine } from '../runtime/inference/onnx-engine.ts';
import { PACKAGE_ROOT } from '../runtime/worker-file.ts';
import { startBroker } from './broker.ts';
import { bundledRecording } from './bundled-recording.ts';
import { printJson } from './command.ts';
import { rasterise } from './plot/rasterise.ts';

const OLDEST_NODE = [20, 12] as const;
const ENOUGH_DISK_GIB = 2;

type Verdict = 'ok' | 'warning' | 'fail';

/** What a check found; wayOut says what to do about a warning or failure. */
export interface Finding {
  readonly verdict: Verdict;
  readonly found: string;
  readonly wayOut?: string;
}

interface Check {
  readonly name: string;
  /** What does not work without it; a failure where it is everything. */
  readonly missing: 'warning' | 'fail';
  readonly wayOut: string;
  /** @returns what was found; throws when it is missing or broken */
  readonly look: () => Promise<string>;
}

const CHECKS: readonly Check[] = [
  { name: 'node', missing: 'fail', wayOut: 'install Node 20.12 or later', look: nodeVersion },
  { name: 'models', missing: 'fail', wayOut: 'run npm ci again, or fetch the models again', look: models },
  {
    name: 'inference',
    missing: 'fail',
    wayOut: 'onnxruntime-node needs glibc 2.27 or later on x64 or arm64; run npm ci again',
    look: inference,
  },
  { name: 'bundled recording', missing: 'warning', wayOut: 'earshot run needs a recording of yours', look: recording },
  { name: 'pictures', missing: 'fail', wayOut: 'sharp did not load; run npm ci again', look: pictures },
  { name: 'broker', missing: 'fail', wayOut: 'allow this user to listen on 127.0.0.1', look: broker },
  { name: 'disk', missing: 'warning', wayOut: `free ${ENOUGH_DISK_GIB} GiB for scenes and features`, look: disk },
  {
    name: 'microphone',
    missing: 'warning',
    wayOut: 'to hear a microphone, install alsa-utils (arecord); recordings work without it',
    look: () => output('arecord', ['--version']),
  },
  {
    name: 'training',
    missing: 'warning',
    wayOut: 'to train, install Python 3.10 or later and pip install -r models/train/requirements.txt',
    look: () => output('python3', ['-c', TORCH_VERSION]),
  },
];

const TORCH_VERSION =
  'import sys,torch;print("Python",sys.version.split()[0],"torch",torch.__version__,"GPU" if torch.cuda.is_available() else "CPU")';

export function doctorCommand(): Command {
  return new Command('doctor')
    .summary('check what this machine can do, with the way out where it cannot')
    .option('--json', 'print one JSON object per check')
    .addHelpText('after', '\nExamples:\n  earshot doctor\n  earshot doctor --json | jq \'select(.verdict != "ok")\'')
    .action(doctor);
}

async function doctor({ json = false }: { json?: boolean }): Promise<void> {
  for (const check of CHECKS) {
    const finding = await examine(check);
    if (json) printJson({ check: check.name, ...finding });
    else process.stdout.write(line(check.name, finding));
    if (finding.verdict === 'fail') process.exitCode = 1;
  }
}

/** Runs one check: whatever it throws is its finding. */
export async function examine({ missing, wayOut, look }: Pick<Check, 'missing' | 'wayOut' | 'look'>): Promise<Finding> {
  try {
    return { verdict: 'ok', found: await look() };
  } catch (error) {
    return { verdict: missing, found: (error as Error).message.split('\n')[0]!, wayOut };
  }
}

function line(name: string, { verdict, found, wayOut }: Finding): string {
  const rest = wayOut ? `\n${' '.repeat(30)}${wayOut}` : '';
  return `${verdict.padEnd(9)}${name.padEnd(21)}${found}${rest}\n`;
}

async function nodeVersion(): Promise<string> {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    throw new Error(`Node ${process.versions.node} is too old`);
  }
  return `Node ${process.versions.node} on ${process.platform}-${process.arch}`;
}

async function models(): Promise<string> {
  const folders = await shippedModels();
  if (folders.length === 0) throw new Error('no model came with this package');
  for (const folder of folders) await readModel(folder);
  return `${folders.map((folder) => basename(folder)).join(', ')}: every file as its manifest says`;
}

async function inference(): Promise<string> {
  const [folder] = await shippedModels();
  if (!folder) throw new Error('no model to try it with');
  const backend = new OnnxEngine({ model: await readModel(folder) });
  try {
    await backend.start();
    return `${backend.description}: ${basename(folder)} ran`;
  } finally {
    await backend.stop();
  }
}

async function recording(): Promise<string> {
  const reader = await openRecording(bundledRecording());
  await reader.close();
  const { path, frames, sampleRate, channels } = reader;
  return `${basename(path)}: ${(frames / sampleRate).toFixed(0)} s, ${channels} channels, ${sampleRate} Hz`;
}

async function pictures(): Promise<string> {
  const png = await rasterise('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>');
  return `sharp drew ${png.length} bytes`;
}

async function broker(): Promise<string> {
  const started = await startBroker();
  await started.stop();
  return `an MQTT broker started at ${started.url}`;
}

async function disk(): Promise<string> {
  const { bavail, bsize } = await statfs(PACKAGE_ROOT);
  const folder = await mkdtemp(join(tmpdir(), 'earshot-'));
  await rm(folder, { recursive: true });
  const gib = (bavail * bsize) / 2 ** 30;
  if (gib < ENOUGH_DISK_GIB) throw new Error(`${gib.toFixed(1)} GiB free`);
  return `${gib.toFixed(0)} GiB free, temporary files can be written`;
}

/** First line a program prints. */
async function output(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { timeout: 60_000 }).catch((error) => {
    if (error.code === 'ENOENT') throw new Error(`${program} was not found`);
    throw new Error(String(error.stderr).trim().split('\n').at(-1) || error.message);
  });
  return stdout.trim().split('\n')[0]!;
}
