// The 2019 errors of all classes together, kept so that the effect of changing one class is known at once.

const SEGMENT = 50;
/** The official scorer looks at 49 of a segment's 50 frames. */
const SEEN = 49;

/** What a class sounds like through the tracker: everything that its thresholds change. */
export interface ClassOutcome {
  /** Per 20 ms frame of all recordings, 1 where the class is told. */
  readonly told: Uint8Array;
  /** Frames told while the class sounds, and the sum of their angles in degrees. */
  readonly matched: number;
  readonly angleSum: number;
}

/** Counts of one class: per segment -1 missed, 1 invented, 2 hit, 0 rightly silent. */
interface ClassSegments {
  readonly outcome: ClassOutcome;
  readonly segments: Int8Array;
}

export class ErrorSums {
  readonly #segmentStarts: readonly number[];
  readonly #frames: number;
  readonly #sounding: readonly Uint8Array[];
  readonly #classes: ClassSegments[];
  /** Over all classes: per segment, missed and invented; per frame, told minus sounding. */
  readonly #missed: Int16Array;
  readonly #invented: Int16Array;
  readonly #surplus: Int16Array;

  /** @param frameCounts frames of each recording, multiples of 50; @param sounding per class, (frames of all recordings) */
  constructor(frameCounts: readonly number[], sounding: readonly Uint8Array[], outcomes: readonly ClassOutcome[]) {
    this.#segmentStarts = startsOf(frameCounts);
    this.#frames = frameCounts.reduce((a, b) => a + b, 0);
    this.#sounding = sounding;
    this.#missed = new Int16Array(this.#segmentStarts.length);
    this.#invented = new Int16Array(this.#segmentStarts.length);
    this.#surplus = new Int16Array(this.#frames);
    for (const active of sounding) for (let f = 0; f < this.#frames; f += 1) this.#surplus[f]! -= active[f]!;
    this.#classes = outcomes.map((outcome, c) => this.#segmentsOf(c, outcome));
    for (const part of this.#classes) this.#add(part, 1);
  }

  /** Mean of ER, 1 - F1, DE / 180 and 1 - FR. */
  objective(): number {
    const errors = this.#missed.reduce((sum, missed, s) => sum + Math.max(missed, this.#invented[s]!), 0);
    const right = this.#surplus.reduce((sum, surplus) => sum + (surplus === 0 ? 1 : 0), 0);
    const count = (code: number) =>
      this.#classes.reduce((sum, { segments }) => sum + segments.reduce((n, s) => n + (s === code ? 1 : 0), 0), 0);
    const [hits, missed, invented] = [count(2), count(-1), count(1)];
    const matched = this.#classes.reduce((sum, { outcome }) => sum + outcome.matched, 0);
    const angles = this.#classes.reduce((sum, { outcome }) => sum + outcome.angleSum, 0);
    const er = errors / Math.max(1, hits + missed);
    const f1 = (2 * hits) / Math.max(1, 2 * hits + missed + invented);
    const de = matched > 0 ? angles / matched : 180;
    return (er + 1 - f1 + de / 180 + 1 - right / this.#frames) / 4;
  }

  /** The objective if a class had this outcome; nothing changes. */
  objectiveWith(classIndex: number, outcome: ClassOutcome): number {
    const present = this.#classes[classIndex]!.outcome;
    this.replace(classIndex, outcome);
    const value = this.objective();
    this.replace(classIndex, present);
    return value;
  }

  replace(classIndex: number, outcome: ClassOutcome): void {
    this.#add(this.#classes[classIndex]!, -1);
    const part = this.#segmentsOf(classIndex, outcome);
    this.#classes[classIndex] = part;
    this.#add(part, 1);
  }

  #segmentsOf(classIndex: number, outcome: ClassOutcome): ClassSegments {
    const sounding = this.#sounding[classIndex]!;
    const segments = Int8Array.from(this.#segmentStarts, (start) => {
      const was = sounding.subarray(start, start + SEEN).includes(1);
      const is = outcome.told.subarray(start, start + SEEN).includes(1);
      return was ? (is ? 2 : -1) : is ? 1 : 0;
    });
    return { outcome, segments };
  }

  #add({ outcome, segments }: ClassSegments, sign: 1 | -1): void {
    for (const [s, code] of segments.entries()) {
      if (code === -1) this.#missed[s]! += sign;
      if (code === 1) this.#invented[s]! += sign;
    }
    for (let f = 0; f < this.#frames; f += 1) this.#surplus[f]! += sign * outcome.told[f]!;
  }
}

function startsOf(frameCounts: readonly number[]): number[] {
  const starts: number[] = [];
  let first = 0;
  for (const count of frameCounts) {
    for (let at = 0; at < count; at += SEGMENT) starts.push(first + at);
    first += count;
  }
  return starts;
}
