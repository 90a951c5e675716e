// `earshot field label`: what a model heard goes to Audacity and comes back as it was, corrections included.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatLabelTrack, parseLabelTrack } from '../../../tools/field/audacity.ts';
import { formatEvents, readEvents } from '../../../tools/scene-csv.ts';
import { earshot, jsonLines } from '../../earshot.ts';
import { LOUDNESS_FOLDER, writeRecording } from '../../loudness-model.ts';

const OFFICE = fileURLToPath(new URL('../../../recordings/office.csv', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'earshot-label-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

test('overlapping sounds, their directions and distances come back from a label track as they went', async () => {
  const events = await readEvents(OFFICE); // two phones ring while somebody speaks
  const track = formatLabelTrack(events);
  expect(track.split('\n')[3]).toBe('6.200000\t7.832698\tspeech az=-30 el=10 d=1');
  const back = parseLabelTrack(track, 'office.txt', undefined);
  expect(formatEvents(back)).toBe(readFileSync(OFFICE, 'utf8'));
});

test('tracks are read as Audacity writes them: frequency lines, decimal commas, other order, Windows line ends', () => {
  const track =
    '\uFEFF5,5\t6,25\tphone az=-120 el=0\r\n\\\t100.0\t2000.0\r\n1.000000\t2.500000\tknock az=10 el=-20 p=0.71\r\n\r\n';
  expect(parseLabelTrack(track, 'yard.txt', ['knock', 'phone'])).toEqual([
    { label: 'knock', startSeconds: 1, endSeconds: 2.5, azimuth: 10, elevation: -20 },
    { label: 'phone', startSeconds: 5.5, endSeconds: 6.25, azimuth: -120, elevation: 0 },
  ]);
});

test.each([
  ['1.0\t2.0\tknok az=1 el=2', 'line 1: unknown class "knok", did you mean "knock"?'],
  ['1.0\t1.0\tknock az=1 el=2', 'has no length (1.0 to 1.0 s): draw it as a region'],
  ['1.0\t2.0\tknock', 'the direction is missing'],
  ['1.0\t2.0\tknock az=200 el=2', 'az=200 must lie in -180..180'],
  ['1.0\t2.0\tknock az=x el=2', 'az=x is not a number'],
  ['1.0\t2.0\tknock az=1 ele=2', 'ele= is none of az= el= d= p='],
  ['1.0\t2.0\t', '"" must read like: speech az=90 el=20'],
  ['knock,1,2,0,0', 'is this a label track of Audacity?'],
])('a label that cannot be understood is named with its line: %j', (track, message) => {
  expect(() => parseLabelTrack(track, 'yard.txt', ['knock'])).toThrow(message);
});

test('a recording becomes a label track and a CSV, a correction comes back, and nothing is written over unasked', async () => {
  const model = LOUDNESS_FOLDER;
  const recording = at('yard.wav');
  const sounds = [
    { label: 'low', startSeconds: 1, endSeconds: 3, azimuth: 60, elevation: 0 },
    { label: 'high', startSeconds: 2, endSeconds: 4, azimuth: -100, elevation: 30 },
  ] as const;
  writeRecording(recording, { seconds: 6, sampleRate: 24_000, sounds: [...sounds] });
  const labelled = await earshot(['field', 'label', recording, '--model', model, '--json']);
  expect(labelled.stderr).toBe('');
  const [track, csv] = jsonLines(labelled.stdout);
  expect(track).toMatchObject({ type: 'labels', file: at('yard.txt') });
  expect(csv).toEqual({ ...track, file: at('yard.csv') });
  const events = await readEvents(at('yard.csv'), ['low', 'high']);
  expect(events.map(({ label }) => label)).toEqual(['low', 'high']);
  expect(track!.sounds).toBe(2);
  const text = readFileSync(at('yard.txt'), 'utf8');
  expect(text.split('\n')[0]).toMatch(/^\d+\.\d{6}\t\d+\.\d{6}\t(low|high) az=-?\d+ el=-?\d+ p=\d\.\d\d$/);

  const back = ['field', 'label', at('yard.txt'), '--from-audacity', '--model', model];
  const refused = await earshot(back);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('yard.csv is there already: add --force') });
  copyFileSync(at('yard.csv'), at('before.csv'));
  expect(await earshot([...back, '--force'])).toMatchObject({ code: 0 });
  expect(readFileSync(at('yard.csv'), 'utf8')).toBe(readFileSync(at('before.csv'), 'utf8'));

  writeFileSync(at('yard.txt'), `${text}8.000000\t8.500000\towl az=5 el=40\n`);
  const unknown = await earshot([...back, '--force']);
  expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('unknown class "owl"') });
  expect(readFileSync(at('yard.csv'), 'utf8')).toBe(readFileSync(at('before.csv'), 'utf8'));
  expect((await earshot([...back, '--force', '--any-class'])).code).toBe(0);
  expect(readFileSync(at('yard.csv'), 'utf8')).toContain('owl,8,8.5,40,5,0');
});
