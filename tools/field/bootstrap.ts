// How far scores depend on which recordings they were counted on: resampling over recordings (Efron 1979).
import { type AllScores, addCounts, allScores, type RecordingCounts } from './metrics/scores.ts';

export const RESAMPLINGS = 200;
const SEED = 1;

/** Mean over the resamplings and the range that 95 % of them lie in; null where a resampling had nothing to form the score from. */
export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Scores that tables show, by name. DE is unsnapped, DE_official floors to the 10 degree grid. */
export const SCORE_NAMES = [
  ...(['ER', 'F1', 'DE', 'DE_snapped', 'DE_official', 'FR', 'SELD'] as const),
  ...(['ER20', 'F20', 'LE_CD', 'LR_CD'] as const),
] as const;
export type ScoreName = (typeof SCORE_NAMES)[number];
export type NamedScores = Readonly<Record<ScoreName, number | null>>;

export function named(scores: AllScores): NamedScores {
  const { ER20, F20, LE_CD, LR_CD } = scores.joint_micro;
  const { ER, F1, DE_snapped, FR, SELD } = scores;
  return { ER, F1, DE: scores.DE_unsnapped, DE_snapped, DE_official: scores.DE, FR, SELD, ER20, F20, LE_CD, LR_CD };
}

/** Means and ranges of the scores over RESAMPLINGS draws of as many recordings as there are, with replacement. */
export function resample(recordings: readonly RecordingCounts[]): Readonly<Record<ScoreName, Interval | null>> {
  return intervals(draws(recordings));
}

/**
 * The same of `a` minus `b`, draw by draw: how much chance there is in their difference. Since both are drawn alike, what makes a
 * recording hard for either leaves it, and the range is far narrower than those of `a` and `b`.
 *
 * @param b the same recordings in the same order, heard by another model
 */
export function resampleDifference(
  a: readonly RecordingCounts[],
  b: readonly RecordingCounts[],
): Readonly<Record<ScoreName, Interval | null>> {
  if (a.length !== b.length) throw new Error(`paired resampling of ${a.length} and ${b.length} recordings`);
  const others = draws(b);
  return intervals(draws(a).map((scores, i) => minus(scores, others[i]!)));
}

function minus(a: NamedScores, b: NamedScores): NamedScores {
  const difference = (x: number | null, y: number | null) => (x === null || y === null ? null : x - y);
  const entries = SCORE_NAMES.map((name) => [name, difference(a[name], b[name])] as const);
  return Object.fromEntries(entries) as Record<ScoreName, number | null>;
}

/** Same number of recordings, same draws: rows scored on the same recordings are resampled alike. */
function draws(recordings: readonly RecordingCounts[]): readonly NamedScores[] {
  const random = xorshift(SEED);
  return Array.from({ length: RESAMPLINGS }, () => {
    const drawn = recordings.map(() => recordings[Math.floor(random() * recordings.length)]!);
    return named(allScores(addCounts(drawn)));
  });
}

function intervals(scores: readonly NamedScores[]): Readonly<Record<ScoreName, Interval | null>> {
  const entries = SCORE_NAMES.map((name) => [name, interval(scores.map((draw) => draw[name]))] as const);
  return Object.fromEntries(entries) as Record<ScoreName, Interval | null>;
}

function interval(values: readonly (number | null)[]): Interval | null {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (known.length < values.length) return null;
  return {
    mean: known.reduce((a, b) => a + b, 0) / known.length,
    low: quantile(known, 0.025),
    high: quantile(known, 0.975),
  };
}

/** Linear between the two nearest, as numpy has it. @param sorted ascending, at least one */
function quantile(sorted: readonly number[], p: number): number {
  const place = p * (sorted.length - 1);
  const low = Math.floor(place);
  const above = sorted[Math.min(sorted.length - 1, low + 1)]!;
  return sorted[low]! + (place - low) * (above - sorted[low]!);
}

/** Numbers in 0..1 (Marsaglia 2003, xorshift32). */
function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
