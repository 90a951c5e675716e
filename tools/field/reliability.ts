// Whether confidence can be believed: of the frames and events told with a confidence, how many were right.
import { angleBetween } from '../../runtime/directions.ts';
import type { Scores } from '../../runtime/signals.ts';
import type { DetectedEvent } from '../detect.ts';
import type { SceneEvent } from '../scene-csv.ts';

/** Confidences from `from` up to (not with) `to`: how many there were, the sum of their confidences, how many were right. */
export interface ReliabilityBin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly confidenceSum: number;
  readonly right: number;
}

export interface Reliability {
  /** Activity of every class in every label frame; right: the class sounds in the middle of the label frame. */
  readonly frames: readonly ReliabilityBin[];
  /** Mean activity of every event; right: an event of the class within 20 degrees overlaps half of the shorter one. */
  readonly events: readonly ReliabilityBin[];
}

export interface JudgedRecording {
  readonly scores: readonly Scores[];
  readonly events: readonly DetectedEvent[];
  readonly reference: readonly SceneEvent[];
}

const BINS = 10;
const NEAR_DEGREES = 20;
const LEAST_OVERLAP = 0.5;

export function reliability(recordings: readonly JudgedRecording[], classes: number): Reliability {
  const frames = new Bins();
  const events = new Bins();
  for (const { scores, events: told, reference } of recordings) {
    for (const some of scores) countFrames(frames, some, reference, classes);
    for (const event of told)
      events.add(
        event.score,
        reference.some((other) => isRight(event, other)),
      );
  }
  return { frames: frames.list(), events: events.list() };
}

/** Mean distance between confidence and hit rate, weighted by count (expected calibration error, Guo et al. 2017). */
export function calibrationError(bins: readonly ReliabilityBin[]): number | null {
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return null;
  return bins.reduce((sum, { confidenceSum, right }) => sum + Math.abs(confidenceSum - right), 0) / total;
}

function countFrames(bins: Bins, some: Scores, reference: readonly SceneEvent[], classes: number): void {
  const { firstFrame, frames, frameSeconds, activity } = some;
  for (let i = 0; i < frames; i += 1) {
    const middle = (firstFrame + i + 0.5) * frameSeconds;
    const sounding = new Set(
      reference.filter((e) => e.startSeconds <= middle && middle < e.endSeconds).map((e) => e.classIndex),
    );
    for (let c = 0; c < classes; c += 1) bins.add(activity[i * classes + c]!, sounding.has(c));
  }
}

function isRight(event: SceneEvent, other: SceneEvent): boolean {
  if (event.classIndex !== other.classIndex) return false;
  const overlap = Math.min(event.endSeconds, other.endSeconds) - Math.max(event.startSeconds, other.startSeconds);
  const shorter = Math.min(event.endSeconds - event.startSeconds, other.endSeconds - other.startSeconds);
  const angle = angleBetween(event.azimuth, event.elevation, other.azimuth, other.elevation);
  return overlap >= LEAST_OVERLAP * shorter && angle <= NEAR_DEGREES;
}

class Bins {
  readonly #count = new Array<number>(BINS).fill(0);
  readonly #sum = new Array<number>(BINS).fill(0);
  readonly #right = new Array<number>(BINS).fill(0);

  add(confidence: number, right: boolean): void {
    const bin = Math.min(BINS - 1, Math.floor(confidence * BINS));
    this.#count[bin]! += 1;
    this.#sum[bin]! += confidence;
    if (right) this.#right[bin]! += 1;
  }

  list(): ReliabilityBin[] {
    return this.#count.map((count, b) => ({
      ...{ from: b / BINS, to: (b + 1) / BINS },
      ...{ count, confidenceSum: Math.round(1e6 * this.#sum[b]!) / 1e6, right: this.#right[b]! },
    }));
  }
}
