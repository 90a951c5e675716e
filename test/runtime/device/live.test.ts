// The live picture: it points where the sound is, weighs little, costs nothing unwatched, and shows no speech.
import { PRESETS } from '../../../models/presets.ts';
import { SpeechConfig } from '../../../runtime/clip-settings.ts';
import { SpeechGate } from '../../../runtime/device/clips-privacy.ts';
import { LiveEars } from '../../../runtime/device/keeping.ts';
import { type LivePicture, LiveView } from '../../../runtime/device/live.ts';
import {
  AmbisonicPower,
  ArrayPower,
  AZIMUTHS,
  type DirectionPower,
  ELEVATIONS,
  TAU_ARRAY,
} from '../../../runtime/device/live-map.ts';
import { angleBetween, unitVector } from '../../../runtime/directions.ts';
import { FeatureExtractor } from '../../../runtime/features/extractor.ts';
import { bandScale } from '../../../runtime/features/mel.ts';
import type { AudioBlock } from '../../../runtime/signals.ts';
import { encode, type LiveMessage } from '../../../runtime/uplink/topics.ts';
import { CAPSULES, modesAt, sphereResponse } from '../../../tools/data/scenes/rigid-sphere.ts';

const PRESET = PRESETS['paper-48k'];
const RATE = PRESET.sampleRate;
const PERIOD = 2048;
const LABELS = ['bark', 'speech'];
const DIRECTIONS = [
  [0, 0],
  [100, 30],
  [-150, -40],
  [-60, 60],
] as const;

/** Noise that repeats: the same number every time the test runs. */
function noise(seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: PERIOD }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (0.2 * (state - 2 ** 31)) / 2 ** 31;
  });
}

/** A plane wave of noise as W, Y, Z, X. */
function ambisonicWave(azimuth: number, elevation: number, gain: number): Float32Array[] {
  const [x, y, z] = unitVector(azimuth, elevation);
  const w = noise(7);
  return [1, gain * y, gain * z, gain * x].map((g) => w.map((value) => g * value));
}

const modes = Array.from({ length: 500 }, (_, bin) => modesAt((Math.max(1, bin) * RATE) / PERIOD));
const circle = Float64Array.from({ length: PERIOD }, (_, i) => Math.cos((2 * Math.PI * i) / PERIOD));

/** A plane wave on the rigid sphere with four capsules, from the exact response at each frequency. */
function sphereWave(azimuth: number, elevation: number): Float32Array[] {
  const from = unitVector(azimuth, elevation);
  return CAPSULES.map(([a, e]) => {
    const capsule = unitVector(a, e);
    const cosine = capsule[0] * from[0] + capsule[1] * from[1] + capsule[2] * from[2];
    const plane = new Float32Array(PERIOD);
    for (let bin = 4; bin < modes.length; bin += 1) {
      const [re, im] = sphereResponse(modes[bin]!, Math.min(1, Math.max(-1, cosine)));
      const turn = Math.round((PERIOD * Math.atan2(im, re)) / (2 * Math.PI)) + bin * bin * 7 + PERIOD;
      const size = 0.003 * Math.hypot(re, im);
      for (let i = 0; i < PERIOD; i += 1) plane[i]! += size * circle[(bin * i + turn) % PERIOD]!;
    }
    return plane;
  });
}

function view(power: DirectionPower, gate?: SpeechGate): LiveView {
  return new LiveView({
    ...{ labels: LABELS, frameSeconds: PRESET.hopLength / RATE, bands: bandScale(PRESET), power },
    ...(gate && { mayShow: (from: number, to: number) => gate.mayLeave(from, to) }),
  });
}

/** Plays a period again and again; the pipeline's part of the work is done by the real extractor. */
async function play(
  live: LiveView,
  period: readonly Float32Array[],
  seconds: number,
  format: 'foa' | 'mic',
  each?: (seconds: number) => void,
) {
  const extractor = await FeatureExtractor.create({ preset: 'paper-48k', format });
  for (let at = 0; at < seconds * RATE; at += 960) {
    const channels = period.map((plane) => Float32Array.from({ length: 960 }, (_, i) => plane[(at + i) % PERIOD]!));
    const block: AudioBlock = { channels, sampleRate: RATE, sampleIndex: at, wallTimeMs: 0, discontinuity: 0 };
    live.pushBlock(block);
    extractor.push(block, (frame) => live.pushFrame(frame));
    each?.((at + 960) / RATE);
  }
}

