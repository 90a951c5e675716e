// Empties a store of messages into the broker: in order, with a bounded number on the way, each until it is acknowledged.
import type { MessageStore } from './message-store.ts';
import { fullJitter } from './mqtt.ts';
import type { OutboxRecord } from './outbox-record.ts';

/** Messages on the way at once; fewer where the broker asks for fewer. */
export const WINDOW = 64;
const RETRY_MS = 1000;
const LONGEST_RETRY_MS = 60_000;
/** Reason codes of MQTT 5 (3.4.2.1) that no later try can change: topic name invalid, packet too large, payload invalid. */
const HOPELESS = new Set([144, 149, 153]);
/** A message that was lost with the connection so often, each time alone on the way, is suspected and waits for the others. */
const SUSPECT_LOSSES = 3;

/** A message that the broker did not take. */
export interface Refusal {
  /** Of MQTT 5; 0 where the broker only closed the connection. */
  readonly reasonCode: number;
  readonly reason: string;
  readonly topic: string;
}

export interface DrainOptions {
  readonly store: MessageStore;
  /** Resolves when the broker acknowledged the message; rejects with a `code` of 128 or more when it refused it. */
  readonly publish: (message: Pick<OutboxRecord, 'topic' | 'payload'>) => Promise<void>;
  readonly isOnline: () => boolean;
  /** How many messages the broker takes before it acknowledged the first. */
  readonly window?: () => number;
  /** Told of each refusal, and with null when a message is taken again. */
  readonly onRefusal?: (refusal: Refusal | null) => void;
}

export interface DrainFigures {
  readonly acknowledged: number;
  /** Times that the broker did not take a message. */
  readonly denied: number;
  /** Messages that the broker can never take; they are not kept any longer. */
  readonly givenUp: number;
  /** The newest refusal; null after a later message was taken. */
  readonly refusal: Refusal | null;
}

interface Flight {
  readonly record: OutboxRecord;
  /** failed: to be sent again. */
  state: 'sent' | 'done' | 'failed';
  /** Sent alone, to see whether the broker takes messages. */
  isTrial: boolean;
  /** Times that the connection was lost at such a trial. */
  losses: number;
}

type Coded = Error & { code?: number | string };

/**
 * Sends what a store holds. A lost connection: what was on the way is sent again, in order, when it is back. A refusal that the
 * broker's keeper can mend (not authorised, quota): the message stays and is tried again within 1 s, then within twice as long
 * each time up to 60 s; the bounds of the store end it. A refusal that nobody can mend: counted, and the next one goes. So goes
 * a message at which the broker hangs up each time while it takes others.
 */
