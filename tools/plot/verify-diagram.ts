// How exact the files of a model are: noise beside PyTorch's values, and the scores of the task with the budget around them.
import { text } from './lettering.ts';
import { element, line, picture } from './svg.ts';
import { classStyle, INK } from './theme.ts';

export interface VerifyRow {
  readonly name: string;
  readonly detail: string;
  readonly proved: boolean;
  /** By output, in decibels; infinite where nothing differs. */
  readonly sqnrDb: Readonly<Record<string, number>>;
  /** F1 in points, direction error in degrees. */
  readonly scores?: { readonly f1: number; readonly degrees: number };
}

export interface VerifyPicture {
  readonly title: string;
  readonly subtitle: string;
  readonly rows: readonly VerifyRow[];
  /** What a file may lose beside the first, where scores are told. */
  readonly budget: { readonly f1Points: number; readonly degrees: number };
}

const [WIDTH, TOP, ROW, LABELS, MARGIN] = [1000, 112, 66, 250, 36];
const MOST_DB = 140;
const [GOOD, COLOUR] = [
  '#117733',
  { activity: classStyle(0).colour, direction: classStyle(3).colour } as Record<string, string>,
];

interface Column {
  readonly left: number;
  readonly width: number;
}

export function drawVerifyDiagram({ title, subtitle, rows, budget }: VerifyPicture): string {
  const heard = rows.flatMap(({ scores }, row) => (scores ? [{ ...scores, row }] : []));
  const withScores = heard.length > 0;
  const room = WIDTH - LABELS - MARGIN;
  const noise = { left: LABELS, width: withScores ? room * 0.46 : room };
  const f1 = { left: noise.left + noise.width + 40, width: room * 0.22 };
  const degrees = { left: f1.left + f1.width + 40, width: WIDTH - MARGIN - (f1.left + f1.width + 40) };
  const height = TOP + rows.length * ROW + 56;
  const first = heard[0];
  const parts = [
    text(MARGIN, 34, title, { size: 19, weight: 'strong' }),
    text(MARGIN, 56, subtitle, { size: 13, colour: INK.faint }),
    ...drawKey(noise.left, 84),
    ...drawNoiseAxis(noise, rows.length),
    ...rows.flatMap((row, i) => [...drawLabel(row, i), ...drawNoise(row, i, noise)]),
  ];
  if (withScores && first) {
    const values = (of: (scores: NonNullable<VerifyRow['scores']>) => number) =>
      heard.map((scores) => [scores.row, of(scores)] as const);
    const detection = {
      values: values((s) => s.f1),
      limit: first.f1 - budget.f1Points,
      rows: rows.length,
      better: 1,
      unit: '',
      digits: 2,
    };
    const direction = {
      values: values((s) => s.degrees),
      limit: first.degrees + budget.degrees,
      rows: rows.length,
      better: -1,
      unit: '°',
      digits: 2,
    };
    parts.push(...drawScores(f1, 'F1 in points', detection), ...drawScores(degrees, 'direction error', direction));
  }
  return picture(WIDTH, height, INK.ground, title, parts);
}

const middle = (i: number) => TOP + i * ROW + ROW / 2;

function drawLabel({ name, detail, proved }: VerifyRow, i: number): string[] {
  const y = middle(i);
  return [
    line(MARGIN, TOP + i * ROW, WIDTH - MARGIN, TOP + i * ROW, { stroke: INK.grid }),
    element('circle', { cx: MARGIN + 5, cy: y - 8, r: 5, fill: proved ? GOOD : INK.alarm }),
    text(MARGIN + 18, y - 4, name, { size: 13, weight: 'strong' }),
    text(MARGIN + 18, y + 14, `${detail}, ${proved ? 'proved' : 'refused'}`, { size: 11.5, colour: INK.faint }),
  ];
}

