// Takes of sound files: trimming, cutting, strings of keystrokes, and variation.
import { rmSync } from 'node:fs';
import { folderBank } from '../../../../tools/data/scenes/bank.ts';
import { Random } from '../../../../tools/data/scenes/random.ts';
import { SoundStore } from '../../../../tools/data/scenes/sounds.ts';
import { drawTake, trim } from '../../../../tools/data/scenes/takes.ts';
import { changeSpeed, varied } from '../../../../tools/data/scenes/vary.ts';
import { makeSounds, temporaryFolder } from '../make-sounds.ts';
import { fourierAt } from './spectrum.ts';

const RATE = 16000;
const folder = temporaryFolder();
const store = new SoundStore(RATE);
beforeAll(() => makeSounds(folder, { keyboard: [0.12, 0.15], phone: [8], knock: [0.7] }, RATE));
afterAll(() => rmSync(folder, { recursive: true }));

const takes = async (label: string) => {
  const bank = folderBank(folder);
  const seeds = Array.from({ length: 20 }, (_, seed) => seed);
  return Promise.all(
    seeds.map(async (seed) => {
      const take = await drawTake(bank[label]![0]!, label, store, new Random(seed), RATE);
      return take.length / RATE;
    }),
  );
};

test('single keystrokes become typing of up to 3.4 s', async () => {
  const seconds = await takes('keyboard');
  expect(Math.min(...seconds)).toBeGreaterThan(0.3);
  expect(Math.max(...seconds)).toBeLessThanOrEqual(3.4);
  expect(new Set(seconds).size).toBeGreaterThan(10);
});

test('a long sound is cut to a length of the data set; a short one stays whole', async () => {
  for (const seconds of await takes('phone')) {
    expect(seconds).toBeGreaterThanOrEqual(1.2);
    expect(seconds).toBeLessThanOrEqual(3.3);
  }
  expect(await takes('knock')).toEqual(Array(20).fill(0.7));
});

test('silence before and after a sound is no part of it', () => {
  const sound = new Float32Array(RATE);
  sound.fill(0.3, 4800, 8000);
  expect(trim(sound, RATE)).toHaveLength(3200);
});

test('a sound played faster is shorter and higher by the same factor', () => {
  const tone = new Float32Array(RATE).map((_, i) => Math.sin((2 * Math.PI * 1000 * i) / RATE));
  const fast = changeSpeed(tone, 1.25);
  expect(fast).toHaveLength(RATE / 1.25);
  const level = (frequency: number) => Math.hypot(...fourierAt(fast, frequency, RATE)) / (fast.length / 2);
  expect(level(1250)).toBeCloseTo(1, 2);
  expect(level(1000)).toBeLessThan(0.01);
});

test('varied sounds keep near the common level and stay finite', () => {
  const sound = new Float32Array(RATE).map((_, i) => 0.9 * Math.sin(i * 0.3));
  for (let seed = 0; seed < 30; seed++) {
    const out = varied(sound, new Random(seed), RATE);
    const level = 10 * Math.log10(out.reduce((sum, v) => sum + v * v, 0) / out.length);
    expect(Math.abs(level + 30)).toBeLessThanOrEqual(12.01);
    expect(out.length / sound.length).toBeGreaterThan(0.85);
    expect(out.length / sound.length).toBeLessThan(1.15);
  }
});
