// A line chart over time (uPlot), in the colours of the theme; the newest value, or the one under the pointer, stands in its head.
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { token, useIsDark } from '../base/theme.ts';
import { clockTime, localTime } from '../base/words.ts';

interface ChartProps {
  readonly title: string;
  /** Unix seconds, rising. */
  readonly times: readonly number[];
  /** One per time; null is a gap. */
  readonly values: readonly (number | null)[];
  readonly unit: string;
  /** The scale spans at least so much. */
  readonly leastSpan: number;
}

const HEIGHT = 150;

export function Chart({ title, times, values, unit, leastSpan }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const [pointed, setPointed] = useState<number | null>(null);
  const isDark = useIsDark();
  useEffect(() => {
    const { clientWidth } = place.current!;
    const chart = new uPlot(optionsOf(clientWidth, leastSpan, isDark, setPointed), [[], []], place.current!);
    plot.current = chart;
    const watcher = new ResizeObserver(([entry]) => chart.setSize({ width: entry!.contentRect.width, height: HEIGHT }));
    watcher.observe(place.current!);
    return () => {
      watcher.disconnect();
      chart.destroy();
    };
  }, [leastSpan, isDark]);
  useEffect(() => {
    plot.current?.setData([[...times], [...values]]);
  }, [times, values, leastSpan, isDark]);
  const at = pointed !== null && pointed < values.length ? pointed : values.findLastIndex((value) => value !== null);
  const value = shown(values[at], unit);
  return (
    <figure class="chart" role="group" aria-label={`${title}, newest value ${value}`}>
      <figcaption class="row spread">
        <b>{title}</b>
        <span>
          {pointed !== null && times[at] !== undefined && (
            <span class="faint">{localTime(new Date(1000 * times[at]))} </span>
          )}
          {value}
        </span>
      </figcaption>
      <div ref={place} aria-hidden="true" />
    </figure>
  );
}

function shown(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined) return '–';
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : 1;
  return `${value.toFixed(digits).replace('-', '−')}${unit && ` ${unit}`}`;
}

function optionsOf(
  width: number,
  leastSpan: number,
  isDark: boolean,
  onPoint: (index: number | null) => void,
): uPlot.Options {
  const axis: uPlot.Axis = {
    ...{ stroke: token('--faint'), font: '11px Inter', ticks: { show: false } },
    grid: { stroke: token('--line'), width: 1 },
  };
  return {
    ...{ width: Math.max(width, 120), height: HEIGHT, legend: { show: false } },
    padding: [8, 4, 0, 0],
    cursor: { points: { size: 6 }, drag: { x: false, y: false }, y: false },
    hooks: { setCursor: [(chart) => onPoint(chart.cursor.idx ?? null)] },
    axes: [
      { ...axis, size: 22, space: 70, values: (_, splits) => splits.map((split) => tick(split)) },
      { ...axis, size: 44, values: (_, splits) => splits.map((split) => String(split).replace('-', '−')) },
    ],
    scales: { x: { time: true }, y: { range: (_, low, high) => roomy(low, high, leastSpan) } },
    series: [
      {},
      {
        stroke: token('--accent'),
        width: 1.6,
        points: { show: false },
        fillTo: (chart) => chart.scales.y!.min ?? 0,
        fill: isDark ? '#85b8e41c' : '#1f5f9914',
      },
    ],
  };
}

function tick(seconds: number): string {
  const date = new Date(1000 * seconds);
  return date.getHours() + date.getMinutes() === 0 ? localTime(date).slice(5, 10) : clockTime(date).slice(0, 5);
}

/** Around the values, at least so wide, and never below 0 for what cannot be. */
function roomy(low: number | null, high: number | null, leastSpan: number): [number, number] {
  if (low === null || high === null) return [0, leastSpan];
  const span = Math.max(1.25 * (high - low), leastSpan);
  const from = (low + high - span) / 2;
  return low >= 0 && from < 0 ? [0, span] : [from, from + span];
}
