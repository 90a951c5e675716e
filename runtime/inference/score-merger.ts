// Merges the scores of overlapping windows: each label frame is the mean over its windows, weighted towards their centres.
import type { Scores } from '../signals.ts';
import type { WindowScores } from './engine.ts';

/** One label frame on its way: sums over the windows that saw it. */
interface Sum {
  weight: number;
  readonly activity: Float64Array;
  readonly direction: Float64Array;
}

/** Collects windows in the order of their ends and gives label frames out in order, each once. */
export class ScoreMerger {
  readonly #classes: number;
  readonly #sums = new Map<number, Sum>();
  #nextLabel = 0;
  #broken = false;

  constructor({ classes }: { classes: number }) {
    this.#classes = classes;
  }

  /** The label frame that leaves next. */
  get nextLabel(): number {
    return this.#nextLabel;
  }

  /** Starts a stretch without breaks; a stretch that is not the first follows a break. */
  begin(firstLabel: number): void {
    this.#broken = firstLabel > 0;
    this.#nextLabel = firstLabel;
    this.#sums.clear();
  }

  /**
   * Adds a window. The weight rises linearly from its edges to its centre: a network with recurrent layers knows least of
   * what lies at an edge, and short windows at the start of a stream weigh less than full ones.
   */
  add(firstLabel: number, labels: number, { activity, direction }: WindowScores): void {
    const classes = this.#classes;
    for (let i = Math.max(0, this.#nextLabel - firstLabel); i < labels; i += 1) {
      const weight = Math.min(i + 1, labels - i);
      const sum = this.#sumOf(firstLabel + i);
      sum.weight += weight;
      for (let c = 0; c < classes; c += 1) {
        sum.activity[c]! += weight * activity[i * classes + c]!;
        for (let axis = 0; axis < 3; axis += 1) {
          sum.direction[c * 3 + axis]! += weight * direction[(i * 3 + axis) * classes + c]!;
        }
      }
    }
  }

  /** Label frames before `until` that have not left yet; undefined when there is none. */
  take(until: number): Omit<Scores, 'frameSeconds'> | undefined {
    const firstFrame = this.#nextLabel;
    const frames = until - firstFrame;
    if (frames <= 0) return undefined;
    const activity = new Float32Array(frames * this.#classes);
    const direction = new Float32Array(frames * this.#classes * 3);
    for (let i = 0; i < frames; i += 1) {
      const sum = this.#sums.get(firstFrame + i)!;
      activity.set(
        sum.activity.map((value) => value / sum.weight),
        i * this.#classes,
      );
      direction.set(
        sum.direction.map((value) => value / sum.weight),
        i * this.#classes * 3,
      );
      this.#sums.delete(firstFrame + i);
    }
    const discontinuity = this.#broken;
    this.#broken = false;
    this.#nextLabel = until;
    return { firstFrame, frames, activity, direction, discontinuity };
  }

  #sumOf(label: number): Sum {
    let sum = this.#sums.get(label);
    if (!sum) {
      sum = {
        weight: 0,
        activity: new Float64Array(this.#classes),
        direction: new Float64Array(3 * this.#classes),
      };
      this.#sums.set(label, sum);
    }
    return sum;
  }
}
