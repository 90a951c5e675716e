// Time of the network per window, beside PyTorch running the same network on one thread in the same run.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { PRESETS } from '../../models/presets.ts';
import { quantile } from '../../runtime/health.ts';
import type { Model } from '../../runtime/inference/model-files.ts';
import { OnnxEngine } from '../../runtime/inference/onnx-engine.ts';
import { PACKAGE_ROOT } from '../../runtime/worker-file.ts';
import type { Measurement } from './features.ts';

export interface InferenceMeasurement extends Measurement {
  /** Processor time per window in milliseconds. */
  readonly windowMs: number;
}

/** @param runs windows measured, one after the other; the median counts */
export async function benchInference(model: Model, runs: number): Promise<InferenceMeasurement> {
  const { manifest } = model;
  const { hopLength, sampleRate } = PRESETS[manifest.features.preset];
  const hopSeconds = (manifest.window.hopFrames * hopLength) / sampleRate;
  const seconds = await ourSeconds(model, runs);
  const name = `network ${manifest.name}, ${manifest.window.frames} frames every ${manifest.window.hopFrames}`;
  const ours = { name, measured: hopSeconds / seconds, windowMs: 1000 * seconds };
  const torch = await torchSeconds(model, runs);
  return torch === undefined ? ours : { ...ours, peer: hopSeconds / torch, ratio: torch / seconds };
}

/** Processor time of the whole process: the main thread only waits meanwhile. */
async function ourSeconds(model: Model, runs: number): Promise<number> {
  const { features, window } = model.manifest;
  const engine = new OnnxEngine({ model });
  await engine.start();
  let memory = Float32Array.from(
    { length: features.channels.length * window.frames * PRESETS[features.preset].melBands },
    (_, i) => Math.sin(i * i),
  );
  const seconds: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const before = process.cpuUsage();
    const scores = await engine.run(memory, window.frames);
    const { user, system } = process.cpuUsage(before);
    seconds.push((user + system) / 1e6);
    memory = scores.features as typeof memory;
  }
  await engine.stop();
  return quantile(seconds, 0.5)!;
}

/** @returns undefined where no Python with torch is found, or the model has no network description beside it */
async function torchSeconds({ folder, manifest }: Model, runs: number): Promise<number | undefined> {
  const network = join(folder, 'network.json');
  if (!existsSync(network)) return undefined;
  const script = fileURLToPath(new URL('test/bench/inference_peer.py', pathToFileURL(PACKAGE_ROOT)));
  const numbers = [manifest.features.channels.length, manifest.labels.length, manifest.window.frames, runs];
  try {
    const { stdout } = await promisify(execFile)('python3', [script, network, ...numbers.map(String)]);
    return quantile((JSON.parse(stdout) as { seconds: number[] }).seconds, 0.5) ?? undefined;
  } catch (error) {
    const { code, stderr } = error as { code?: string | number; stderr?: string };
    if (code === 'ENOENT' || stderr?.includes('No module named')) return undefined;
    throw error;
  }
}
