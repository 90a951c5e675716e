// The quick sums behind the threshold search against the official counts of the same scenes.
import { type ClassOutcome, ErrorSums } from '../../../tools/field/error-sums.ts';
import { addCounts, allScores, countRecording, framePair } from '../../../tools/field/metrics/scores.ts';
import type { Scene } from '../../../tools/scene-csv.ts';

const CLASSES = 3;
const SECONDS = [4, 7];
const FRAMES = SECONDS.map((seconds) => 50 * seconds);
const TOTAL = FRAMES.reduce((a, b) => a + b, 0);

/** Stretches of sound and silence of up to 40 frames, another course for each seed. */
function course(seed: number): Uint8Array {
  const active = new Uint8Array(TOTAL);
  let state = seed;
  let at = 0;
  for (let on = seed % 2; at < TOTAL; on = 1 - on) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const length = 1 + Math.floor((40 * state) / 2 ** 32);
    active.fill(on, at, at + length);
    at += length;
  }
  return active;
}

const outcome = (told: Uint8Array, sounding: Uint8Array): ClassOutcome => ({
  told,
  matched: told.reduce((sum, value, f) => sum + value * sounding[f]!, 0),
  angleSum: 0,
});

function scenes(active: readonly Uint8Array[]): Scene[] {
  return FRAMES.map((count, r) => {
    const first = FRAMES.slice(0, r).reduce((a, b) => a + b, 0);
    const frames = Array.from({ length: count }, (_, frame) => frame).flatMap((frame) =>
      active.flatMap((course, classIndex) =>
        course[first + frame] === 1 ? [{ frame, classIndex, azimuth: 60 * classIndex, elevation: 0 }] : [],
      ),
    );
    return { kind: 'frames', frameSeconds: 0.02, frames };
  });
}

/** Mean of ER, 1 - F1, 0 degrees and 1 - FR by the official counts. */
function official(sounding: readonly Uint8Array[], told: readonly Uint8Array[]): number {
  const [references, predictions] = [scenes(sounding), scenes(told)];
  const counts = SECONDS.map((seconds, r) =>
    countRecording(framePair(references[r]!, predictions[r]!, seconds), CLASSES),
  );
  const { ER, F1, FR_unsnapped } = allScores(addCounts(counts));
  return (ER! + 1 - F1 + 1 - FR_unsnapped) / 4;
}

const sounding = [3, 8, 21].map(course);
const told = [5, 34, 55].map(course);

test('the objective is formed from the official counts', () => {
  const sums = new ErrorSums(
    FRAMES,
    sounding,
    told.map((active, c) => outcome(active, sounding[c]!)),
  );
  expect(sums.objective()).toBeCloseTo(official(sounding, told), 12);
  expect(sums.objective()).toBeGreaterThan(0.1);
});

test('trying another outcome of a class changes nothing, replacing does', () => {
  const sums = new ErrorSums(
    FRAMES,
    sounding,
    told.map((active, c) => outcome(active, sounding[c]!)),
  );
  const other = course(89);
  const tried = [told[0]!, other, told[2]!];
  const before = sums.objective();
  expect(sums.objectiveWith(1, outcome(other, sounding[1]!))).toBeCloseTo(official(sounding, tried), 12);
  expect(sums.objective()).toBe(before);
  sums.replace(1, outcome(other, sounding[1]!));
  expect(sums.objective()).toBeCloseTo(official(sounding, tried), 12);
});

test('right everywhere is 0, and directions count a 180th per degree', () => {
  const right = sounding.map((active) => outcome(active, active));
  expect(new ErrorSums(FRAMES, sounding, right).objective()).toBe(0);
  const askew = right.map((one) => ({ ...one, angleSum: 18 * one.matched }));
  expect(new ErrorSums(FRAMES, sounding, askew).objective()).toBeCloseTo(0.1 / 4, 12);
});
