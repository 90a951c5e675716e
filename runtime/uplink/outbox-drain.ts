// Empties the outbox into the broker: in order, with a bounded number of messages on the way, each until it is acknowledged.
import type { Outbox } from './outbox.ts';
import type { OutboxRecord } from './outbox-record.ts';

/** Messages on the way at once; fewer where the broker asks for fewer. */
export const WINDOW = 64;
const RETRY_MS = 1000;
const LONGEST_RETRY_MS = 60_000;
/** Reason codes of MQTT 5 (3.4.2.1) that no later try can change: topic name invalid, packet too large, payload invalid. */
const HOPELESS = new Set([144, 149, 153]);

/** The broker's answer to a message it did not take (MQTT 5 only: 3.1.1 has no such answer). */
export interface Refusal {
  readonly reasonCode: number;
  readonly reason: string;
  readonly topic: string;
}

export interface DrainOptions {
  readonly outbox: Outbox;
  /** Resolves when the broker acknowledged the message; rejects with a `code` of 128 or more when it refused it. */
  readonly publish: (message: Pick<OutboxRecord, 'topic' | 'payload'>) => Promise<void>;
  readonly isOnline: () => boolean;
  /** How many messages the broker takes before it acknowledged the first. */
  readonly window?: () => number;
}

export interface DrainFigures {
  readonly acknowledged: number;
  /** Answers of the broker that it does not take a message. */
  readonly denied: number;
  /** The newest of them; null after a later message was taken. */
  readonly refusal: Refusal | null;
}

interface Flight {
  readonly record: OutboxRecord;
  state: 'sent' | 'done' | 'failed';
}

/**
 * Sends what the outbox holds. A lost connection: what was on the way is sent again, in order, when it is back. A refusal
 * that the broker's keeper can mend (not authorised, quota): the message stays and is tried again after 1 s, then twice as
 * long each time up to 60 s; the bounds of the outbox end it. A refusal that nobody can mend: counted, and the next one goes.
 */
export class OutboxDrain {
  readonly #options: DrainOptions;
  readonly #flights: Flight[] = [];
  #sentIndex = 0;
  #acknowledged = 0;
  #denied = 0;
  #refusal: Refusal | null = null;
  #retryMs = RETRY_MS;
  #retry: NodeJS.Timeout | undefined;
  #isReading = false;
  #isAwake = false;
  #isStopped = false;

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  get figures(): DrainFigures {
    return { acknowledged: this.#acknowledged, denied: this.#denied, refusal: this.#refusal };
  }

  /** Looks for something to send: call when a message became durable and when the connection is there. */
  wake(): void {
    this.#isAwake = true;
    if (this.#isReading || this.#isStopped) return;
    this.#isReading = true;
    void this.#fill().finally(() => {
      this.#isReading = false;
      if (this.#isAwake) this.wake();
    });
  }

  /** Sends nothing more; what is on the way stays in the outbox unless its acknowledgement still comes. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#retry);
  }

  async #fill(): Promise<void> {
    const { outbox } = this.#options;
    while (this.#isAwake) {
      this.#isAwake = false;
      if (this.#flights.some(({ state }) => state === 'failed')) {
        this.#resend();
        continue;
      }
      while (this.#room > 0) {
        const records = await outbox.read(this.#sentIndex, this.#room);
        if (records.length === 0) break;
        this.#sentIndex = records.at(-1)!.index;
        const flights = records.map((record): Flight => ({ record, state: 'sent' }));
        this.#flights.push(...flights);
        for (const flight of flights) this.#send(flight);
      }
    }
  }

  get #room(): number {
    const { isOnline, window } = this.#options;
    if (this.#isStopped || !isOnline() || this.#flights.some(({ state }) => state === 'failed')) return 0;
    return Math.min(WINDOW, window?.() ?? WINDOW) - this.#flights.length;
  }

  /** Only when nothing is on the way any more, so that the order holds. */
  #resend(): void {
    if (this.#isStopped || this.#retry || !this.#options.isOnline()) return;
    if (this.#flights.some(({ state }) => state === 'sent')) return;
    for (const flight of this.#flights) if (flight.state === 'failed') this.#send(flight);
  }

  #send(flight: Flight): void {
    flight.state = 'sent';
    this.#options.publish(flight.record).then(
      () => {
        this.#refusal = null;
        this.#retryMs = RETRY_MS;
        this.#acknowledged += 1;
        this.#settle(flight, 'done');
      },
      (error: Error & { code?: number | string }) => this.#fail(flight, error),
    );
  }

  #fail(flight: Flight, error: Error & { code?: number | string }): void {
    const { code } = error;
    const isRefused = typeof code === 'number' && code >= 128;
    if (isRefused) {
      this.#denied += 1;
      this.#refusal = { reasonCode: code, reason: error.message, topic: flight.record.topic };
    }
    if (isRefused && HOPELESS.has(code)) this.#settle(flight, 'done');
    else {
      this.#retryLater(isRefused);
      this.#settle(flight, 'failed');
    }
  }

  #retryLater(isRefused: boolean): void {
    if (this.#retry) return;
    this.#retry = setTimeout(() => this.#tryAgain(), this.#retryMs).unref();
    if (isRefused) this.#retryMs = Math.min(LONGEST_RETRY_MS, this.#retryMs * 2);
  }

  #tryAgain(): void {
    this.#retry = undefined;
    this.wake();
  }

  #settle(flight: Flight, state: Flight['state']): void {
    flight.state = state;
    while (this.#flights[0]?.state === 'done') this.#options.outbox.acknowledge(this.#flights.shift()!.record);
    this.wake();
  }
}
