// The trainer's channel swaps against the renderer: a turned scene rendered on the sphere has the features of the scene, swapped.
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unitVector, type Vector } from '../../runtime/directions.ts';
import { FeatureExtractor } from '../../runtime/features/extractor.ts';
import { FftMemory } from '../../tools/data/scenes/fft.ts';
import { micReceiver } from '../../tools/data/scenes/mic-receiver.ts';
import type { Receiver } from '../../tools/data/scenes/receiver.ts';
import { temporaryFolder } from '../loudness-model.ts';

const RATE = 48_000;
const SECONDS = 0.2;
const SCRIPTS = fileURLToPath(new URL('../../models/train', import.meta.url));
const PYTHON = process.env.EARSHOT_PYTHON ?? 'python3';

/** A source, three of its echoes, and a second source. */
const WAVES = [
  { direction: unitVector(25, 10), delay: 0, gain: 1, seed: 1 },
  { direction: unitVector(-140, -35), delay: 211, gain: 0.5, seed: 1 },
  { direction: unitVector(80, 62), delay: 388, gain: 0.4, seed: 1 },
  { direction: unitVector(170, -5), delay: 1003, gain: 0.3, seed: 1 },
  { direction: unitVector(-65, -20), delay: 0, gain: 0.7, seed: 2 },
];

type Member = readonly [swap: 0 | 1, x: number, y: number, z: number];
const SIGNS = [-1, 1] as const;
const MEMBERS: Member[] = ([0, 1] as const).flatMap((swap) =>
  SIGNS.flatMap((x) => SIGNS.map((y): Member => [swap, x, y, x * y])),
);
const IDENTITY = 3;

function turned([x, y, z]: Vector, [swap, sx, sy, sz]: Member): Vector {
  return swap === 1 ? [sx * y, sy * x, sz * z] : [sx * x, sy * y, sz * z];
}

function noise(length: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

function render(mic: Receiver, member: Member): Float32Array[] {
  const channels = Array.from({ length: 4 }, () => new Float32Array(Math.round(SECONDS * RATE)));
  for (const { direction, delay, gain, seed } of WAVES) {
    const source = noise(channels[0]!.length, seed);
    const { responses } = mic.direct(turned(direction, member));
    for (const [c, response] of responses.entries()) {
      const out = channels[c]!;
      for (const [t, tap] of response.entries()) {
        for (let i = 0; i + t + delay < out.length; i++) out[i + t + delay]! += 0.1 * gain * tap * source[i]!;
      }
    }
  }
  return channels;
}

async function features(channels: readonly Float32Array[]): Promise<Float32Array[]> {
  const extractor = await FeatureExtractor.create({ preset: 'paper-48k', format: 'mic' });
  const frames: Float32Array[] = [];
  const keep = ({ values }: { values: Float32Array }) => frames.push(values.slice());
  extractor.push({ channels, sampleRate: RATE, sampleIndex: 0, wallTimeMs: 0, discontinuity: 0 }, keep);
  extractor.end(keep);
  return frames;
}

/** Reads (8, frames, 10, 64), turns the scene of the identity by all members, and prints how far that is from the others. */
const COMPARE = `
import json, sys
import numpy as np, torch
sys.path.insert(0, sys.argv[1])
import symmetries
members = torch.tensor(json.loads(sys.argv[3]))
scenes = torch.from_numpy(np.fromfile(sys.argv[2], np.float32)).reshape(8, -1, 10, 64).permute(0, 2, 1, 3)
turned = symmetries.turn_mic(scenes[[${IDENTITY}] * 8].clone(), members, torch.zeros(10, 64))
vector = torch.tensor(json.loads(sys.argv[4])).expand(8, 3)
print(json.dumps({
  "logmel": (turned[:, :4] - scenes[:, :4]).abs().max().item(),
  "gcc": (turned[:, 4:, :, 1:] - scenes[:, 4:, :, 1:]).abs().max().item(),
  "peak": scenes[:, 4:].abs().max().item(),
  "untouched": (scenes[${IDENTITY}, 4:] - scenes[:, 4:]).abs().amax((1, 2, 3)).tolist(),
  "directions": symmetries.turn_directions(vector, members).tolist(),
}))
`;

const hasTorch = (() => {
  try {
    execFileSync(PYTHON, ['-c', 'import numpy, torch'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

(hasTorch ? test : test.skip)(
  'each of the 8 channel swaps gives the features of the turned scene, and turns its direction (needs PyTorch)',
  async () => {
    const mic = micReceiver(await FftMemory.create(), RATE);
    const scenes: Float32Array[] = [];
    for (const member of MEMBERS) scenes.push(...(await features(render(mic, member))));
    const folder = await temporaryFolder();
    const file = join(folder, 'scenes');
    writeFileSync(file, Buffer.concat(scenes.map(({ buffer }) => Buffer.from(buffer))));
    const vector = WAVES[0]!.direction;
    const args = ['-c', COMPARE, SCRIPTS, file, JSON.stringify(MEMBERS), JSON.stringify(vector)];
    const found = JSON.parse(execFileSync(PYTHON, args, { encoding: 'utf8' }));
    rmSync(folder, { recursive: true });
    expect(found.logmel).toBeLessThan(1e-3);
    expect(found.gcc).toBeLessThan(1e-4);
    // the comparison says something: peaks are high, and every turned scene differs from the first
    expect(found.peak).toBeGreaterThan(0.2);
    expect(found.untouched.filter((difference: number) => difference > 0.1)).toHaveLength(MEMBERS.length - 1);
    for (const [m, member] of MEMBERS.entries())
      for (const [axis, value] of turned(vector, member).entries())
        expect(found.directions[m][axis]).toBeCloseTo(value, 6);
  },
  60_000,
);
