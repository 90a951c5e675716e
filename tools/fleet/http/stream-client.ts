// One viewer's stream of server-sent events: what waits for a slow one is bounded; who falls behind is told so and dropped.
import { Readable } from 'node:stream';

/** What may wait for one viewer. */
const MOST_BYTES = 1_000_000;
/** A viewer who has been told that it lags and takes nothing is cut off. */
const LAST_WORD_MS = 10_000;

/** One event as it goes over the wire. */
export function serverSentEvent(event: string, data: unknown, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

export class StreamClient extends Readable {
  #dropped = 0;
  readonly #mostBytes: number;

  constructor(mostBytes = MOST_BYTES) {
    super({ highWaterMark: 16_384 });
    this.#mostBytes = mostBytes;
    this.say(': earshot\nretry: 2000\n\n');
  }

  override _read(): void {
    // Pushed as it happens.
  }

  say(text: string): void {
    if (this.#dropped > 0 || this.destroyed) {
      this.#dropped += 1;
      return;
    }
    if (this.readableLength + text.length <= this.#mostBytes) {
      this.push(text);
      return;
    }
    this.#dropped = 1;
    this.push(serverSentEvent('lagged', { dropped: this.#dropped }));
    this.push(null);
    setTimeout(() => this.destroy(), LAST_WORD_MS).unref();
  }
}
