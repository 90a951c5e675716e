import { execFile } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FeatureExtractor } from '../../../runtime/features/extractor.ts';
import { PACKAGE_ROOT } from '../../../runtime/worker-file.ts';
import { npyHeader, readNpy } from '../../../tools/data/npy.ts';
import { WavWriter } from '../../../tools/data/wav-writer.ts';
import { block, formulaSignal } from '../../runtime/features/formula-signal.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'earshot-features-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

async function features(...args: string[]): Promise<Outcome> {
  const command = [join(PACKAGE_ROOT, 'bin/earshot.js'), 'data', 'features', ...args];
  return promisify(execFile)(process.execPath, command, { cwd: folder }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Outcome) => ({ code, stdout, stderr }),
  );
}

/** Writes the formula signal, or some of its channels, as 16-bit WAV. */
function recording(name: string, sampleRate = 48_000, { channels = 4, samples = sampleRate } = {}): void {
  const writer = new WavWriter(join(folder, name), channels, sampleRate);
  writer.write(
    formulaSignal(sampleRate)
      .slice(0, channels)
      .map((channel) => channel.subarray(0, samples)),
  );
  writer.close();
}

/** The band of the 440 Hz tone, as it is the loudest of the signal. */
function loudest(bands: Float32Array): { band: number; decibels: number } {
  const decibels = Math.max(...bands);
  return { band: bands.indexOf(decibels), decibels };
}

const outputs = () => readdirSync(folder).filter((name) => !name.endsWith('.wav'));

describe('a feature file', () => {
  test('has the header that NumPy writes', () => {
    // np.save of np.zeros((7, 50, 64), '<f4'), NumPy 2.3
    const numpy = `\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (7, 50, 64), }`;
    expect(npyHeader([7, 50, 64]).toString('latin1')).toBe(`${numpy.padEnd(127)}\n`);
    expect(npyHeader([5]).toString('latin1')).toContain("'shape': (5,), }");
  });

  test('holds (channels, frames, bands), the values of the extractor', async () => {
    recording('scene.wav');
    const { code, stdout } = await features('scene.wav', '--out', 'scene.npy', '--format', 'mic', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ out: 'scene.npy', format: 'mic', shape: [10, 50, 64], seconds: 1 });
    const { shape, values } = await readNpy(join(folder, 'scene.npy'));
    expect(shape).toEqual([10, 50, 64]);
    const stored = formulaSignal(48_000).map((channel) => channel.map((value) => Math.round(value * 32768) / 32768));
    const extractor = await FeatureExtractor.create({ preset: 'paper-48k', format: 'mic' });
    const rows: Float32Array[] = [];
    extractor.push(block(stored, 48_000), (frame) => rows.push(frame.values.slice()));
    for (const [channel, frame] of [
      [0, 0],
      [3, 17],
      [4, 25],
      [9, 49],
    ] as const)
      expect(values.subarray((channel * 50 + frame) * 64, (channel * 50 + frame + 1) * 64)).toEqual(
        rows[frame]!.subarray(channel * 64, (channel + 1) * 64),
      );
  });

  test('of a 48 kHz recording with preset edge-24k is decimated', async () => {
    recording('scene.wav');
    expect(await features('scene.wav', '--preset', 'edge-24k', '--out', 'half.npy')).toMatchObject({ code: 0 });
    const { shape, values } = await readNpy(join(folder, 'half.npy'));
    expect(shape).toEqual([7, 50, 64]);
    // The tones are as loud as those of the same signal made at 24 kHz, which librosa's values vouch for.
    const direct: Float32Array[] = [];
    const extractor = await FeatureExtractor.create({ preset: 'edge-24k', format: 'foa' });
    extractor.push(block(formulaSignal(24_000), 24_000), (frame) => direct.push(frame.values.slice(0, 64)));
    for (const frame of [10, 25, 40]) {
      const row = values.subarray(frame * 64, frame * 64 + 64);
      expect(loudest(row).band).toBe(loudest(direct[frame]!).band);
      expect(Math.abs(loudest(row).decibels - loudest(direct[frame]!).decibels)).toBeLessThan(0.05);
    }
  });

  test('longer than one run of frames is put together in order', async () => {
    const seconds = 12;
    const writer = new WavWriter(join(folder, 'long.wav'), 4, 24_000);
    const signal = formulaSignal(24_000);
    for (let s = 0; s < seconds; s++) writer.write(signal.map((channel) => channel.map((v) => v * 0.5 ** s)));
    writer.close();
    await features('long.wav', '--preset', 'edge-24k', '--out', 'long.npy');
    const { shape, values } = await readNpy(join(folder, 'long.npy'));
    expect(shape).toEqual([7, 600, 64]);
    // Each second is half as loud as the last: 6.02 dB less.
    const level = (second: number) =>
      loudest(values.subarray((50 * second + 25) * 64, (50 * second + 26) * 64)).decibels;
    for (let s = 1; s < seconds - 2; s++) expect(level(s) - level(s - 1)).toBeCloseTo(-6.02, 1);
  });
});

