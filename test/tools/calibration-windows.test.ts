// Calibration windows: where they come from, that they are the features the device computes, and every set that is refused.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CalibrationWindow,
  calibrationSources,
  calibrationWindows,
  windowCount,
} from '../../tools/calibration-windows.ts';
import { writeFeatureFile } from '../../tools/data/feature-file.ts';
import { npyHeader } from '../../tools/data/npy.ts';
import { loudnessModel, writeRecording } from '../loudness-model.ts';

const { manifest } = await loudnessModel();
const { frames } = manifest.window;
const SHAPE = (length: number) => [7, length, 64];
const SOUNDS = [{ label: 'low', startSeconds: 0.5, endSeconds: 30, azimuth: 40, elevation: 10 }] as const;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-calibration-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Looked up once: in Jest's realms each mention of a global costs more than the sine. */
const { floor, sin } = Math;

async function features(name: string, length: number, value = (i: number) => -40 + 20 * sin(i)): Promise<string> {
  const values = Float32Array.from({ length: 7 * length * 64 }, (_, i) => value(i));
  const file = join(folder, name);
  await writeFile(file, Buffer.concat([npyHeader(SHAPE(length)), Buffer.from(values.buffer)]));
  return file;
}

async function windowsOf(paths: readonly string[], count: number): Promise<CalibrationWindow[]> {
  const all: CalibrationWindow[] = [];
  for await (const window of calibrationWindows(await calibrationSources(paths, manifest), manifest, count))
    all.push(window);
  return all;
}

test('a recording gives the same windows as its feature file, scaled as the runtime does', async () => {
  const recording = join(folder, 'a.wav');
  writeRecording(recording, { seconds: 70, sampleRate: 24000, sounds: SOUNDS });
  const out = join(folder, 'a.npy');
  await writeFeatureFile({ recording, out, ...manifest.features, resample: false });
  const [heard, read] = [await windowsOf([recording], 8), await windowsOf([out], 8)];
  expect(heard).toHaveLength(8);
  for (const [i, { dims, values }] of heard.entries()) {
    expect(dims).toEqual([7, frames, 64]);
    expect(Buffer.compare(Buffer.from(values.buffer), Buffer.from(read[i]!.values.buffer))).toBe(0);
  }
});

test('windows are spread over all recordings, the same ones every time', async () => {
  for (const [name, windows] of Object.entries({ 'a.npy': 20, 'b.npy': 2, 'c.npy': 20 })) {
    await features(name, windows * frames + 7, (i) => -40 + name.charCodeAt(0) / 100 + floor(i / 64 / frames));
  }
  const sources = await calibrationSources([folder], manifest);
  expect(sources.map(({ windows }) => windows)).toEqual([20, 2, 20]);
  expect([3, 12, 42, 500].map((count) => windowCount(sources, count))).toEqual([3, 12, 42, 42]);
  const [first, second] = [await windowsOf([folder], 12), await windowsOf([folder], 12)];
  expect(first.map(({ values }) => values[0])).toEqual(second.map(({ values }) => values[0]));
  expect(new Set(first.map(({ values }) => values[0])).size).toBe(12);
});

test('a data folder gives its features, or its recordings when there are none', async () => {
  await mkdir(join(folder, 'features-foa-edge-24k'));
  await features('features-foa-edge-24k/a.npy', 32 * frames);
  const [source] = await calibrationSources([folder], manifest);
  expect(source).toMatchObject({ kind: 'features', windows: 32 });
});

test('what cannot calibrate is refused with what is missing', async () => {
  const refused = (paths: readonly string[]) => expect(calibrationSources(paths, manifest)).rejects;
  await refused([join(folder, 'none')]).toThrow(/there is no such file or folder/);
  await refused([folder]).toThrow(/holds no recording/);
  const short = await features('short.npy', 3 * frames);
  await refused([short]).toThrow(/holds 3 windows of 2 s, calibration needs 32 or more \(64 s of sound\)/);
  await writeFile(join(folder, 'notes.txt'), 'x');
  await refused([join(folder, 'notes.txt')]).toThrow(/is no recording/);
  const narrow = join(folder, 'narrow.npy');
  await writeFile(narrow, Buffer.concat([npyHeader([10, 100, 64]), Buffer.alloc(4 * 10 * 100 * 64)]));
  await refused([narrow]).toThrow(/has 10 channels of 64 bands; the model hears edge-24k, foa: 7 of 64/);
});

test('features of another preset are refused though their shape is the same', async () => {
  await features('a.npy', 40 * frames);
  await writeFile(join(folder, 'features.json'), JSON.stringify({ version: 1, preset: 'paper-48k', format: 'foa' }));
  await expect(calibrationSources([folder], manifest)).rejects.toThrow(
    /features of preset paper-48k, format foa; the model hears edge-24k, foa/,
  );
});

test('silence and values that are no numbers are refused by name', async () => {
  const silent = await features('silent.npy', 32 * frames, (i) => (i < 4 * 32 * frames * 64 ? -100 : 0));
  await expect(windowsOf([silent], 32)).rejects.toThrow(/All 32 calibration windows are silent/);
  const broken = await features('broken.npy', 32 * frames, (i) => (i === 12_345 ? Number.NaN : -30));
  await expect(windowsOf([broken], 32)).rejects.toThrow(/broken\.npy holds NaN among its features/);
});
