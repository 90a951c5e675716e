// Settings from far away: kept when they are good, refused with the reason, taken back when the service suffers.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../../runtime/config.ts';
import { createLog } from '../../../runtime/device/log.ts';
import { type Reported, Twin } from '../../../runtime/device/twin.ts';
import { temporaryFolder } from '../../loudness-model.ts';

const log = createLog({ write: () => undefined, plain: false });

async function setUp({ folder = '', base = { device: 'ear-3', headingDegrees: 10 } as Record<string, unknown> } = {}) {
  const stateFolder = folder || (await temporaryFolder());
  const [applied, reported]: [Config[], Reported[]] = [[], []];
  const state: { complaint: string | undefined } = { complaint: undefined };
  const twin = new Twin({
    ...{ base, stateFolder, trialSeconds: 0.05, log },
    apply: async (config) => void applied.push(config),
    complaint: () => state.complaint,
    report: (told) => reported.push(told),
  });
  return { twin, applied, reported, state, stateFolder, config: await twin.begin() };
}

test('desired settings that leave the service healthy are tried, kept and reported, also after a restart', async () => {
  const { twin, applied, reported, stateFolder } = await setUp();
  await twin.desire({ version: 1, settings: { headingDegrees: 90, tracking: { minimumSeconds: 0.5 } } });
  expect(applied.map(({ headingDegrees }) => headingDegrees)).toEqual([90]);
  expect(reported.map(({ state, version }) => [state, version])).toEqual([
    ['trial', 0],
    ['applied', 1],
  ]);
  const again = await setUp({ folder: stateFolder });
  expect(again.config).toMatchObject({ device: 'ear-3', headingDegrees: 90, tracking: { minimumSeconds: 0.5 } });
  expect(again.twin.reported).toMatchObject({ version: 1, desiredVersion: 1, state: 'applied', errors: [] });
});

test('the same version sent again, as a retained message is, changes nothing', async () => {
  const { twin, applied, reported } = await setUp();
  await twin.desire({ version: 1, settings: { headingDegrees: 90 } });
  await twin.desire({ version: 1, settings: { headingDegrees: 90 } });
  expect(applied).toHaveLength(1);
  expect(reported.at(-1)).toMatchObject({ state: 'applied', version: 1 });
});

test.each([
  ['a value out of range', { headingDegrees: 400 }, 'headingDegrees', /headingDegrees: /],
  ['an unknown setting', { headingDegree: 40 }, 'headingDegree', /not changed from far/],
  ['where the device connects', { broker: 'mqtt://evil' }, 'broker', /broker is not changed from far/],
  ['what it keeps of the sound', { privacy: {} }, 'privacy', /not changed from far/],
  ['a mistyped inner setting', { tracking: { minimumSecond: 1 } }, 'tracking', /nearest is tracking\.minimumSeconds/],
])('%s is refused with the key and the reason, and the old settings stay', async (_, settings, key, reason) => {
  const { twin, applied, reported } = await setUp();
  await twin.desire({ version: 1, settings: { headingDegrees: 90 } });
  await twin.desire({ version: 2, settings });
  expect(applied).toHaveLength(1);
  expect(reported.at(-1)).toEqual({
    ...{ version: 1, desiredVersion: 2, state: 'refused', settings: { headingDegrees: 90 } },
    errors: [{ key, message: expect.stringMatching(reason) }],
  });
});

test('what cannot be read is refused, and so is a version older than the newest', async () => {
  const { twin, applied, reported } = await setUp();
  await twin.desire(new Error('payload is no JSON'));
  expect(reported.at(-1)).toMatchObject({ version: 0, state: 'refused', errors: [{ message: 'payload is no JSON' }] });
  await twin.desire({ version: 5, settings: { headingDegrees: 90 } });
  await twin.desire({ version: 4, settings: { headingDegrees: 45 } });
  expect(applied).toHaveLength(1);
  expect(reported.at(-1)).toMatchObject({ version: 5, errors: [{ message: 'version 4 is older than 5' }] });
});

test('settings that make the service unhealthy are taken back', async () => {
  const { twin, applied, reported, state, stateFolder } = await setUp();
  state.complaint = 'No sound arrives from the microphone.';
  await twin.desire({ version: 1, settings: { headingDegrees: 90 } });
  expect(applied.map(({ headingDegrees }) => headingDegrees)).toEqual([90, 10]);
  expect(reported.at(-1)).toMatchObject({
    ...{ version: 0, desiredVersion: 1, state: 'rolled-back' },
    errors: [{ message: 'No sound arrives from the microphone.' }],
  });
  expect((await setUp({ folder: stateFolder })).config.headingDegrees).toBe(10);
});

test('settings during whose trial the runtime ended are taken back at the next start', async () => {
  const { twin, stateFolder } = await setUp();
  await twin.desire({ version: 1, settings: { headingDegrees: 90 } });
  const file = join(stateFolder, 'remote-settings.json');
  const stored = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...stored, trial: { version: 2, settings: { headingDegrees: 45 } } }));
  const next = await setUp({ folder: stateFolder });
  expect(next.config.headingDegrees).toBe(90);
  expect(next.twin.reported).toMatchObject({
    ...{ version: 1, desiredVersion: 2, state: 'rolled-back' },
    errors: [{ message: 'the runtime ended while it was tried' }],
  });
});

test('stopping during a trial waits for nothing and leaves the trial to be taken back', async () => {
  const { twin, stateFolder, applied } = await setUp();
  const trying = twin.desire({ version: 1, settings: { headingDegrees: 90 } });
  while (applied.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await twin.stop();
  await trying;
  expect((await setUp({ folder: stateFolder })).config.headingDegrees).toBe(10);
});

test('the file on the device goes first where it no longer fits what came from far', async () => {
  const { twin, stateFolder } = await setUp();
  await twin.desire({ version: 1, settings: { headingDegrees: 90 } });
  const file = join(stateFolder, 'remote-settings.json');
  const stored = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...stored, good: { version: 1, settings: { headingDegrees: 999 } } }));
  const next = await setUp({ folder: stateFolder });
  expect(next.config.headingDegrees).toBe(10);
  expect(next.twin.reported).toMatchObject({ version: 0, state: 'rolled-back' });
});
