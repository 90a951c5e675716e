// Wishes on their way to the broker: published retained until it has taken them, and again when it has lost them.
import { decode, encode, filterOf, type Outgoing } from '../../runtime/uplink/topics.ts';
import type { Database } from './database.ts';
import { type DesiredRow, noteHeld, notePublished, unpublished } from './desired-store.ts';

/** The hub's connection to the broker, as far as it is needed here. */
export interface OperatorLink {
  readonly isOnline: boolean;
  /** Resolves when the broker has taken the message. */
  publish(message: Outgoing): Promise<void>;
  /** Over all connections to come. */
  subscribe(filters: string[], onMessage: (topic: string, payload: Uint8Array) => void): Promise<void>;
}

/** Messages on the way at once. */
const AT_ONCE = 200;
/** Of one turn, so that other work of the hub is not kept waiting. */
const ROUNDS = 25;
/** When the broker has sent nothing for so long after a connection, it has sent all that it holds. */
const QUIET_MS = 2000;

export class DesiredPublisher {
  readonly #database: Database;
  readonly #link: OperatorLink;
  readonly #held = new Map<string, number>();
  #lastHeardMs = 0;
  /** Begins as true: before start() nothing was heard, and nothing is missing. */
  #isCompared = true;

  constructor(database: Database, link: OperatorLink) {
    this.#database = database;
    this.#link = link;
  }

  /** Begins to hear what the broker holds. @throws an error named UserError when it does not allow it */
  async start(): Promise<void> {
    this.connected();
    await this.#link.subscribe([filterOf('config/desired')], (topic, payload) => this.#hear(topic, payload));
  }

  /** To be called again and again: publishes what is due. @returns how many were taken */
  async work(): Promise<number> {
    await this.#compare();
    if (!this.#link.isOnline) return 0;
    let count = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const rows = await unpublished(this.#database, AT_ONCE);
      if (rows.length === 0) return count;
      const taken = await Promise.all(rows.map((row) => this.#publish(row)));
      await notePublished(
        this.#database,
        rows.filter((_, i) => taken[i] === null),
      );
      count += taken.filter((error) => error === null).length;
      const failure = taken.find((error) => error !== null);
      // What the broker refuses is tried again at the next turn, not at once.
      if (failure) throw failure;
    }
    return count;
  }

  /** To be called when a connection begins, before it is subscribed: what an earlier one said counts no more. */
  connected(): void {
    this.#held.clear();
    this.#isCompared = false;
    this.#lastHeardMs = performance.now();
  }

  /** After each connection: what the broker has sent by then is what it holds. */
  async #compare(): Promise<void> {
    if (!this.#link.isOnline || this.#isCompared || performance.now() - this.#lastHeardMs < QUIET_MS) return;
    await noteHeld(this.#database, this.#held);
    this.#isCompared = true;
  }

  async #publish({ site, device, version, settings, release, changed }: DesiredRow): Promise<Error | null> {
    const time = (changed ?? new Date()).toISOString();
    const message = { schema: 'seld/config-desired/1' as const, site, device, version, settings, time };
    try {
      await this.#link.publish(encode('config/desired', { ...message, ...(release && { release }) }));
      return null;
    } catch (error) {
      return error as Error;
    }
  }

  #hear(topic: string, payload: Uint8Array): void {
    this.#lastHeardMs = performance.now();
    const [, , site, device] = topic.split('/');
    if (payload.length === 0) return void this.#held.delete(`${site}/${device}`);
    try {
      const heard = decode(topic, payload);
      if (heard?.kind === 'config/desired') this.#held.set(`${site}/${device}`, heard.message.version);
    } catch {
      // Not a wish of ours, whoever put it there: the right one is published over it.
      this.#held.set(`${site}/${device}`, 0);
    }
  }
}
