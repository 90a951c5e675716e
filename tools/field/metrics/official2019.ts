// The DCASE 2019 metrics with their quirks (seld-dcase2019, metrics/evaluation_metrics.py): ER, F1, DE, FR, SELD.
import { pairByAngle } from './assignment.ts';
import type { Frames, Row } from './frames.ts';

/** Counts of one recording; those of several are added up before any rate is formed. */
export interface Counts2019 {
  /** Substitutions, deletions, insertions, per one-second segment. */
  readonly S: number;
  readonly D: number;
  readonly I: number;
  readonly TP: number;
  /** Active (segment, class) pairs of reference and prediction. */
  readonly Nref: number;
  readonly Nsys: number;
  readonly frames: number;
  /** Frames with as many predicted as reference directions. */
  readonly good: number;
  /** Sum of the matched angles in degrees, and the number of predicted directions, unmatched ones included. */
  readonly doa_sum: number;
  readonly doa_cnt: number;
}

/** Rates; null where nothing was there to form them from. DE in degrees. */
export interface Scores2019 {
  readonly ER: number | null;
  readonly F1: number;
  readonly DE: number | null;
  readonly FR: number;
  readonly SELD: number | null;
}

const SEGMENT = 50;
/** The official scorer looks at 49 of a segment's 50 frames. */
const SEEN = 49;
const CELL = 10;

/**
 * Scorer for class labels, as the official run uses it: angles are clipped to azimuth -180..170 and elevation -40..40, cut to
 * whole degrees and floored to the 10 degree grid; equal (class, cell) pairs of a frame are one.
 */
export function countGrid(reference: Frames, prediction: Frames, classes: number): Counts2019 {
  return count(reference.map(toGrid), prediction.map(toGrid), classes);
}

/** Scorer for regression labels: angles as they are, one direction per class and frame, later rows overwrite earlier ones. */
export function countUnsnapped(reference: Frames, prediction: Frames, classes: number): Counts2019 {
  return count(reference.map(lastOfClass), prediction.map(lastOfClass), classes);
}

/** Each angle moved to the nearest point of the 10 degree grid (180 is -180), which the official scorer's floor then leaves alone. */
export function roundToGrid(frames: Frames): Frames {
  return frames.map((rows) => rows.map(roundRow));
}

export function scores2019(counts: Counts2019): Scores2019 {
  const { S, D, I, TP, Nref, Nsys } = counts;
  const ER = Nref > 0 ? (S + D + I) / Nref : null;
  const F1 = Nref + Nsys > 0 ? (2 * TP) / (Nref + Nsys) : 0;
  const DE = counts.doa_cnt > 0 ? counts.doa_sum / counts.doa_cnt : null;
  const FR = counts.good / counts.frames;
  const SELD = ER === null || DE === null ? null : (ER + (1 - F1) + DE / 180 + (1 - FR)) / 4;
  return { ER, F1, DE, FR, SELD };
}

function count(reference: Row[][], prediction: Row[][], classes: number): Counts2019 {
  return {
    ...countSegments(reference, prediction, classes),
    frames: reference.length,
    good: reference.filter((rows, f) => rows.length === prediction[f]!.length).length,
    doa_sum: reference.reduce((sum, rows, f) => sum + matchedAngles(rows, prediction[f]!), 0),
    doa_cnt: prediction.reduce((sum, rows) => sum + rows.length, 0),
  };
}

function matchedAngles(reference: readonly Row[], prediction: readonly Row[]): number {
  return pairByAngle(reference, prediction).reduce((sum, { angle }) => sum + angle, 0);
}

function countSegments(reference: Frames, prediction: Frames, classes: number) {
  const sums = { S: 0, D: 0, I: 0, TP: 0, Nref: 0, Nsys: 0 };
  for (let first = 0; first < reference.length; first += SEGMENT) {
    const expected = activeClasses(reference, first);
    const found = activeClasses(prediction, first);
    let hits = 0;
    for (let c = 0; c < classes; c++) if (expected.has(c) && found.has(c)) hits++;
    const misses = expected.size - hits;
    const extras = found.size - hits;
    sums.S += Math.min(extras, misses);
    sums.D += Math.max(0, misses - extras);
    sums.I += Math.max(0, extras - misses);
    sums.TP += hits;
    sums.Nref += expected.size;
    sums.Nsys += found.size;
  }
  return sums;
}

function activeClasses(frames: Frames, first: number): Set<number> {
  return new Set(frames.slice(first, first + SEEN).flatMap((rows) => rows.map((row) => row.classIndex)));
}

function toGrid(rows: readonly Row[]): Row[] {
  const cells = new Map<string, Row>();
  for (const { classIndex, azimuth, elevation } of rows) {
    const cell = { classIndex, azimuth: floorToGrid(azimuth, -180, 170), elevation: floorToGrid(elevation, -40, 40) };
    cells.set(`${classIndex} ${cell.azimuth} ${cell.elevation}`, cell);
  }
  return [...cells.values()];
}

function floorToGrid(degrees: number, lowest: number, highest: number): number {
  return Math.floor(Math.min(highest, Math.max(lowest, Math.trunc(degrees))) / CELL) * CELL;
}

function roundRow({ classIndex, azimuth, elevation }: Row): Row {
  const nearest = Math.round(azimuth / CELL) * CELL;
  return { classIndex, azimuth: nearest === 180 ? -180 : nearest, elevation: Math.round(elevation / CELL) * CELL };
}

function lastOfClass(rows: readonly Row[]): Row[] {
  return [...new Map(rows.map((row) => [row.classIndex, row])).values()];
}
