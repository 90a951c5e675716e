// earshot fleet locate as a user runs it: event messages in, places out; bad lines named.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from '../../../runtime/uplink/topics.ts';
import { earshot, jsonLines } from '../../earshot.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-locate-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** An event as a device with a position hears it; the bearings are of a source 50 m north and 50 m east of device a. */
function event(device: string, longitude: number, bearingDegrees: number | null, seq = 1): string {
  const startTime = '2026-11-23T10:00:00.000Z';
  return encode('event', {
    ...{ schema: 'seld/event/1', site: 'yard', device, bootId: 'b1', id: `${device}/b1/${seq}`, seq, track: seq },
    ...{
      phase: 'end',
      class: 'siren',
      score: 0.9,
      frame: 'microphone',
      azimuth: 0,
      elevation: 0,
      direction: [1, 0, 0],
    },
    ...{ spreadDegrees: 2, bearingDegrees, headingDegrees: bearingDegrees === null ? null : 0 },
    position: { latitude: 48.85, longitude },
    ...{ startSeconds: 1, endSeconds: 2, startTime, endTime: '2026-11-23T10:00:01.000Z', sentTime: startTime },
    clock: { source: 'system', synced: true, offsetMs: 0 },
  }).payload;
}

test('two devices that hear a siren at right angles place it where their bearings cross', async () => {
  const file = join(folder, 'events.jsonl');
  const metresPerDegree = 73391.3; // east at 48.85 N on WGS 84
  await writeFile(
    file,
    `${event('a', 2.35, 45)}\n${event('b', 2.35 + 100 / metresPerDegree, 315)}\n${event('c', 2.35, null)}\n`,
  );
  const { stdout, code } = await earshot(['fleet', 'locate', file, '--json']);
  expect(code).toBe(0);
  const [source, ...others] = jsonLines(stdout) as {
    latitude: number;
    longitude: number;
    heardBy: { device: string }[];
  }[];
  expect(others).toEqual([]);
  expect(source!.latitude).toBeCloseTo(48.85 + 50 / 111206.9, 6);
  expect(source!.longitude).toBeCloseTo(2.35 + 50 / metresPerDegree, 6);
  expect(source!.heardBy.map(({ device }) => device)).toEqual(['a', 'b']);
  const text = await earshot(['fleet', 'locate', file]);
  expect(text.stdout).toContain('1 sources from 2 events; 1 more without position or heading');
});

test.each([
  ['a line that is no event', '{"schema": 1}\n', [], /line 1 is no event message/],
  ['no event with a place', `${event('a', 2.35, null)}\n`, [], /set position and headingDegrees/],
  [
    'a tolerance that is no number',
    `${event('a', 2.35, 3)}\n`,
    ['--onset-tolerance', 'x'],
    /--onset-tolerance x: give a positive number/,
  ],
])('%s is refused in one sentence', async (_name, content, more, message) => {
  const file = join(folder, 'bad.jsonl');
  await writeFile(file, content);
  const { code, stderr } = await earshot(['fleet', 'locate', file, ...more]);
  expect(code).toBe(1);
  expect(stderr).toMatch(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});

test('a file that does not exist is named', async () => {
  const { code, stderr } = await earshot(['fleet', 'locate', join(folder, 'none.jsonl')]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/none\.jsonl cannot be read/);
});
