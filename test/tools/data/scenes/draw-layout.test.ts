// Fresh layouts against the statistics of the data set's 400 development label files (reference, section 5).
import { rmSync } from 'node:fs';
import { OFFICE_LABELS } from '../../../../models/labels.ts';
import { folderBank } from '../../../../tools/data/scenes/bank.ts';
import { drawLayout, type FreshLayout } from '../../../../tools/data/scenes/draw-layout.ts';
import { formatLabels, type PlacedSound } from '../../../../tools/data/scenes/layout.ts';
import { Random } from '../../../../tools/data/scenes/random.ts';
import { FIXED_ROOMS } from '../../../../tools/data/scenes/room.ts';
import { SoundStore } from '../../../../tools/data/scenes/sounds.ts';
import { parseEvents } from '../../../../tools/scene-csv.ts';
import { makeSounds, temporaryFolder } from '../make-sounds.ts';

// p10, median and p90 of the lengths of each class in the data set
const LENGTHS: Record<(typeof OFFICE_LABELS)[number], readonly number[]> = {
  clearthroat: [0.45, 0.74, 1.24],
  cough: [0.75, 0.97, 1.6],
  doorslam: [0.38, 0.46, 0.64],
  drawer: [0.61, 0.96, 1.62],
  keyboard: [1.1, 1.77, 2.96],
  keysDrop: [0.22, 0.28, 0.47],
  knock: [0.57, 0.74, 1.08],
  laughter: [1.12, 1.65, 2.27],
  pageturn: [0.73, 1.03, 1.98],
  phone: [1.23, 2.04, 3.2],
  speech: [1.43, 1.77, 2.76],
};

const folder = temporaryFolder();
const store = new SoundStore(8000);
let layouts: Record<1 | 2, PlacedSound[][]>;

const draw = (layout: Partial<FreshLayout>, seed: number) =>
  drawLayout(
    {
      banks: [folderBank(folder)],
      seconds: 60,
      sampleRate: 8000,
      overlap: 1,
      directions: 'grid',
      vary: false,
      ...layout,
    },
    FIXED_ROOMS[seed % 5]!,
    store,
    new Random(seed),
  );

beforeAll(async () => {
  makeSounds(folder, LENGTHS, 8000);
  const fifty = (overlap: number) => Promise.all(Array.from({ length: 50 }, (_, seed) => draw({ overlap }, seed)));
  layouts = { 1: await fifty(1), 2: await fifty(2) };
});
afterAll(() => rmSync(folder, { recursive: true }));

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

test('a minute holds as many events as in the data set: 26.0 ± 2.5 with one track, 53.0 ± 3.3 with two', () => {
  expect(Math.abs(mean(layouts[1].map((l) => l.length)) - 26)).toBeLessThan(1.5);
  expect(Math.abs(mean(layouts[2].map((l) => l.length)) - 53)).toBeLessThan(3);
});

test('one track never overlaps itself, and pauses 0.5 to 1.5 s', () => {
  const gaps = layouts[1].flatMap((l) => l.slice(1).map((sound, i) => sound.startSeconds - l[i]!.endSeconds));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0.5);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(1.5);
  expect(mean(gaps)).toBeCloseTo(1, 1);
});

test('0, 1 and 2 sounds are heard at once for about the data set’s shares of the time', () => {
  const shares = (l: readonly PlacedSound[][]) => {
    const counts = [0, 0, 0];
    for (const layout of l) {
      for (let t = 0.01; t < 60; t += 0.02)
        counts[layout.filter((s) => s.startSeconds <= t && t < s.endSeconds).length]!++;
    }
    return counts.map((count) => (100 * count) / counts.reduce((a, b) => a + b));
  };
  const [silent1, one1, two1] = shares(layouts[1]);
  expect(Math.abs(silent1! - 46.2)).toBeLessThan(4);
  expect(Math.abs(one1! - 53.8)).toBeLessThan(4);
  expect(two1).toBe(0);
  const [silent2, one2, two2] = shares(layouts[2]);
  expect(Math.abs(silent2! - 21.2)).toBeLessThan(4);
  expect(Math.abs(one2! - 48.9)).toBeLessThan(4);
  expect(Math.abs(two2! - 29.9)).toBeLessThan(4);
});

test('the first sound starts after half a second on average', () => {
  expect(mean(layouts[1].map((l) => l[0]!.startSeconds))).toBeCloseTo(0.5, 0);
});

test('places are on the 10° grid: 1 m from -40 to 40, 2 m from -20 to 20, about half each; classes alike', () => {
  const sounds = [...layouts[1], ...layouts[2]].flat();
  const far = sounds.filter((s) => s.distanceMetres === 2);
  expect(far.length / sounds.length).toBeCloseTo(0.485, 1);
  expect(far.every((s) => Math.abs(s.elevation) <= 20)).toBe(true);
  expect(sounds.every((s) => s.azimuth % 10 === 0 && s.azimuth >= -180 && s.azimuth <= 170)).toBe(true);
  expect(new Set(sounds.map((s) => s.elevation)).size).toBe(9);
  expect(new Set(sounds.map((s) => s.azimuth)).size).toBe(36);
  for (const label of OFFICE_LABELS)
    expect(sounds.filter((s) => s.label === label).length / sounds.length).toBeCloseTo(1 / 11, 1);
});

test('free directions lie anywhere from -50 to 50, and the label file has whole degrees', async () => {
  const sounds = await draw({ directions: 'free', overlap: 2, vary: true }, 7);
  expect(sounds.some((s) => s.azimuth % 1 !== 0)).toBe(true);
  expect(sounds.every((s) => Math.abs(s.elevation) <= 50)).toBe(true);
  const events = parseEvents(formatLabels(sounds), 'labels.csv');
  expect(events).toHaveLength(sounds.length);
  events.forEach(({ azimuth, elevation, distance, startSeconds }, i) => {
    expect(Number.isInteger(azimuth) && Number.isInteger(elevation)).toBe(true);
    expect(azimuth).toBeLessThan(180);
    expect([1, 2]).toContain(distance);
    expect(startSeconds).toBeCloseTo(sounds[i]!.startSeconds, 5);
  });
});

test('a seed gives one layout, another seed another', async () => {
  const places = (sounds: PlacedSound[]) => sounds.map(({ signal, ...place }) => ({ ...place, length: signal.length }));
  expect(places(await draw({ vary: true }, 3))).toEqual(places(await draw({ vary: true }, 3)));
  expect(places(await draw({ vary: true }, 3))).not.toEqual(places(await draw({ vary: true }, 4)));
});
