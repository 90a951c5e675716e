// How the hub is: for its page, and as metrics for Prometheus.
import { exposition, type Figure } from '../../../runtime/device/metrics.ts';
import { version } from '../../package-version.ts';
import { findGaps } from '../event-store.ts';
import type { Figures } from './contract.ts';
import type { Hub } from './hub.ts';

/** More gaps than this are not counted. */
const MOST_GAPS = 10_000;

/** @throws DatabaseError */
export async function readFigures(hub: Hub, viewers: number): Promise<Figures> {
  const { database, status } = hub;
  const states = await database.query<{ state: string; count: number }>(
    "select coalesce(state, 'unknown') as state, count(*)::int as count from device group by 1 order by 1",
  );
  return {
    ...{ version, database: database.description, ...status(), viewers },
    devices: Object.fromEntries(states.map(({ state, count }) => [state, count])),
    gaps: (await findGaps(database, MOST_GAPS)).length,
  };
}

/** Requests answered, by method, route and status. */
export class RequestCounts {
  readonly #counts = new Map<string, { method: string; route: string; status: string; count: number }>();

  note(method: string, route: string, status: number): void {
    const key = `${method} ${route} ${status}`;
    const entry = this.#counts.get(key) ?? { method, route, status: `${status}`, count: 0 };
    entry.count += 1;
    this.#counts.set(key, entry);
  }

  get figures(): Figure[] {
    return [...this.#counts.values()].map(({ count, ...labels }) => ({
      ...{ name: 'earshot_hub_http_requests_total', help: 'HTTP requests answered', value: count, labels },
    }));
  }
}

/** Prometheus' text format. @throws DatabaseError */
export async function metricsText(hub: Hub, viewers: number, requests: RequestCounts): Promise<string> {
  const figures = await readFigures(hub, viewers);
  const one = (name: string, help: string, value: number) => ({ name: `earshot_hub_${name}`, help, value });
  return exposition([
    ...Object.entries(figures.devices).map(([state, value]) => ({
      ...{ name: 'earshot_hub_devices', help: 'Devices by state', value, labels: { state } },
    })),
    one('broker_connected', 'Whether the hub hears the broker', Number(figures.isOnline)),
    one('messages_received_total', 'Messages from the broker', figures.received),
    one('events_stored_total', 'Events that were new', figures.fresh),
    one('events_repeated_total', 'Events that were stored already', figures.duplicates),
    one('messages_quarantined_total', 'Messages that broke the contract', figures.quarantined),
    one('reconnects_total', 'Connections to the broker after the first', figures.reconnects),
    one('lag_seconds', 'Age of the oldest message that waits to be stored', figures.lagSeconds),
    one('event_gaps', 'Stretches of missing event numbers', figures.gaps),
    one('streams', 'Open streams of viewers', figures.viewers),
    ...requests.figures,
  ]);
}
