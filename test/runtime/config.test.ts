// Settings: defaults, ranges, and what a mistyped key is told.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseConfig, readConfig } from '../../runtime/config.ts';
import { temporaryFolder } from '../loudness-model.ts';

test('an empty file of settings is a whole one', () => {
  expect(parseConfig({}, 'test')).toMatchObject({
    ...{ site: 'bench', device: 'earshot', threads: 1, headingDegrees: null, position: null },
    tracking: { minimumSeconds: 0.2, updateSeconds: 1 },
  });
});

test('an unknown setting is refused with the nearest known one', () => {
  expect(() => parseConfig({ headingDegree: 10 }, 'device.json')).toThrow(
    /device\.json: there is no setting headingDegree; the nearest is headingDegrees/,
  );
  expect(() => parseConfig({ tracking: { minimumSecond: 1 } }, 'device.json')).toThrow(
    /no setting tracking\.minimumSecond; the nearest is tracking\.minimumSeconds/,
  );
  expect(() => parseConfig({ position: { latitude: 1, longitude: 2, altitudeMeters: 3 } }, 'x')).toThrow(
    /nearest is position\.altitudeMetres/,
  );
  expect(() => parseConfig({ metrics: { prot: 9100 } }, 'x')).toThrow(/nearest is metrics\.port/);
});

test('a value out of its range is refused with key and rule, as a mistake of the user', () => {
  expect(() => parseConfig({ site: 'Mill 3' }, 'x')).toThrow(/x: site: must be 1 to 36 lower-case letters/);
  expect(() => parseConfig({ headingDegrees: 360 }, 'x')).toThrow(/x: headingDegrees: /);
  try {
    parseConfig({ threads: 0 }, 'x');
  } catch (error) {
    expect((error as Error).name).toBe('UserError');
  }
  expect.assertions(3);
});

test('a file that is no JSON or not there is named', async () => {
  const file = join(await temporaryFolder(), 'device.json');
  await expect(readConfig(file)).rejects.toThrow(/device\.json cannot be read as JSON/);
  await writeFile(file, '{"site": "mill-3"}');
  expect((await readConfig(file)).site).toBe('mill-3');
});
