// The fleet as the hub tells it over its HTTP API.
import { type EventFilter, isWanted, type StoredEvent } from './event-search.ts';
import type { FleetView } from './fleet-view.ts';
import * as contract from './http/contract.ts';
import { type HubClient, HubError, type HubQuery } from './hub-client.ts';

/** As many events as one answer has. */
const PAGE = 1000;

export function hubView(client: HubClient): FleetView {
  const pathOf = (site: string, device: string) => `devices/${encodeURIComponent(site)}/${encodeURIComponent(device)}`;
  return {
    description: client.url,
    devices: async () => (await client.get('devices', contract.Devices)).devices,
    async device(site, device) {
      try {
        return await client.get(pathOf(site, device), contract.DeviceDetails);
      } catch (error) {
        if (error instanceof HubError && error.status === 404) return undefined;
        throw error;
      }
    },
    async health(site, device, from, to) {
      const query = { from: from.toISOString(), to: to.toISOString() };
      return (await client.get(`${pathOf(site, device)}/health`, contract.HealthHistory, query)).points;
    },
    async config(site, device) {
      return (await client.get(pathOf(site, device), contract.DeviceDetails)).config;
    },
    async events(filter, { limit = 100, cursor, order } = {}) {
      const events: StoredEvent[] = [];
      let next: string | null = cursor ?? null;
      do {
        const most = Math.min(PAGE, limit - events.length);
        const query = { ...queryOf(filter), limit: most, cursor: next ?? undefined, order };
        const page = await client.get('events', contract.EventPage, query);
        events.push(...page.events);
        next = page.next;
      } while (next !== null && events.length < limit);
      return { events, next };
    },
    follow: (filter, signal) => follow(client, filter, signal),
    gaps: async (limit, device) =>
      (await client.get('gaps', contract.Gaps, { limit: Math.min(limit, 10_000), ...device })).gaps,
    quarantine: async (limit) =>
      (await client.get('quarantine', contract.Quarantine, { limit: Math.min(limit, 1000) })).messages.map(
        (message) => ({
          ...message,
          payload: Buffer.from(message.payload, 'base64'),
        }),
      ),
    close: async () => undefined,
  };
}

async function* follow(client: HubClient, filter: EventFilter, signal: AbortSignal): AsyncGenerator<StoredEvent> {
  for await (const { event, data } of client.stream({}, signal)) {
    if (event === 'lagged') throw new HubError('More happens than this connection carries; some events were left out.');
    if (event !== 'event') continue;
    const stored = contract.StoredEvent.parse(data);
    if (isWanted(stored, filter)) yield stored;
  }
}

function queryOf({ from, to, ...rest }: EventFilter): HubQuery {
  return { ...rest, from: from?.toISOString(), to: to?.toISOString() };
}
