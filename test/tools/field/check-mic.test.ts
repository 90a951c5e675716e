// Claps rendered around arrays that are right, turned, hung upside down, or wired wrong: check-mic must find out which.
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { microphoneNamed, type Microphone as Profile } from '../../../boards/microphones.ts';
import { channelMixer } from '../../../runtime/capture/channel-mixer.ts';
import { WavWriter } from '../../../tools/data/wav-writer.ts';
import { type Diagnosis, diagnose } from '../../../tools/field/array-diagnosis.ts';
import { PLACES } from '../../../tools/field/check-mic.ts';
import { type Clap, ClapFinder } from '../../../tools/field/clap-finder.ts';
import { measureClaps } from '../../../tools/field/clap-measure.ts';
import { earshot, jsonLines } from '../../earshot.ts';
import { temporaryFolder } from '../../loudness-model.ts';
import { ArrayRenderer, cardioids, clap, RATE } from '../../runtime/capture/rendered-array.ts';

const CLI = fileURLToPath(new URL('../../../dist/tools/cli.js', import.meta.url));
const NAMES = ['front', 'left', 'back', 'right', 'up'];
const SECONDS_PER_CLAP = 2;
type Kind = 'foa' | 'tetrahedron' | 'sphere';
const PROFILES: Record<Kind, Profile> = {
  foa: microphoneNamed('ambix'),
  tetrahedron: microphoneNamed('tetrahedron-a-format'),
  sphere: microphoneNamed('sphere-42mm'),
};
const KINDS = Object.keys(PROFILES) as Kind[];

const renderers: Partial<Record<'foa' | 'mic', ArrayRenderer>> = {};
beforeAll(async () => {
  renderers.foa = await ArrayRenderer.create('foa');
  renderers.mic = await ArrayRenderer.create('mic');
});

/** A person does not stand exactly where they should. @param turned degrees the array is turned to the left */
function record(kind: Kind, turned = 0, inverted = false): Float32Array[] {
  const sounds = NAMES.map((name, i) => {
    const [azimuth, elevation] = PLACES[name]!;
    const off = [4, -6, 5, -3, 0][i]!;
    const seen = azimuth + off - turned;
    const [a, e] = inverted ? [-seen, -elevation] : [seen, Math.min(82, elevation + 4)];
    return {
      ...{ startSeconds: 0.5 + i * SECONDS_PER_CLAP, azimuth: a, elevation: e, distanceMetres: name === 'up' ? 1 : 2 },
      signal: clap(`${name}`).map((v) => 0.8 * v),
    };
  });
  const renderer = renderers[kind === 'sphere' ? 'mic' : 'foa']!;
  const heard = renderer.render(SECONDS_PER_CLAP * NAMES.length, sounds, -62);
  return kind === 'tetrahedron' ? cardioids(heard) : heard;
}

const recorded = new Map<Kind, Float32Array[]>();
function right(kind: Kind): Float32Array[] {
  const known = recorded.get(kind) ?? record(kind);
  recorded.set(kind, known);
  return known;
}

function diagnosed(kind: Kind, channels: readonly Float32Array[], inverted = false): Diagnosis {
  const profile = PROFILES[kind];
  const claps: Clap[] = [];
  const finder = new ClapFinder(4, RATE, (found) => claps.push(found));
  finder.push(channels, channels[0]!.length);
  expect(claps.map(({ seconds }) => Math.round(seconds * 2) / 2)).toEqual([0.5, 2.5, 4.5, 6.5, 8.5]);
  const places = NAMES.map((name, i) => {
    const [azimuth, elevation] = PLACES[name]!;
    return { name, azimuth, elevation, measure: measureClaps([claps[i]!], profile, RATE) };
  });
  const matrix =
    kind === 'sphere'
      ? undefined
      : channelMixer({ profile, format: 'foa', normalization: 'sn3d', longestBlock: 1 }).matrix;
  return diagnose(places, profile, matrix, inverted);
}

/** What the card would deliver if output n of the true array came out as the settings `channels` would have to mend. */
function miswired(channels: readonly Float32Array[], mend: readonly number[]): Float32Array[] {
  const out: Float32Array[] = [];
  for (const [i, n] of mend.entries()) out[Math.abs(n) - 1] = n < 0 ? channels[i]!.map((v) => -v) : channels[i]!;
  return out;
}

test.each(KINDS)('a %s that is right is found right, every clap within 25 degrees', (kind) => {
  const { verdict, heard, finding } = diagnosed(kind, right(kind));
  expect(heard.map(({ errorDegrees }) => Math.round(errorDegrees)).filter((e) => e > 25)).toEqual([]);
  expect({ verdict, channels: finding.channels }).toEqual({ verdict: 'right', channels: [1, 2, 3, 4] });
});

test.each(KINDS.flatMap((kind) => [35, -80, 180].map((turned) => [kind, turned] as const)))(
  'a %s turned by %d degrees is found turned',
  (kind, turned) => {
    const { verdict, finding } = diagnosed(kind, record(kind, turned));
    expect(verdict).toBe('turned');
    expect(Math.abs(((finding.turnedDegrees - turned + 540) % 360) - 180)).toBeLessThan(12);
  },
);

test.each(KINDS)('a %s that hangs upside down is found so', (kind) => {
  const hanging = record(kind, 0, true);
  expect(diagnosed(kind, hanging)).toMatchObject({ verdict: 'standing', finding: { stand: 'inverted' } });
  expect(diagnosed(kind, hanging, true)).toMatchObject({ verdict: 'right' });
});