async function pictures(live: LiveView, period: readonly Float32Array[], seconds = 1, format: 'foa' | 'mic' = 'foa') {
  const shown: LivePicture[] = [];
  live.start((picture) => shown.push(picture));
  await play(live, period, seconds, format);
  live.stop();
  return shown;
}

/** The direction at which a map is brightest. */
function brightest({ map }: LivePicture): [azimuth: number, elevation: number] {
  const at = map!.decibels.indexOf(Math.max(...map!.decibels));
  return [map!.azimuths[at % map!.azimuths.length]!, map!.elevations[Math.floor(at / map!.azimuths.length)]!];
}

test.each(DIRECTIONS)(
  'the map of an ambisonic microphone is brightest where the sound is: %i, %i',
  async (azimuth, elevation) => {
    for (const [normalization, gain] of [
      ['sn3d', 1],
      ['n3d', Math.sqrt(3)],
    ] as const) {
      const shown = await pictures(view(new AmbisonicPower(normalization)), ambisonicWave(azimuth, elevation, gain));
      expect(angleBetween(azimuth, elevation, ...brightest(shown[2]!))).toBeLessThan(11); // the grid's nearest point
      const behind = shown[2]!.map!.decibels.filter((_, i) => {
        const [a, e] = [AZIMUTHS[i % AZIMUTHS.length]!, ELEVATIONS[Math.floor(i / AZIMUTHS.length)]!];
        return angleBetween(azimuth, elevation, a, e) > 100;
      });
      expect(Math.max(...behind)).toBeLessThan(-15);
    }
  },
);

test.each(DIRECTIONS)(
  'the map of four capsules on a sphere is brightest where the sound is: %i, %i',
  async (azimuth, elevation) => {
    const shown = await pictures(
      view(new ArrayPower(TAU_ARRAY, RATE, PRESET.melBands)),
      sphereWave(azimuth, elevation),
      0.6,
      'mic',
    );
    expect(angleBetween(azimuth, elevation, ...brightest(shown[1]!))).toBeLessThan(16);
  },
);

test('five pictures a second show levels, directions, bands and scores, in less than 4 kB each', async () => {
  const live = view(new AmbisonicPower('sn3d'));
  const tone = Float32Array.from({ length: PERIOD }, (_, i) => 0.5 * Math.sin((2 * Math.PI * 43 * i) / PERIOD)); // 1008 Hz
  const quiet = noise(3).map((value) => value * 1e-5);
  const shown: LivePicture[] = [];
  live.start((picture) => shown.push(picture));
  live.pushScores({
    ...{ firstFrame: 0, frames: 1, frameSeconds: 0.1, discontinuity: false },
    ...{ activity: Float32Array.of(0.876, 0.1), direction: new Float32Array(6) },
  });
  await play(live, [tone, quiet, quiet, tone], 2, 'foa');
  expect(shown).toHaveLength(10);
  const { levelsDbfs, peaksDbfs, spectrogram, scores, streamSeconds } = shown[5]!;
  expect(streamSeconds).toBeCloseTo(1.2, 6);
  expect(levelsDbfs[0]).toBeCloseTo(-9, 1); // half of full scale, root mean square
  expect(peaksDbfs[3]).toBeCloseTo(-6, 1);
  expect(levelsDbfs[1]).toBeLessThan(-90);
  expect(scores).toEqual({ bark: 0.88, speech: 0.1 });
  const column = spectrogram!.decibels[2]!;
  const loudest = column.indexOf(Math.max(...column));
  expect(Math.abs(spectrogram!.hertz[loudest]! - 1008)).toBeLessThan(60);
  expect(Math.abs(column[loudest]! - -6)).toBeLessThanOrEqual(2);
  expect(spectrogram!.decibels).toHaveLength(5);
  expect(spectrogram!.endSeconds).toBeLessThanOrEqual(streamSeconds);
  const worst = { ...shown[5]!, map: { ...shown[5]!.map!, decibels: shown[5]!.map!.decibels.map(() => -30) } };
  const spectra = spectrogram!.decibels.map((bands) => bands.map(() => -99));
  const message: LiveMessage = {
    ...{ schema: 'seld/live/1', site: 's'.repeat(36), device: 'd'.repeat(36), bootId: 'b'.repeat(8) },
    ...{ seq: 1_000_000, leaseSeconds: 599.9, time: new Date(0).toISOString() },
    ...{ ...worst, spectrogram: { ...spectrogram!, decibels: spectra } },
    scores: Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`class-number-${i}`, 0.99])),
  };
  expect(encode('live', message).payload.length).toBeLessThan(4096);
});

