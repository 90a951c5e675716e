// The device's one door to mqtt: a connection that comes back by itself, MQTT 5 where the broker has it, 3.1.1 otherwise.
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import type { Outgoing } from './topics.ts';

const CONNECT_TIMEOUT_MS = 5000;
const RECONNECT_MS = 1000;
/** Seconds a broker waits with the will, so that a short drop is no alarm (MQTT 5). */
const WILL_DELAY_SECONDS = 10;

export interface MqttLinkOptions {
  /** mqtt:// or mqtts://, with user and password where the broker wants them. */
  readonly url: string;
  readonly clientId: string;
  /** What the broker says for us when the connection breaks; asked for before each connection. */
  readonly will?: () => Outgoing;
  /** Called after each connection, the first one included. */
  readonly onConnect?: () => void;
}

/** No broker answers, or it refuses us. */
export class BrokerError extends Error {
  override name = 'UserError';
}

/** One connection to a broker. */
export class MqttLink {
  readonly #options: MqttLinkOptions;
  #client: MqttClient | undefined;

  constructor(options: MqttLinkOptions) {
    this.#options = options;
  }

  get isOnline(): boolean {
    return this.#client?.connected ?? false;
  }

  /** 5 or 4 (the wire's number of 3.1.1); undefined before start(). */
  get protocolVersion(): number | undefined {
    return this.#client?.options.protocolVersion;
  }

  /**
   * Connects; later losses are mended without being asked.
   * @throws BrokerError when no broker answers within 5 seconds or it refuses us
   */
  async start(): Promise<void> {
    const client = await this.#connect(5).catch((error) => {
      if (!isVersionRefused(error)) throw this.#explained(error);
      return this.#connect(4).catch((second) => {
        throw this.#explained(second);
      });
    });
    this.#client = client;
    // Losing the broker is what reconnecting is for; without a listener an 'error' event would end the process.
    client.on('error', () => undefined);
    client.on('reconnect', () => {
      client.options.will = this.#will(client.options.protocolVersion ?? 4);
    });
    client.on('connect', () => this.#options.onConnect?.());
    this.#options.onConnect?.();
  }

  /** Resolves when the broker acknowledged (QoS 1) or the message was written (QoS 0). */
  async publish({ topic, payload, qos, retain }: Outgoing): Promise<void> {
    await this.#started().publishAsync(topic, payload, { qos, retain });
  }

  /** Hears messages that match the filters, until stop(). */
  async subscribe(filters: string[], onMessage: (topic: string, payload: Uint8Array) => void): Promise<void> {
    const client = this.#started();
    client.on('message', (topic, payload) => onMessage(topic, payload));
    await client.subscribeAsync(filters, { qos: 1 });
  }

  /** Says goodbye to the broker, so that it does not send the will. */
  async stop(): Promise<void> {
    await this.#client?.endAsync();
    this.#client = undefined;
  }

  #started(): MqttClient {
    if (!this.#client) throw new Error('the MQTT link is not started');
    return this.#client;
  }

  #connect(protocolVersion: 4 | 5): Promise<MqttClient> {
    const { url, clientId } = this.#options;
    return connectAsync(
      url,
      {
        ...{ clientId, protocolVersion, clean: true, keepalive: 30 },
        ...{ connectTimeout: CONNECT_TIMEOUT_MS, reconnectPeriod: RECONNECT_MS },
        will: this.#will(protocolVersion),
      },
      false,
    );
  }

  #will(protocolVersion: number): IClientOptions['will'] {
    const will = this.#options.will?.();
    if (!will) return undefined;
    const { topic, payload, qos, retain } = will;
    const properties = protocolVersion === 5 ? { willDelayInterval: WILL_DELAY_SECONDS } : undefined;
    return { topic, payload: Buffer.from(payload), qos, retain, properties };
  }

  #explained(cause: Error): BrokerError {
    const reason = cause.message || (cause as Error & { code?: string }).code || 'no answer';
    const shown = this.#options.url.replace(/\/\/[^@/]*@/, '//');
    return new BrokerError(`No MQTT broker takes us at ${shown} (${reason}): start one there, or give another URL.`, {
      cause,
    });
  }
}

/** Return code 1 of MQTT 3.1.1 and 132 of MQTT 5: unacceptable protocol version. */
function isVersionRefused(error: Error & { code?: number | string }): boolean {
  return error.code === 1 || error.code === 132;
}
