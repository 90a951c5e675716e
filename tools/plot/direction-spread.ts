// How direction errors are spread: a histogram with its sum, and the mean error of each elevation.
import { drawPanel, drawRows, drawTicks, type Panel, scale } from './axes.ts';
import type { DirectionError } from './direction-map.ts';
import { text } from './lettering.ts';
import { rampColour } from './ramp.ts';
import { element, line } from './svg.ts';
import { INK } from './theme.ts';

/** Grid of the map and of the profile. */
export const STEP_DEGREES = 10;
/** Errors from here on have the darkest colour. */
export const DARKEST_DEGREES = 30;
const BIN_DEGREES = 2;
const SPREAD_DEGREES = 40;

/** The nearest angle of the grid. */
export function snap(degrees: number): number {
  return Math.round(degrees / STEP_DEGREES) * STEP_DEGREES + 0;
}

/** The error that a share p of the weight does not exceed. @param errors at least one */
export function errorQuantile(errors: readonly DirectionError[], p: number): number {
  const sorted = [...errors].sort((a, b) => a.error - b.error);
  let left = p * sorted.reduce((sum, { weight }) => sum + weight, 0);
  for (const { error, weight } of sorted) {
    left -= weight;
    if (left <= 0) return error;
  }
  return sorted.at(-1)!.error;
}

/** Share of each error as bars, with the median and the error that nine of ten keep within. */
export function drawHistogram(panel: Panel, errors: readonly DirectionError[]): string {
  const bins = new Array<number>(SPREAD_DEGREES / BIN_DEGREES + 1).fill(0);
  for (const { error, weight } of errors) bins[Math.min(bins.length - 1, Math.floor(error / BIN_DEGREES))]! += weight;
  const total = Math.max(
    1e-9,
    bins.reduce((sum, weight) => sum + weight, 0),
  );
  const percents = bins.map((weight) => (100 * weight) / total);
  const step = Math.max(...percents) > 40 ? 20 : Math.max(...percents) > 20 ? 10 : 5;
  const limit = step * Math.max(1, Math.ceil(Math.max(...percents) / step));
  const x = scale(0, SPREAD_DEGREES + BIN_DEGREES, panel.left, panel.left + panel.width);
  const y = scale(limit * 1.16, 0, panel.top, panel.top + panel.height);
  const marks = Array.from({ length: limit / step + 1 }, (_, i) => [i * step, `${i * step} %`] as const);
  const ticks = [0, 10, 20, 30, 40];
  return [
    drawPanel(panel, x, ticks),
    drawRows(panel, y, marks),
    ...percents.map((percent, i) => {
      const width = x(BIN_DEGREES) - x(0) - 1.5;
      const top = y(percent);
      return element('rect', {
        ...{ x: x(i * BIN_DEGREES) + 0.75, y: top, width, height: y(0) - top, fill: '#7fb2da' },
      });
    }),
    ...(errors.length > 0
      ? [quantileMark(panel, x, errors, 0.5, 'half'), quantileMark(panel, x, errors, 0.9, '90 %')]
      : []),
    drawTicks(
      panel,
      x,
      ticks.map((t) => [t, t === SPREAD_DEGREES ? '40° +' : `${t}°`] as const),
      'angle between true and heard direction',
    ),
  ].join('');
}

function quantileMark(
  panel: Panel,
  x: (value: number) => number,
  errors: readonly DirectionError[],
  p: number,
  name: string,
) {
  const error = errorQuantile(errors, p);
  const at = x(Math.min(SPREAD_DEGREES, error));
  return (
    line(at, panel.top, at, panel.top + panel.height, {
      stroke: INK.text,
      'stroke-width': 1.2,
      'stroke-dasharray': '4 3',
    }) + text(at + 6, panel.top + 15, `${name} within ${error.toFixed(1)}°`, { size: 11.5 })
  );
}

/** Mean error of each elevation. */
export function drawProfile(panel: Panel, errors: readonly DirectionError[]): string {
  const sums = new Map<number, { error: number; weight: number }>();
  for (const { elevation, error, weight } of errors) {
    const sum = sums.get(snap(elevation)) ?? { error: 0, weight: 0 };
    sums.set(snap(elevation), { error: sum.error + error * weight, weight: sum.weight + weight });
  }
  const rows = [...sums].map(([elevation, sum]) => ({ elevation, mean: sum.error / sum.weight })).sort(byElevation);
  const limit = Math.max(10, Math.ceil(Math.max(0, ...rows.map(({ mean }) => mean)) / 2) * 2);
  const ends = [(rows[0]?.elevation ?? -10) - 7, (rows.at(-1)?.elevation ?? 10) + 7] as const;
  const x = scale(ends[0], ends[1], panel.left, panel.left + panel.width);
  const y = scale(limit * 1.12, 0, panel.top, panel.top + panel.height);
  const bottom = panel.top + panel.height;
  const step = limit > 20 ? 10 : limit > 10 ? 5 : 2;
  const marks = Array.from({ length: Math.floor(limit / step) + 1 }, (_, i) => [i * step, `${i * step}°`] as const);
  const bar = Math.min(26, (x(STEP_DEGREES) - x(0)) * 0.66);
  const every = rows.length > 10 ? 30 : 10;
  return [
    drawPanel(panel, x, []),
    drawRows(panel, y, marks),
    ...rows.map(({ elevation, mean }) =>
      [
        element('rect', {
          ...{ x: x(elevation) - bar / 2, y: y(mean), width: bar, height: bottom - y(mean), rx: 2 },
          fill: rampColour(mean / DARKEST_DEGREES),
          stroke: '#7fb2da',
          'stroke-width': 0.8,
        }),
        text(x(elevation), y(mean) - 5, mean.toFixed(1), { size: 11, anchor: 'middle' }),
      ].join(''),
    ),
    line(panel.left, bottom, panel.left + panel.width, bottom, { stroke: INK.frame }),
    drawTicks(
      panel,
      x,
      rows
        .filter(({ elevation }) => elevation % every === 0)
        .map(({ elevation }) => [elevation, `${elevation}°`.replace('-', '−')] as const),
      'elevation of the sound',
    ),
  ].join('');
}

function byElevation(a: { elevation: number }, b: { elevation: number }): number {
  return a.elevation - b.elevation;
}
