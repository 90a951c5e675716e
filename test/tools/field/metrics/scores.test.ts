// What must hold of scores whatever the scenes: perfection, order of rows, sums over recordings, formats, the grid.
import fc from 'fast-check';
import { OFFICE_LABELS } from '../../../../models/labels.ts';
import { frames20ms } from '../../../../tools/field/metrics/frames.ts';
import { addCounts, allScores, countRecording, framePair } from '../../../../tools/field/metrics/scores.ts';
import type { Scene, SceneEvent, SceneFrame } from '../../../../tools/scene-csv.ts';

const CLASSES = OFFICE_LABELS.length;
const SECONDS = 10;

const event = (step: number) =>
  fc
    .record({
      classIndex: fc.nat(CLASSES - 1),
      startSeconds: fc.integer({ min: 0, max: 900 }).map((n) => n / 100),
      duration: fc.integer({ min: 10, max: 300 }).map((n) => n / 100),
      azimuth: fc.integer({ min: -180 / step, max: 170 / step }).map((n) => n * step),
      elevation: fc.integer({ min: -40 / step, max: 40 / step }).map((n) => n * step),
    })
    .map(({ duration, ...rest }): SceneEvent => {
      return { ...rest, label: OFFICE_LABELS[rest.classIndex]!, endSeconds: rest.startSeconds + duration };
    });
const events = (step: number) => fc.array(event(step), { minLength: 1, maxLength: 8 });

const scene = (list: readonly SceneEvent[]): Scene => ({ kind: 'events', events: list });
const count = (reference: Scene, prediction: Scene) =>
  countRecording(framePair(reference, prediction, SECONDS), CLASSES);
const score = (reference: Scene, prediction: Scene) => allScores(count(reference, prediction));

test('a perfect prediction has no errors', () => {
  fc.assert(
    fc.property(events(10), (list) => {
      const s = score(scene(list), scene(list));
      expect(s).toMatchObject({ ER: 0, F1: 1, FR: 1, FR_unsnapped: 1 });
      for (const angle of [s.DE, s.DE_snapped, s.DE_unsnapped]) expect(angle).toBeLessThan(1e-4);
      expect(s.joint_micro).toMatchObject({ ER20: 0, F20: 1, LR_CD: 1 });
      expect(s.joint_micro.LE_CD).toBeLessThan(1e-4);
    }),
  );
});

test('the order of rows does not change the official scores', () => {
  fc.assert(
    fc.property(events(10), events(10), (reference, prediction) => {
      const a = count(scene(reference), scene(prediction)).official;
      const b = count(scene(reference.toReversed()), scene(prediction.toReversed())).official;
      expect({ ...b, doa_sum: 0 }).toEqual({ ...a, doa_sum: 0 });
      expect(b.doa_sum).toBeCloseTo(a.doa_sum, 3);
    }),
  );
});

test('rates keep their ranges', () => {
  fc.assert(
    fc.property(events(1), events(1), (reference, prediction) => {
      const s = score(scene(reference), scene(prediction));
      for (const share of [s.F1, s.FR, s.FR_unsnapped, s.joint_micro.F20, s.joint_macro.LR_CD]) {
        expect(share).toBeGreaterThanOrEqual(0);
        expect(share).toBeLessThanOrEqual(1);
      }
      expect(s.DE).toBeLessThanOrEqual(180);
    }),
  );
});

const one = (azimuth: number, elevation = 0) =>
  scene([{ label: 'phone', classIndex: 3, startSeconds: 1, endSeconds: 3, azimuth, elevation }]);

test('a direction just below a grid point costs ten degrees officially, nothing once rounded, its own error unsnapped', () => {
  const s = score(one(50), one(49));
  expect(s.DE).toBeCloseTo(10, 4);
  expect(s.DE_snapped).toBeCloseTo(0, 4);
  expect(s.DE_unsnapped).toBeCloseTo(1, 4);
});

test('behind the listener 180 and -180 degrees are one direction once rounded', () => {
  expect(score(one(-180), one(177)).DE_snapped).toBeCloseTo(0, 4);
  expect(score(one(-180), one(177)).DE).toBeCloseTo(10, 4);
});

test('nothing predicted and nothing to find leave scores undefined instead of a number', () => {
  expect(score(scene([]), scene([]))).toMatchObject({ ER: null, DE: null, DE_unsnapped: null, SELD: null, FR: 1 });
  expect(score(one(0), scene([]))).toMatchObject({ ER: 1, F1: 0, DE: null, SELD: null });
  expect(score(scene([]), one(0)).joint_micro.ER20).toBeNull();
});

test('scores over recordings come from summed counts, not from averaged scores', () => {
  const counts = [count(one(0), one(0)), count(scene([]), one(90))];
  const both = allScores(addCounts(counts));
  expect(both.ER).toBeCloseTo(1, 9); // 3 of 3 found, 3 invented
  expect(both.F1).toBeCloseTo(6 / 9, 9);
});

test('an event in 20 ms frames scores as the same event in seconds', () => {
  const frames: SceneFrame[] = frames20ms(one(30), SECONDS).flatMap((rows, frame) =>
    rows.map(({ classIndex, azimuth, elevation }) => ({ frame, classIndex, azimuth, elevation })),
  );
  expect(score(one(30), { kind: 'frames', frameSeconds: 0.02, frames })).toMatchObject({ ER: 0, F1: 1, FR: 1 });
});

test('frames of 100 ms count five times in 20 ms frames and as they are in the joint metrics', () => {
  const frames = Array.from({ length: 20 }, (_, i) => ({
    frame: 10 + i,
    classIndex: 3,
    source: 0,
    azimuth: 30,
    elevation: 0,
  }));
  const s = score(one(30), { kind: 'frames', frameSeconds: 0.1, frames });
  expect(s.joint_micro).toMatchObject({ ER20: 0, F20: 1, LR_CD: 1 });
  expect(s.ER).toBeCloseTo(1 / 3, 9); // the official frame after the end (3.0 s) begins a third segment, which is missed
  expect(s.FR).toBeCloseTo(499 / 500, 9);
});

test('two sounds of a class in 20 ms frames stay two tracks in the joint metrics', () => {
  const sounds = [0, 90];
  const reference = scene(
    sounds.map((azimuth) => ({ label: 'phone', classIndex: 3, startSeconds: 1, endSeconds: 2, azimuth, elevation: 0 })),
  );
  const frames = Array.from({ length: 50 }, (_, i) => 50 + i).flatMap((frame) =>
    sounds.map((azimuth) => ({ frame, classIndex: 3, azimuth, elevation: 0 })),
  );
  expect(score(reference, { kind: 'frames', frameSeconds: 0.02, frames }).joint_micro).toMatchObject({
    F20: 1,
    LR_CD: 1,
  });
});