test('nothing is computed while nobody looks, and a stop ends it', async () => {
  let touched = 0;
  const power: DirectionPower = { pushBlock: () => touched++, pushFrame: () => touched++, take: () => null };
  const live = view(power);
  await play(live, ambisonicWave(0, 0, 1), 0.5, 'foa');
  expect(touched).toBe(0);
  const shown = await pictures(live, ambisonicWave(0, 0, 1));
  expect(shown).toHaveLength(5);
  expect(shown[0]!.map).toBeNull();
  const before = touched;
  await play(live, ambisonicWave(0, 0, 1), 0.5, 'foa');
  expect([touched, shown.length]).toEqual([before, 5]);
});

test('with no-speech the spectrogram waits until it is cleared and leaves speech out; levels and directions go on', async () => {
  const settings = SpeechConfig.parse({ marginSeconds: 0.5 });
  const gate = new SpeechGate({ labels: LABELS, settings, keepSeconds: 10 });
  const live = view(new AmbisonicPower('sn3d'), gate);
  const shown: LivePicture[] = [];
  live.start((picture) => shown.push(picture));
  let scored = 0;
  await play(live, ambisonicWave(0, 0, 1), 8, 'foa', (heard) => {
    for (; scored < heard - 0.6; scored = Math.round(10 * scored + 1) / 10)
      gate.push({
        ...{ firstFrame: Math.round(10 * scored), frames: 1, frameSeconds: 0.1, discontinuity: false },
        ...{ activity: Float32Array.of(0, scored > 2.95 && scored < 3.95 ? 0.3 : 0), direction: new Float32Array(6) },
      });
  });
  expect(shown).toHaveLength(40);
  expect(shown.every(({ map, levelsDbfs }) => map !== null && levelsDbfs[0]! > -40)).toBe(true);
  const spans = shown.flatMap(({ spectrogram: s, streamSeconds }) =>
    s ? [{ from: s.endSeconds - s.decibels.length * s.frameSeconds, to: s.endSeconds, streamSeconds }] : [],
  );
  expect(spans.every(({ to, streamSeconds }) => to <= streamSeconds - 0.9)).toBe(true); // scores come 0.6 s late, the margin is 0.5 s
  expect(spans.filter(({ from, to }) => to > 2.5 && from < 4.5)).toEqual([]);
  const before = spans.filter(({ to }) => to <= 2.5).at(-1)!;
  const behind = spans.find(({ from }) => from >= 4.5)!;
  expect(before.to).toBeGreaterThan(2.3);
  expect(behind.from).toBeLessThan(4.7);
  expect(spans.at(-1)!.to).toBeGreaterThan(6);
});

test('with no-speech a model that does not know speech shows levels and directions, and never a spectrogram', async () => {
  const shown: LivePicture[] = [];
  const ears = new LiveEars({
    ...{ labels: ['bark', 'siren'], privacy: 'no-speech', speech: SpeechConfig.parse({}) },
    ...{ frameSeconds: PRESET.hopLength / RATE, bands: bandScale(PRESET), power: new AmbisonicPower('sn3d') },
  });
  ears.start((picture) => shown.push(picture));
  await play(ears, ambisonicWave(0, 0, 1), 1, 'foa', (heard) =>
    ears.pushScores({
      ...{ firstFrame: Math.round(10 * heard), frames: 1, frameSeconds: 0.1, discontinuity: false },
      ...{ activity: Float32Array.of(0, 0), direction: new Float32Array(6) },
    }),
  );
  expect(shown.map(({ map, spectrogram }) => [map !== null, spectrogram])).toEqual(Array(5).fill([true, null]));
});
