// Scene files: what is read and written, and what is said about a line that breaks the format.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { OFFICE_LABELS } from '../../models/labels.ts';
import {
  formatEvents,
  formatFrames20ms,
  formatFrames100ms,
  parseEvents,
  parseFrames,
  readScene,
} from '../../tools/scene-csv.ts';

const HEADER = 'sound_event_recording,start_time,end_time,ele,azi,dist';
const golden = fileURLToPath(new URL('../golden/metrics/synth_ov2_ref.csv', import.meta.url));

test('a metadata CSV is read with elevation before azimuth', () => {
  expect(parseEvents(`${HEADER}\nphone,0.5,1.25,-40,70,2\n`, 'a.csv')).toEqual([
    { label: 'phone', classIndex: 3, startSeconds: 0.5, endSeconds: 1.25, elevation: -40, azimuth: 70, distance: 2 },
  ]);
});

test('a file written by others comes back byte for byte', async () => {
  const scene = await readScene(golden);
  expect(scene.kind).toBe('events');
  expect(scene.kind === 'events' && formatEvents(scene.events)).toBe(readFileSync(golden, 'utf8'));
});

test('Windows line ends, a byte order mark, other column orders and the column sample are accepted', () => {
  const text =
    '\uFEFFsound_event_recording,start_time,end_time,azi,ele,dist,sample\r\ncough,0,1,-10,30,1,cough066\r\n\r\n';
  const events = parseEvents(text, 'a.csv');
  expect(events).toMatchObject([{ label: 'cough', azimuth: -10, elevation: 30, sample: 'cough066' }]);
  expect(formatEvents(events)).toBe(`${HEADER},sample\ncough,0,1,30,-10,1,cough066\n`);
});

test('a header alone is an empty scene', () => {
  expect(parseEvents(HEADER, 'a.csv')).toEqual([]);
});

test('an unknown distance is written as 0 and read as unknown', () => {
  const event = { label: 'phone', classIndex: 3, startSeconds: 0, endSeconds: 1, azimuth: 0, elevation: 0 };
  expect(formatEvents([event])).toBe(`${HEADER}\nphone,0,1,0,0,0\n`);
  expect(parseEvents(formatEvents([event]), 'a.csv')).toEqual([event]);
});

test('DCASE output is told apart by its columns: four are 20 ms frames, five or six are 100 ms', () => {
  expect(parseFrames('7,3,170,-40\n', 'a.csv')).toEqual({
    kind: 'frames',
    frameSeconds: 0.02,
    frames: [{ frame: 7, classIndex: 3, azimuth: 170, elevation: -40 }],
  });
  expect(parseFrames('7,3,1,170,-40\n', 'a.csv')).toMatchObject({
    frameSeconds: 0.1,
    frames: [{ source: 1, azimuth: 170 }],
  });
  expect(parseFrames('7,3,1,170,-40,2.5\n', 'a.csv')).toMatchObject({ frames: [{ elevation: -40, distance: 2.5 }] });
  expect(parseFrames('', 'a.csv')).toMatchObject({ frames: [] });
});

test('frames written in either format are read back', () => {
  const frame = fc.record({
    frame: fc.nat(3000),
    classIndex: fc.nat(10),
    azimuth: fc.integer({ min: -180, max: 180 }),
    elevation: fc.integer({ min: -90, max: 90 }),
  });
  fc.assert(
    fc.property(fc.array(frame), (frames) => {
      expect(parseFrames(formatFrames20ms(frames), 'a.csv')).toMatchObject({ frames });
      const sources = frames.map((f) => ({ ...f, source: 1, distance: 3 }));
      expect(parseFrames(formatFrames100ms(sources), 'a.csv')).toMatchObject({ frames: sources });
    }),
  );
});

test.each([
  [
    'an unknown class',
    'speach,0,1,0,0,1',
    /a\.csv line 3: unknown class "speach", did you mean "speech"\? Known: knock, drawer/,
  ],
  ['reversed times', 'speech,2.5,1,0,0,1', /line 3: end_time=1 must come after start_time=2\.5/],
  ['no duration', 'speech,1,1,0,0,1', /line 3: end_time=1 must come after start_time=1/],
  ['a negative time', 'speech,-1,1,0,0,1', /line 3: start_time=-1 must be 0 or more/],
  ['an azimuth out of range', 'speech,0,1,0,190,1', /line 3: azi=190 must lie in -180\.\.180/],
  ['an elevation out of range', 'speech,0,1,-91,0,1', /line 3: ele=-91 must lie in -90\.\.90/],
  ['a word for a number', 'speech,0,one,0,0,1', /line 3: end_time="one" is not a number/],
  ['nothing for a number', 'speech,0,1,,0,1', /line 3: ele="" is not a number/],
  ['NaN', 'speech,0,1,NaN,0,1', /line 3: ele="NaN" is not a number/],
  ['a missing value', 'speech,0,1,0,0', /line 3: 5 values where the header names 6 columns/],
])('%s is refused with file and line', (_, row, message) => {
  const text = `${HEADER}\nphone,0,1,0,0,1\n${row}\n`;
  expect(() => parseEvents(text, 'a.csv')).toThrow(
    expect.objectContaining({ name: 'UserError', message: expect.stringMatching(message) }),
  );
});

test.each([
  ['a missing column', 'sound_event_recording,start_time,end_time,azi\n', /line 1: the column ele is missing/],
  ['an empty file', '', /a\.csv is empty: its first line must be sound_event_recording/],
])('%s is refused', (_, text, message) => {
  expect(() => parseEvents(text, 'a.csv')).toThrow(message);
});

test.each([
  ['a class index beyond the labels', '0,11,0,0', /line 1: class=11 must lie in 0\.\.10/],
  ['a frame that is not whole', '0.5,1,0,0', /frame=0\.5 must be a whole number/],
  ['an angle out of range', '0,1,181,0', /azi=181 must lie in/],
  ['lines of different length', '0,1,0,0\n1,1,0,0,0', /line 2: 5 values where the first line has 4/],
  ['three columns', '0,1,0', /3 values; 4 \(frame,class,azi,ele\) or 5 to 6/],
])('%s in DCASE output is refused', (_, text, message) => {
  expect(() => parseFrames(text, 'a.csv')).toThrow(message);
});

test('a missing file is named', async () => {
  await expect(readScene('/nowhere/a.csv', OFFICE_LABELS)).rejects.toMatchObject({
    name: 'UserError',
    message: 'Cannot read /nowhere/a.csv: there is no such file',
  });
});
