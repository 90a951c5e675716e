// Faults of microphones in rendered rooms: each is named with its channels, and nothing is said of a microphone that is whole.
import { microphoneNamed, type Microphone as Profile } from '../../../boards/microphones.ts';
import { MicrophoneHealth } from '../../../runtime/capture/microphone-health.ts';
import { ArrayRenderer, babble, cardioids, noise, RATE, type Source } from './rendered-array.ts';

const SECONDS = 10;
const BLOCK = 960;
type Kind = 'foa' | 'tetrahedron' | 'sphere';
const PROFILES: Record<Kind, Profile> = {
  foa: microphoneNamed('ambix'),
  tetrahedron: microphoneNamed('tetrahedron-a-format'),
  sphere: microphoneNamed('sphere-42mm'),
};
type Scene = 'speech' | 'one loud source' | 'ambience' | 'noise around';

const at = (startSeconds: number, azimuth: number, elevation: number, signal: Float32Array): Source => ({
  ...{ startSeconds, azimuth, elevation, signal, distanceMetres: 1.5 },
});
const SCENES: Record<Scene, { sounds: Source[]; ambienceDbfs: number }> = {
  speech: {
    sounds: [at(0, 30, 0, babble(4, 'a')), at(3, -110, 20, babble(4, 'b')), at(6, 170, -20, babble(4, 'c'))],
    ambienceDbfs: -55,
  },
  'one loud source': { sounds: [at(0, 0, 0, noise(SECONDS, 'd'))], ambienceDbfs: -60 },
  ambience: { sounds: [], ambienceDbfs: -62 },
  'noise around': {
    sounds: [0, 1, 2, 3, 4].map((i) => at(2 * i, 72 * i, (i % 3) * 20 - 20, noise(2, `n${i}`))),
    ambienceDbfs: -45,
  },
};

const rendered = new Map<string, Float32Array[]>();
beforeAll(async () => {
  for (const format of ['foa', 'mic'] as const) {
    const renderer = await ArrayRenderer.create(format);
    for (const [scene, { sounds, ambienceDbfs }] of Object.entries(SCENES)) {
      const channels = renderer.render(SECONDS, sounds, ambienceDbfs);
      rendered.set(`${format === 'foa' ? 'foa' : 'sphere'} ${scene}`, channels);
      if (format === 'foa') rendered.set(`tetrahedron ${scene}`, cardioids(channels));
    }
  }
});

const whole = (kind: Kind, scene: Scene) => rendered.get(`${kind} ${scene}`)!;
const copy = (channels: readonly Float32Array[]) => channels.map((channel) => channel.slice());

function push(health: MicrophoneHealth, channels: readonly Float32Array[], rounds = 3): MicrophoneHealth {
  for (let round = 0; round < rounds; round += 1)
    for (let from = 0; from + BLOCK <= channels[0]!.length; from += BLOCK)
      health.push(
        channels.map((channel) => channel.subarray(from, from + BLOCK)),
        BLOCK,
      );
  return health;
}

/** Hears the scene again and again. */
function hear(kind: Kind, channels: readonly Float32Array[], rounds = 3): MicrophoneHealth {
  const health = new MicrophoneHealth({ profile: PROFILES[kind], sampleRate: RATE, blockFrames: BLOCK });
  return push(health, channels, rounds);
}
const told = (health: MicrophoneHealth) => health.faults.map(({ code, channels }) => `${code} ${channels.join(' ')}`);

const KINDS = Object.keys(PROFILES) as Kind[];
const ALL = KINDS.flatMap((kind) => (Object.keys(SCENES) as Scene[]).map((scene) => [kind, scene] as const));
test.each(ALL)('a whole %s that hears %s raises nothing', (kind, scene) => {
  expect(told(hear(kind, whole(kind, scene)))).toEqual([]);
});

type Injury = readonly [
  what: string,
  injure: (channels: readonly Float32Array[]) => unknown,
  kinds: Kind[],
  fault: string,
  scene?: Scene,
];
const name = (kind: Kind, c: number) =>
  ({ foa: ['W', 'Y', 'Z', 'X'], tetrahedron: ['FLU', 'FRD', 'BLD', 'BRU'], sphere: ['1', '2', '3', '4'] })[kind][c]!;
const CAPSULES: Kind[] = ['tetrahedron', 'sphere'];
const change = (channel: Float32Array, to: (v: number, i: number) => number) => channel.set(channel.map(to));

