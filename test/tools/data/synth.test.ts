// The synthesiser as its user meets it: folders in, recordings out.
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openWav } from '../../../runtime/capture/wav-reader.ts';
import { unitVector } from '../../../runtime/directions.ts';
import { synthCommand } from '../../../tools/data/synth.ts';
import { readEvents, type SceneEvent } from '../../../tools/scene-csv.ts';
import { makeSounds, temporaryFolder } from './make-sounds.ts';

const EARSHOT = 'bin/earshot.js';
const RATE = 48000;
const work = temporaryFolder();
const sounds = join(work, 'sounds');
const out = (name: string) => join(work, name);

beforeAll(() => makeSounds(sounds, { knock: [0.6, 0.8], cough: [0.7, 0.9], speech: [1.4] }));
afterAll(() => rmSync(work, { recursive: true }));

async function synth(...options: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    return { code: 0, ...(await promisify(execFile)('node', [EARSHOT, 'data', 'synth', ...options])) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

const fresh = (name: string, ...more: string[]) =>
  synth('--sounds', sounds, '--fresh', '2', '--seconds', '8', '--jobs', '1', '--out', out(name), ...more);

function filesOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.\w+$/.test(name));
  const hash = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex');
  return Object.fromEntries(names.sort().map((name) => [name, hash(name)]));
}

async function readChannels(path: string): Promise<Float32Array[]> {
  const wav = await openWav(path);
  const channels = Array.from({ length: wav.channels }, () => new Float32Array(wav.frames));
  await wav.read(channels);
  await wav.close();
  return channels;
}

/** Events with nothing else sounding, nor reverberating, during their first moments. */
function alone(events: readonly SceneEvent[]): SceneEvent[] {
  return events.filter((e) =>
    events.every((o) => o === e || o.endSeconds + 0.3 < e.startSeconds || o.startSeconds > e.startSeconds + 0.1),
  );
}

test('both formats, the labels and the recipe lie where the data set has them, in its format', async () => {
  expect((await fresh('both', '--jobs', '2')).code).toBe(0);
  expect(Object.keys(filesOf(out('both')))).toEqual([
    'foa_dev/split1_ir0_ov1_1.wav',
    'foa_dev/split1_ir1_ov1_2.wav',
    'metadata_dev/split1_ir0_ov1_1.csv',
    'metadata_dev/split1_ir1_ov1_2.csv',
    'mic_dev/split1_ir0_ov1_1.wav',
    'mic_dev/split1_ir1_ov1_2.wav',
    'synth.json',
  ]);
  const wav = await openWav(out('both/mic_dev/split1_ir0_ov1_1.wav'));
  expect([wav.channels, wav.sampleRate, wav.bitsPerSample, wav.frames]).toEqual([4, RATE, 16, 8 * RATE]);
  await wav.close();
});

test('the same seed gives the same bytes with any number of workers, another seed others', async () => {
  await fresh('one', '--vary', '--rooms', 'random');
  await fresh('three', '--jobs', '3', '--vary', '--rooms', 'random');
  await fresh('other', '--seed', '2', '--format', 'foa', '--vary', '--rooms', 'random');
  expect(filesOf(out('three'))).toEqual(filesOf(out('one')));
  const name = 'foa_dev/split1_ir0_ov1_1.wav';
  expect(filesOf(out('other'))[name]).not.toBe(filesOf(out('one'))[name]);
});

test('recordings with two sounds at once come alone where they are asked for', async () => {
  await synth(
    '--sounds',
    sounds,
    '--fresh',
    '7',
    '--overlap',
    '2',
    '--seconds',
    '8',
    '--format',
    'foa',
    '--out',
    out('two'),
  );
  const files = readdirSync(out('two/metadata_dev'));
  expect(files.map((file) => file.match(/_ov(\d)/)![1])).toEqual(Array(7).fill('2'));
  const events = await readEvents(join(out('two/metadata_dev'), files[0]!));
  expect(
    events.some((a) => events.some((b) => b !== a && b.startSeconds < a.endSeconds && a.startSeconds < b.endSeconds)),
  ).toBe(true);
  const { code, stderr } = await fresh('x', '--overlap', '1,3');
  expect(stderr).toMatch(/--overlap <list>.*1,3.*whole number from 1 to 2/);
  expect(code).toBe(1);
});

