// What earshot doctor looks at on any machine: Node, models, the engine, disk, clock, sound, training.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { openRecording } from '../runtime/capture/recording.ts';
import { clockSync } from '../runtime/device/clock-sync.ts';
import { readModel, shippedModels } from '../runtime/inference/model-files.ts';
import { OnnxEngine } from '../runtime/inference/onnx-engine.ts';
import { PACKAGE_ROOT } from '../runtime/worker-file.ts';
import { startBroker } from './broker.ts';
import { bundledRecording } from './bundled-recording.ts';
import type { Check } from './doctor-checks.ts';
import { rasterise } from './plot/rasterise.ts';

const OLDEST_NODE = [20, 12] as const;
const ENOUGH_DISK_GIB = 2;
/** Of the native packages: onnxruntime-node and sharp. */
const OLDEST_GLIBC = [2, 28] as const;
const ARCHITECTURES = ['x64', 'arm64'];

export const MACHINE_CHECKS: readonly Check[] = [
  { name: 'node', missing: 'fail', wayOut: 'install Node 20.12 or later', look: nodeVersion },
  {
    name: 'architecture',
    missing: 'fail',
    wayOut: 'use a 64-bit Linux on x86-64 or ARM (aarch64)',
    look: architecture,
  },
  {
    name: 'glibc',
    missing: 'fail',
    wayOut: 'use Ubuntu 20.04, JetPack 5, Debian 10 or later',
    look: glibc,
  },
  { name: 'models', missing: 'fail', wayOut: 'run npm ci again, or fetch the models again', look: models },
  {
    name: 'inference',
    missing: 'fail',
    needs: ['architecture', 'glibc', 'models'],
    wayOut: 'onnxruntime-node did not load; run npm ci again',
    look: inference,
  },
  { name: 'bundled recording', missing: 'warning', wayOut: 'earshot run needs a recording of yours', look: recording },
  { name: 'pictures', missing: 'fail', wayOut: 'sharp did not load; run npm ci again', look: pictures },
  { name: 'broker', missing: 'fail', wayOut: 'allow this user to listen on 127.0.0.1', look: broker },
  { name: 'disk', missing: 'warning', wayOut: `free ${ENOUGH_DISK_GIB} GiB for scenes and features`, look: disk },
  {
    name: 'clock',
    missing: 'warning',
    wayOut:
      'let the clock be set from the network: timedatectl set-ntp true, or install chrony; messages carry its time',
    look: clock,
  },
  {
    name: 'alsa',
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

async function nodeVersion(): Promise<string> {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    throw new Error(`Node ${process.versions.node} is too old`);
  }
  return `Node ${process.versions.node} on ${process.platform}-${process.arch}`;
}

async function architecture(): Promise<string> {
  if (process.platform !== 'linux') throw new Error(`${process.platform} is not Linux`);
  if (!ARCHITECTURES.includes(process.arch)) throw new Error(`${process.arch} has no native packages`);
  return `${process.platform}-${process.arch}`;
}

async function glibc(): Promise<string> {
  const report = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  const version = report.header.glibcVersionRuntime;
  if (!version) throw new Error('this system has no glibc (Alpine has musl)');
  const [major, minor] = version.split('.').map(Number) as [number, number];
  if (major < OLDEST_GLIBC[0] || (major === OLDEST_GLIBC[0] && minor < OLDEST_GLIBC[1])) {
    throw new Error(`glibc ${version} is too old`);
  }
  return `glibc ${version}`;
}

async function clock(): Promise<string> {
  const { synced, offsetMs } = await clockSync();
  if (synced === null) throw new Error('nobody knows whether the clock is right');
  if (!synced) throw new Error('the clock is not synchronised');
  return `synchronised${offsetMs === null ? '' : `, ${offsetMs.toFixed(1)} ms off`}`;
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
export async function output(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { timeout: 60_000 }).catch((error) => {
    if (error.code === 'ENOENT') throw new Error(`${program} was not found`);
    throw new Error(String(error.stderr).trim().split('\n').at(-1) || error.message);
  });
  return stdout.trim().split('\n')[0]!;
}
