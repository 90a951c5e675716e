// Thresholds per class that serve the events a tracker makes, found by coordinate descent over labelled recordings.
import { unitVector } from '../../runtime/directions.ts';
import type { Scores } from '../../runtime/signals.ts';
import { framesOf } from '../detect.ts';
import { eventsOf, type HeardRecording } from '../hear-data.ts';
import type { SceneEvent } from '../scene-csv.ts';
import { type ClassOutcome, ErrorSums } from './error-sums.ts';
import { frames20ms } from './metrics/frames.ts';

/** Onset thresholds tried, and offset thresholds as shares of them. */
const ONSETS = Array.from({ length: 17 }, (_, i) => (i + 2) / 20);
const OFFSET_SHARES = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];
const PASSES = 2;
const FRAMES_PER_SECOND = 50;
const DEGREES_PER_RADIAN = 180 / Math.PI;

export interface LabelledRecording {
  readonly heard: HeardRecording;
  readonly reference: readonly SceneEvent[];
}

export interface Thresholds {
  readonly onset: readonly number[];
  readonly offset: readonly number[];
}

/**
 * Finds onset and offset thresholds with the least mean of ER, 1 - F1, DE / 180 and 1 - FR (DE of the right class only).
 * A value is judged together with its neighbours, so that one lucky frame decides nothing; where nothing is gained the
 * thresholds stay.
 */
export function searchThresholds(
  recordings: readonly LabelledRecording[],
  labels: readonly string[],
  frameSeconds: number,
  start: Thresholds,
): { thresholds: Thresholds; before: number; after: number } {
  const classes = labels.map((label, c) => new ClassData(recordings, label, c, frameSeconds));
  const onset = [...start.onset];
  const share = start.offset.map((offset, c) => (start.onset[c]! > 0 ? Math.min(1, offset / start.onset[c]!) : 1));
  const outcomes = classes.map((data, c) => data.outcome(onset[c]!, share[c]!));
  const sums = new ErrorSums(
    recordings.map(({ heard }) => frameCount(heard)),
    classes.map(({ sounding }) => sounding),
    outcomes,
  );
  const before = sums.objective();
  for (let pass = 0; pass < PASSES; pass += 1)
    for (const [c, data] of classes.entries()) {
      onset[c] = best(ONSETS, onset[c]!, (value) => sums.objectiveWith(c, data.outcome(value, share[c]!)));
      sums.replace(c, data.outcome(onset[c]!, share[c]!));
      share[c] = best(OFFSET_SHARES, share[c]!, (value) => sums.objectiveWith(c, data.outcome(onset[c]!, value)));
      sums.replace(c, data.outcome(onset[c]!, share[c]!));
    }
  const after = sums.objective();
  if (after >= before) return { thresholds: start, before, after: before };
  const rounded = (value: number) => Math.round(1000 * value) / 1000;
  return {
    thresholds: { onset: onset.map(rounded), offset: onset.map((v, c) => rounded(v * share[c]!)) },
    before,
    after,
  };
}

/** The value whose cost, averaged with its neighbours', is least; the present one counts as its nearest neighbour. */
function best(values: readonly number[], present: number, cost: (value: number) => number): number {
  const costs = values.map(cost);
  const smooth = costs.map((own, i) => (costs[i - 1] ?? own) / 4 + own / 2 + (costs[i + 1] ?? own) / 4);
  const least = smooth.indexOf(Math.min(...smooth));
  return costs[least]! < cost(present) ? values[least]! : present;
}

/** One class in all recordings: its scores, where it sounds and from where. */
class ClassData {
  readonly sounding: Uint8Array;
  readonly #label: string;
  readonly #frameSeconds: number;
  readonly #scores: readonly { readonly scores: Scores; readonly seconds: number; readonly firstFrame: number }[];
  /** (frames, 3) */
  readonly #direction: Float32Array;

  constructor(recordings: readonly LabelledRecording[], label: string, classIndex: number, frameSeconds: number) {
    const total = recordings.reduce((sum, { heard }) => sum + frameCount(heard), 0);
    this.#label = label;
    this.#frameSeconds = frameSeconds;
    this.sounding = new Uint8Array(total);
    this.#direction = new Float32Array(3 * total);
    let firstFrame = 0;
    this.#scores = recordings.map(({ heard, reference }) => {
      const part = { scores: ofClass(heard.scores, classIndex, frameSeconds), seconds: heard.seconds, firstFrame };
      this.#mark(
        reference.filter((event) => event.classIndex === classIndex),
        frameCount(heard),
        firstFrame,
      );
      firstFrame += frameCount(heard);
      return part;
    });
  }

  outcome(onset: number, share: number): ClassOutcome {
    const told = new Uint8Array(this.sounding.length);
    let [matched, angleSum] = [0, 0];
    const model = { labels: [this.#label], thresholds: { onset: [onset], offset: [onset * share] } };
    for (const [i, { scores, seconds, firstFrame }] of this.#scores.entries()) {
      const end = this.#scores[i + 1]?.firstFrame ?? told.length;
      for (const event of eventsOf({ scores: [scores], seconds }, model, this.#frameSeconds)) {
        const [x, y, z] = unitVector(event.azimuth, event.elevation);
        for (const { frame } of framesOf({ events: [event] })) {
          const at = firstFrame + frame;
          if (at >= end) break;
          told[at] = 1;
          if (this.sounding[at] === 0) continue;
          const d = this.#direction;
          const cosine = x * d[3 * at]! + y * d[3 * at + 1]! + z * d[3 * at + 2]!;
          matched += 1;
          angleSum += Math.acos(Math.min(1, Math.max(-1, cosine))) * DEGREES_PER_RADIAN;
        }
      }
    }
    return { told, matched, angleSum };
  }

  #mark(events: readonly SceneEvent[], frames: number, firstFrame: number): void {
    const rows = frames20ms({ kind: 'events', events }, frames / FRAMES_PER_SECOND);
    for (const [f, here] of rows.entries())
      for (const { azimuth, elevation } of here) {
        this.sounding[firstFrame + f] = 1;
        this.#direction.set(unitVector(azimuth, elevation), 3 * (firstFrame + f));
      }
  }
}

/** Whole seconds, as the scorers count. */
function frameCount({ seconds }: Pick<HeardRecording, 'seconds'>): number {
  return Math.max(1, Math.round(seconds)) * FRAMES_PER_SECOND;
}

/** The scores of one class alone, in one piece. */
function ofClass(scores: readonly Scores[], classIndex: number, frameSeconds: number): Scores {
  const frames = scores.reduce((sum, some) => sum + some.frames, 0);
  const activity = new Float32Array(frames);
  const direction = new Float32Array(3 * frames);
  let at = 0;
  for (const some of scores) {
    const classes = some.activity.length / some.frames;
    for (let i = 0; i < some.frames; i += 1) {
      const from = i * classes + classIndex;
      activity[at] = some.activity[from]!;
      direction.set(some.direction.subarray(3 * from, 3 * from + 3), 3 * at);
      at += 1;
    }
  }
  return { firstFrame: 0, frames, frameSeconds, activity, direction, discontinuity: false };
}