/** Exchanges and turned polarities; those that look like another way to stand are not among them. */
const WIRINGS: Record<Kind, number[][]> = {
  foa: [
    [2, 1, 3, 4],
    [1, 3, 2, 4],
    [1, 4, 3, 2],
    [4, 2, 3, 1],
    [3, 2, 1, 4],
    [1, 2, 4, 3],
    [-1, 2, 3, 4],
    [1, -2, 3, 4],
    [1, 2, -3, 4],
    [1, 2, 3, -4],
    [1, 4, 2, 3],
    [1, 3, 2, -4],
  ],
  tetrahedron: [
    [2, 1, 3, 4],
    [1, 3, 2, 4],
    [1, 2, 4, 3],
    [4, 2, 3, 1],
    [-1, 2, 3, 4],
    [1, 2, -3, 4],
  ],
  sphere: [
    [2, 1, 3, 4],
    [1, 3, 2, 4],
    [1, 2, 4, 3],
    [4, 2, 3, 1],
    [1, -2, 3, 4],
    [1, 2, 3, -4],
    [2, 3, 1, 4],
  ],
};
test.each(KINDS.flatMap((kind) => WIRINGS[kind].map((channels) => ({ kind, channels }))))(
  'a $kind that needs channels $channels is found so',
  ({ kind, channels }) => {
    const { verdict, finding, alternatives } = diagnosed(kind, miswired(right(kind), channels));
    expect(verdict).toBe('channels');
    expect([finding, ...alternatives].map((found) => found.channels.join())).toContain(channels.join());
    expect(finding.channels.join()).toBe(channels.join());
  },
);

test('a capsule that hears nothing is named before anything is made of the rest', () => {
  const channels = right('tetrahedron').map((channel) => channel.slice());
  channels[2]!.fill(0);
  expect(diagnosed('tetrahedron', channels)).toMatchObject({ verdict: 'dead', silent: [3] });
});

function writeRecording(file: string, channels: readonly Float32Array[]): string {
  const wav = new WavWriter(file, channels.length, RATE);
  wav.write(channels);
  wav.close();
  return file;
}

test('the command tells from a recording what to set, and draws it', async () => {
  const folder = await temporaryFolder();
  const file = writeRecording(join(folder, 'claps.wav'), miswired(right('foa'), [1, 4, 3, -2]));
  const picture = join(folder, 'claps.png');
  const args = ['field', 'check-mic', '--profile', 'ambix', '--recording', file];
  const told = await earshot([...args, '--out', picture]);
  expect(told).toMatchObject({ code: 0, stderr: '' });
  expect(told.stdout).toMatch(/front +heard at azimuth/);
  expect(readFileSync(picture).subarray(1, 4).toString()).toBe('PNG');
  const [result] = jsonLines((await earshot([...args, '--json'])).stdout);
  expect(result).toMatchObject({ verdict: expect.any(String), places: expect.any(Array) });
  const swapped = writeRecording(join(folder, 'swapped.wav'), miswired(right('foa'), [1, 4, 3, 2]));
  const [found] = jsonLines((await earshot([...args.slice(0, -1), swapped, '--json'])).stdout);
  expect(found).toMatchObject({ verdict: 'channels', suggestion: { settings: { channels: [1, 4, 3, 2] } } });
  expect(found!.says).toBe('Channels 2 and 4 are exchanged.');
});

test('recordings named by their places, and claps that are missing, are told apart', async () => {
  const folder = await temporaryFolder();
  const channels = right('sphere');
  const part = (i: number) => channels.map((channel) => channel.subarray(2 * i * RATE, 2 * (i + 1) * RATE));
  const files = ['front', 'left', 'back', 'up'].map((name) => {
    const i = NAMES.indexOf(name);
    return `${name}=${writeRecording(join(folder, `${name}.wav`), part(i))}`;
  });
  const args = ['field', 'check-mic', '--profile', 'sphere-42mm', '--recording'];
  const [result] = jsonLines((await earshot([...args, files.join(','), '--json'])).stdout);
  expect(result).toMatchObject({ verdict: 'right' });
  const four = writeRecording(
    join(folder, 'four.wav'),
    channels.map((channel) => channel.subarray(0, 8 * RATE)),
  );
  const failed = await earshot([...args, four]);
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain('four.wav holds 4 claps; from 5 places (front, left, back, right, up)');
});

const isThere = spawnSync('arecord', ['--version']).status === 0;
const HOW = isThere ? '' : ' (left out: arecord is missing; apt-get install -y alsa-utils)';
(isThere ? test : test.skip)(`claps are heard live through arecord, place by place${HOW}`, async () => {
  const folder = await temporaryFolder();
  const channels = right('foa');
  const bytes = Buffer.alloc(channels[0]!.length * 12);
  channels[0]!.forEach((_, i) => {
    for (const [c, channel] of channels.entries())
      bytes.writeIntLE(Math.round(channel[i]! * 8388607), 12 * i + 3 * c, 3);
  });
  writeFileSync(join(folder, 'sound.raw'), bytes);
  const infile = `infile "${join(folder, 'sound.raw')}"`;
  writeFileSync(
    join(folder, 'asoundrc'),
    `pcm.silence { type null }\npcm.array { type file slave.pcm silence file /dev/null ${infile} format raw }\n`,
  );
  const args = [CLI, 'field', 'check-mic', '--profile', 'ambix', '--device', 'pcm:array', '--claps', '1'];
  const env = { ...process.env, ALSA_CONFIG_PATH: join(folder, 'asoundrc') };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  expect(stdout).toContain('1 of 5: stand 2 m in front of the microphone and clap 1 times.');
  expect(stdout).toContain('The array stands and is wired as its profile says.');
});
