// Panels with a time axis: where a value lies on the picture, grid lines, ticks and their lettering.
import { text } from './lettering.ts';
import { element, line } from './svg.ts';
import { INK } from './theme.ts';

export interface Panel {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Maps a value of [from, to] linearly onto pixels [start, end]. */
export function scale(from: number, to: number, start: number, end: number): (value: number) => number {
  return (value) => start + ((value - from) / (to - from)) * (end - start);
}

const STEPS_SECONDS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400];

/** Round tick values from 0 to the duration, at most about a dozen. */
export function timeTicks(durationSeconds: number): number[] {
  const step = STEPS_SECONDS.find((s) => durationSeconds / s <= 13) ?? STEPS_SECONDS.at(-1)!;
  const count = Math.floor(durationSeconds / step + 1e-9);
  return Array.from({ length: count + 1 }, (_, i) => Math.round(i * step * 10) / 10);
}

/** 45 s as 45, longer recordings as 12:30 or 1:05:00. */
export function clock(seconds: number, durationSeconds: number): string {
  if (durationSeconds <= 180) return String(seconds);
  const parts = [Math.floor(seconds / 60) % 60, Math.floor(seconds % 60)].map((n) => String(n).padStart(2, '0'));
  return durationSeconds >= 3600
    ? `${Math.floor(seconds / 3600)}:${parts.join(':')}`
    : parts.join(':').replace(/^0/, '');
}

/** Ground and frame of a panel with vertical grid lines at the given times. */
export function drawPanel(panel: Panel, x: (seconds: number) => number, ticks: readonly number[]): string {
  const { left, top, width, height } = panel;
  return [
    element('rect', { x: left, y: top, width, height, fill: INK.panel }),
    ...ticks.map((t) => line(x(t), top, x(t), top + height, { stroke: INK.grid })),
    element('rect', { x: left, y: top, width, height, fill: 'none', stroke: INK.frame }),
  ].join('');
}

/** Horizontal grid lines with lettering at the left: value, and what to write there. */
export function drawRows(
  panel: Panel,
  y: (value: number) => number,
  rows: readonly (readonly [number, string])[],
): string {
  return rows
    .map(([value, label]) =>
      [
        line(panel.left, y(value), panel.left + panel.width, y(value), { stroke: INK.grid }),
        text(panel.left - 10, y(value) + 4, label, { size: 11.5, anchor: 'end' }),
      ].join(''),
    )
    .join('');
}

/** Lettering under the lowest panel: the tick values and the name of the axis. */
export function drawTicks(
  panel: Panel,
  x: (value: number) => number,
  ticks: readonly (readonly [number, string])[],
  name: string,
): string {
  const bottom = panel.top + panel.height;
  return [
    ...ticks.map(([value, label]) => text(x(value), bottom + 17, label, { size: 11.5, anchor: 'middle' })),
    text(panel.left + panel.width / 2, bottom + 36, name, { size: 12, anchor: 'middle', colour: INK.faint }),
  ].join('');
}
