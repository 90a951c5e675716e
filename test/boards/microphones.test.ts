// Every microphone profile: read, checked against its schema, and its conversion held against plane waves.
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MIC_ARRAY, microphoneNamed, microphoneNames, microphones } from '../../boards/microphones.ts';
import { channelMixer } from '../../runtime/capture/channel-mixer.ts';
import { unitVector } from '../../runtime/directions.ts';
import { CAPSULES } from '../../tools/data/scenes/rigid-sphere.ts';
import { temporaryFolder } from '../loudness-model.ts';

const steering = JSON.parse(readFileSync(new URL('../golden/steering/steering.json', import.meta.url), 'utf8'));
/** Gains of W, Y, Z, X by direction, made by test/golden/steering/steer.py. */
const FOA: { azi: number; ele: number; acn_sn3d: number[]; acn_n3d: number[] }[] = steering.foa;

/** What a capsule of a pattern hears of a plane wave: a + (1 - a) cos. */
const OMNI_PART = { omni: 1, subcardioid: 0.7, cardioid: 0.5 } as const;

const blocks = (values: readonly number[]) => values.map((v) => Float32Array.of(v, -v));

test('all profiles are well formed, bear the name of their file and say where their facts are from', () => {
  expect(microphoneNames().length).toBeGreaterThan(10);
  for (const [i, profile] of microphones().entries()) expect(profile.name).toBe(microphoneNames()[i]);
});

test('no profile claims to have been tried on a microphone that nobody has tried', () => {
  expect(microphones().filter(({ verified }) => verified)).toEqual([]);
});

const aFormats = microphones().filter(({ signal }) => signal.kind === 'a-format');
test.each(aFormats.map((profile) => [profile.name, profile] as const))(
  '%s turns a plane wave from any known direction into the right W, Y, Z and X',
  (_, profile) => {
    const { directions, pattern } = profile.capsules!;
    for (const normalization of ['sn3d', 'n3d'] as const) {
      const mixer = channelMixer({ profile, format: 'foa', normalization, longestBlock: 2 });
      for (const { azi, ele, ...gains } of FOA) {
        const wave = unitVector(azi, ele);
        const heard = directions.map(({ azimuth, elevation }) => {
          const axis = unitVector(azimuth, elevation);
          const cosine = axis[0] * wave[0] + axis[1] * wave[1] + axis[2] * wave[2];
          return OMNI_PART[pattern] + (1 - OMNI_PART[pattern]) * cosine;
        });
        const out = blocks([0, 0, 0, 0]);
        mixer.mix(blocks(heard), 2, out);
        out.forEach((channel, c) => {
          expect(channel[0]).toBeCloseTo(gains[`acn_${normalization}`][c]!, 5);
          expect(channel[1]).toBeCloseTo(-gains[`acn_${normalization}`][c]!, 5);
        });
      }
    }
  },
);

test('B-format of Furse and Malham comes out in ACN order with W at full strength', () => {
  const mixer = channelMixer({
    profile: microphoneNamed('fuma'),
    format: 'foa',
    normalization: 'sn3d',
    longestBlock: 2,
  });
  for (const { azi, ele, acn_sn3d } of FOA) {
    const [x, y, z] = unitVector(azi, ele);
    const out = blocks([0, 0, 0, 0]);
    mixer.mix(blocks([Math.SQRT1_2, x, y, z]), 2, out);
    out.forEach((channel, c) => {
      expect(channel[0]).toBeCloseTo(acn_sn3d[c]!, 6);
    });
  }
});

test('an array that hangs upside down hears left as left again', () => {
  const profile = microphoneNamed('ambix');
  const upright = channelMixer({ profile, format: 'foa', normalization: 'sn3d', longestBlock: 2 });
  const inverted = channelMixer({ profile, format: 'foa', normalization: 'sn3d', inverted: true, longestBlock: 2 });
  const [a, b] = [blocks([0, 0, 0, 0]), blocks([0, 0, 0, 0])];
  upright.mix(blocks([1, 0.3, 0.4, 0.5]), 2, a);
  inverted.mix(blocks([1, -0.3, -0.4, 0.5]), 2, b);
  expect(b).toEqual(a);
  const sphere = microphoneNamed('sphere-42mm');
  const turned = channelMixer({
    profile: sphere,
    format: 'mic',
    normalization: 'sn3d',
    inverted: true,
    longestBlock: 2,
  });
  const out = blocks([0, 0, 0, 0]);
  turned.mix(blocks([1, 2, 3, 4]), 2, out);
  expect(out.map((channel) => channel[0])).toEqual([2, 1, 4, 3]);
});

test('card channels, polarity and gain of the settings go before the conversion', () => {
  const profile = microphoneNamed('ambix');
  const channelMap = [2, -1, 4, 3];
  const mixer = channelMixer({
    profile,
    format: 'foa',
    normalization: 'sn3d',
    channelMap,
    gainsDb: [0, 20, 0, 0],
    longestBlock: 2,
  });
  expect(mixer.inputs).toEqual([1, 0, 3, 2]);
  const out = blocks([0, 0, 0, 0]);
  mixer.mix(blocks([0.1, 0.2, 0.3, 0.4]), 2, out);
  [0.1, -2, 0.3, 0.4].forEach((v, c) => {
    expect(out[c]![0]).toBeCloseTo(v, 6);
  });
  const bad = (map: number[]) => () =>
    channelMixer({ profile, format: 'foa', normalization: 'sn3d', channelMap: map, longestBlock: 2 });
  expect(bad([1, 2, 3])).toThrow('microphone.channels names 3 channels; ambix has 4: name each once.');
  expect(bad([1, 2, 3, 5])).toThrow('microphone.channels names 5; ambix delivers channels 1 to 4.');
  expect(bad([1, 2, 3, -3])).toThrow('microphone.channels is 1, 2, 3, -3: each channel may be named once.');
});

test('the array of format mic is the one that scenes are rendered for', () => {
  expect(MIC_ARRAY.directions.map(({ azimuth, elevation }) => [azimuth, elevation])).toEqual(CAPSULES);
  expect(steering.R).toBe(MIC_ARRAY.radiusMetres);
});

test('a profile of your own is read from its file, and told where it breaks a rule', async () => {
  const folder = await temporaryFolder();
  const file = join(folder, 'mine.json');
  const { name, ...rest } = microphoneNamed('tetrahedron-a-format');
  await writeFile(file, JSON.stringify({ ...rest, name: 'mine' }));
  expect(microphoneNamed(file).name).toBe('mine');
  await writeFile(file, JSON.stringify({ ...rest, name: 'mine', channelMap: [1, 2, 3] }));
  expect(() => microphoneNamed(file)).toThrow(`${file}: channelMap: must have one channel per capsule.`);
  await writeFile(file, JSON.stringify({ ...rest, name: 'mine', colour: 'red' }));
  expect(() => microphoneNamed(file)).toThrow('colour');
  expect(() => microphoneNamed('nosuch')).toThrow('There is no microphone profile nosuch: choose one of ambix,');
});