export class OutboxDrain {
  readonly #options: DrainOptions;
  readonly #flights: Flight[] = [];
  #sentIndex = 0;
  #acknowledged = 0;
  #denied = 0;
  #givenUp = 0;
  #refusal: Refusal | null = null;
  #attempt = 0;
  #retry: NodeJS.Timeout | undefined;
  /** Whether the broker has taken a message since the start, a refusal or a loss; until then one at a time is sent. */
  #isProven = false;
  #isReading = false;
  #isAwake = false;
  #isStopped = false;

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  get figures(): DrainFigures {
    return {
      ...{ acknowledged: this.#acknowledged, denied: this.#denied },
      ...{ givenUp: this.#givenUp, refusal: this.#refusal },
    };
  }

  /** Looks for something to send: call when a message was kept and when the connection is there. */
  wake(): void {
    this.#isAwake = true;
    if (this.#isReading || this.#isStopped) return;
    this.#isReading = true;
    void this.#fill().finally(() => {
      this.#isReading = false;
      if (this.#isAwake) this.wake();
    });
  }

  /** Sends nothing more; what is on the way stays in the store unless its acknowledgement still comes. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#retry);
  }

  async #fill(): Promise<void> {
    const { store } = this.#options;
    while (this.#isAwake) {
      this.#isAwake = false;
      this.#resend();
      while (this.#room > 0) {
        const records = await store.read(this.#sentIndex, this.#room);
        if (records.length === 0) break;
        this.#sentIndex = records.at(-1)!.index;
        for (const record of records) {
          const flight: Flight = { record, state: 'failed', isTrial: false, losses: 0 };
          this.#flights.push(flight);
          this.#send(flight);
        }
      }
      // Nothing else to send: the suspects are tried once more, one by one.
      if (this.#isIdle) this.#resend(true);
    }
  }

  get #isIdle(): boolean {
    return !this.#flights.some(({ state }) => state === 'sent');
  }

  get #room(): number {
    const { isOnline, window } = this.#options;
    if (this.#isStopped || this.#retry || !isOnline()) return 0;
    if (this.#flights.some((flight) => flight.state === 'failed' && !isSuspect(flight))) return 0;
    const sent = this.#flights.filter(({ state }) => state === 'sent').length;
    // What is done behind one that waits is bounded too.
    const allowed = this.#isProven ? Math.min(WINDOW, window?.() ?? WINDOW) : 1;
    return Math.min(allowed - sent, 4 * WINDOW - this.#flights.length);
  }

  /** Only when nothing is on the way any more, so that the order holds; after a refusal or loss the first alone tries the door. */
  #resend(suspects = false): void {
    if (this.#isStopped || this.#retry || !this.#options.isOnline() || !this.#isIdle) return;
    const failed = this.#flights.filter((flight) => flight.state === 'failed' && isSuspect(flight) === suspects);
    for (const flight of this.#isProven && !suspects ? failed : failed.slice(0, 1)) this.#send(flight);
  }

  #send(flight: Flight): void {
    flight.state = 'sent';
    flight.isTrial = !this.#isProven || isSuspect(flight);
    this.#options.publish(flight.record).then(
      () => {
        this.#isProven = true;
        this.#attempt = 0;
        this.#acknowledged += 1;
        this.#tell(null);
        this.#settle(flight, 'done');
      },
      (error: Coded) => this.#fail(flight, error),
    );
  }

  #fail(flight: Flight, error: Coded): void {
    const { code } = error;
    const isRefused = typeof code === 'number' && code >= 128;
    this.#isProven = false;
    if (isRefused) this.#refused(flight, code, error.message);
    else if (flight.isTrial) flight.losses += 1;
    if (isRefused ? HOPELESS.has(code) : this.#isGuilty(flight)) {
      this.#giveUp(flight, isRefused);
      return;
    }
    if (isRefused) this.#retryLater();
    this.#settle(flight, 'failed');
  }

  /** Whether the broker took later ones and hung up at this one again. */
  #isGuilty(flight: Flight): boolean {
    const later = this.#flights.slice(this.#flights.indexOf(flight) + 1);
    return flight.losses > SUSPECT_LOSSES && later.some(({ state }) => state === 'done');
  }

  #giveUp(flight: Flight, isRefused: boolean): void {
    if (!isRefused) this.#refused(flight, 0, 'the broker closes the connection at this message');
    this.#givenUp += 1;
    this.#settle(flight, 'done');
  }

  #refused({ record }: Flight, reasonCode: number, reason: string): void {
    this.#denied += 1;
    this.#tell({ reasonCode, reason, topic: record.topic });
  }

  #tell(refusal: Refusal | null): void {
    const isNews = refusal !== null || this.#refusal !== null;
    this.#refusal = refusal;
    if (isNews) this.#options.onRefusal?.(refusal);
  }

  #retryLater(): void {
    if (this.#retry || this.#isStopped) return;
    const waitMs = fullJitter(this.#attempt, RETRY_MS, LONGEST_RETRY_MS);
    this.#attempt += 1;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.wake();
    }, waitMs).unref();
  }

  #settle(flight: Flight, state: Flight['state']): void {
    flight.state = state;
    while (this.#flights[0]?.state === 'done') this.#options.store.acknowledge(this.#flights.shift()!.record);
    this.wake();
  }
}

function isSuspect({ losses }: Flight): boolean {
  return losses >= SUSPECT_LOSSES;
}
