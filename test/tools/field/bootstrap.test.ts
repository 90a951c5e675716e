// Resampling over recordings against what statistics say of it.
import { resample, resampleDifference } from '../../../tools/field/bootstrap.ts';
import { countRecording, framePair, type RecordingCounts } from '../../../tools/field/metrics/scores.ts';
import type { Scene } from '../../../tools/scene-csv.ts';

const sound = (startSeconds: number, endSeconds: number, azimuth: number): Scene => ({
  kind: 'events',
  events: [{ label: 'knock', classIndex: 0, startSeconds, endSeconds, azimuth, elevation: 0 }],
});
const counts = (reference: Scene, prediction: Scene): RecordingCounts =>
  countRecording(framePair(reference, prediction, 2), 1);
const RIGHT = counts(sound(0, 2, 30), sound(0, 2, 36));
const DEAF = counts(sound(0, 2, 30), { kind: 'events', events: [] });

test('recordings that are all alike leave nothing to chance', () => {
  const { ER, F1, DE, FR } = resample(Array.from({ length: 20 }, () => RIGHT));
  expect(ER).toEqual({ mean: 0, low: 0, high: 0 });
  expect([F1!.mean, FR!.low]).toEqual([1, 1]);
  expect(DE!.low).toBeCloseTo(6, 9);
  expect(DE!.high).toBeCloseTo(6, 9);
});

test('the interval of a share is that of the binomial distribution', () => {
  // 80 of 100 recordings right: the share has a deviation of sqrt(0.8 * 0.2 / 100) = 0.04
  const { FR, ER } = resample(Array.from({ length: 100 }, (_, i) => (i < 80 ? RIGHT : DEAF)));
  expect(Math.abs(FR!.mean - 0.8)).toBeLessThan(3 * (0.04 / Math.sqrt(200)));
  expect(Math.abs(FR!.low - (0.8 - 1.96 * 0.04))).toBeLessThan(0.025);
  expect(Math.abs(FR!.high - (0.8 + 1.96 * 0.04))).toBeLessThan(0.025);
  expect(ER!.mean).toBeCloseTo(1 - FR!.mean, 9);
});

test('the same recordings give the same interval', () => {
  const recordings = Array.from({ length: 30 }, (_, i) => (i % 3 === 0 ? DEAF : RIGHT));
  expect(resample(recordings)).toEqual(resample(recordings));
});

test('a score that a draw has nothing to form from has no interval', () => {
  const { DE, ER } = resample([DEAF, DEAF]);
  expect(DE).toBeNull();
  expect(ER!.mean).toBe(1);
});

test('a difference is judged by pairs: what makes recordings hard for both leaves it', () => {
  const hard = Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? RIGHT : DEAF));
  const lessHard = hard.map((recording, i) => (i % 20 === 1 ? RIGHT : recording)); // five of the fifty missed ones heard
  const { FR } = resampleDifference(lessHard, hard);
  // five of a hundred: a deviation of sqrt(0.05 * 0.95 / 100) = 0.022, while either share has 0.05
  expect(Math.abs(FR!.mean - 0.05)).toBeLessThan(3 * (0.022 / Math.sqrt(200)));
  expect(FR!.low).toBeGreaterThan(0);
  expect(FR!.high - FR!.low).toBeLessThan(4.6 * 0.022);
  expect(resampleDifference(hard, hard).FR).toEqual({ mean: 0, low: 0, high: 0 });
});

test('recordings that are no pairs are refused', () => {
  expect(() => resampleDifference([RIGHT], [RIGHT, DEAF])).toThrow('paired resampling of 1 and 2 recordings');
});
