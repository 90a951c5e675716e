// How a training run went: loss, ER and F1, and direction error over the epochs, with the best epoch marked.
import { z } from 'zod';
import { jsonOrUndefined } from '../../runtime/json-text.ts';
import { UserError } from '../command.ts';
import { drawPanel, drawRows, drawTicks, type Panel, scale } from './axes.ts';
import { text } from './lettering.ts';
import { element, line, picture } from './svg.ts';
import { classStyle, INK } from './theme.ts';

const measure = z.number().nonnegative().nullable().optional();
const Epoch = z.looseObject({
  epoch: z.int().nonnegative(),
  loss: measure.describe('training loss'),
  ER: measure.describe('on the validation split, as are all below'),
  F1: measure,
  DE: measure.describe('mean direction error in degrees; null when nothing was found'),
  SELD: measure.describe('mean of ER, 1 - F1, DE/180 and 1 - FR; the trainer keeps the epoch with the lowest'),
});

/** One epoch of a training run; what was not measured is missing or null. */
export type Epoch = z.infer<typeof Epoch>;

/**
 * Reads the metrics of a training run: JSON Lines, one object per epoch.
 * @throws UserError naming the line that is no such object
 */
export function parseEpochs(content: string, file: string): Epoch[] {
  const lines = content.split('\n').filter((l) => l.trim() !== '');
  if (lines.length === 0) throw new UserError(`${file} holds no epochs yet: wait for the first one to end.`);
  return lines.map((l, i) => {
    const parsed = Epoch.safeParse(jsonOrUndefined(l));
    if (!parsed.success)
      throw new UserError(
        `${file} line ${i + 1} is no epoch of a training run: expected JSON like {"epoch": 1, "loss": 0.5, "ER": 0.6, "F1": 0.4, "DE": 30, "SELD": 0.4}.`,
      );
    return parsed.data;
  });
}

interface Curve {
  readonly name: string;
  readonly colour: string;
  readonly value: (epoch: Epoch) => number | null | undefined;
}

interface Chart {
  readonly name: string;
  readonly unit: string;
  readonly curves: readonly Curve[];
}

const CHARTS: readonly Chart[] = [
  { name: 'Loss', unit: '', curves: [{ name: 'training', colour: classStyle(0).colour, value: (e) => e.loss }] },
  {
    name: 'Detection',
    unit: '',
    curves: [
      { name: 'F1', colour: classStyle(2).colour, value: (e) => e.F1 },
      { name: 'error rate', colour: classStyle(1).colour, value: (e) => e.ER },
    ],
  },
  { name: 'Direction error', unit: '°', curves: [{ name: 'mean', colour: classStyle(5).colour, value: (e) => e.DE }] },
];

const WIDTH = 1000;
const LEFT = 72;
const RIGHT = 90;
const TOP = 100;
const HEIGHT = 190;
const GAP = 44;

/** Draws the learning curves as SVG, 1000 units wide. */
export function drawLearningCurve(epochs: readonly Epoch[], title: string): string {
  const numbers = epochs.map((e) => e.epoch);
  const [first, last] = [Math.min(...numbers), Math.max(...numbers)];
  const x = scale(first, Math.max(last, first + 1), LEFT, WIDTH - RIGHT);
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((s) => (last - first) / s <= 13) ?? 1000;
  const ticks = numbers.filter((n) => n % step === 0);
  const best = bestEpoch(epochs);

  const panels = CHARTS.map((_, i): Panel => {
    return { left: LEFT, top: TOP + i * (HEIGHT + GAP), width: WIDTH - LEFT - RIGHT, height: HEIGHT };
  });
  const parts = CHARTS.flatMap((chart, i) => drawChart(chart, panels[i]!, epochs, x, ticks, best?.epoch));
  const summary = best ? `best epoch ${best.epoch}: ${describe(best)}` : `${epochs.length} epochs`;
  parts.push(
    text(LEFT, 32, title, { size: 19, weight: 'strong' }),
    text(LEFT, 53, summary, { size: 13, colour: INK.faint }),
    drawTicks(
      panels.at(-1)!,
      x,
      ticks.map((t) => [t, String(t)] as const),
      'epoch',
    ),
  );
  return picture(WIDTH, TOP + CHARTS.length * (HEIGHT + GAP) + 8, INK.ground, title, parts);
}

