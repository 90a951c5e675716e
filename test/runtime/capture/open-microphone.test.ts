// Settings, microphone and model brought together: what fits is made, what does not is refused with both facts.
import { microphoneNamed, type Microphone as Profile } from '../../../boards/microphones.ts';
import type { Manifest } from '../../../models/manifest.ts';
import { parseDeviceName } from '../../../runtime/capture/device-name.ts';
import { openMicrophone, prepareMicrophone } from '../../../runtime/capture/open-microphone.ts';
import { captureSettings } from '../../../runtime/capture/sound-cards.ts';
import { parseConfig } from '../../../runtime/config.ts';
import { streamOf } from '../../fakes/ordered-arecord.ts';
import { loudnessModel } from '../../loudness-model.ts';

const settingsOf = (microphone: object) => parseConfig({ microphone }, 'test').microphone!;
let foa: Manifest;
beforeAll(async () => {
  foa = (await loudnessModel()).manifest;
});
const mic = (): Manifest => ({ ...foa, name: 'some-mic', features: { ...foa.features, format: 'mic' } });
const at24 = (): Manifest => ({ ...foa, features: { ...foa.features, preset: 'edge-24k' } });
const at48 = (): Manifest => ({ ...foa, features: { ...foa.features, preset: 'paper-48k' } });

test('a microphone fits a model of its format, at the model rate or above', async () => {
  const device = 'usb-X-00';
  expect(await prepareMicrophone(settingsOf({ profile: 'ambix', device }), at24())).toMatchObject({
    rate: 24000,
    outputRate: 24000,
  });
  const ambeo = settingsOf({ profile: 'sennheiser-ambeo-vr', device });
  expect(await prepareMicrophone(ambeo, at24())).toMatchObject({ rate: 48000, outputRate: 24000 });
  expect((await openMicrophone(ambeo, at48())).channels).toBe(4);
  expect(await prepareMicrophone(settingsOf({ profile: 'sphere-42mm', device }), mic())).toMatchObject({
    mixer: { outputs: 4 },
  });
  expect(await prepareMicrophone(settingsOf({ profile: 'eigenmike-em32', device }), mic())).toMatchObject({
    mixer: { inputs: [5, 9, 25, 21] },
  });
});

test.each([
  ['sphere-42mm', foa0, /hears first-order ambisonics; sphere-42mm delivers 4 capsules without a conversion/],
  ['voyage-spatial-mic', foa0, /voyage-spatial-mic delivers 8 capsules without a conversion/],
  ['ambix', mic, /some-mic hears four capsules on a sphere; ambix delivers ambisonics: use a model of format foa/],
  [
    'sennheiser-ambeo-vr',
    mic,
    /trained for omnidirectional capsules on a rigid sphere of 4.2 cm .*; sennheiser-ambeo-vr has cardioid capsules, mounting open/,
  ],
  ['respeaker-mic-array-v2', at48, /hears 48000 Hz; respeaker-mic-array-v2 gives at most 16000 Hz/],
] as const)('%s is refused by a model that it does not fit, with both facts', async (profile, manifest, complaint) => {
  const opened = openMicrophone(settingsOf({ profile, device: 'usb-X-00' }), manifest());
  await expect(opened).rejects.toThrow(complaint);
  await expect(opened).rejects.toHaveProperty('name', 'UserError');
});
function foa0(): Manifest {
  return foa;
}

test('an array whose capsules stand elsewhere, or on a larger sphere, is refused', async () => {
  const { writeFile } = await import('node:fs/promises');
  const { temporaryFolder } = await import('../../loudness-model.ts');
  const own = async (change: (profile: Profile) => void) => {
    const profile = structuredClone(microphoneNamed('sphere-42mm'));
    change(profile);
    const file = `${await temporaryFolder()}/own.json`;
    await writeFile(file, JSON.stringify(profile));
    return openMicrophone(settingsOf({ profile: file, device: 'usb-X-00' }), mic());
  };
  await expect(
    own((p) => {
      p.capsules!.radiusMetres = 0.049;
    }),
  ).rejects.toThrow('has a radius of 4.9 cm');
  await expect(
    own((p) => {
      p.capsules!.directions.reverse();
    }),
  ).rejects.toThrow('has capsule 1 at azimuth -135, elevation 35');
  await expect(
    own((p) => {
      p.capsules!.directions[0]!.azimuth = 47;
    }),
  ).resolves.toBeDefined();
});

test('device names that may mean another card tomorrow are refused', () => {
  for (const name of ['default', 'hw:0', 'hw:1,0', 'plughw:CARD=X', 'pulse', 'pcm:default', 'pcm:hw:0'])
    expect(() => parseDeviceName(name)).toThrow(`microphone.device=${name} may mean another card after a reboot`);
  expect(() => parseDeviceName('my microphone')).toThrow('is no name of a sound card');
  expect(parseDeviceName('2886:0018')).toEqual({ kind: 'usb', usbId: '2886:0018', serial: undefined });
  expect(parseDeviceName('2886:0018:A1:B')).toEqual({ kind: 'usb', usbId: '2886:0018', serial: 'A1:B' });
  expect(parseDeviceName('port:1-2.3')).toEqual({ kind: 'port', port: '1-2.3' });
  expect(parseDeviceName('pcm:array')).toEqual({ kind: 'pcm', pcm: 'array' });
});

test('a microphone that cannot be told from other cards needs a device in the settings', async () => {
  await expect(openMicrophone(settingsOf({ profile: 'ambix' }), foa)).rejects.toThrow(
    'microphone.device is not set, and ambix cannot be told from other sound cards',
  );
  await expect(openMicrophone(settingsOf({}), foa)).rejects.toThrow('microphone.profile is not set');
  await expect(openMicrophone(settingsOf({ profile: 'zoom-h3-vr' }), foa)).resolves.toBeDefined();
});

test('what a card offers is read from its stream file, playback left out', () => {
  expect(captureSettings(streamOf('S24_3LE', 4, '44100, 48000, 96000'))).toEqual([
    { sampleFormat: 'S24_3LE', channels: 4, lowestRate: 44100, highestRate: 96000, rates: [44100, 48000, 96000] },
  ]);
  expect(captureSettings(streamOf('S16_LE', 1, '8000 - 48000 (continuous)'))).toEqual([
    { sampleFormat: 'S16_LE', channels: 1, lowestRate: 8000, highestRate: 48000, rates: [] },
  ]);
  expect(captureSettings('')).toEqual([]);
});
