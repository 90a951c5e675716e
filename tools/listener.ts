// The other end of the wire: hears a device's events as any subscriber would, and measures how late they come.
import type { BrokerAccess } from '../runtime/uplink/broker-access.ts';
import { MqttLink } from '../runtime/uplink/mqtt.ts';
import { decode, type EventMessage, filterOf } from '../runtime/uplink/topics.ts';

export interface ListenerOptions {
  readonly url: string;
  readonly access?: BrokerAccess;
  /** Waits for a broker that is away, instead of throwing. */
  readonly isPatient?: boolean;
  readonly site: string;
  readonly device: string;
  readonly bootId: string;
  readonly onEvent: (message: EventMessage) => void;
}

/** Hears the events of one boot of a device. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #link: MqttLink;
  #received = 0;
  #failure: Error | undefined;

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { url, access, isPatient, device, bootId } = options;
    this.#link = new MqttLink({ url, access, isPatient, clientId: `earshot-listener-${device}-${bootId}` });
  }

  get received(): number {
    return this.#received;
  }

  /** @throws BrokerError when no broker answers and it is not patient */
  async start(): Promise<void> {
    const { site, device } = this.#options;
    await this.#link.start();
    await this.#link.subscribe([filterOf('event', site, device)], (topic, payload) => this.#hear(topic, payload));
  }

  /** Waits until as many messages came, or for a second without one; throws what was wrong with a message. */
  async waitFor(messages: number): Promise<void> {
    let [last, since] = [this.#received, Date.now()];
    while (this.#received < messages && Date.now() - since < 1000) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (this.#received > last) [last, since] = [this.#received, Date.now()];
    }
    if (this.#failure) throw this.#failure;
  }

  stop(): Promise<void> {
    return this.#link.stop();
  }

  #hear(topic: string, payload: Uint8Array): void {
    try {
      const decoded = decode(topic, payload);
      if (decoded?.kind !== 'event' || decoded.message.bootId !== this.#options.bootId) return;
      this.#received += 1;
      this.#options.onEvent(decoded.message);
    } catch (error) {
      this.#failure ??= error as Error;
    }
  }
}
