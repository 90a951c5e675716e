// Which sounds of two lists are the same sound: of one class, at the same time.
import { angleBetween } from '../../runtime/directions.ts';
import type { SceneEvent } from '../scene-csv.ts';

export interface MatchedPair<A extends SceneEvent, B extends SceneEvent> {
  readonly a: A;
  readonly b: B;
  /** Degrees between their directions. */
  readonly angle: number;
}

export interface Matched<A extends SceneEvent, B extends SceneEvent> {
  readonly pairs: readonly MatchedPair<A, B>[];
  readonly onlyA: readonly A[];
  readonly onlyB: readonly B[];
}

/** Two events are the same when they share at least this of the shorter one. */
const LEAST_OVERLAP = 0.5;

/** Pairs each event with at most one other; those that overlap longest first, among equals the nearer in direction. */
export function matchSounds<A extends SceneEvent, B extends SceneEvent>(
  as: readonly A[],
  bs: readonly B[],
): Matched<A, B> {
  const candidates = as.flatMap((a) =>
    bs
      .filter((b) => a.label === b.label && overlapShare(a, b) >= LEAST_OVERLAP)
      .map((b) => ({ a, b, overlap: overlapSeconds(a, b), angle: angleOf(a, b) })),
  );
  candidates.sort((x, y) => y.overlap - x.overlap || x.angle - y.angle);
  const [usedA, usedB] = [new Set<A>(), new Set<B>()];
  const pairs: MatchedPair<A, B>[] = [];
  for (const { a, b, angle } of candidates) {
    if (usedA.has(a) || usedB.has(b)) continue;
    usedA.add(a);
    usedB.add(b);
    pairs.push({ a, b, angle });
  }
  return { pairs, onlyA: as.filter((a) => !usedA.has(a)), onlyB: bs.filter((b) => !usedB.has(b)) };
}

function overlapSeconds(a: SceneEvent, b: SceneEvent): number {
  return Math.max(0, Math.min(a.endSeconds, b.endSeconds) - Math.max(a.startSeconds, b.startSeconds));
}

function overlapShare(a: SceneEvent, b: SceneEvent): number {
  return overlapSeconds(a, b) / Math.min(a.endSeconds - a.startSeconds, b.endSeconds - b.startSeconds);
}

function angleOf(a: SceneEvent, b: SceneEvent): number {
  return angleBetween(a.azimuth, a.elevation, b.azimuth, b.elevation);
}
