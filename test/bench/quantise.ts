// Quantising beside ONNX Runtime's own Python tools in the same run: latency, exactness, time, memory and size, same weights,
// same windows. The windows overlap, cut from the bundled recording: ratios are what counts, accuracy is judged elsewhere.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { NETWORK_FILE } from '../../models/manifest.ts';
import { quantile } from '../../runtime/health.ts';
import type { Model } from '../../runtime/inference/model-files.ts';
import { PACKAGE_ROOT } from '../../runtime/worker-file.ts';
import { bundledRecording } from '../../tools/bundled-recording.ts';
import { writeFeatureFile } from '../../tools/data/feature-file.ts';
import { readNpy } from '../../tools/data/npy.ts';
import { type OnnxSession, openSession } from '../../tools/model/onnx-session.ts';
import { optimiseModel } from '../../tools/model/optimise.ts';
import type { Window } from '../../tools/model/quantise/calibrate.ts';
import { decibels, outputNoise, referenceOutputs } from '../../tools/model/quantise/output-noise.ts';

/** A figure beside that of the peer, and the goal for it. */
export interface QuantiseMeasurement {
  readonly name: string;
  readonly unit: 'ms' | 'dB' | 's' | 'MiB' | 'KiB';
  readonly measured: number;
  readonly peer: number;
  /** measured / peer; with decibels measured - peer. */
  readonly ratio: number;
  readonly goal: string;
}

interface Made {
  readonly file: string;
  readonly seconds: number;
  readonly peakMiB: number;
}

/** Configurations of quantize_static; the first two compete for latency and exactness. */
const PEERS = {
  all: ['MinMax', 'all'],
  conv: ['MinMax', 'Conv'],
  entropy: ['Entropy', 'all'],
} as const;

const PROBES = 16;
const ROUNDS = 25;