/** As the trainer chooses it; undefined before the first validation. */
function bestEpoch(epochs: readonly Epoch[]): Epoch | undefined {
  const score = (e: Epoch) => e.SELD ?? Number.POSITIVE_INFINITY;
  const best = epochs.reduce((a, b) => (score(b) < score(a) ? b : a));
  return best.SELD == null ? undefined : best;
}

function describe({ ER, F1, DE, SELD }: Epoch): string {
  const parts = [
    ['ER', ER, 2, ''],
    ['F1', F1, 2, ''],
    ['DE', DE, 1, '°'],
    ['SELD', SELD, 3, ''],
  ] as const;
  return parts
    .flatMap(([name, v, digits, unit]) => (v == null ? [] : [`${name} ${v.toFixed(digits)}${unit}`]))
    .join('  ·  ');
}

function drawChart(
  { name, unit, curves }: Chart,
  panel: Panel,
  epochs: readonly Epoch[],
  x: (epoch: number) => number,
  ticks: readonly number[],
  best: number | undefined,
): string[] {
  const bottom = panel.top + panel.height;
  const values = curves.flatMap((curve) => epochs.map(curve.value)).filter((v) => v != null);
  const { top: limit, step } = roundLimit(Math.max(...values, 0));
  const y = scale(0, limit, bottom, panel.top);
  const rows = Array.from({ length: Math.round(limit / step) + 1 }, (_, i) => {
    const value = i * step;
    return [value, `${Number(value.toPrecision(3))}${unit}`] as const;
  });
  return [
    drawPanel(panel, x, ticks),
    drawRows(panel, y, rows),
    text(panel.left, panel.top - 8, name, { size: 13, weight: 'strong' }),
    best === undefined
      ? ''
      : line(x(best), panel.top, x(best), bottom, { stroke: INK.faint, 'stroke-dasharray': '4 3' }),
    ...curves.map((curve) => drawCurve(curve, epochs, x, y)),
    ...curveNames(curves, epochs, y, panel.left + panel.width + 10),
  ];
}

function drawCurve(curve: Curve, epochs: readonly Epoch[], x: (epoch: number) => number, y: (value: number) => number) {
  const points = epochs.flatMap((e) => {
    const value = curve.value(e);
    return value == null ? [] : [`${x(e.epoch).toFixed(1)},${y(value).toFixed(1)}`];
  });
  const dots = points.map((p) =>
    element('circle', { cx: p.split(',')[0], cy: p.split(',')[1], r: 2.4, fill: curve.colour }),
  );
  const path = { points: points.join(' '), fill: 'none', stroke: curve.colour, 'stroke-width': 2 };
  return element('polyline', { ...path, 'stroke-linejoin': 'round' }) + (points.length <= 60 ? dots.join('') : '');
}

/** The names stand at the ends of their curves, moved apart where these meet. */
function curveNames(curves: readonly Curve[], epochs: readonly Epoch[], y: (value: number) => number, x: number) {
  let lowest = Number.NEGATIVE_INFINITY;
  return curves
    .flatMap((curve) => {
      const last = epochs.map(curve.value).findLast((v) => v != null);
      return last == null ? [] : [{ curve, at: y(last) + 4 }];
    })
    .sort((a, b) => a.at - b.at)
    .map(({ curve, at }) => {
      lowest = Math.max(at, lowest + 16);
      return text(x, lowest, curve.name, { size: 12, weight: 'strong', colour: curve.colour });
    });
}

/** A round number not below the value, and a round step that divides it into four to six. */
function roundLimit(value: number): { top: number; step: number } {
  if (value === 0) return { top: 1, step: 0.25 };
  const power = 10 ** Math.floor(Math.log10(value / 4));
  const step = [1, 2, 2.5, 5, 10].map((s) => s * power).find((s) => value / s <= 6)!;
  return { top: Math.ceil(value / step - 1e-9) * step, step };
}
