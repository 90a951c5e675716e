// What several hubs on one database have stored together, looked up there, so that the viewers of each see all of it.
import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from './database.ts';
import { followEvents } from './event-follow.ts';
import type { Bus } from './http/bus.ts';
import type { DeviceKey } from './http/contract.ts';

const LOOK_MS = 1000;
/** Devices that spoke within this time are told: a transaction's rows bear the time of its begin. */
const OVERLAP_SECONDS = 3;
const AGAIN_MS = 5000;

/** Tells the bus of events and devices until it is stopped. @returns how */
export function tellSharedNews(database: Database, bus: Bus, onTrouble: (error: Error) => void): () => Promise<void> {
  const ending = new AbortController();
  const { signal } = ending;
  const again = async (work: () => Promise<void>) => {
    while (!signal.aborted) {
      await work().catch(onTrouble);
      if (!signal.aborted) await pause(AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  };
  const running = Promise.all([
    again(async () => {
      for await (const event of followEvents(database, {}, signal)) bus.tell('events', [event]);
    }),
    again(async () => {
      while (!signal.aborted) {
        const spoke = await database.query<DeviceKey>(
          "select site, device from device where last_seen > now() - $1 * interval '1 second'",
          [OVERLAP_SECONDS],
        );
        if (spoke.length > 0) bus.tell('devices', spoke);
        await pause(LOOK_MS, undefined, { signal }).catch(() => undefined);
      }
    }),
  ]);
  return async () => {
    ending.abort();
    await running;
  };
}
