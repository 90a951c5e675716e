// How devices were: one row a minute of each, with the figures that charts show; read back at as many points as a chart has.
import type { HealthMessage } from '../../runtime/uplink/topics.ts';
import type { Queries } from './database.ts';
import { highest } from './device-facts.ts';
import type { DeviceMessage } from './device-store.ts';

/** Figures of a device at a time; null for what it did not tell. */
export interface HealthFigures {
  readonly celsius: number | null;
  readonly levelDbfs: number | null;
  readonly realTimeFactor: number | null;
  readonly medianMs: number | null;
  readonly queued: number | null;
  readonly memoryBytes: number | null;
  readonly load: number | null;
  readonly watts: number | null;
  readonly diskFreeBytes: number | null;
  readonly lostSamples: number | null;
  readonly faults: number | null;
}

/** Column, type, how a point of several minutes is made of them, and where it stands in the message. */
const FIGURES: readonly {
  readonly name: keyof HealthFigures;
  readonly column: string;
  readonly type: string;
  readonly of: 'avg' | 'max';
  readonly from: (health: HealthMessage) => number | null | undefined;
}[] = [
  {
    ...{ name: 'celsius', column: 'celsius', type: 'float4', of: 'avg' },
    from: ({ celsius }) => highest(Object.values(celsius ?? {})),
  },
  {
    ...{ name: 'levelDbfs', column: 'level_dbfs', type: 'float4', of: 'avg' },
    from: ({ levelsDbfs }) => highest(levelsDbfs ?? []),
  },
  {
    ...{ name: 'realTimeFactor', column: 'real_time_factor', type: 'float4', of: 'avg' },
    from: (health) => health.realTimeFactor,
  },
  {
    ...{ name: 'medianMs', column: 'median_ms', type: 'float4', of: 'avg' },
    from: ({ inference }) => inference?.medianMs,
  },
  { ...{ name: 'queued', column: 'queued', type: 'int8', of: 'max' }, from: ({ outbox }) => outbox?.queued },
  {
    ...{ name: 'memoryBytes', column: 'memory_bytes', type: 'int8', of: 'avg' },
    from: ({ memoryBytes }) => memoryBytes && Math.round(memoryBytes),
  },
  { ...{ name: 'load', column: 'load', type: 'float4', of: 'avg' }, from: ({ cpu }) => cpu?.load },
  { ...{ name: 'watts', column: 'watts', type: 'float4', of: 'avg' }, from: ({ power }) => power?.totalWatts },
  {
    ...{ name: 'diskFreeBytes', column: 'disk_free_bytes', type: 'int8', of: 'avg' },
    from: ({ disk }) => disk?.freeBytes && Math.round(disk.freeBytes),
  },
  {
    ...{ name: 'lostSamples', column: 'lost_samples', type: 'int8', of: 'max' },
    from: ({ lostSamples }) => lostSamples && Math.round(lostSamples),
  },
  { ...{ name: 'faults', column: 'faults', type: 'int4', of: 'max' }, from: ({ faults }) => faults?.length ?? 0 },
];

const COLUMNS = FIGURES.map(({ column }) => column);
const INSERT = `insert into health_history (site, device, time, ${COLUMNS.join(', ')})
  select site, device, date_trunc('minute', time), ${COLUMNS.join(', ')}
  from unnest($1::text[], $2::text[], $3::timestamptz[], ${FIGURES.map(({ type }, i) => `$${i + 4}::${type}[]`).join(', ')})
    as t (site, device, time, ${COLUMNS.join(', ')})
  order by 1, 2, 3
  on conflict (site, device, time) do update set ${COLUMNS.map((column) => `${column} = excluded.${column}`).join(', ')}`;

/** Keeps the newest word of each device and minute. @throws DatabaseError */
export async function keepHealthHistory(queries: Queries, messages: readonly DeviceMessage[]): Promise<void> {
  const last = new Map<string, HealthMessage>();
  for (const { kind, message } of messages) {
    if (kind === 'health') last.set(`${message.site}/${message.device}/${message.time.slice(0, 16)}`, message);
  }
  const rows = [...last.values()];
  if (rows.length === 0) return;
  await queries.query(INSERT, [
    ...[rows.map(({ site }) => site), rows.map(({ device }) => device), rows.map(({ time }) => time)],
    ...FIGURES.map(({ from }) => rows.map((row) => from(row) ?? null)),
  ]);
}

export interface HealthRange {
  readonly from: Date;
  readonly to: Date;
  /** At most so many. */
  readonly points: number;
}

/** A device's figures over a time, oldest first, as means over steps of whole minutes. @throws DatabaseError */
export async function readHealthHistory(
  queries: Queries,
  { site, device }: { site: string; device: string },
  { from, to, points }: HealthRange,
): Promise<{ stepSeconds: number; points: (HealthFigures & { time: string })[] }> {
  const stepSeconds = 60 * Math.max(1, Math.ceil((to.getTime() - from.getTime()) / 60_000 / points));
  const figures = FIGURES.map(({ name, column, of }) => `${of}(${column})::float8 as "${name}"`).join(', ');
  const rows = await queries.query<HealthFigures & { step: Date }>(
    `select date_bin($5 * interval '1 second', time, $3::timestamptz) as step, ${figures} from health_history
     where site = $1 and device = $2 and time >= $3::timestamptz and time < $4 group by step order by step`,
    [site, device, from, to, stepSeconds],
  );
  return { stepSeconds, points: rows.map(({ step, ...row }) => ({ time: step.toISOString(), ...row })) };
}
