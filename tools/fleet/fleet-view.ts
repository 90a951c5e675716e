// What the terminal commands read, wherever it comes from: the hub's HTTP API, or its database directly.
import type { Command } from 'commander';
import { UserError } from '../command.ts';
import { openExistingDatabase } from './database.ts';
import { databaseView } from './database-view.ts';
import type { EventFilter, EventPage, EventPageOptions, StoredEvent } from './event-search.ts';
import type { Gap } from './event-store.ts';
import type { Device, DeviceDetails, HealthPoint } from './http/contract.ts';
import { connectHub, DEFAULT_HUB } from './hub-client.ts';
import { hubView } from './hub-view.ts';

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
  devices(): Promise<Device[]>;
  /** Undefined: nobody of that name was ever heard. */
  device(site: string, device: string): Promise<Device | undefined>;
  /** Oldest first. */
  health(site: string, device: string, from: Date, to: Date): Promise<HealthPoint[]>;
  /** What the device last said of its settings; null: nothing. */
  config(site: string, device: string): Promise<DeviceDetails['config']>;
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
  readonly hub?: string;
  readonly tokenFile?: string;
  readonly database?: string;
}

/** Adds the options that say where the fleet is read from. */
export function withViewOptions(command: Command): Command {
  return command
    .option('--hub <url>', `ask the hub there (default: ${DEFAULT_HUB})`)
    .option('--token-file <file>', "file with the hub's token, mode 0600 (default: EARSHOT_TOKEN of the environment)")
    .option('--database <url>', 'read the database itself: postgres://user@host/name, or a folder no hub has open');
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

async function openView({ hub, tokenFile, database }: ViewOptions): Promise<FleetView> {
  if (database === undefined) return hubView(await connectHub({ url: hub ?? DEFAULT_HUB, tokenFile }));
  if (hub !== undefined) throw new UserError('--hub and --database are two places to read from: give one of them.');
  return databaseView(await openExistingDatabase(database));
}

/** A device as people name it. @throws UserError */
export function siteAndDevice(text: string): { site: string; device: string } {
  const [site, device, ...more] = text.split('/');
  if (site && device && more.length === 0) return { site, device };
  throw new UserError(`"${text}" names no device: give SITE/DEVICE, as "earshot fleet ls" shows it.`);
}
