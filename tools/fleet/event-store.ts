// Events in the database: each (device, boot, number) once, however often it comes, and the numbers that are missing.
import type { EventMessage } from '../../runtime/uplink/topics.ts';
import type { Database, Queries } from './database.ts';

/** What became of a batch. */
export interface Stored {
  readonly fresh: number;
  readonly duplicates: number;
}

/** Numbers of a boot that never came, both ends included. */
export interface Gap {
  readonly site: string;
  readonly device: string;
  readonly bootId: string;
  readonly first: number;
  readonly last: number;
}

interface BootNumbers {
  readonly site: string;
  readonly device: string;
  readonly bootId: string;
  readonly numbers: number[];
}

const COLUMNS: readonly {
  readonly name: string;
  readonly type: string;
  readonly of: (event: EventMessage) => unknown;
}[] = [
  { name: 'site', type: 'text', of: ({ site }) => site },
  { name: 'device', type: 'text', of: ({ device }) => device },
  { name: 'boot_id', type: 'text', of: ({ bootId }) => bootId },
  { name: 'seq', type: 'int8', of: ({ seq }) => seq },
  { name: 'start_time', type: 'timestamptz', of: ({ startTime }) => startTime },
  { name: 'end_time', type: 'timestamptz', of: ({ endTime }) => endTime },
  { name: 'class', type: 'text', of: (event) => event.class },
  { name: 'phase', type: 'text', of: ({ phase }) => phase },
  { name: 'track', type: 'int8', of: ({ track }) => track },
  { name: 'score', type: 'float4', of: ({ score }) => score },
  { name: 'azimuth', type: 'float4', of: ({ azimuth }) => azimuth },
  { name: 'elevation', type: 'float4', of: ({ elevation }) => elevation },
  { name: 'bearing', type: 'float4', of: ({ bearingDegrees }) => bearingDegrees },
  { name: 'latitude', type: 'float8', of: ({ position }) => position?.latitude ?? null },
  { name: 'longitude', type: 'float8', of: ({ position }) => position?.longitude ?? null },
  { name: 'message', type: 'jsonb', of: (event) => JSON.stringify(event) },
];

const INSERT =
  `insert into event (${COLUMNS.map(({ name }) => name).join(', ')}) ` +
  `select * from unnest(${COLUMNS.map(({ type }, i) => `$${i + 1}::${type}[]`).join(', ')}) ` +
  'on conflict do nothing returning 1';

const NOTE_NUMBERS = `insert into boot as b (site, device, boot_id, stored)
  select site, device, boot_id, stored::int8multirange from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as t (site, device, boot_id, stored)
  order by site, device, boot_id
  on conflict (site, device, boot_id) do update set stored = b.stored + excluded.stored, last_seen = now()`;

/**
 * Stores a batch of checked events in one transaction; a repeated event changes nothing.
 * @throws DatabaseError; nothing of the batch is stored then
 */
export function storeEvents(database: Database, events: readonly EventMessage[]): Promise<Stored> {
  if (events.length === 0) return Promise.resolve({ fresh: 0, duplicates: 0 });
  return database.transaction(async (queries) => {
    const inserted = await queries.query(
      INSERT,
      COLUMNS.map(({ of }) => events.map(of)),
    );
    await noteNumbers(queries, events);
    return { fresh: inserted.length, duplicates: events.length - inserted.length };
  });
}

/** Adds the numbers of a batch to what their boots have stored. Boots are taken in order, so that two hubs cannot lock each other. */
async function noteNumbers(queries: Queries, events: readonly EventMessage[]): Promise<void> {
  const boots = new Map<string, BootNumbers>();
  for (const { site, device, bootId, seq } of events) {
    const key = `${site}/${device}/${bootId}`;
    const boot = boots.get(key) ?? { site, device, bootId, numbers: [] };
    boot.numbers.push(seq);
    boots.set(key, boot);
  }
  const rows = [...boots.values()];
  await queries.query(NOTE_NUMBERS, [
    rows.map(({ site }) => site),
    rows.map(({ device }) => device),
    rows.map(({ bootId }) => bootId),
    rows.map(({ numbers }) => multirange(numbers)),
  ]);
}

/** Numbers as PostgreSQL writes ranges of them: 1, 2, 3, 7 become {[1,4),[7,8)}. */
export function multirange(numbers: readonly number[]): string {
  const ranges: { from: number; end: number }[] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && number <= last.end) last.end = Math.max(last.end, number + 1);
    else ranges.push({ from: number, end: number + 1 });
  }
  return `{${ranges.map(({ from, end }) => `[${from},${end})`).join(',')}}`;
}

/** The first missing numbers of all boots, or of one device: at most `limit` gaps. A boot's numbers begin at 1. */
export function findGaps(queries: Queries, limit = 1000, of?: { site: string; device: string }): Promise<Gap[]> {
  return queries.query<Gap>(
    `select site, device, boot_id as "bootId", lower(gap)::float8 as first, (upper(gap) - 1)::float8 as last
     from boot, lateral unnest(int8multirange(int8range(1, upper(stored))) - stored) as gap
     where ($2::text is null or (site = $2 and device = $3))
     order by site, device, boot_id, lower(gap) limit $1`,
    [limit, of?.site ?? null, of?.device ?? null],
  );
}
