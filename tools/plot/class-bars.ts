// Scores class by class as bars, one panel for each score, all classes together above.

import { mark } from './event-marks.ts';
import { drawHead, drawHeading, HEAD_HEIGHT } from './headings.ts';
import { text, textWidth } from './lettering.ts';
import { element, line, picture } from './svg.ts';
import { classStyle, INK } from './theme.ts';

export interface ClassBars {
  readonly title: string;
  /** One line under the title: what was scored. */
  readonly note: string;
  /** Classes in their order. */
  readonly labels: readonly string[];
  readonly panels: readonly BarPanel[];
}

export interface BarPanel {
  /** Name of the score, e.g. F1. */
  readonly name: string;
  /** What it means, e.g. "higher is better". */
  readonly note: string;
  /** Of all classes together; null where nothing was there to score. */
  readonly all: number | null;
  /** One for each class. */
  readonly values: readonly (number | null)[];
  readonly digits: number;
  readonly unit?: string;
  /** End of the axis; by default the smallest round number that holds all values. */
  readonly most?: number;
}

const WIDTH = 1200;
const RIGHT = 28;
const GAP = 44;
const ROW = 27;
const BAR = 15;
const HEADING = 34;
const ALL_GAP = 10;
const BOTTOM = 44;
const ALL_COLOUR = '#4d5866';

/** Draws the bars as SVG, 1200 units wide. */
export function drawClassBars({ title, note, labels, panels }: ClassBars): string {
  const left = Math.ceil(Math.max(...['all classes', ...labels].map((label) => textWidth(label, { size: 13 })))) + 58;
  const width = (WIDTH - left - RIGHT - GAP * (panels.length - 1)) / panels.length;
  const top = HEAD_HEIGHT + HEADING;
  const height = (labels.length + 1) * ROW + ALL_GAP;
  const rowMiddle = (row: number) => top + (row + 0.5) * ROW + (row > 0 ? ALL_GAP : 0);
  const names = labels.flatMap((label, c) => [
    mark(left - 18, rowMiddle(c + 1), 5.5, classStyle(c)),
    text(left - 32, rowMiddle(c + 1) + 4.5, label, { size: 13, anchor: 'end' }),
  ]);
  return picture(WIDTH, top + height + BOTTOM, INK.ground, title, [
    drawHead(left, WIDTH - left - RIGHT, title, note),
    text(left - 32, rowMiddle(0) + 4.5, 'all classes', { size: 13, weight: 'strong', anchor: 'end' }),
    ...names,
    ...panels.map((panel, i) => {
      const box = { left: left + i * (width + GAP), top, width, height };
      return drawHeading(box.left, top - 12, panel.name, panel.note) + drawBars(panel, box, rowMiddle);
    }),
  ]);
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

function drawBars(panel: BarPanel, { left, top, width, height }: Box, rowMiddle: (row: number) => number): string {
  const values = [panel.all, ...panel.values];
  const ticks = ticksOf(panel.most ?? Math.max(0, ...values.map((value) => value ?? 0)));
  const room = width - 40; // behind the longest bar stands its value
  const x = (value: number) => left + (Math.min(value, ticks.at(-1)!) / ticks.at(-1)!) * room;
  const parts = [
    element('rect', { x: left, y: top, width, height, fill: INK.panel }),
    ...ticks.map((tick) => line(x(tick), top, x(tick), top + height, { stroke: INK.grid })),
    ...ticks.map((tick) =>
      text(x(tick), top + height + 17, `${short(tick)}${panel.unit ?? ''}`, { size: 11.5, anchor: 'middle' }),
    ),
    line(left, top + ROW + ALL_GAP / 2, left + width, top + ROW + ALL_GAP / 2, { stroke: INK.frame }),
  ];
  for (const [row, value] of values.entries()) {
    const y = rowMiddle(row);
    const fill = row === 0 ? ALL_COLOUR : classStyle(row - 1).colour;
    const written = value === null ? '–' : `${value.toFixed(panel.digits)}${panel.unit ?? ''}`;
    const end = x(value ?? 0);
    if (value !== null)
      parts.push(
        element('rect', { x: left, y: y - BAR / 2, width: Math.max(1, end - left), height: BAR, rx: 2, fill }),
      );
    const weight = row === 0 ? 'strong' : 'regular';
    parts.push(text(end + 7, y + 4, written, { size: 12, weight, colour: value === null ? INK.faint : INK.text }));
  }
  parts.push(element('rect', { x: left, y: top, width, height, fill: 'none', stroke: INK.frame }));
  return parts.join('');
}

/** Round numbers from 0 that hold the largest value, about five of them. */
function ticksOf(most: number): number[] {
  const rough = Math.max(most, 1e-6) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5].find((factor) => factor * power >= rough) ?? 10);
  const count = Math.ceil(most / step - 1e-9);
  return Array.from({ length: Math.max(1, count) + 1 }, (_, i) => i * step);
}

function short(value: number): string {
  return String(Number(value.toFixed(4)));
}
