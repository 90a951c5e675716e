// Whether a device hears what the workstation hears: the same events, and the same scores frame by frame.
import { UserError } from '../command.ts';
import { matchSounds } from './matching.ts';
import { type TrialResult, unpackActivity } from './trial-result.ts';

export interface Agreement {
  /** That both heard. */
  readonly recordings: number;
  /** Events of ours, of the other, and those that are the same sound. */
  readonly ours: number;
  readonly theirs: number;
  readonly same: number;
  /** Share of all events that have their twin, 0..1 (F-score of one against the other); null without events. */
  readonly eventAgreement: number | null;
  /** Of the same events: median difference of their starts in seconds and of their directions in degrees. */
  readonly startDifference: number | null;
  readonly directionDifference: number | null;
  /** Scores compared: label frames x classes. */
  readonly scores: number;
  readonly meanDifference: number | null;
  readonly largestDifference: number | null;
  /** Share of scores that lie on the same side of the threshold at which a sound begins. */
  readonly decisionAgreement: number | null;
}

/** @throws UserError when the results cannot be compared: other classes, or no recording in common */
export function agreementOf(ours: TrialResult, theirs: TrialResult): Agreement {
  if (ours.model.labels.join() !== theirs.model.labels.join())
    throw new UserError(
      `The result to compare with is of ${theirs.model.name}, which knows other classes than ${ours.model.name}: compare results of the same classes.`,
    );
  const others = new Map(theirs.recordings.map((entry) => [entry.name, entry]));
  const pairs = ours.recordings.flatMap((entry) => {
    const other = others.get(entry.name);
    return other ? [[entry, other] as const] : [];
  });
  if (pairs.length === 0)
    throw new UserError(
      `The result to compare with holds none of these recordings: compare results of the same recordings (their names count).`,
    );
  const sums = { ours: 0, theirs: 0, scores: 0, difference: 0, largest: 0, alike: 0 };
  const [starts, angles]: [number[], number[]] = [[], []];
  for (const [entry, other] of pairs) {
    const { pairs: same } = matchSounds(entry.events, other.events);
    for (const { a, b, angle } of same) {
      starts.push(Math.abs(a.startSeconds - b.startSeconds));
      angles.push(angle);
    }
    sums.ours += entry.events.length;
    sums.theirs += other.events.length;
    compareScores(sums, unpackActivity(entry.activity), unpackActivity(other.activity), ours.model.onset);
  }
  const rate = (part: number, whole: number) => (whole > 0 ? part / whole : null);
  return {
    ...{ recordings: pairs.length, ours: sums.ours, theirs: sums.theirs, same: starts.length },
    eventAgreement: rate(2 * starts.length, sums.ours + sums.theirs),
    ...{ startDifference: median(starts), directionDifference: median(angles), scores: sums.scores },
    meanDifference: rate(sums.difference, sums.scores),
    largestDifference: sums.scores > 0 ? sums.largest : null,
    decisionAgreement: rate(sums.alike, sums.scores),
  };
}

interface ScoreSums {
  scores: number;
  difference: number;
  largest: number;
  alike: number;
}

/** A frame that one of them lacks (the last, where a recording ends within it) is passed over. */
function compareScores(sums: ScoreSums, a: Float32Array, b: Float32Array, onset: readonly number[]): void {
  const count = Math.min(a.length, b.length);
  for (let i = 0; i < count; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    const threshold = onset[i % onset.length]!;
    sums.difference += difference;
    sums.largest = Math.max(sums.largest, difference);
    if (a[i]! >= threshold === b[i]! >= threshold) sums.alike += 1;
  }
  sums.scores += count;
}

function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
