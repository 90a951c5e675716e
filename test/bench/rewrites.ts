// What the rewrites gain: the network as earshot ships it for ONNX Runtime, beside torch's own export in the same ONNX Runtime.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { PRESETS } from '../../models/presets.ts';
import type { Model } from '../../runtime/inference/model-files.ts';
import { PACKAGE_ROOT } from '../../runtime/worker-file.ts';
import { benchFiles } from '../../tools/model/bench-files.ts';
import type { Measurement } from './features.ts';

/** Times as fast as torch's export: 1 / 0.8. */
const GOAL = 1.25;

/** @returns undefined where no Python with torch is found, or the model has no weights beside it */
export async function benchRewrites(model: Model, runs: number): Promise<Measurement | undefined> {
  const { folder, manifest, networkFile } = model;
  if (!existsSync(join(folder, 'weights.safetensors'))) return undefined;
  const workplace = await mkdtemp(join(tmpdir(), 'earshot-bench-'));
  try {
    const exported = join(workplace, 'torch.onnx');
    if (!(await exportByTorch(model, exported))) return undefined;
    const { frames, hopFrames } = manifest.window;
    const [torch, ours] = await benchFiles([exported, networkFile], frames, runs);
    const { hopLength, sampleRate } = PRESETS[manifest.features.preset];
    const timesRealTime = (milliseconds: number) => (1000 * hopFrames * hopLength) / sampleRate / milliseconds;
    return {
      name: `network ${manifest.name} after rewrites, torch's export as peer`,
      measured: timesRealTime(ours!.processorMs),
      peer: timesRealTime(torch!.processorMs),
      ratio: 1 / ours!.ratio,
      goal: GOAL,
    };
  } finally {
    await rm(workplace, { recursive: true });
  }
}

async function exportByTorch({ folder, manifest }: Model, out: string): Promise<boolean> {
  const script = fileURLToPath(new URL('test/bench/torch_export.py', pathToFileURL(PACKAGE_ROOT)));
  const numbers = [manifest.features.channels.length, manifest.labels.length, manifest.window.frames];
  try {
    await promisify(execFile)('python3', [script, folder, ...numbers.map(String), out]);
    return true;
  } catch (error) {
    const { code, stderr } = error as { code?: string | number; stderr?: string };
    if (code === 'ENOENT' || stderr?.includes('No module named')) return false;
    throw error;
  }
}
