// The joint metrics of DCASE 2020 and later with their quirks (seld-dcase2023, SELD_evaluation_metrics.py): ER20, F20, LE_CD, LR_CD.
import { pairByAngle } from './assignment.ts';
import type { Frames, Row } from './frames.ts';

/** Counts of one recording: per class where macro averages need them, else over all classes. */
export interface JointCounts {
  readonly classes: readonly ClassCounts[];
  readonly S: number;
  readonly D: number;
  readonly I: number;
}

export interface ClassCounts {
  /** Tracks found within 20 degrees, found farther away, invented, missed. */
  readonly TP: number;
  readonly FPspatial: number;
  readonly FP: number;
  readonly FN: number;
  readonly Nref: number;
  /** Sum of the mean angles of the matched tracks in degrees, and their number. */
  readonly angleSum: number;
  readonly matched: number;
}

/** Rates; null where nothing was there to form them from. LE_CD in degrees, 180 where no track was matched, as the official scorer has it. */
export interface JointScores {
  readonly ER20: number | null;
  readonly F20: number;
  readonly LE_CD: number;
  readonly LR_CD: number;
  readonly SELD: number | null;
}

const SEGMENT = 10;
const NEAR_DEGREES = 20;
const NONE: ClassCounts = { TP: 0, FPspatial: 0, FP: 0, FN: 0, Nref: 0, angleSum: 0, matched: 0 };

/** @param reference 100 ms frames; a track is the position of a row among those of its class in its frame */
export function countJoint(reference: Frames, prediction: Frames, classes: number): JointCounts {
  let total: JointCounts = { classes: Array.from({ length: classes }, () => NONE), S: 0, D: 0, I: 0 };
  for (let first = 0; first < reference.length; first += SEGMENT)
    total = addJoint(
      total,
      countSegment(reference.slice(first, first + SEGMENT), prediction.slice(first, first + SEGMENT), classes),
    );
  return total;
}

export function addJoint(a: JointCounts, b: JointCounts): JointCounts {
  return {
    classes: a.classes.map((counts, c) => addClass(counts, b.classes[c]!)),
    S: a.S + b.S,
    D: a.D + b.D,
    I: a.I + b.I,
  };
}

/** Over all tracks, whatever their class. */
export function microScores(counts: JointCounts): JointScores {
  const all = counts.classes.reduce(addClass);
  return withSeld(errorRate(counts), fScore(all), localisationError(all), recall(all));
}

/** Mean over the classes; those that are absent count as F20 0, LR_CD 0 and LE_CD 180, as in the official scorer. ER20 is over all. */
export function macroScores(counts: JointCounts): JointScores {
  const mean = (rate: (c: ClassCounts) => number) =>
    counts.classes.reduce((sum, c) => sum + rate(c), 0) / counts.classes.length;
  return withSeld(errorRate(counts), mean(fScore), mean(localisationError), mean(recall));
}

function countSegment(reference: Frames, prediction: Frames, classes: number): JointCounts {
  const perClass = Array.from({ length: classes }, (_, c) => countClass(tracks(reference, c), tracks(prediction, c)));
  const misses = perClass.reduce((sum, { FN }) => sum + FN, 0);
  const extras = perClass.reduce((sum, { FP, FPspatial }) => sum + FP + FPspatial, 0);
  return {
    classes: perClass,
    S: Math.min(extras, misses),
    D: Math.max(0, misses - extras),
    I: Math.max(0, extras - misses),
  };
}

function countClass(reference: Frames, prediction: Frames): ClassCounts {
  const Nref = Math.max(0, ...reference.map((rows) => rows.length));
  const Nsys = Math.max(0, ...prediction.map((rows) => rows.length));
  if (Nref === 0 && Nsys === 0) return NONE;
  if (Nref === 0 || Nsys === 0) return { ...NONE, Nref, FN: Nref, FP: Nsys };
  const means = trackAngles(reference, prediction);
  // Both active in this second but never in the same frame: the official code adds the predicted tracks to the misses.
  if (means.length === 0) return { ...NONE, Nref, FN: Nsys };
  const near = means.filter((angle) => angle <= NEAR_DEGREES).length;
  return {
    Nref,
    TP: near,
    FPspatial: means.length - near,
    FN: Math.max(0, Nref - Nsys),
    FP: Math.max(0, Nsys - Nref),
    angleSum: means.reduce((sum, angle) => sum + angle, 0),
    matched: means.length,
  };
}

/** Mean angle of each reference track that was ever matched. */
function trackAngles(reference: Frames, prediction: Frames): number[] {
  const sums = new Map<number, { angle: number; frames: number }>();
  for (const [f, rows] of reference.entries())
    for (const { reference: track, angle } of pairByAngle(rows, prediction[f]!)) {
      const sum = sums.get(track) ?? { angle: 0, frames: 0 };
      sums.set(track, { angle: sum.angle + angle, frames: sum.frames + 1 });
    }
  return [...sums.values()].map(({ angle, frames }) => angle / frames);
}

function tracks(frames: Frames, classIndex: number): Row[][] {
  return frames.map((rows) => rows.filter((row) => row.classIndex === classIndex));
}

function addClass(a: ClassCounts, b: ClassCounts): ClassCounts {
  return {
    TP: a.TP + b.TP,
    FPspatial: a.FPspatial + b.FPspatial,
    FP: a.FP + b.FP,
    FN: a.FN + b.FN,
    Nref: a.Nref + b.Nref,
    angleSum: a.angleSum + b.angleSum,
    matched: a.matched + b.matched,
  };
}

function errorRate({ classes, S, D, I }: JointCounts): number | null {
  const { Nref } = classes.reduce(addClass);
  return Nref > 0 ? (S + D + I) / Nref : null;
}

function fScore({ TP, FPspatial, FP, FN }: ClassCounts): number {
  return ratio(TP, TP + FPspatial + 0.5 * (FP + FN));
}

function localisationError({ angleSum, matched }: ClassCounts): number {
  return matched > 0 ? angleSum / matched : 180;
}

function recall({ matched, FN }: ClassCounts): number {
  return ratio(matched, matched + FN);
}

function ratio(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}

function withSeld(ER20: number | null, F20: number, LE_CD: number, LR_CD: number): JointScores {
  const SELD = ER20 === null ? null : (ER20 + (1 - F20) + LE_CD / 180 + (1 - LR_CD)) / 4;
  return { ER20, F20, LE_CD, LR_CD, SELD };
}
