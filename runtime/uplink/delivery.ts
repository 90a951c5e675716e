// The way of a message from here to the broker: through the outbox on disk, or through the memory where there is none or it is full.
import { MemoryStore, type MessageStore } from './message-store.ts';
import type { MqttLink } from './mqtt.ts';
import { type Outbox, OutboxRefusal } from './outbox.ts';
import { OutboxDrain, type Refusal } from './outbox-drain.ts';
import type { OutboxRecord } from './outbox-record.ts';

export interface DeliveryFigures {
  /** Messages the broker has not acknowledged. */
  readonly queued: number;
  /** Since the start. */
  readonly acknowledged: number;
  /** Messages a bound threw out, over all starts of an outbox, and those the broker can never take. */
  readonly dropped: number;
  /** On disk. */
  readonly bytes: number;
  /** Age of the oldest message queued; null when there is none. */
  readonly oldestSeconds: number | null;
  /** Messages that damage on the disk took, over all starts. */
  readonly lost: number;
  /** Messages the disk did not take; they wait in memory. */
  readonly refused: number;
  /** Times the broker did not take a message. */
  readonly denied: number;
  /** Why the disk takes nothing now, e.g. ENOSPC; null while it does. */
  readonly fault: string | null;
  /** The newest refusal of the broker; null after it took a message. */
  readonly denial: Refusal | null;
}

export interface DeliveryOptions {
  readonly link: MqttLink;
  /** Messages that the memory holds at most. */
  readonly memoryLimit: number;
  readonly onRefusal?: (refusal: Refusal | null) => void;
}

/**
 * Keeps messages until the broker has acknowledged them. What the disk refuses waits in memory and goes to the broker from
 * there, so that a full disk makes nobody deaf while the broker is near.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #memory: MemoryStore;
  readonly #memoryDrain: OutboxDrain;
  #outbox: Outbox | undefined;
  #outboxDrain: OutboxDrain | undefined;
  /** Messages on their way to the disk. */
  #appending = new Set<Promise<void>>();
  /** Messages no store can take. */
  #unkept = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#memory = new MemoryStore(options.memoryLimit);
    this.#memoryDrain = this.#drainOf(this.#memory);
  }

  get figures(): DeliveryFigures {
    const disk = this.#outbox?.figures;
    const drains = [this.#memoryDrain.figures, ...(this.#outboxDrain ? [this.#outboxDrain.figures] : [])];
    const sum = (key: 'acknowledged' | 'denied' | 'givenUp') =>
      drains.reduce((total, figures) => total + figures[key], 0);
    const ages = [disk?.oldestSeconds ?? null, this.#memory.oldestSeconds].filter((age) => age !== null);
    return {
      queued: (disk?.queued ?? 0) + this.#memory.queued + this.#appending.size,
      acknowledged: sum('acknowledged'),
      dropped: (disk?.dropped ?? 0) + this.#memory.dropped + sum('givenUp') + this.#unkept,
      bytes: disk?.bytes ?? 0,
      oldestSeconds: ages.length > 0 ? Math.max(...ages) : null,
      ...{ lost: disk?.lost ?? 0, refused: disk?.refused ?? 0, denied: sum('denied'), fault: disk?.fault ?? null },
      denial: drains.map(({ refusal }) => refusal).find((refusal) => refusal !== null) ?? null,
    };
  }

  /** From now on messages go to disk first; those that waited in memory follow them there. */
  async useOutbox(outbox: Outbox): Promise<void> {
    this.#outbox = outbox;
    this.#outboxDrain = this.#drainOf(outbox);
    await this.#moveToDisk(outbox);
  }

  /** Keeps a message; never blocks. */
  keep(topic: string, payload: string): void {
    if (!this.#outbox) {
      void this.#memory.append(topic, payload);
      this.#memoryDrain.wake();
      return;
    }
    const appended = this.#outbox.append(topic, payload).then(
      () => this.#outboxDrain!.wake(),
      (error) => this.#keepElsewhere(topic, payload, error),
    );
    this.#appending.add(appended);
    void appended.finally(() => this.#appending.delete(appended));
  }

  /** What was delivered and still lies on the disk, oldest first. */
  async *delivered(): AsyncGenerator<readonly OutboxRecord[]> {
    if (this.#outbox) yield* this.#outbox.done();
  }

  /** Looks for something to send: call when the connection is there. */
  wake(): void {
    this.#outboxDrain?.wake();
    this.#memoryDrain.wake();
  }

  /** Sends nothing more; what the memory holds goes to disk, and the disk is closed. */
  async stop(): Promise<void> {
    this.#outboxDrain?.stop();
    this.#memoryDrain.stop();
    await Promise.all(this.#appending);
    if (this.#outbox) await this.#moveToDisk(this.#outbox);
    await this.#outbox?.close();
  }

  #keepElsewhere(topic: string, payload: string, error: Error): void {
    if (!(error instanceof OutboxRefusal)) {
      this.#unkept += 1;
      this.#options.onRefusal?.({ reasonCode: 0, reason: error.message, topic });
      return;
    }
    void this.#memory.append(topic, payload);
    this.#memoryDrain.wake();
  }

  async #moveToDisk(outbox: Outbox): Promise<void> {
    for (;;) {
      const records = await this.#memory.read(0, 1000);
      if (records.length === 0) return;
      for (const record of records) {
        try {
          await outbox.append(record.topic, record.payload);
        } catch (error) {
          if (error instanceof OutboxRefusal) return;
          this.#unkept += 1;
        }
        this.#memory.acknowledge(record);
      }
    }
  }

  #drainOf(store: MessageStore): OutboxDrain {
    const { link, onRefusal } = this.#options;
    return new OutboxDrain({
      ...{ store, onRefusal, isOnline: () => link.isOnline, window: () => link.receiveMaximum },
      async publish({ topic, payload }) {
        await link.publish({ topic, payload, qos: 1, retain: false });
        link.trust();
      },
    });
  }
}
