// Events as other programs store them: seen by the numbers that the boots' ranges gain, so that late ones and backfill are told too.
import { setTimeout as pause } from 'node:timers/promises';
import type { EventMessage } from '../../runtime/uplink/topics.ts';
import type { Queries } from './database.ts';
import { type EventFilter, isWanted, type StoredEvent } from './event-search.ts';

const POLL_MS = 1000;
/** A transaction's rows bear the time of its begin: those of one that was open at the last look may be older than that look. */
const OVERLAP = '10 seconds';

interface Boot {
  readonly site: string;
  readonly device: string;
  readonly bootId: string;
  /** Numbers stored, as PostgreSQL writes a multirange. */
  readonly stored: string;
}

/** Events stored from now on, oldest first among those of one look; looks every second until the signal ends it. @throws DatabaseError */
export async function* followEvents(
  queries: Queries,
  filter: EventFilter,
  signal: AbortSignal,
): AsyncGenerator<StoredEvent> {
  const known = new Map<string, Boot>();
  const note = (boots: readonly Boot[]) => {
    for (const boot of boots) known.set(`${boot.site}/${boot.device}/${boot.bootId}`, boot);
  };
  note(await changedBoots(queries));
  for (;;) {
    await pause(POLL_MS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const boots = await changedBoots(queries, OVERLAP);
    const before = boots.map((boot) => known.get(`${boot.site}/${boot.device}/${boot.bootId}`)?.stored ?? '{}');
    const isGrown = boots.map((boot, i) => boot.stored !== before[i]);
    const events = await between(
      queries,
      boots.filter((_, i) => isGrown[i]),
      before.filter((_, i) => isGrown[i]),
    );
    yield* events.filter((event) => isWanted(event, filter));
    note(boots);
  }
}

function changedBoots(queries: Queries, within?: string): Promise<Boot[]> {
  return queries.query<Boot>(
    `select site, device, boot_id as "bootId", stored::text as stored from boot
     where $1::text is null or last_seen > now() - $1::text::interval`,
    [within ?? null],
  );
}

/** Events whose numbers are in a boot's ranges now and were not before. */
async function between(queries: Queries, boots: readonly Boot[], before: readonly string[]): Promise<StoredEvent[]> {
  if (boots.length === 0) return [];
  const rows = await queries.query<{ message: EventMessage; received: Date }>(
    `select event.message, event.received
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) as boot (site, device, boot_id, stored, before)
     cross join lateral unnest(boot.stored::int8multirange - boot.before::int8multirange) as fresh
     join event on event.site = boot.site and event.device = boot.device and event.boot_id = boot.boot_id
       and event.seq >= lower(fresh) and event.seq < upper(fresh)
     order by event.start_time, event.site, event.device, event.boot_id, event.seq`,
    [
      boots.map(({ site }) => site),
      boots.map(({ device }) => device),
      boots.map(({ bootId }) => bootId),
      boots.map(({ stored }) => stored),
      before,
    ],
  );
  return rows.map(({ message, received }) => ({ ...message, received: received.toISOString() }));
}
