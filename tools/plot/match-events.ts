// Which predicted events are right: same class, same time, same direction. For pictures; the scores are tools/field's.
import { angleBetween } from '../../runtime/directions.ts';
import type { SceneEvent } from '../scene-csv.ts';

export type Verdict = 'hit' | 'wrong direction' | 'false alarm';

export interface Matching {
  /** One for each prediction. */
  readonly verdicts: readonly Verdict[];
  /** One for each reference event: whether some prediction of its class sounded at its time. */
  readonly found: readonly boolean[];
  /** Degrees between each prediction that met a reference event of its class and that event. */
  readonly directionErrors: readonly number[];
}

/** The threshold of the joint metrics ER20 and F20 (DCASE 2020 and later). */
export const SAME_DIRECTION_DEGREES = 20;

/** Share of the shorter event that both have in common, 0..1. */
function overlap(a: SceneEvent, b: SceneEvent): number {
  const common = Math.min(a.endSeconds, b.endSeconds) - Math.max(a.startSeconds, b.startSeconds);
  return Math.max(0, common) / Math.min(a.endSeconds - a.startSeconds, b.endSeconds - b.startSeconds);
}

/**
 * Compares events with the reference. A prediction meets a reference event of its class when they share at least
 * half of the shorter one; of several the nearest in direction counts. One event found in two pieces is no false alarm.
 */
export function matchEvents(reference: readonly SceneEvent[], prediction: readonly SceneEvent[]): Matching {
  const found = reference.map(() => false);
  const directionErrors: number[] = [];
  const verdicts = prediction.map((p): Verdict => {
    let nearest = Number.POSITIVE_INFINITY;
    reference.forEach((r, i) => {
      if (r.label !== p.label || overlap(r, p) < 0.5) return;
      found[i] = true;
      nearest = Math.min(nearest, angleBetween(r.azimuth, r.elevation, p.azimuth, p.elevation));
    });
    if (nearest === Number.POSITIVE_INFINITY) return 'false alarm';
    directionErrors.push(nearest);
    return nearest <= SAME_DIRECTION_DEGREES ? 'hit' : 'wrong direction';
  });
  return { verdicts, found, directionErrors };
}
