// A line chart over time (uPlot), in the colours of the theme; the newest value of each line stands beside its name.
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { token, useIsDark } from '../base/theme.ts';

export interface Line {
  readonly name: string;
  /** One value per time; null is a gap. */
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  /** Unix seconds, rising. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly unit: string;
}

const HEIGHT = 170;
const COLOURS = {
  light: ['#1f5f99', '#b8560b', '#117733', '#882255', '#4d5866', '#b4232b'],
  dark: ['#85b8e4', '#f0a35e', '#6ccb95', '#d98bbb', '#a0acbb', '#ff8b8b'],
};

export function Chart({ title, times, lines, unit }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const isDark = useIsDark();
  const names = lines.map(({ name }) => name).join('\n');
  const plot = useRef<uPlot | undefined>(undefined);
  useEffect(() => {
    const chart = new uPlot(
      optionsOf(names.split('\n'), unit, isDark, place.current!.clientWidth),
      [[]],
      place.current!,
    );
    plot.current = chart;
    const watcher = new ResizeObserver(([entry]) => chart.setSize({ width: entry!.contentRect.width, height: HEIGHT }));
    watcher.observe(place.current!);
    return () => {
      watcher.disconnect();
      chart.destroy();
    };
  }, [names, unit, isDark]);
  useEffect(() => {
    plot.current?.setData([[...times], ...lines.map(({ values }) => [...values])]);
  }, [times, lines, names, unit, isDark]);
  return (
    <figure class="chart" role="group" aria-label={`${title}: ${spoken(lines, unit)}`}>
      <h3>{title}</h3>
      <div ref={place} />
    </figure>
  );
}

function spoken(lines: readonly Line[], unit: string): string {
  const newest = lines.map(({ name, values }) => `${name} ${shown(values.findLast((v) => v !== null) ?? null, unit)}`);
  return newest.length > 0 ? `newest ${newest.join(', ')}` : 'no values';
}

function shown(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined) return '–';
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${value.toFixed(digits)}${unit && ` ${unit}`}`;
}

function optionsOf(names: readonly string[], unit: string, isDark: boolean, width: number): uPlot.Options {
  const axis = {
    stroke: token('--faint'),
    font: '11px Inter',
    grid: { stroke: token('--line'), width: 1 },
    ticks: { show: false },
  };
  const colours = COLOURS[isDark ? 'dark' : 'light'];
  return {
    ...{ width: Math.max(width, 120), height: HEIGHT },
    cursor: { points: { size: 6 } },
    axes: [{ ...axis }, { ...axis, size: 46, values: (_, splits) => splits.map((split) => String(split)) }],
    scales: { x: { time: true }, y: { range: (_, low, high) => roomy(low, high) } },
    series: [
      { label: 'time', value: '{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}' },
      ...names.map((label, i) => ({
        label,
        stroke: colours[i % colours.length]!,
        width: 1.6,
        points: { show: false },
        value: (_: uPlot, value: number | null) => shown(value, unit),
      })),
    ],
  };
}

/** From 0 where nothing is below it; a flat line stands in the middle. */
function roomy(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  const span = Math.max(high - low, Math.abs(high) * 0.1, 0.01);
  return [low >= 0 && low < span * 3 ? 0 : low - 0.1 * span, high + 0.12 * span];
}
