// What sounded against what was heard, class by class: shares of each row, with what was missed and what was invented.
import { mark } from './event-marks.ts';
import { drawHead, HEAD_HEIGHT } from './headings.ts';
import { text, textWidth } from './lettering.ts';
import { letterColour, rampColour } from './ramp.ts';
import { element, line, picture } from './svg.ts';
import { classStyle, INK } from './theme.ts';

export interface ConfusionMatrix {
  readonly title: string;
  /** One line under the title: what was compared. */
  readonly note: string;
  readonly labels: readonly string[];
  /** (classes, classes + 1) amounts: row c sounded, column d was heard in its place; the diagonal: heard; the last column: missed. */
  readonly confusion: readonly (readonly number[])[];
  /** Amount of each class that was heard and did not sound. */
  readonly invented: readonly number[];
  /** Seconds in one unit of the amounts; 0.02 for frames. */
  readonly secondsPerUnit: number;
}

const CELL = 58;
const CELL_HEIGHT = 38;
const GAP = 12;
const SLANT_HEIGHT = 86;
const SECONDS_WIDTH = 84;

/** Draws the matrix as SVG. */
export function drawConfusionMatrix(matrix: ConfusionMatrix): string {
  const { title, note, labels, confusion, invented, secondsPerUnit } = matrix;
  const n = labels.length;
  const left = Math.ceil(Math.max(150, ...labels.map((label) => textWidth(label, { size: 13 }) + 60)));
  const top = HEAD_HEIGHT + SLANT_HEIGHT;
  const x = (column: number) => left + column * CELL + (column === n ? GAP : 0);
  const y = (row: number) => top + row * CELL_HEIGHT + (row === n ? GAP : 0);
  const right = x(n) + CELL;
  const width = Math.max(right + SECONDS_WIDTH + 28, 760);
  const parts = [drawHead(28, width - 56, title, note)];
  for (const [c, label] of labels.entries()) {
    parts.push(rowName(left, y(c) + CELL_HEIGHT / 2, label, c), columnName(x(c) + CELL / 2, top - 10, label, c));
    const total = sum(confusion[c]!);
    for (const [d, amount] of confusion[c]!.entries())
      parts.push(cell(x(d), y(c), total > 0 ? amount / total : 0, c === d));
    parts.push(duration(right + SECONDS_WIDTH, y(c), total * secondsPerUnit));
    const heard = invented[c]! + confusion[c]![c]!;
    parts.push(cell(x(c), y(n), heard > 0 ? invented[c]! / heard : 0, false));
  }
  parts.push(
    slanted(x(n) + CELL / 2, top - 10, 'missed'),
    text(left - 14, y(n) + CELL_HEIGHT / 2 + 4.5, 'did not sound', { size: 13, anchor: 'end' }),
    text(right + SECONDS_WIDTH, top - 10, 'sounded', { size: 12, anchor: 'end', colour: INK.faint }),
    frame(x(0), y(0), n * CELL, n * CELL_HEIGHT),
    frame(x(n), y(0), CELL, n * CELL_HEIGHT),
    frame(x(0), y(n), n * CELL, CELL_HEIGHT),
    text(left, y(n) + CELL_HEIGHT + 26, KEY, { size: 12, colour: INK.faint }),
  );
  return picture(width, y(n) + CELL_HEIGHT + 46, INK.ground, title, parts);
}

const KEY =
  'Rows: what sounded, in % of its time; blue: heard as what it was. Last row: of the time a class was heard, in %, how much it did not sound.';

function cell(x: number, y: number, share: number, right: boolean): string {
  // Mistakes have a colour of their own, and it deepens twice as fast: a tenth gone wrong is worth a look.
  const shade = right ? share : Math.min(1, 2 * share);
  const written = share > 0.0005 ? (100 * share).toFixed(share < 0.0995 ? 1 : 0) : '';
  const colour = written === '0.0' ? INK.faint : letterColour(shade);
  return [
    element('rect', {
      x,
      y,
      width: CELL,
      height: CELL_HEIGHT,
      fill: share > 0 ? rampColour(shade, right ? 'blue' : 'orange') : INK.panel,
    }),
    written && text(x + CELL / 2, y + CELL_HEIGHT / 2 + 4.5, written, { size: 12.5, anchor: 'middle', colour }),
  ].join('');
}

function frame(x: number, y: number, width: number, height: number): string {
  const lines: string[] = [];
  for (let at = CELL; at < width; at += CELL) lines.push(line(x + at, y, x + at, y + height, { stroke: '#ffffff' }));
  for (let at = CELL_HEIGHT; at < height; at += CELL_HEIGHT)
    lines.push(line(x, y + at, x + width, y + at, { stroke: '#ffffff' }));
  return lines.join('') + element('rect', { x, y, width, height, fill: 'none', stroke: INK.frame });
}

function rowName(right: number, y: number, label: string, c: number): string {
  return mark(right - 18, y, 5.5, classStyle(c)) + text(right - 32, y + 4.5, label, { size: 13, anchor: 'end' });
}

function columnName(x: number, bottom: number, label: string, c: number): string {
  return mark(x, bottom - 4, 5.5, classStyle(c)) + slanted(x, bottom - 14, label);
}

function slanted(x: number, y: number, label: string): string {
  return element('g', { transform: `rotate(-45 ${x} ${y})` }, text(x, y, label, { size: 13 }));
}

function duration(right: number, y: number, seconds: number): string {
  const written = seconds < 100 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds)} s`;
  return text(right, y + CELL_HEIGHT / 2 + 4.5, written, { size: 12, anchor: 'end', colour: INK.faint });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
