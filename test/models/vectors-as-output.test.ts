// From weights to merged scores, PyTorch against the device's own path, for both forms of output: scores and directions, or
// one vector per class whose length is the score (ACCDOA).
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readModel } from '../../runtime/inference/model-files.ts';
import { enginesFor } from '../../tools/engines.ts';
import { eventsOf, hearRecordings } from '../../tools/hear-data.ts';
import { earshot } from '../earshot.ts';
import { LOUDNESS_FOLDER, temporaryFolder } from '../loudness-model.ts';

const SCRIPTS = fileURLToPath(new URL('../../models/train', import.meta.url));
const PYTHON = process.env.EARSHOT_PYTHON ?? 'python3';
const CLASSES = ['hum', 'hiss', 'beep'];
const WINDOW = 100;
const HOP = 50;

/** Writes weights.safetensors, network.json and scene.npy; prints what PyTorch makes of the scene in overlapping windows. */
const PREDICT = `
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import numpy as np, torch
from safetensors.torch import save_file
from contextlib import nullcontext
from dataset import Recording
from evaluate import predict
from network import build_network
from synthetic_minute import small_network
folder, output = Path(sys.argv[2]), sys.argv[3]
torch.manual_seed(4)
description = small_network() | {"output": output, "channels": 7, "classes": 3}
network = build_network(description).eval()
with torch.no_grad():
    for name, tensor in network.named_parameters():
        tensor.mul_({"direction.out.weight": 2, "activity.out.weight": 20}.get(name, 1)).add_(0.05 * torch.randn(tensor.shape))
save_file({k: v.contiguous() for k, v in network.state_dict().items() if v.is_floating_point()}, folder / "weights.safetensors")
(folder / "network.json").write_text(json.dumps(description))
features = np.random.default_rng(1).normal(0, 2, (7, 300, 64)).astype(np.float32)
np.save(folder / "scene.npy", features)
recording = Recording("scene", features, np.zeros((60, 3), np.float32), np.zeros((60, 3, 3), np.float32))
settings = {"window": ${WINDOW}, "network": description}
scaler = (torch.zeros(7, 64), torch.ones(7, 64))
[(activity, direction)] = predict(network, settings, [recording], scaler, ${HOP}, 5, nullcontext)
print(json.dumps({"activity": activity.flatten().tolist(), "direction": direction.flatten().tolist()}))
`;

const hasTorch = (() => {
  try {
    execFileSync(PYTHON, ['-c', 'import numpy, safetensors, torch'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => rmSync(folder, { recursive: true }));

async function modelOf(output: string) {
  const manifest = JSON.parse(readFileSync(join(LOUDNESS_FOLDER, 'manifest.json'), 'utf8'));
  const hash = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex');
  const row = (value: number) => Array.from({ length: 7 }, () => new Array(64).fill(value));
  Object.assign(manifest, {
    ...{ name: 'small', labels: CLASSES, output, scaler: { mean: row(0), std: row(1) } },
    window: { frames: WINDOW, hopFrames: HOP, lookaheadFrames: HOP },
    thresholds: { onset: [0.5, 0.5, 0.5], offset: [0.5, 0.5, 0.5] },
    files: Object.fromEntries(['network.json', 'weights.safetensors'].map((name) => [name, hash(name)])),
  });
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
  const { code, stderr } = await earshot(['model', 'build', folder]);
  expect(code === 0 ? '' : stderr).toBe('');
  return readModel(folder);
}

(hasTorch ? test : test.skip).each(['sed+doa', 'accdoa'])(
  'the device merges the %s of windows to what PyTorch makes of the recording (needs PyTorch)',
  async (output) => {
    const expected = JSON.parse(
      execFileSync(PYTHON, ['-c', PREDICT, SCRIPTS, folder, output], { encoding: 'utf8', maxBuffer: 1 << 26 }),
    );
    const model = await modelOf(output);
    const backend = enginesFor(model, 1);
    await backend.start();
    const recordings = [{ name: 'scene', path: join(folder, 'scene.npy'), labels: '' }];
    const { heard } = await hearRecordings({ recordings, model, backend, lookaheadFrames: WINDOW });
    await backend.stop();
    const activity = heard[0]!.scores.flatMap((some) => [...some.activity]);
    const direction = heard[0]!.scores.flatMap((some) => [...some.direction]);
    expect(activity).toHaveLength(60 * CLASSES.length);
    // lengths of vectors reach the square root of 3 in PyTorch; the device's scores end at 1
    expect(
      furthest(
        activity,
        expected.activity.map((value: number) => Math.min(1, value)),
      ),
    ).toBeLessThan(2e-5);
    expect(furthest(direction, expected.direction)).toBeLessThan(2e-5);
    expect(spread(expected.activity)).toBeGreaterThan(0.05);
    // what is told is what crosses the threshold: with vectors, their length
    const loud = activity.filter((value) => value >= 0.5).length;
    const told = eventsOf(heard[0]!, model.manifest, model.frameSeconds);
    expect(told.length > 0).toBe(loud > 2);
    for (const { score } of told) expect(score).toBeGreaterThanOrEqual(0.5);
  },
  60_000,
);

function furthest(a: readonly number[], b: readonly number[]): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

function spread(values: readonly number[]): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
