// Merges the scores of overlapping windows: each label frame is the mean over its windows, weighted towards their centres.
import type { Scores } from '../signals.ts';
import type { WindowScores } from './engine.ts';

/** One label frame on its way: sums over the windows that saw it. */
interface Sum {
  weight: number;
  readonly activity: Float64Array;
  readonly direction: Float64Array;
}

type MergedScores = Omit<Scores, 'frameSeconds'>;

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

  /**
   * Lets the label frames before `until` leave, in stretches that windows saw without a gap; frames that no window saw are
   * left out, and what follows them is marked as following a break.
   */
  take(until: number): { stretches: MergedScores[]; unheard: number } {
    const stretches: MergedScores[] = [];
    let unheard = 0;
    while (this.#nextLabel < until) {
      const firstFrame = this.#nextLabel;
      while (this.#nextLabel < until && this.#sums.has(this.#nextLabel)) this.#nextLabel += 1;
      if (this.#nextLabel > firstFrame) {
        stretches.push({ ...this.#merged(firstFrame, this.#nextLabel), discontinuity: this.#broken });
        for (let label = firstFrame; label < this.#nextLabel; label += 1) this.#sums.delete(label);
        this.#broken = false;
      } else {
        this.#nextLabel += 1;
        unheard += 1;
        this.#broken = true;
      }
    }
    return { stretches, unheard };
  }

  /** What is known so far of the label frames that leave next, up to `until`; undefined when nothing is. */
  peek(until: number): MergedScores | undefined {
    let end = this.#nextLabel;
    while (end < until && this.#sums.has(end)) end += 1;
    if (end === this.#nextLabel) return undefined;
    return { ...this.#merged(this.#nextLabel, end), discontinuity: this.#broken };
  }

  #merged(firstFrame: number, end: number): Omit<MergedScores, 'discontinuity'> {
    const frames = end - firstFrame;
    const activity = new Float32Array(frames * this.#classes);
    const direction = new Float32Array(frames * this.#classes * 3);
    for (let i = 0; i < frames; i += 1) {
      const sum = this.#sums.get(firstFrame + i)!;
      for (let k = 0; k < this.#classes; k += 1) activity[i * this.#classes + k] = sum.activity[k]! / sum.weight;
      for (let k = 0; k < 3 * this.#classes; k += 1) {
        direction[i * 3 * this.#classes + k] = sum.direction[k]! / sum.weight;
      }
    }
    return { firstFrame, frames, activity, direction };
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
