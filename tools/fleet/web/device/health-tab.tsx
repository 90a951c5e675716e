// How the device was over time: temperature, computing, delivery, memory, sound levels.
import { Fragment } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { HealthHistory, HealthMessage, HealthPoint } from '../base/answers.ts';
import { useLoaded } from '../base/load.ts';
import { bytes, percent } from '../base/words.ts';
import type { DeviceTabProps } from '../pages/device.tsx';
import { Chart } from '../parts/chart.tsx';
import { Empty, Failed } from '../parts/notice.tsx';
import { Panel } from '../parts/panel.tsx';
import { Time } from '../parts/time.tsx';

const HOURS = [1, 6, 24, 168];
const ASK_MS = 60_000;
const NO_POINTS: readonly HealthPoint[] = [];

export function HealthTab({ device: { site, device, health } }: DeviceTabProps) {
  const [hours, setHours] = useState(6);
  const path = `devices/${encodeURIComponent(site)}/${encodeURIComponent(device)}/health`;
  const from = useMemo(() => new Date(Date.now() - 3_600_000 * hours).toISOString(), [hours]);
  const { value, error, reload } = useLoaded<HealthHistory>(path, { from }, ASK_MS);
  const points = value?.points ?? NO_POINTS;
  const times = useMemo(() => points.map(({ time }) => Date.parse(time) / 1000), [points]);
  return (
    <div class="stack">
      <Failed error={error} retry={reload} />
      <Panel
        title="Over time"
        aside={
          <label class="row">
            of the last
            <select value={hours} onChange={(event) => setHours(Number(event.currentTarget.value))}>
              {HOURS.map((each) => (
                <option key={each} value={each}>
                  {each === 1 ? 'hour' : each === 168 ? 'week' : `${each} hours`}
                </option>
              ))}
            </select>
          </label>
        }
      >
        {times.length === 0 && <Empty>No health message of this time is kept.</Empty>}
        {times.length > 0 && (
          <div class="charts">
            {CHARTS.map((plan) => (
              <PointChart key={plan.title} plan={plan} points={points} times={times} />
            ))}
          </div>
        )}
      </Panel>
      {health && <NowPanel health={health} />}
    </div>
  );
}

interface ChartPlan {
  readonly title: string;
  readonly unit: string;
  /** The scale spans at least so much, so that noise is not drawn as a storm. */
  readonly leastSpan: number;
  readonly of: (point: HealthPoint) => number | null;
}

const scaled = (value: number | null, by: number) => (value === null ? null : value * by);

const CHARTS: readonly ChartPlan[] = [
  { title: 'Temperature', unit: '°C', leastSpan: 10, of: ({ celsius }) => celsius },
  { title: 'One run of the network', unit: 'ms', leastSpan: 5, of: ({ medianMs }) => medianMs },
  { title: 'Share of real time', unit: '%', leastSpan: 10, of: ({ realTimeFactor }) => scaled(realTimeFactor, 100) },
  { title: 'Processor', unit: '%', leastSpan: 20, of: ({ load }) => scaled(load, 100) },
  { title: 'Waiting messages', unit: '', leastSpan: 10, of: ({ queued }) => queued },
  { title: 'Memory of the runtime', unit: 'MB', leastSpan: 50, of: ({ memoryBytes }) => scaled(memoryBytes, 1e-6) },
  { title: 'Loudest channel', unit: 'dBFS', leastSpan: 20, of: ({ levelDbfs }) => levelDbfs },
  { title: 'Power', unit: 'W', leastSpan: 3, of: ({ watts }) => watts },
  { title: 'Disk free', unit: 'GB', leastSpan: 5, of: ({ diskFreeBytes }) => scaled(diskFreeBytes, 1e-9) },
];

interface PointChartProps {
  readonly plan: ChartPlan;
  readonly points: readonly HealthPoint[];
  readonly times: readonly number[];
}

function PointChart({ plan, points, times }: PointChartProps) {
  const values = useMemo(() => points.map(plan.of), [points, plan]);
  if (values.every((value) => value === null)) return null;
  return <Chart title={plan.title} unit={plan.unit} leastSpan={plan.leastSpan} times={times} values={values} />;
}

function NowPanel({ health }: { readonly health: HealthMessage }) {
  const { microphone, inference, outbox, disk, systemMemory, cpu, gpu, power, throttling, clock, time } = health;
  const rows: [string, string | undefined][] = [
    ['Microphone', microphone ? `${microphone.state}${microphone.device ? `, ${microphone.device}` : ''}` : undefined],
    ['Sample clock', microphone?.driftPpm == null ? undefined : `${microphone.driftPpm.toFixed(1)} ppm off`],
    ['Network', [inference.backend, inference.precision, inference.fallback].filter(Boolean).join(', ')],
    ['Outbox', `${outbox.queued} wait, ${outbox.acknowledged} delivered, ${outbox.dropped} dropped`],
    ['CPU', cpu?.load == null ? undefined : percent(cpu.load)],
    ['GPU', gpu?.load == null ? undefined : percent(gpu.load)],
    ['Power', power?.totalWatts == null ? undefined : `${power.totalWatts.toFixed(1)} W`],
    ['Memory free', systemMemory?.availableBytes == null ? undefined : bytes(systemMemory.availableBytes)],
    ['Disk free', disk?.freeBytes == null ? undefined : bytes(disk.freeBytes)],
    ['Throttling', throttling?.active ? throttling.reasons.join(', ') || 'yes' : undefined],
    ['Clock', clock?.synced == null ? undefined : clock.synced ? 'synchronised' : 'not synchronised'],
  ];
  return (
    <Panel title="Now" aside={<Time at={time} as="ago" />}>
      <dl class="facts">
        {rows.map(
          ([name, value]) =>
            value && (
              <Fragment key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </Fragment>
            ),
        )}
      </dl>
    </Panel>
  );
}