test('the direction of each sound can be found again in the ambisonic recording', async () => {
  await synth(
    '--sounds',
    sounds,
    '--fresh',
    '4',
    '--seconds',
    '20',
    '--format',
    'foa',
    '--jobs',
    '1',
    '--out',
    out('foa'),
  );
  const errors: number[] = [];
  for (const file of readdirSync(out('foa/metadata_dev'))) {
    const [w, y, z, x] = await readChannels(out(`foa/foa_dev/${file.replace('.csv', '.wav')}`));
    for (const event of alone(await readEvents(out(`foa/metadata_dev/${file}`)))) {
      const from = Math.round(event.startSeconds * RATE);
      const to = from + RATE * 0.05;
      const intensity = [x!, y!, z!].map((channel) => {
        let sum = 0;
        for (let i = from; i < to; i++) sum += w![i]! * channel[i]!;
        return sum;
      });
      const truth = unitVector(event.azimuth, event.elevation);
      const cosine = intensity.reduce((sum, v, i) => sum + v * truth[i]!, 0) / Math.hypot(...intensity);
      errors.push((Math.acos(Math.min(1, cosine)) * 180) / Math.PI);
    }
  }
  expect(errors.length).toBeGreaterThan(15);
  expect(errors.sort((a, b) => a - b)[errors.length >> 1]).toBeLessThan(5);
});

test('the capsules hear each sound with the delay of a rigid sphere', async () => {
  await synth(
    '--sounds',
    sounds,
    '--fresh',
    '2',
    '--seconds',
    '20',
    '--format',
    'mic',
    '--jobs',
    '1',
    '--out',
    out('mic'),
  );
  const differences: number[] = [];
  const axis = unitVector(45, 35).map((v, i) => v - unitVector(-45, -35)[i]!);
  for (const file of readdirSync(out('mic/metadata_dev'))) {
    const [m1, m2] = await readChannels(out(`mic/mic_dev/${file.replace('.csv', '.wav')}`));
    for (const event of alone(await readEvents(out(`mic/metadata_dev/${file}`)))) {
      const from = Math.round(event.startSeconds * RATE);
      const correlation = (lag: number) => {
        let sum = 0;
        for (let i = from; i < from + RATE * 0.03; i++) sum += m1![i]! * m2![i + lag]!;
        return sum;
      };
      const lags = Array.from({ length: 41 }, (_, i) => i - 20);
      const best = lags.reduce((a, b) => (correlation(b) > correlation(a) ? b : a));
      // low frequencies: 3/2 of the free field's delay (Kuhn 1977)
      const truth = unitVector(event.azimuth, event.elevation);
      const path = axis.reduce((sum, v, i) => sum + v * truth[i]!, 0) * 0.042;
      differences.push(Math.abs(best - (1.35 * path * RATE) / 343));
    }
  }
  expect(differences.length).toBeGreaterThan(8);
  expect(differences.sort((a, b) => a - b)[differences.length >> 1]).toBeLessThan(2);
});

test('N3D makes Y, Z and X stronger than SN3D by the square root of 3', async () => {
  await fresh('sn3d', '--format', 'foa');
  await fresh('n3d', '--format', 'foa', '--normalization', 'n3d');
  const [sn3d, n3d] = await Promise.all(
    ['sn3d', 'n3d'].map((name) => readChannels(out(`${name}/foa_dev/split1_ir0_ov1_1.wav`))),
  );
  const power = (channel: Float32Array) => channel.reduce((sum, v) => sum + v * v, 0);
  expect(power(n3d![0]!) / power(sn3d![0]!)).toBeCloseTo(1, 2);
  for (const c of [1, 2, 3]) expect(power(n3d![c]!) / power(sn3d![c]!)).toBeCloseTo(3, 1);
});

test('the ambience lies below the events by the level asked for', async () => {
  await fresh('quiet', '--format', 'foa', '--snr', '90', '--seed', '5');
  await fresh('noisy', '--format', 'foa', '--snr', '10', '--seed', '5');
  const [clean, noisy] = await Promise.all(
    ['quiet', 'noisy'].map((name) => readChannels(out(`${name}/foa_dev/split1_ir0_ov1_1.wav`))),
  );
  const events = await readEvents(out('quiet/metadata_dev/split1_ir0_ov1_1.csv'));
  const isActive = (i: number) => events.some((e) => e.startSeconds * RATE <= i && i < e.endSeconds * RATE);
  let [signal, active, noise] = [0, 0, 0];
  clean![0]!.forEach((v, i) => {
    noise += (noisy![0]![i]! - v) ** 2;
    if (!isActive(i)) return;
    signal += v * v;
    active++;
  });
  expect(10 * Math.log10(signal / active / (noise / clean![0]!.length))).toBeCloseTo(10, 0);
});

test('a corpus is rendered layout by layout with its exact samples and times', async () => {
  const corpus = makeCorpus('corpus');
  expect((await synth('--corpus', corpus, '--split', '2', '--seconds', '4', '--out', out('tau'))).code).toBe(0);
  const [event] = await readEvents(out('tau/metadata_dev/split2_ir3_ov1_61.csv'));
  expect(event).toMatchObject({ label: 'knock', startSeconds: 1, endSeconds: 1.6, azimuth: 90, elevation: -10 });
  const [w] = await readChannels(out('tau/foa_dev/split2_ir3_ov1_61.wav'));
  const energy = (from: number, to: number) => w!.subarray(from * RATE, to * RATE).reduce((sum, v) => sum + v * v, 0);
  expect(energy(1, 1.01) / energy(0.98, 0.99)).toBeGreaterThan(100);
});

