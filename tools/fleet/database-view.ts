// The fleet read straight from the hub's database, without a hub between.
import type { Database } from './database.ts';
import type { DeviceRow } from './device-store.ts';
import { listDevices } from './device-store.ts';
import { followEvents } from './event-follow.ts';
import { searchEvents } from './event-search.ts';
import { findGaps } from './event-store.ts';
import type { DeviceView, FleetView } from './fleet-view.ts';
import { migrate } from './migrations.ts';
import { listQuarantine } from './quarantine.ts';

/** @throws DatabaseError when the tables cannot be brought to this version */
export async function databaseView(database: Database): Promise<FleetView> {
  await migrate(database);
  return {
    description: database.description,
    devices: async () => (await listDevices(database)).map(deviceView),
    device: async (site, device) =>
      (await listDevices(database)).map(deviceView).find((each) => each.site === site && each.device === device),
    events: (filter, options) => searchEvents(database, filter, options),
    follow: (filter, signal) => followEvents(database, filter, signal),
    gaps: (limit, device) => findGaps(database, limit, device),
    quarantine: async (limit) =>
      (await listQuarantine(database, limit)).map((row) => ({ ...row, received: row.received.toISOString() })),
    close: () => database.close(),
  };
}

function deviceView({ firstSeen, lastSeen, stateTime, healthTime, ...row }: DeviceRow): DeviceView {
  return {
    ...row,
    firstSeen: firstSeen.toISOString(),
    lastSeen: lastSeen.toISOString(),
    stateTime: stateTime?.toISOString() ?? null,
    healthTime: healthTime?.toISOString() ?? null,
  };
}
