// From broker to database: checks what devices say, stores it in batches, and only then lets the broker forget it.
import { ContractError, decode, type EventMessage, filterOf } from '../../runtime/uplink/topics.ts';
import { BatchConsumer, type BatchConsumerOptions, type Delivered } from './batch-consumer.ts';
import { type ClipWord, keepClips } from './clip-store.ts';
import type { Database } from './database.ts';
import { DatabaseError } from './database-error.ts';
import { type DeviceMessage, keepDeviceMessages, noteSeen } from './device-store.ts';
import { storeEvents } from './event-store.ts';
import { FLOOD_LIMITS, type Flood, FloodGuard, type FloodLimits, floodNotice } from './flood.ts';
import { keepHealthHistory } from './health-history.ts';
import { type Quarantined, quarantine } from './quarantine.ts';

const KINDS = ['event', 'state', 'info', 'health', 'config/reported', 'clip', 'clip-audio'] as const;

/** Consumers that share one subscription: each message goes to one of them. */
export interface CollectorOptions
  extends Pick<BatchConsumerOptions, 'url' | 'clientId' | 'onTrouble' | 'secure' | 'batchLimit'> {
  readonly database: Database;
  /** Name of the group of collectors that share the work (MQTT 5, $share); without one this collector hears everything. */
  readonly group?: string;
  /** After each batch that is safe in the database; events that came twice are among them. */
  readonly onEvents?: (events: readonly EventMessage[]) => void;
  /** After each batch: who said something of themselves or was heard. */
  readonly onDevices?: (devices: readonly { site: string; device: string }[]) => void;
  /** What one device may say; what is beyond is acknowledged and not stored. */
  readonly flood?: FloodLimits;
  /** Once a minute while devices say more than that. */
  readonly onFlood?: (flood: Flood) => void;
}

const FLOOD_REPORT_MS = 60_000;

export interface CollectorFigures {
  readonly fresh: number;
  readonly duplicates: number;
  readonly quarantined: number;
  /** Not stored, as their device said more than it may. */
  readonly shed: number;
  readonly received: number;
  readonly reconnects: number;
  readonly isOnline: boolean;
  /** Age of the oldest message that waits to be stored. */
  readonly lagSeconds: number;
}

/** What a batch holds, sorted by what happens to it. */
interface Sorted {
  readonly events: EventMessage[];
  readonly devices: DeviceMessage[];
  readonly clips: ClipWord[];
  readonly broken: Quarantined[];
}

