// The fleet read straight from the hub's database, without a hub between.
import type { Database } from './database.ts';
import { readDesired } from './desired-store.ts';
import { readDevices } from './device-view.ts';
import { followEvents } from './event-follow.ts';
import { searchEvents } from './event-search.ts';
import { findGaps } from './event-store.ts';
import type { FleetView } from './fleet-view.ts';
import { readHealthHistory } from './health-history.ts';
import type { DeviceDetails } from './http/contract.ts';
import { migrate } from './migrations.ts';
import { listQuarantine } from './quarantine.ts';

/** Of a chart of health. */
const POINTS = 500;

/** @throws DatabaseError when the tables cannot be brought to this version */
export async function databaseView(database: Database): Promise<FleetView> {
  await migrate(database);
  return {
    description: database.description,
    devices: () => readDevices(database),
    device: async (site, device) => (await readDevices(database, [{ site, device }]))[0],
    health: async (site, device, from, to) =>
      (await readHealthHistory(database, { site, device }, { from, to, points: POINTS })).points,
    config: async (site, device) => (await readDesired(database, { site, device })).reported as DeviceDetails['config'],
    events: (filter, options) => searchEvents(database, filter, options),
    follow: (filter, signal) => followEvents(database, filter, signal),
    gaps: (limit, device) => findGaps(database, limit, device),
    quarantine: async (limit) =>
      (await listQuarantine(database, limit)).map((row) => ({ ...row, received: row.received.toISOString() })),
    close: () => database.close(),
  };
}