function makeCorpus(name: string): string {
  const corpus = out(name);
  makeSounds(join(corpus, 'by-class'), { knock: [0.6] });
  mkdirSync(join(corpus, 'events'));
  mkdirSync(join(corpus, 'scenes'));
  writeFileSync(join(corpus, 'events', 'knock013.wav'), readFileSync(join(corpus, 'by-class/knock/knock_0.wav')));
  writeFileSync(
    join(corpus, 'scenes', 'split2_ir3_ov1_61.csv'),
    'sound_event_recording,start_time,end_time,ele,azi,dist,sample\nknock,1.000000,1.600000,-10,90,1,knock013\n',
  );
  return corpus;
}

describe('a mistake ends with one clear sentence and nothing written', () => {
  const mistakes: [string, () => string[], RegExp][] = [
    ['nothing to render', () => [], /give --corpus DIR, or --sounds DIR with --fresh N/],
    ['no such folder', () => ['--sounds', out('no'), '--fresh', '1'], /There is no folder/],
    [
      'an empty class folder',
      () => {
        mkdirSync(out('hollow/knock'), { recursive: true });
        return ['--sounds', out('hollow'), '--fresh', '1'];
      },
      /knock holds no .wav or .flac file/,
    ],
    [
      'a missing sample',
      () => {
        const corpus = makeCorpus('torn');
        rmSync(join(corpus, 'events', 'knock013.wav'));
        return ['--corpus', corpus];
      },
      /needs .*knock013.wav, which is missing/,
    ],
    ['sounds without a number of recordings', () => ['--sounds', sounds], /--sounds needs --fresh N/],
    ['--vary without --fresh', () => ['--corpus', work, '--vary'], /--vary needs --fresh/],
    ['a split without samples', () => ['--corpus', makeCorpus('small'), '--split', '3'], /no layout of split 3/],
    ['no ambience in the folder', () => ['--corpus', work, '--ambience', work], /to use as ambience/],
  ];
  test.each(mistakes)('%s', async (_, options, message) => {
    const run = synthCommand().parseAsync(['--out', out('x'), ...options()], { from: 'user' });
    await expect(run).rejects.toMatchObject({ name: 'UserError', message: expect.stringMatching(message) });
    expect(existsSync(out('x'))).toBe(false);
  });

  test('a folder with something else in it is left alone', async () => {
    const before = filesOf(sounds);
    const run = synthCommand().parseAsync(['--sounds', sounds, '--fresh', '1', '--out', sounds], { from: 'user' });
    await expect(run).rejects.toMatchObject({ name: 'UserError', message: expect.stringMatching(/has no synth.json/) });
    expect(filesOf(sounds)).toEqual(before);
  });

  test('a level that is none', async () => {
    const { code, stderr } = await fresh('x', '--snr', '30:5');
    expect(stderr).toMatch(/--snr <db>.*30:5.*from low to high/);
    expect(code).toBe(1);
  });

  test('a damaged sound stops the work, names itself and leaves no half recording', async () => {
    mkdirSync(out('damaged/knock'), { recursive: true });
    writeFileSync(out('damaged/knock/torn.wav'), readFileSync(join(sounds, 'knock/knock_0.wav')).subarray(0, 5000));
    const { code, stderr } = await synth('--sounds', out('damaged'), '--fresh', '1', '--out', out('y'));
    expect(stderr).toMatch(/torn.wav is truncated/);
    expect(code).toBe(1);
    expect(Object.keys(filesOf(out('y')))).toEqual(['synth.json']);
  });

  test('another recipe may not go on in the same folder', async () => {
    await fresh('kept', '--format', 'foa');
    const { code, stderr } = await fresh('kept', '--format', 'foa', '--snr', '20');
    expect(stderr).toMatch(/another recipe/);
    expect(code).toBe(1);
  });
});

test('stopped with Ctrl-C it leaves nothing half-written, and the same command finishes the set', async () => {
  const options = ['--sounds', sounds, '--fresh', '30', '--seconds', '20', '--format', 'foa', '--jobs', '1'];
  const child = spawn('node', [EARSHOT, 'data', 'synth', ...options, '--out', out('stopped'), '--json']);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  child.kill('SIGINT');
  const code = await new Promise((resolve) => child.once('exit', resolve));
  expect(code).toBe(1);
  const names = Object.keys(filesOf(out('stopped')));
  expect(names.some((name) => name.endsWith('.partial'))).toBe(false);
  const done = readdirSync(out('stopped/metadata_dev')).length;
  expect(done).toBeGreaterThan(0);
  expect(done).toBeLessThan(30);
  const { stdout } = await synth(...options, '--out', out('stopped'), '--json');
  expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toMatchObject({ recordings: 30, rendered: 30 - done });
  expect(readdirSync(out('stopped/foa_dev'))).toHaveLength(30);
});
