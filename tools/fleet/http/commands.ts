// Commands to devices and their answers: each has an id of its own, expires, and is answered once or not in time.
import { randomUUID } from 'node:crypto';
import { decode, encode, filterOf, type ResponseMessage } from '../../../runtime/uplink/topics.ts';
import type { OperatorLink } from '../desired-publisher.ts';
import type { Bus } from './bus.ts';
import type { DeviceKey } from './contract.ts';

/** A device that gets it later refuses it. */
const EXPIRES_MS = 60_000;

export interface CommandResult {
  readonly id: string;
  /** null: none came in time. */
  readonly answer: ResponseMessage | null;
}

export class Commands {
  readonly #link: OperatorLink;
  readonly #bus: Bus;
  readonly #now: () => number;
  /** Who waits, by site/device/id. */
  readonly #waiting = new Map<string, (answer: ResponseMessage) => void>();

  constructor(link: OperatorLink, bus: Bus, now: () => number) {
    this.#link = link;
    this.#bus = bus;
    this.#now = now;
  }

  /** Begins to hear answers and live pictures. @throws an error named UserError when the broker does not allow it */
  async start(): Promise<void> {
    await this.#link.subscribe([filterOf('res'), filterOf('live')], (topic, payload) => this.#hear(topic, payload));
  }

  /**
   * Sends a command and waits for its answer.
   * @throws Error when the broker does not take it
   */
  async ask(
    { site, device }: DeviceKey,
    name: string,
    given: Readonly<Record<string, unknown>>,
    waitMs = 10_000,
  ): Promise<CommandResult> {
    const id = randomUUID();
    const key = `${site}/${device}/${id}`;
    const nowMs = this.#now();
    const answer = new Promise<ResponseMessage | null>((resolve) => {
      const timer = setTimeout(() => done(null), waitMs);
      const done = (said: ResponseMessage | null) => {
        clearTimeout(timer);
        this.#waiting.delete(key);
        resolve(said);
      };
      this.#waiting.set(key, done);
    });
    const sent = this.#link.publish(
      encode('cmd', {
        ...{ schema: 'seld/cmd/1', site, device, id, name, arguments: { ...given } },
        ...{ time: new Date(nowMs).toISOString(), expiresAt: new Date(nowMs + EXPIRES_MS).toISOString() },
      }),
    );
    return sent.then(
      async () => ({ id, answer: await answer }),
      (error: Error) => {
        this.#waiting.delete(key);
        throw error;
      },
    );
  }

  #hear(topic: string, payload: Uint8Array): void {
    let heard: ReturnType<typeof decode>;
    try {
      heard = decode(topic, payload);
    } catch {
      return; // Not in the contract: nobody can wait for it, and nothing is lost.
    }
    if (heard?.kind === 'live') this.#bus.tell('live', heard.message);
    if (heard?.kind !== 'res') return;
    const { site, device, id } = heard.message;
    this.#waiting.get(`${site}/${device}/${id}`)?.(heard.message);
    this.#bus.tell('response', heard.message);
  }
}