/** @param short fewer windows, and not the calibrator that takes gigabytes @returns undefined without Python's onnxruntime */
export async function benchQuantise(model: Model, short: boolean): Promise<QuantiseMeasurement[] | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-bench-'));
  try {
    const windows = await windowsOf(model, folder, short ? 32 : 128);
    const file = join(folder, 'windows.f32');
    await writeFile(file, Buffer.concat(windows.map(({ values }) => Buffer.from(values.buffer))));
    const shape = [1, ...windows[0]!.dims].join();
    const original = join(model.folder, NETWORK_FILE);
    const own = await quantiseOurs(original, file, windows.length, shape, join(folder, 'ours.onnx'));
    const peers: Partial<Record<keyof typeof PEERS, Made>> = {};
    for (const [name, settings] of Object.entries(PEERS)) {
      if (short && name === 'entropy') continue;
      const made = await quantisePeer(original, file, windows.length, shape, settings, join(folder, `${name}.onnx`));
      if (!made) return undefined;
      peers[name as keyof typeof PEERS] = made;
    }
    return await compare(original, own, peers, windows);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Overlapping windows of the bundled recording, scaled. */
async function windowsOf({ manifest }: Model, folder: string, count: number): Promise<Window[]> {
  const out = join(folder, 'features.npy');
  await writeFeatureFile({ recording: bundledRecording(), out, ...manifest.features, resample: true });
  const { shape, values } = await readNpy(out);
  const [channels, frames, bands] = shape as [number, number, number];
  const length = manifest.window.frames;
  const { mean, std } = manifest.scaler;
  return Array.from({ length: count }, (_, w) => {
    const first = Math.floor(((frames - length) * w) / (count - 1));
    const window = new Float32Array(channels * length * bands);
    for (let i = 0; i < window.length; i += 1) {
      const [c, frame, band] = [Math.floor(i / (length * bands)), Math.floor(i / bands) % length, i % bands];
      window[i] = (values[(c * frames + first + frame) * bands + band]! - mean[c]![band]!) / std[c]![band]!;
    }
    return { dims: [channels, length, bands], values: window };
  });
}

const script = (name: string) => fileURLToPath(new URL(`test/bench/${name}`, pathToFileURL(PACKAGE_ROOT)));

async function quantiseOurs(model: string, windows: string, count: number, shape: string, out: string): Promise<Made> {
  const child = fileURLToPath(new URL('./quantise-child.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [child, model, windows, String(count), shape, out]);
  return { file: out, ...JSON.parse(stdout) };
}

async function quantisePeer(
  model: string,
  windows: string,
  count: number,
  shape: string,
  [method, operators]: readonly [string, string],
  out: string,
): Promise<Made | undefined> {
  const args = [script('quantise_peer.py'), model, windows, String(count), shape, method, operators, out];
  try {
    const { stdout } = await promisify(execFile)('python3', args);
    // Its calibrators print what they do.
    return { file: out, ...JSON.parse(stdout.trim().split('\n').at(-1)!) };
  } catch (error) {
    const { code, stderr } = error as { code?: string | number; stderr?: string };
    if (code === 'ENOENT' || stderr?.includes('No module named')) return undefined;
    throw error;
  }
}

async function compare(
  original: string,
  own: Made,
  { all, conv, entropy }: Partial<Record<keyof typeof PEERS, Made>>,
  windows: readonly Window[],
): Promise<QuantiseMeasurement[]> {
  const bytes = await readFile(original);
  const models = {
    float: bytes,
    optimised: (await optimiseModel(bytes, original)).bytes,
    own: await readFile(own.file),
    all: await readFile(all!.file),
    conv: await readFile(conv!.file),
  };
  const { latencies, exactness } = await measure(models, windows);
  // Both are in the running: one is the fastest, the other the most exact.
  const fastest = latencies.all! <= latencies.conv! ? 'all' : 'conv';
  const rows: QuantiseMeasurement[] = [
    row('FP32 latency, rewritten beside as exported', 'ms', latencies.optimised!, latencies.float!, '<= 0.8'),
    row(`INT8 latency beside the fastest of Python (${fastest})`, 'ms', latencies.own!, latencies[fastest]!, '<= 0.75'),
    ...Object.entries(exactness.own!).flatMap(([output, db]) =>
      (['all', 'conv'] as const).map((peer) => ({
        name: `INT8 ${output}, signal over noise, beside Python (${peer})`,
        ...{ unit: 'dB' as const, measured: db, peer: exactness[peer]![output]! },
        ...{ ratio: db - exactness[peer]![output]!, goal: peer === fastest ? '>= +3 dB' : '-' },
      })),
    ),
    row(`quantising ${windows.length} windows beside MinMax`, 's', own.seconds, all!.seconds, '<= 1.5'),
    row('memory at most beside MinMax', 'MiB', own.peakMiB, all!.peakMiB, '<= 300 MiB'),
    row('INT8 file beside FP32', 'KiB', (await stat(own.file)).size / 1024, bytes.length / 1024, '<= 0.4'),
  ];
  if (!entropy) return rows;
  return [
    ...rows,
    row(`quantising ${windows.length} windows beside Entropy`, 's', own.seconds, entropy.seconds, '-'),
    row('memory at most beside Entropy', 'MiB', own.peakMiB, entropy.peakMiB, '-'),
  ];
}

function row(name: string, unit: QuantiseMeasurement['unit'], measured: number, peer: number, goal: string) {
  return { name, unit, measured, peer, ratio: measured / peer, goal };
}

/** Median milliseconds of processor time of each model on one thread, their rounds interleaved; and what each output keeps beside the float model. */
async function measure(models: Record<string, Uint8Array>, windows: readonly Window[]) {
  const sessions: Record<string, OnnxSession> = {};
  for (const [name, bytes] of Object.entries(models)) sessions[name] = await openSession(bytes, name);
  const probes = Array.from({ length: PROBES }, (_, i) => windows[Math.floor((i * windows.length) / PROBES)]!);
  const reference = await referenceOutputs(sessions.float!, probes);
  const exactness: Record<string, Record<string, number>> = {};
  for (const [name, session] of Object.entries(sessions)) {
    const noise = await outputNoise(session, probes, reference);
    exactness[name] = Object.fromEntries(Object.entries(noise).map(([output, value]) => [output, decibels(value)]));
  }
  const times: Record<string, number[]> = Object.fromEntries(Object.keys(sessions).map((name) => [name, []]));
  const { dims, values } = probes[0]!;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, session] of Object.entries(sessions)) {
      const before = process.cpuUsage();
      await session.run({ [session.inputNames[0]!]: { dims: [1, ...dims], values } });
      const { user, system } = process.cpuUsage(before);
      times[name]!.push((user + system) / 1000);
    }
  }
  for (const session of Object.values(sessions)) await session.close();
  const latencies = Object.fromEntries(Object.entries(times).map(([name, all]) => [name, quantile(all, 0.5)!]));
  return { latencies, exactness };
}