function drawKey(left: number, y: number): string[] {
  return ['activity', 'direction'].flatMap((name, i) => [
    element('rect', { x: left + 110 * i, y: y - 9, width: 12, height: 12, fill: COLOUR[name] }),
    text(left + 110 * i + 18, y + 1, name, { size: 12 }),
  ]);
}

function drawNoiseAxis({ left, width }: Column, rows: number): string[] {
  const bottom = TOP + rows * ROW;
  const ticks = [0, 20, 40, 60, 80, 100, 120, 140];
  return [
    ...ticks.flatMap((db) => {
      const x = left + (db / MOST_DB) * width;
      return [
        line(x, TOP, x, bottom, { stroke: INK.grid }),
        text(x, bottom + 17, String(db), { size: 11.5, anchor: 'middle' }),
      ];
    }),
    text(left + width / 2, bottom + 36, 'signal over noise beside PyTorch, dB', {
      anchor: 'middle',
      colour: INK.faint,
    }),
  ];
}

function drawNoise({ sqnrDb }: VerifyRow, i: number, { left, width }: Column): string[] {
  return Object.entries(sqnrDb).flatMap(([name, db], k) => {
    const y = middle(i) - 17 + 19 * k;
    const length = (Math.max(0, Math.min(MOST_DB, db)) / MOST_DB) * width;
    const label = Number.isFinite(db) ? db.toFixed(1) : 'same';
    const inside = length > width - 40;
    return [
      element('rect', { x: left, y, width: length, height: 14, fill: COLOUR[name] ?? INK.faint }),
      text(left + length + (inside ? -6 : 6), y + 11, label, {
        ...{ size: 11.5, anchor: inside ? ('end' as const) : ('start' as const) },
        colour: inside ? INK.ground : INK.text,
      }),
    ];
  });
}

interface Scores {
  /** Row and value. */
  readonly values: readonly (readonly [number, number])[];
  readonly rows: number;
  /** The worst value within the budget. */
  readonly limit: number;
  /** 1: more is better, -1: less is. */
  readonly better: number;
  readonly unit: string;
  readonly digits: number;
}

/** Dots on an axis around the reference; what lies past the budget is shaded. */
function drawScores(
  { left, width }: Column,
  name: string,
  { values, rows, limit, better, unit, digits }: Scores,
): string[] {
  const bottom = TOP + rows * ROW;
  const ends = [...values.map(([, value]) => value), limit];
  const margin = Math.max(0.25 * (Math.max(...ends) - Math.min(...ends)), 1e-6);
  const [from, to] = [Math.min(...ends) - margin, Math.max(...ends) + margin];
  const x = (value: number) => left + ((value - from) / (to - from)) * width;
  const [shadeFrom, shadeTo] = better > 0 ? [left, x(limit)] : [x(limit), left + width];
  return [
    element('rect', { x: left, y: TOP, width, height: bottom - TOP, fill: INK.panel }),
    element('rect', { x: shadeFrom, y: TOP, width: shadeTo - shadeFrom, height: bottom - TOP, fill: '#f6dfe0' }),
    line(x(limit), TOP, x(limit), bottom, { stroke: INK.alarm, 'stroke-dasharray': '4 3' }),
    ...values.flatMap(([i, value]) => [
      element('circle', { cx: x(value), cy: middle(i) + 4, r: 5, fill: INK.text }),
      text(
        Math.min(Math.max(x(value), left + 22), left + width - 22),
        middle(i) - 9,
        `${value.toFixed(digits)}${unit}`,
        { size: 11.5, anchor: 'middle' },
      ),
    ]),
    text(
      Math.min(Math.max(x(limit), left + 42), left + width - 42),
      bottom + 17,
      `budget ${limit.toFixed(digits)}${unit}`,
      {
        size: 11.5,
        anchor: 'middle',
        colour: INK.alarm,
      },
    ),
    text(left + width / 2, bottom + 36, name, { anchor: 'middle', colour: INK.faint }),
  ];
}
