// What a model does badly, said in sentences from its counts alone.
import { partOf } from './breakdown.ts';
import { scores2019 } from './metrics/official2019.ts';
import { addCounts } from './metrics/scores.ts';
import { calibrationError } from './reliability.ts';
import type { ScoredSet } from './score-file.ts';

/** Shares and factors from which something is worth a sentence. */
const NOTABLE_CONFUSION = 0.03;
const NOTABLE_MISSED = 0.15;
const NOTABLE_INVENTED = 0.15;
const NOTABLE_FACTOR = 1.3;
const NOTABLE_CALIBRATION = 0.05;
const MOST_CONFUSIONS = 5;

const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
const degrees = (value: number) => `${value.toFixed(1)}°`;

/** Sentences, the weightiest kind first; at least one. */
export function weaknesses(set: ScoredSet, labels: readonly string[]): string[] {
  const found = [
    ...weakestClasses(set),
    ...confusions(set, labels),
    ...missed(set, labels),
    ...invented(set, labels),
    ...overlap(set),
    ...elevation(set),
    ...confidence(set),
  ];
  return found.length > 0 ? found : ['The counts show none that is worth a sentence; that is a property of this set.'];
}

function weakestClasses({ classes }: ScoredSet): string[] {
  const sorted = classes
    .filter(({ official }) => official.Nref > 0)
    .map(({ label, official }) => ({ label, f1: scores2019(official).F1 }))
    .sort((a, b) => a.f1 - b.f1)
    .slice(0, 3);
  if (sorted.length === 0) return [];
  return [`Heard worst: ${sorted.map(({ label, f1 }) => `${label} (F1 ${percent(f1)})`).join(', ')}.`];
}

function confusions({ diagnosis }: ScoredSet, labels: readonly string[]): string[] {
  const pairs = diagnosis.confusion.flatMap((row, c) => {
    const total = row.reduce((a, b) => a + b, 0);
    return row.slice(0, labels.length).map((frames, d) => ({ c, d, share: total > 0 ? frames / total : 0 }));
  });
  return pairs
    .filter(({ c, d, share }) => c !== d && share >= NOTABLE_CONFUSION)
    .sort((a, b) => b.share - a.share)
    .slice(0, MOST_CONFUSIONS)
    .map(({ c, d, share }) => `${labels[c]} is taken for ${labels[d]} ${percent(share)} of its time.`);
}

function missed({ diagnosis }: ScoredSet, labels: readonly string[]): string[] {
  const shares = diagnosis.confusion.map((row, c) => {
    const total = row.reduce((a, b) => a + b, 0);
    return { label: labels[c]!, share: total > 0 ? row[labels.length]! / total : 0 };
  });
  const many = shares.filter(({ share }) => share >= NOTABLE_MISSED).sort((a, b) => b.share - a.share);
  if (many.length === 0) return [];
  return [
    `Not told while it sounds, with nothing in its place: ${many.map(({ label, share }) => `${label} (${percent(share)} of its time)`).join(', ')}.`,
  ];
}

function invented({ diagnosis }: ScoredSet, labels: readonly string[]): string[] {
  const shares = diagnosis.invented.map((frames, c) => {
    const told = frames + diagnosis.confusion[c]![c]!;
    return { label: labels[c]!, share: told > 0 ? frames / told : 0 };
  });
  const many = shares.filter(({ share }) => share >= NOTABLE_INVENTED).sort((a, b) => b.share - a.share);
  if (many.length === 0) return [];
  return [
    `Told without sounding: ${many.map(({ label, share }) => `${label} (${percent(share)} of the time it is told)`).join(', ')}.`,
  ];
}

function overlap({ recordings }: ScoredSet): string[] {
  const [one, two] = ['1', '2'].map((ov) => {
    const counts = recordings.filter(({ name }) => partOf(name, 'ov') === ov).map((recording) => recording.counts);
    return counts.length > 0 ? scores2019(addCounts(counts).unsnapped) : undefined;
  });
  if (!one || !two || !one.DE || !two.DE || two.DE < NOTABLE_FACTOR * one.DE) return [];
  return [
    `Two sounds at once: direction error ${degrees(two.DE)} instead of ${degrees(one.DE)}, F1 ${percent(two.F1)} instead of ${percent(one.F1)}.`,
  ];
}

function elevation({ diagnosis }: ScoredSet): string[] {
  const means = diagnosis.elevations
    .filter(({ heard }) => heard > 0)
    .map((counts) => ({ elevation: counts.elevation, mean: counts.angleSum / counts.heard }))
    .sort((a, b) => a.mean - b.mean);
  const [best, worst] = [means[0], means.at(-1)];
  if (!best || !worst || worst.mean < NOTABLE_FACTOR * best.mean) return [];
  return [
    `Directions depend on elevation: ${degrees(worst.mean)} off at ${worst.elevation}°, ${degrees(best.mean)} at ${best.elevation}°. Judged between ${Math.min(...means.map((m) => m.elevation))}° and ${Math.max(...means.map((m) => m.elevation))}° only.`,
  ];
}

function confidence({ reliability }: ScoredSet): string[] {
  const error = calibrationError(reliability.events);
  if (error === null || error < NOTABLE_CALIBRATION) return [];
  const [sum, right, count] = reliability.events.reduce(
    ([s, r, n], bin) => [s + bin.confidenceSum, r + bin.right, n + bin.count] as const,
    [0, 0, 0] as readonly [number, number, number],
  );
  return [
    `Its scores are no probabilities: events are told with ${percent(sum / count)} on average and are right in ${percent(right / count)} of cases.`,
  ];
}
