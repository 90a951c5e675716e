// The sentence under the title and the key to the marks at its right.
import { bar, type Look } from './event-marks.ts';
import { text, textWidth } from './lettering.ts';
import { type Matching, SAME_DIRECTION_DEGREES } from './match-events.ts';
import { classStyle, INK } from './theme.ts';

const KEY_STYLE = classStyle(9);

const KEY: readonly (readonly [Look, string])[] = [
  ['hit', 'right class and time'],
  ['wrong direction', `direction off by more than ${SAME_DIRECTION_DEGREES}°`],
  ['false alarm', 'false alarm'],
  ['missed', 'missed'],
  ['ghost', 'reference'],
];

/** What the picture shows, in one line. */
export function summarise(predicted: number, matching: Matching | undefined): string {
  if (!matching) return count(predicted, 'event');
  const { found, verdicts, directionErrors } = matching;
  const parts = [
    `${found.filter(Boolean).length} of ${count(found.length, 'event')} found`,
    count(verdicts.filter((v) => v === 'false alarm').length, 'false alarm'),
  ];
  if (directionErrors.length > 0) parts.push(`median direction error ${median(directionErrors).toFixed(1)}°`);
  return parts.join('  ·  ');
}

/** The key, ending at the given right edge; nothing when there is no reference to compare with. */
export function drawLegend(right: number, y: number, matching: Matching | undefined): string {
  if (!matching) return '';
  const parts: string[] = [];
  let x = right;
  for (const [look, meaning] of [...KEY].reverse()) {
    x -= textWidth(meaning);
    parts.push(text(x, y + 4, meaning, { colour: INK.text }));
    x -= 34;
    parts.push(bar({ from: x, to: x + 26 }, y, 11, look, KEY_STYLE.colour));
    x -= 22;
  }
  return parts.join('');
}

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
