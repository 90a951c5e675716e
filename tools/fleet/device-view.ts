// Devices as people are shown them: what each said last, and how many of its events are missing.

import type { Queries } from './database.ts';
import type { DeviceRow } from './device-store.ts';
import type { Device, DeviceKey } from './http/contract.ts';

/** Boots that were heard in this time are looked at for missing events. */
const DAYS_OF_MISSING = 30;

type Row = DeviceRow & { readonly missing: number };

/** All devices, or those named, in the order of their names. @throws DatabaseError */
export async function readDevices(queries: Queries, keys?: readonly DeviceKey[]): Promise<Device[]> {
  const rows = await queries.query<Row>(
    `select d.site, d.device, first_seen as "firstSeen", last_seen as "lastSeen", state, state_time as "stateTime", info, health,
       health_time as "healthTime", coalesce(m.missing, 0)::float8 as missing
     from device d left join lateral (
       select sum(upper(stored) - 1 - (select coalesce(sum(upper(part) - lower(part)), 0) from unnest(stored) as part)) as missing
       from boot b where b.site = d.site and b.device = d.device and b.last_seen > now() - $3 * interval '1 day') m on true
     where $1::text[] is null or (d.site, d.device) in (select * from unnest($1::text[], $2::text[]))
     order by d.site, d.device`,
    keys
      ? [keys.map(({ site }) => site), keys.map(({ device }) => device), DAYS_OF_MISSING]
      : [null, null, DAYS_OF_MISSING],
  );
  return rows.map(({ firstSeen, lastSeen, stateTime, healthTime, ...row }) => ({
    ...row,
    firstSeen: firstSeen.toISOString(),
    lastSeen: lastSeen.toISOString(),
    stateTime: stateTime?.toISOString() ?? null,
    healthTime: healthTime?.toISOString() ?? null,
  }));
}