/** One collector; several may work on one database. */
export class Collector {
  readonly #options: CollectorOptions;
  readonly #consumer: BatchConsumer;
  readonly #guard: FloodGuard;
  #floodToldMs = Number.NEGATIVE_INFINITY;
  #figures = { fresh: 0, duplicates: 0, quarantined: 0, shed: 0 };

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#guard = new FloodGuard(options.flood);
    const prefix = options.group ? `$share/${options.group}/` : '';
    const filters = KINDS.map((kind) => prefix + filterOf(kind));
    const { url, clientId, onTrouble, secure, batchLimit } = options;
    this.#consumer = new BatchConsumer({
      ...{ url, clientId, onTrouble, secure, batchLimit, filters },
      store: (batch) => this.#store(sort(batch, this.#guard)),
    });
  }

  get figures(): CollectorFigures {
    const { received, reconnects, isOnline, lagSeconds } = this.#consumer.figures;
    return { ...this.#figures, received, reconnects, isOnline, lagSeconds };
  }

  /** @throws ConsumerError when no broker takes us */
  start(): Promise<void> {
    return this.#consumer.start();
  }

  /** Stores what has come and leaves; the broker keeps the rest for the next start. */
  stop(): Promise<void> {
    return this.#consumer.stop();
  }

  async #store({ events, devices, clips, broken }: Sorted): Promise<void> {
    const { database, onEvents, onDevices } = this.#options;
    await this.#halving(events, async (part) => {
      const { fresh, duplicates } = await storeEvents(database, part);
      this.#figures.fresh += fresh;
      this.#figures.duplicates += duplicates;
    });
    await this.#halving(devices, async (part) => {
      await keepDeviceMessages(database, part);
      await keepHealthHistory(database, part);
    });
    await noteSeen(database, events);
    await this.#halving(clips, (part) => keepClips(database, part));
    await this.#putAway(broken);
    await this.#tellFloods();
    if (events.length > 0) onEvents?.(events);
    const heard = [...devices.map(({ message }) => message), ...events];
    if (heard.length > 0) onDevices?.(heard.map(({ site, device }) => ({ site, device })));
  }

  /** The first flood is told at once, and then what came in each minute. */
  async #tellFloods(): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.#floodToldMs < FLOOD_REPORT_MS) return;
    const floods = this.#guard.report();
    if (floods.length === 0) return;
    this.#floodToldMs = nowMs;
    const { flood = FLOOD_LIMITS, onFlood } = this.#options;
    await this.#putAway(floods.map((each) => floodNotice(each, flood)));
    for (const each of floods) {
      this.#figures.shed += each.shed;
      onFlood?.(each);
    }
  }

  /** A batch that the database refuses for its values is halved until the one at fault stands alone, which is put away. */
  async #halving<T extends EventMessage | DeviceMessage | ClipWord>(
    batch: readonly T[],
    store: (part: readonly T[]) => Promise<void>,
  ): Promise<void> {
    try {
      if (batch.length > 0) await store(batch);
    } catch (error) {
      if (!(error instanceof DatabaseError && error.isDataFault)) throw error;
      if (batch.length === 1) {
        const message = batch[0]!;
        const { site, device } = 'kind' in message ? message.message : message;
        const payload = Buffer.from(JSON.stringify(message));
        await this.#putAway([
          { topic: filterOf('kind' in message ? message.kind : 'event', site, device), payload, reason: error.message },
        ]);
        return;
      }
      const half = batch.length >> 1;
      await this.#halving(batch.slice(0, half), store);
      await this.#halving(batch.slice(half), store);
    }
  }

  async #putAway(broken: readonly Quarantined[]): Promise<void> {
    if (broken.length === 0) return;
    await quarantine(this.#options.database, broken);
    this.#figures.quarantined += broken.length;
  }
}

/** Checks each message against the contract. Retained messages are words of earlier: events are never retained by a device. */
function sort(batch: readonly Delivered[], guard: FloodGuard): Sorted {
  const sorted: Sorted = { events: [], devices: [], clips: [], broken: [] };
  for (const { topic, payload, retained } of batch) {
    if (payload.length === 0) continue; // how a retained message is taken back
    if (!guard.admits(topic, payload)) continue;
    try {
      const decoded = decode(topic, payload);
      if (decoded?.kind === 'event') {
        if (retained) throw new ContractError(`${topic}: events must not be retained`);
        sorted.events.push(storable(decoded.message, payload));
      } else if (decoded?.kind === 'clip' || decoded?.kind === 'clip-audio') {
        sorted.clips.push(storable(decoded, payload));
      } else if (decoded) sorted.devices.push(storable(decoded, payload) as DeviceMessage);
    } catch (error) {
      if (!(error instanceof ContractError)) throw error;
      guard.blame(topic);
      sorted.broken.push({ topic, payload, reason: error.message });
    }
  }
  return sorted;
}

/** PostgreSQL holds no NUL and no half of a surrogate pair, in text or JSON. @throws ContractError */
function storable<T>(message: T, payload: Uint8Array): T {
  if (!Buffer.from(payload.buffer, payload.byteOffset, payload.length).includes('\\u')) return message;
  if (/\\u(0000|d[89a-f])/.test(JSON.stringify(message)))
    throw new ContractError('a NUL or half a character in the payload');
  return message;
}
