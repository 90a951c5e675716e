// What the drain empties: messages in order, each until it is done with. On disk that is the outbox, without one the memory.
import type { OutboxRecord } from './outbox-record.ts';

/** Messages waiting for the broker. */
export interface MessageStore {
  /** Keeps a message. @returns its index, once it is kept as safely as the store can */
  append(topic: string, payload: string): Promise<number>;
  /** Messages after an index, oldest first, at most `limit`; none only when there are no more. */
  read(after: number, limit: number): Promise<OutboxRecord[]>;
  /** Done with one message: call in the order of the indexes. */
  acknowledge(record: Pick<OutboxRecord, 'index' | 'writtenMs'>): void;
}

/** Messages in memory; one more than the limit, and the oldest goes and is counted. */
export class MemoryStore implements MessageStore {
  readonly #limit: number;
  readonly #records: OutboxRecord[] = [];
  #lastIndex = 0;
  #dropped = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get queued(): number {
    return this.#records.length;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Of the oldest message, in seconds; null without one. */
  get oldestSeconds(): number | null {
    const [oldest] = this.#records;
    return oldest ? (performance.now() - oldest.writtenMs) / 1000 : null;
  }

  append(topic: string, payload: string): Promise<number> {
    this.#lastIndex += 1;
    this.#records.push({ index: this.#lastIndex, writtenMs: performance.now(), topic, payload });
    if (this.#records.length > this.#limit) {
      this.#records.shift();
      this.#dropped += 1;
    }
    return Promise.resolve(this.#lastIndex);
  }

  read(after: number, limit: number): Promise<OutboxRecord[]> {
    const [oldest] = this.#records;
    const start = oldest ? Math.max(0, after + 1 - oldest.index) : 0;
    return Promise.resolve(this.#records.slice(start, start + limit));
  }

  acknowledge({ index }: Pick<OutboxRecord, 'index'>): void {
    while (this.#records[0] && this.#records[0].index <= index) this.#records.shift();
  }
}