const hum = (hertz: number) => (v: number, i: number) => v + 0.003 * Math.sin((2 * Math.PI * hertz * i) / RATE);
const INJURIES: Injury[] = [
  ['a dead channel', (c) => c[2]!.fill(0), KINDS, 'dead 2'],
  [
    'a channel with nothing but its converter',
    (c) => change(c[1]!, (_, i) => (i % 2 ? 4e-6 : -4e-6)),
    ['foa'],
    'dead 1',
  ],
  ['a channel that stands at one value', (c) => c[3]!.fill(0.25), KINDS, 'stuck 3'],
  ['a channel that is clipped', (c) => change(c[0]!, (v) => Math.max(-1, Math.min(1, 60 * v))), ['foa'], 'clipped 0'],
  ['a constant offset', (c) => change(c[1]!, (v) => v + 0.03), ['foa', 'sphere'], 'dc 1'],
  ['mains hum of 50 Hz', (c) => change(c[2]!, hum(50.05)), ['tetrahedron'], 'hum 2', 'ambience'],
  ['mains hum of 60 Hz', (c) => change(c[0]!, hum(59.95)), ['sphere'], 'hum 0', 'speech'],
  ['one gain 12 dB too low', (c) => change(c[1]!, (v) => 0.25 * v), CAPSULES, 'imbalance 1', 'ambience'],
  ['a turned polarity', (c) => change(c[2]!, (v) => -v), CAPSULES, 'flipped 2'],
  ['a channel of another microphone', (c) => c[3]!.set(rolled(c[3]!, 3 * RATE)), CAPSULES, 'incoherent 3'],
  ['a channel delayed by 1.5 ms', (c) => c[1]!.set(rolled(c[1]!, 72)), CAPSULES, 'delayed 1'],
  ['a stereo card sold as four channels', (c) => [c[2]!.set(c[0]!), c[3]!.set(c[1]!)], KINDS, 'duplicated 0 1 2 3'],
];
function rolled(channel: Float32Array, by: number): Float32Array {
  return channel.map((_, i) => channel[(i + channel.length - by) % channel.length]!);
}

const CASES = INJURIES.flatMap(([what, injure, kinds, fault, scene = 'noise around' as Scene]) =>
  kinds.map((kind) => ({ what, kind, injure, fault, scene })),
);
test.each(CASES)('$what of a $kind is named', ({ kind, injure, fault, scene }) => {
  const channels = copy(whole(kind, scene));
  injure(channels);
  const [code, ...numbers] = fault.split(' ');
  const health = hear(kind, channels);
  expect(told(health)).toContain(`${code} ${numbers.map((c) => name(kind, Number(c))).join(' ')}`);
  expect(health.faults.every(({ message }) => message.length > 20)).toBe(true);
});

test.each([1, 2, 3])('W exchanged with channel %d of B-format is named', (k) => {
  const channels = copy(whole('foa', 'ambience'));
  [channels[0], channels[k]] = [channels[k]!, channels[0]!];
  expect(told(hear('foa', channels))).toContain(`swapped W ${name('foa', k)}`);
});

test('a dipole that is far too weak, and W that is, are named once sound comes from all around', () => {
  const weak = copy(whole('foa', 'ambience'));
  change(weak[2]!, (v) => 0.1 * v);
  expect(told(hear('foa', weak))).toContain('imbalance Z');
  const faint = copy(whole('foa', 'ambience'));
  change(faint[0]!, (v) => 0.2 * v);
  expect(told(hear('foa', faint))).toEqual(['imbalance W', 'energy W Y Z X']);
});

test('a fault that is over is taken back', () => {
  const flipped = copy(whole('sphere', 'noise around'));
  change(flipped[1]!, (v) => -v);
  const health = hear('sphere', flipped);
  expect(told(health)).toContain('flipped 2');
  expect(told(push(health, whole('sphere', 'noise around'), 2))).toEqual([]);
});

test('a polarity that the settings turn back is no fault', () => {
  const channels = copy(whole('sphere', 'noise around'));
  change(channels[1]!, (v) => -v);
  const health = new MicrophoneHealth({
    profile: PROFILES.sphere,
    sampleRate: RATE,
    blockFrames: BLOCK,
    channelMap: [1, -2, 3, 4],
  });
  expect(told(push(health, channels))).toEqual([]);
});

test('levels are kept minute by minute', () => {
  const health = hear('foa', whole('foa', 'ambience'), 12);
  const minutes = health.history(0);
  expect(minutes).toHaveLength(2);
  for (const { lowest, mean, highest } of minutes) {
    expect(lowest).toBeLessThan(mean);
    expect(mean).toBeLessThan(highest);
    expect(Math.abs(mean - -62)).toBeLessThan(2);
  }
});
