// What the terminal commands read, wherever it comes from: the hub's HTTP API, or its database directly.
import type { Command } from 'commander';
import type { HealthMessage, InfoMessage } from '../../runtime/uplink/topics.ts';
import { UserError } from '../command.ts';
import { openDatabase } from './database.ts';
import { databaseView } from './database-view.ts';
import type { EventFilter, EventPage, EventPageOptions, StoredEvent } from './event-search.ts';
import type { Gap } from './event-store.ts';

/** A device as the hub knows it; times in ISO 8601, UTC; null for what it has not said. */
export interface DeviceView {
  readonly site: string;
  readonly device: string;
  readonly state: string | null;
  readonly stateTime: string | null;
  readonly firstSeen: string;
  readonly lastSeen: string;
  readonly info: InfoMessage | null;
  readonly health: HealthMessage | null;
  readonly healthTime: string | null;
}

/** A message that could not be stored, without or with its bytes. */
export interface QuarantineView {
  readonly id: number;
  readonly received: string;
  readonly topic: string;
  readonly reason: string;
  readonly payload: Uint8Array;
}

export interface FleetView {
  /** What it is, for people. */
  readonly description: string;
  devices(): Promise<DeviceView[]>;
  /** Undefined: nobody of that name was ever heard. */
  device(site: string, device: string): Promise<DeviceView | undefined>;
  events(filter: EventFilter, options?: EventPageOptions): Promise<EventPage>;
  /** Events as they are stored, until the signal ends it. */
  follow(filter: EventFilter, signal: AbortSignal): AsyncIterable<StoredEvent>;
  /** @param device site and device; all without it */
  gaps(limit: number, device?: { site: string; device: string }): Promise<Gap[]>;
  /** Newest first. */
  quarantine(limit: number): Promise<QuarantineView[]>;
  close(): Promise<void>;
}

export interface ViewOptions {
  readonly database: string;
}

/** Adds the options that say where the fleet is read from. */
export function withViewOptions(command: Command): Command {
  return command.requiredOption(
    '--database <url>',
    'read the database itself: postgres://user@host/name, or a folder no hub has open',
  );
}

/** Opens what the options name, uses it, and closes it whatever happens. @throws UserError */
export async function viewing<T>(options: ViewOptions, work: (view: FleetView) => Promise<T>): Promise<T> {
  const view = await openView(options);
  try {
    return await work(view);
  } finally {
    await view.close();
  }
}

async function openView({ database }: ViewOptions): Promise<FleetView> {
  return databaseView(await openDatabase(database));
}

/** A device as people name it. @throws UserError */
export function siteAndDevice(text: string): { site: string; device: string } {
  const [site, device, ...more] = text.split('/');
  if (site && device && more.length === 0) return { site, device };
  throw new UserError(`"${text}" names no device: give SITE/DEVICE, as "earshot fleet ls" shows it.`);
}
