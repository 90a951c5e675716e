// What a single score hides: how well each elevation is heard, and which classes are taken for which.
import { angleBetween } from '../../runtime/directions.ts';
import type { Row } from './metrics/frames.ts';
import type { FramedPair } from './metrics/scores.ts';

/** Sounds of one elevation in 20 ms frames: how many, how many of them were heard as their class, the sum of those angles in degrees. */
export interface ElevationCounts {
  readonly elevation: number;
  readonly frames: number;
  readonly heard: number;
  readonly angleSum: number;
}

export interface Diagnosis {
  /** In the order of elevations. */
  readonly elevations: readonly ElevationCounts[];
  /**
   * (classes, classes + 1) frames of 20 ms: row c, column d: c sounded unheard while d was heard that did not sound; the
   * diagonal: c was heard; the last column: c sounded unheard and nothing was heard in its place.
   */
  readonly confusion: readonly (readonly number[])[];
  /** Frames in which a class was heard that did not sound, per class. */
  readonly invented: readonly number[];
}

export function diagnose(pairs: readonly FramedPair[], classes: number): Diagnosis {
  const elevations = new Map<number, { frames: number; heard: number; angleSum: number }>();
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes + 1).fill(0));
  const invented = new Array<number>(classes).fill(0);
  for (const { reference20ms, prediction20ms } of pairs)
    for (const [f, reference] of reference20ms.entries()) {
      const prediction = prediction20ms[f]!;
      for (const row of reference) countElevation(elevations, row, prediction);
      countConfusion(confusion, invented, reference, prediction);
    }
  return {
    elevations: [...elevations].sort(([a], [b]) => a - b).map(([elevation, counts]) => ({ elevation, ...counts })),
    confusion,
    invented,
  };
}

function countElevation(
  elevations: Map<number, { frames: number; heard: number; angleSum: number }>,
  row: Row,
  prediction: readonly Row[],
): void {
  const counts = elevations.get(row.elevation) ?? { frames: 0, heard: 0, angleSum: 0 };
  elevations.set(row.elevation, counts);
  counts.frames += 1;
  const same = prediction.filter(({ classIndex }) => classIndex === row.classIndex);
  if (same.length === 0) return;
  counts.heard += 1;
  counts.angleSum += Math.min(
    ...same.map((other) => angleBetween(row.azimuth, row.elevation, other.azimuth, other.elevation)),
  );
}

function countConfusion(
  confusion: number[][],
  invented: number[],
  reference: readonly Row[],
  prediction: readonly Row[],
): void {
  const sounding = new Set(reference.map(({ classIndex }) => classIndex));
  const heard = new Set(prediction.map(({ classIndex }) => classIndex));
  const wrong = [...heard].filter((c) => !sounding.has(c));
  for (const c of wrong) invented[c]! += 1;
  for (const c of sounding) {
    const row = confusion[c]!;
    if (heard.has(c)) row[c]! += 1;
    else if (wrong.length === 0) row[row.length - 1]! += 1;
    else for (const d of wrong) row[d]! += 1 / wrong.length;
  }
}
