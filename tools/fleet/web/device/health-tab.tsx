// How the device was over time: temperature, computing, delivery, memory, sound levels.
import { Fragment } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { HealthMessage } from '../base/answers.ts';
import { useLoaded } from '../base/load.ts';
import { bytes, percent } from '../base/words.ts';
import type { DeviceTabProps } from '../pages/device.tsx';
import { Chart, type Line } from '../parts/chart.tsx';
import { Empty, Failed } from '../parts/notice.tsx';
import { Panel } from '../parts/panel.tsx';
import { Time } from '../parts/time.tsx';

interface HealthAnswer {
  readonly health: readonly HealthMessage[];
}

const HOURS = [1, 6, 24, 168];
const ASK_MS = 60_000;

export function HealthTab({ device: { site, device, health } }: DeviceTabProps) {
  const [hours, setHours] = useState(6);
  const path = `devices/${encodeURIComponent(site)}/${encodeURIComponent(device)}/health`;
  const from = useMemo(() => new Date(Date.now() - 3_600_000 * hours).toISOString(), [hours]);
  const { value, error, reload } = useLoaded<HealthAnswer>(path, { from }, ASK_MS);
  const series = value?.health ?? [];
  const times = useMemo(() => series.map(({ time }) => Date.parse(time) / 1000), [series]);
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
            {CHARTS.map(({ title, unit, linesOf }) => (
              <Chart key={title} title={title} unit={unit} times={times} lines={linesOf(series)} />
            ))}
          </div>
        )}
      </Panel>
      {health && <NowPanel health={health} />}
    </div>
  );
}

type Series = readonly HealthMessage[];
const line = (name: string, series: Series, of: (health: HealthMessage) => number | null | undefined): Line => ({
  name,
  values: series.map((health) => of(health) ?? null),
});

const CHARTS: readonly { title: string; unit: string; linesOf: (series: Series) => Line[] }[] = [
  {
    ...{ title: 'Temperature', unit: '°C' },
    linesOf: (series) =>
      [...new Set(series.flatMap(({ celsius }) => Object.keys(celsius ?? {})))].map((zone) =>
        line(zone, series, ({ celsius }) => celsius?.[zone]),
      ),
  },
  {
    ...{ title: 'Inference', unit: 'ms' },
    linesOf: (series) => [
      line('median', series, ({ inference }) => inference.medianMs),
      line('p95', series, ({ inference }) => inference.p95Ms),
    ],
  },
  {
    ...{ title: 'Share of real time', unit: '' },
    linesOf: (series) => [line('all stages', series, ({ realTimeFactor }) => realTimeFactor)],
  },
  {
    ...{ title: 'Waiting messages', unit: '' },
    linesOf: (series) => [
      line('queued', series, ({ outbox }) => outbox.queued),
      line('dropped', series, ({ outbox }) => outbox.dropped),
    ],
  },
  {
    ...{ title: 'Memory of the runtime', unit: 'MB' },
    linesOf: (series) => [line('resident', series, ({ memoryBytes }) => memoryBytes / 1e6)],
  },
  {
    ...{ title: 'Sound level', unit: 'dBFS' },
    linesOf: (series) =>
      (series.at(-1)?.levelsDbfs ?? []).map((_, i) =>
        line(`channel ${i + 1}`, series, ({ levelsDbfs }) => levelsDbfs[i]),
      ),
  },
];

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