describe('a folder of recordings', () => {
  test('gives a file for each, and says what they are', async () => {
    mkdirSync(join(folder, 'dev'));
    for (const name of ['a', 'b', 'c']) recording(`dev/${name}.wav`);
    const { code, stdout } = await features('dev', '--out', 'features', '--jobs', '2');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^features: 3 recordings \(3 s\) at \d+ x real time\n$/);
    expect(readdirSync(join(folder, 'features')).sort()).toEqual(['a.npy', 'b.npy', 'c.npy', 'features.json']);
    const described = JSON.parse(readFileSync(join(folder, 'features/features.json'), 'utf8')) as object;
    expect(described).toMatchObject({ version: 1, preset: 'paper-48k', format: 'foa', bands: 64, framesPerSecond: 50 });
  });

  test('goes on where a stopped run was', async () => {
    mkdirSync(join(folder, 'dev'));
    for (const name of ['a', 'b']) recording(`dev/${name}.wav`);
    await features('dev', '--out', 'features');
    const kept = join(folder, 'features/a.npy');
    utimesSync(kept, 1, 1);
    const again = join(folder, 'features/b.npy');
    rmSync(again);
    writeFileSync(`${again}.part`, 'half a file');
    expect((await features('dev', '--out', 'features')).stdout).toMatch(/1 recordings .*, 1 kept from before/);
    expect(statSync(kept).mtimeMs).toBe(1000);
    expect((await readNpy(again)).shape).toEqual([7, 50, 64]);
    expect(readdirSync(join(folder, 'features'))).toHaveLength(3);
  });

  test('is never mixed with features of another kind', async () => {
    mkdirSync(join(folder, 'dev'));
    recording('dev/a.wav');
    await features('dev', '--out', 'features');
    const { code, stderr } = await features('dev', '--out', 'features', '--format', 'mic');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /features.json says that the folder holds other features than paper-48k, mic: choose another/,
    );
  });

  test('with a broken recording is refused before any work is done', async () => {
    mkdirSync(join(folder, 'dev'));
    recording('dev/a.wav');
    writeFileSync(join(folder, 'dev/b.wav'), 'not a recording');
    const { code, stderr } = await features('dev', '--out', 'features');
    expect(code).toBe(1);
    expect(stderr).toContain('b.wav');
    expect(outputs()).toEqual(['dev']);
  });
});

describe('refused with one sentence, exit code 1 and nothing written', () => {
  test.each([
    ['a missing recording', 'none.wav', [], /There is no none\.wav/],
    ['an empty folder', '.', [], /holds no \.wav or \.flac recording/],
    ['an unknown preset', 'x.wav', ['--preset', 'cd'], /Allowed choices are paper-48k, edge-24k/],
    ['no number of jobs', 'x.wav', ['--jobs', '0'], /whole number of 1 or more/],
  ])('%s', async (_, input, options, message) => {
    const { code, stderr } = await features(input, '--out', 'out.npy', ...options);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(outputs()).toEqual([]);
  });

  test.each([
    ['stereo', { channels: 2 }, 48_000, [], /has 2 channels; supported are 4/],
    ['24 kHz with paper-48k', {}, 24_000, [], /24000 Hz but preset paper-48k takes 48000 Hz; .*--resample/],
    ['32 kHz', {}, 32_000, [], /32000 Hz; .*--resample/],
    ['shorter than a frame', { samples: 959 }, 48_000, [], /959 samples long but a frame of features takes 960/],
  ])('%s', async (_, shape, sampleRate, options, message) => {
    recording('scene.wav', sampleRate, shape);
    const { code, stderr } = await features('scene.wav', '--out', 'out.npy', ...options);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(outputs()).toEqual([]);
  });

  test('24 and 32 kHz are taken with --resample', async () => {
    for (const rate of [24_000, 32_000]) {
      recording('scene.wav', rate);
      expect(await features('scene.wav', '--out', 'out.npy', '--resample')).toMatchObject({ code: 0 });
      expect((await readNpy(join(folder, 'out.npy'))).shape).toEqual([7, 50, 64]);
    }
  });
});
