// earshot predict as a user meets it: recordings in, CSV out.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { earshot, jsonLines } from '../earshot.ts';
import { LOUDNESS_FOLDER, type TestSound, temporaryFolder, writeRecording } from '../loudness-model.ts';

const SOUNDS: TestSound[] = [
  { label: 'low', startSeconds: 1, endSeconds: 2, azimuth: 90, elevation: 0 },
  { label: 'high', startSeconds: 2.5, endSeconds: 3, azimuth: -45, elevation: 20 },
];
const MODEL = ['--model', LOUDNESS_FOLDER];
const HEADER = 'sound_event_recording,start_time,end_time,ele,azi,dist';

let folder: string;
let recording: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  recording = join(folder, 'yard.wav');
  writeRecording(recording, { seconds: 4, sampleRate: 24000, sounds: SOUNDS });
});

/** class, start, end, elevation, azimuth of each row. */
function rows(csv: string): (string | number)[][] {
  const [header, ...lines] = csv.trim().split('\n');
  expect(header).toBe(HEADER);
  return lines.map((line) => line.split(',').map((value, i) => (i === 0 ? value : Number(value))));
}

function expectSounds(csv: string): void {
  const found = rows(csv);
  expect(found.map(([label]) => label)).toEqual(['low', 'high']);
  for (const [i, [, start, end, elevation, azimuth]] of found.entries()) {
    expect(start).toBeCloseTo(SOUNDS[i]!.startSeconds, 1);
    expect(end).toBeCloseTo(SOUNDS[i]!.endSeconds, 1);
    expect(Number.isInteger(azimuth) && Number.isInteger(elevation)).toBe(true);
    expect(Math.abs((azimuth as number) - SOUNDS[i]!.azimuth)).toBeLessThan(5);
    expect(Math.abs((elevation as number) - SOUNDS[i]!.elevation)).toBeLessThan(5);
  }
}

test('without --out the events go to standard output as metadata CSV', async () => {
  const { code, stdout, stderr } = await earshot(['predict', recording, ...MODEL]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expectSounds(stdout);
});

test('--out and --frames write events and 20 ms frames that agree', async () => {
  const [out, frames] = [join(folder, 'a', 'yard.csv'), join(folder, 'a', 'frames.csv')];
  const { code, stdout } = await earshot(['predict', recording, ...MODEL, '--out', out, '--frames', frames]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  const csv = await readFile(out, 'utf8');
  expectSounds(csv);
  const lines = (await readFile(frames, 'utf8')).trim().split('\n');
  const expected = rows(csv).flatMap(([label, start, end, elevation, azimuth]) =>
    Array.from({ length: Math.round(50 * ((end as number) - (start as number))) }, (_, i) =>
      [Math.round(50 * (start as number)) + i, label === 'low' ? 0 : 1, azimuth, elevation].join(','),
    ),
  );
  expect(lines).toEqual(expected);
  expect(await readdir(join(folder, 'a'))).toEqual(['frames.csv', 'yard.csv']);
});

test('--json prints events with class, direction, score and times', async () => {
  const { stdout } = await earshot(['predict', recording, ...MODEL, '--json']);
  const events = jsonLines(stdout);
  expect(events.map(({ class: label }) => label)).toEqual(['low', 'high']);
  for (const event of events) expect(event.score).toBeGreaterThan(0.5);
  expect(Object.keys(events[0]!)).toEqual(['type', 'class', 'azimuth', 'elevation', 'score', 'start', 'end']);
});

test('a folder of recordings becomes a folder of CSVs, whatever the rates', async () => {
  const [from, to] = [join(folder, 'many'), join(folder, 'many-csv')];
  await mkdir(from);
  for (const [i, sampleRate] of [24000, 48000, 24000].entries()) {
    writeRecording(join(from, `r${i}.wav`), { seconds: 4, sampleRate, sounds: SOUNDS });
  }
  await writeFile(join(from, 'notes.txt'), 'not a recording');
  const { code, stderr } = await earshot(['predict', from, ...MODEL, '--out', to, '--threads', '2']);
  expect(code).toBe(0);
  expect(stderr).toMatch(/predict: 3 recordings in/);
  expect(await readdir(to)).toEqual(['r0.csv', 'r1.csv', 'r2.csv']);
  for (const name of await readdir(to)) expectSounds(await readFile(join(to, name), 'utf8'));
});

test('a recording shorter than a window, a silent one and one of a single sample are heard', async () => {
  for (const [name, seconds, sounds] of [
    ['short.wav', 0.6, [{ ...SOUNDS[0]!, startSeconds: 0.1, endSeconds: 0.5 }]],
    ['silent.wav', 3, []],
    ['sample.wav', 1 / 24000, []],
  ] as const) {
    const path = join(folder, name);
    writeRecording(path, { seconds, sampleRate: 24000, sounds });
    const { code, stdout, stderr } = await earshot(['predict', path, ...MODEL]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(rows(stdout).map(([label]) => label)).toEqual(sounds.map(({ label }) => label));
  }
});

test('a rate that is not 48 or 24 kHz is refused with the way out, which works', async () => {
  const path = join(folder, 'cd.wav');
  writeRecording(path, { seconds: 4, sampleRate: 44100, sounds: SOUNDS });
  const { code, stderr } = await earshot(['predict', path, ...MODEL]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/44100 Hz; .*add --resample/);
  expectSounds((await earshot(['predict', path, ...MODEL, '--resample'])).stdout);
});

describe('what cannot work is said in one sentence, with exit code 1, and nothing is written', () => {
  async function refused(args: readonly string[], sentence: RegExp): Promise<void> {
    const out = join(folder, 'nothing.csv');
    const { code, stdout, stderr } = await earshot(['predict', ...args, '--out', out]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(sentence);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(existsSync(out)).toBe(false);
    expect(existsSync(`${out}.partial`)).toBe(false);
  }

  test('a file that is empty, cut short, or no recording', async () => {
    const path = join(folder, 'bad.wav');
    await writeFile(path, '');
    await refused([path, ...MODEL], /bad\.wav is empty/);
    await writeFile(path, (await readFile(recording)).subarray(0, 30_000));
    await refused([path, ...MODEL], /bad\.wav/);
    await writeFile(path, 'RIFF but not really a wave file of any kind');
    await refused([path, ...MODEL], /bad\.wav/);
  });

  test('a model that does not exist, and a folder without recordings', async () => {
    await refused([recording, '--model', 'no-such-model'], /No model named no-such-model/);
    const empty = join(folder, 'empty');
    await mkdir(empty);
    await refused([empty, ...MODEL], /empty holds no recordings/);
  });

  test('a folder without saying where the CSVs go', async () => {
    const { code, stderr } = await earshot(['predict', folder, ...MODEL]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/is a folder: say with --out/);
  });
});
