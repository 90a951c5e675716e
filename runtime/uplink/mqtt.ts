// The device's one door to mqtt: a connection that comes back by itself, MQTT 5 where the broker has it, 3.1.1 otherwise.
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import type { BrokerAccess } from './broker-access.ts';
import { contentTypeOf } from './cloud-events.ts';
import type { Outgoing } from './topics.ts';

const CONNECT_TIMEOUT_MS = 5000;
const RETRY_MS = 1000;
const LONGEST_RETRY_MS = 120_000;
/** A connection that held so long was a good one: the next retry is quick again. */
const GOOD_CONNECTION_MS = 5000;
/** Receive Maximum of a broker that names none (MQTT 5, 3.2.2.3.3). */
const DEFAULT_RECEIVE_MAXIMUM = 65_535;
/** The most that a PUBLISH has besides topic and payload: type, length, topic length, id, properties with the content type. */
const PACKET_OVERHEAD_BYTES = 64;
const PACKET_TOO_LARGE = 149;
const GOODBYE_MS = 1000;
/** Seconds a broker waits with the will, so that a short drop is no alarm (MQTT 5). */
const WILL_DELAY_SECONDS = 10;

export interface MqttLinkOptions {
  /** mqtt:// or mqtts:// */
  readonly url: string;
  readonly access?: BrokerAccess;
  readonly clientId: string;
  /** What the broker says for us when the connection breaks; asked for before each connection. */
  readonly will?: () => Outgoing;
  readonly willDelaySeconds?: number;
  /** Seconds a broker of MQTT 5 keeps what is for us while we are away; default 0. */
  readonly sessionSeconds?: number;
  /** A broker that is away at the start is waited for, like one that goes away later. */
  readonly isPatient?: boolean;
  /** Called after each connection, the first one included. */
  readonly onConnect?: () => void;
  /** Called when the broker is not there or refuses us, with the reason; with null when it takes us again. */
  readonly onProblem?: (problem: BrokerError | null) => void;
}

/** No broker answers, or it refuses us. */
export class BrokerError extends Error {
  override name = 'UserError';
}

type Coded = Error & { code?: number | string };
type OnMessage = (topic: string, payload: Uint8Array) => void;

interface Subscription {
  readonly filters: string[];
  readonly onMessage: OnMessage;
}

/**
 * One connection to a broker. Each new attempt begins with a client of its own, so that nothing of the lost one is sent behind
 * our back: what was not acknowledged is rejected and is the caller's again.
 */
export class MqttLink {
  readonly #options: MqttLinkOptions;
  readonly #subscriptions: Subscription[] = [];
  /** What was sent and not answered, by the way to reject it; the value is its packet id. */
  readonly #onTheWay = new Map<(error: Error) => void, number>();
  /** What the broker's Receive Maximum holds back. */
  #waiting: { send: () => void; reject: (error: Error) => void }[] = [];
  #client: MqttClient | undefined;
  #opening: MqttClient | undefined;
  #version: 4 | 5 = 5;
  #receiveMaximum = DEFAULT_RECEIVE_MAXIMUM;
  #maximumPacketSize = Number.POSITIVE_INFINITY;
  #connectedMs = 0;
  #attempt = 0;
  #retry: NodeJS.Timeout | undefined;
  #isStopped = true;

  constructor(options: MqttLinkOptions) {
    this.#options = options;
  }

  get isOnline(): boolean {
    return this.#client !== undefined;
  }

  /** 5 or 4 (the wire's number of 3.1.1). */
  get protocolVersion(): number {
    return this.#version;
  }

  /** Messages the broker takes before it acknowledged the first: its Receive Maximum (MQTT 5), else the protocol's limit. */
  get receiveMaximum(): number {
    return this.#receiveMaximum;
  }

  /**
   * Connects; later losses are mended without being asked.
   * @throws BrokerError when no broker answers within 5 seconds or it refuses us, unless the link is patient
   */
  async start(): Promise<void> {
    this.#isStopped = false;
    try {
      await this.#connect();
    } catch (error) {
      if (!this.#options.isPatient) throw error;
      this.#retryLater(error as BrokerError);
    }
  }

  /**
   * Resolves when the broker acknowledged (QoS 1) or the message was written (QoS 0).
   * @throws Error with the reason code of MQTT 5 as `code` when the broker refused it, or would break the connection for its size;
   *   without one when the connection is not there or is lost before the answer
   */
  publish({ topic, payload, qos, retain }: Outgoing): Promise<void> {
    const client = this.#client;
    if (!client) return Promise.reject(new Error('the broker is away'));
    const bytes = Buffer.byteLength(topic) + Buffer.byteLength(payload) + PACKET_OVERHEAD_BYTES;
    if (bytes > this.#maximumPacketSize) {
      return Promise.reject(Object.assign(new Error('Packet too large'), { code: PACKET_TOO_LARGE }));
    }
    const properties = { contentType: contentTypeOf(payload) };
    return new Promise((resolve, reject) => {
      const answered = (error?: Error | null) => {
        if (!this.#onTheWay.delete(reject)) return;
        if (error) reject(error);
        else resolve();
        this.#waiting.shift()?.send();
      };
      const send = () => {
        this.#onTheWay.set(reject, 0);
        client.publish(topic, payload, { qos, retain, properties }, answered);
        if (qos > 0 && this.#onTheWay.has(reject)) this.#onTheWay.set(reject, client.getLastMessageId());
      };
      if (this.#onTheWay.size < this.#receiveMaximum) send();
      else this.#waiting.push({ send, reject });
    });
  }

  /** To be called when the connection was of use: after its loss the first retry is quick again. */
  trust(): void {
    this.#attempt = 0;
  }

  /**
   * Hears messages that match the filters, over all connections until stop().
   * @throws BrokerError when the broker does not allow it
   */
  async subscribe(filters: string[], onMessage: OnMessage): Promise<void> {
    const subscription = { filters, onMessage };
    this.#subscriptions.push(subscription);
    if (this.#client) await this.#subscribeOn(this.#client, subscription);
  }

  /** Says goodbye to the broker, so that it does not send the will; a second later it hangs up, answered or not. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#retry);
    this.#opening?.end(true);
    const client = this.#client;
    this.#client = undefined;
    if (!client) return;
    const unanswered = [...this.#onTheWay.values()].filter((id) => id > 0);
    this.#rejectOnTheWay(new Error('the link was stopped'));
    // MQTT.js would wait for every answer before it says goodbye.
    for (const id of unanswered) client.removeOutgoingMessage(id);
    await new Promise<void>((resolve) => {
      const hangUp = setTimeout(() => client.stream.destroy(), GOODBYE_MS);
      client.once('close', () => {
        clearTimeout(hangUp);
        resolve();
      });
      const properties = this.#version === 5 ? { sessionExpiryInterval: 0 } : undefined;
      client.end(false, { properties });
    });
  }

  async #connect(): Promise<void> {
    try {
      await this.#open();
    } catch (error) {
      if (this.#version === 4 || !isVersionRefused(error as Coded)) throw this.#explained(error as Coded);
      this.#version = 4;
      await this.#open().catch((second) => {
        throw this.#explained(second);
      });
    }
    const client = this.#client;
    if (!client) return;
    this.#options.onProblem?.(null);
    // Who may not hear may still speak.
    for (const subscription of this.#subscriptions) {
      await this.#subscribeOn(client, subscription).catch((error: BrokerError) => this.#options.onProblem?.(error));
    }
    if (this.#client !== client) return;
    this.#options.onConnect?.();
  }

  /** Opens a connection; resolves when the broker has taken it. */
  #open(): Promise<void> {
    const client = connect(this.#options.url, this.#clientOptions());
    this.#opening = client;
    let failure: Coded | undefined;
    let farewell: number | undefined;
    client.on('disconnect', ({ reasonCode }) => {
      farewell = reasonCode;
    });
    return new Promise((resolve, reject) => {
      // Without a listener an 'error' event would end the process.
      client.on('error', (error) => {
        failure ??= error as Coded;
        if (this.#client !== client) client.end(true, () => reject(failure));
      });
      client.once('connect', ({ properties }) => {
        this.#opening = undefined;
        if (this.#isStopped) return void client.end(true, () => resolve());
        this.#client = client;
        this.#connectedMs = performance.now();
        this.#receiveMaximum = properties?.receiveMaximum ?? DEFAULT_RECEIVE_MAXIMUM;
        this.#maximumPacketSize = properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY;
        resolve();
      });
      client.once('close', () => {
        if (this.#client === client) this.#lost(client, farewell);
        else reject(failure ?? new Error('the connection was closed'));
      });
    });
  }

  #clientOptions(): IClientOptions {
    const { clientId, access, will, sessionSeconds = 0, willDelaySeconds = WILL_DELAY_SECONDS } = this.#options;
    const isFive = this.#version === 5;
    const message = will?.();
    return {
      ...{ clientId, protocolVersion: this.#version, clean: !isFive || sessionSeconds === 0, keepalive: 30 },
      ...{ connectTimeout: CONNECT_TIMEOUT_MS, reconnectPeriod: 0, resubscribe: false },
      ...(isFive && { properties: { sessionExpiryInterval: sessionSeconds } }),
      ...(message && {
        will: {
          ...{ topic: message.topic, payload: Buffer.from(message.payload), qos: message.qos, retain: message.retain },
          ...(isFive && { properties: { willDelayInterval: willDelaySeconds } }),
        },
      }),
      ...(access?.username !== undefined && { username: access.username, password: access.password }),
      ...(access?.tls && { ...access.tls, rejectUnauthorized: true }),
    };
  }

  async #subscribeOn(client: MqttClient, { filters, onMessage }: Subscription): Promise<void> {
    client.on('message', (topic, payload) => onMessage(topic, payload));
    try {
      await client.subscribeAsync(filters, { qos: 1 });
    } catch (cause) {
      const what = `The MQTT broker does not let us hear ${filters.join(', ')} (${(cause as Error).message})`;
      throw new BrokerError(`${what}: allow it in its access rules.`, { cause });
    }
  }

  /** @param farewell the broker's reason code, where it said one (MQTT 5) */
  #lost(client: MqttClient, farewell: number | undefined): void {
    this.#client = undefined;
    client.end(true);
    if (performance.now() - this.#connectedMs > GOOD_CONNECTION_MS) this.#attempt = 0;
    // Whose fault a farewell is can be said only when one message alone was on the way.
    const code = this.#onTheWay.size === 1 ? farewell : undefined;
    this.#rejectOnTheWay(Object.assign(new Error('the connection was lost'), { code }));
    const reason = farewell ? `it ended the connection, reason code ${farewell}` : 'the connection was lost';
    if (!this.#isStopped) this.#retryLater(this.#explained(new Error(reason)));
  }

  #rejectOnTheWay(error: Error): void {
    const rejects = [...this.#onTheWay.keys(), ...this.#waiting.map(({ reject }) => reject)];
    this.#onTheWay.clear();
    this.#waiting = [];
    for (const reject of rejects) reject(error);
  }

  /** Full jitter: any moment up to a bound that doubles, so that a fleet does not come back within one second. */
  #retryLater(problem: BrokerError): void {
    this.#options.onProblem?.(problem);
    if (this.#isStopped) return;
    const waitMs = fullJitter(this.#attempt, RETRY_MS, LONGEST_RETRY_MS);
    this.#attempt += 1;
    this.#retry = setTimeout(() => {
      this.#connect().catch((error: BrokerError) => {
        const client = this.#client;
        if (client) client.stream.destroy();
        else this.#retryLater(error);
      });
    }, waitMs);
  }

  #explained(cause: Coded): BrokerError {
    const reason = cause.message || cause.code || 'no answer';
    const shown = this.#options.url.replace(/\/\/[^@/]*@/, '//');
    return new BrokerError(`No MQTT broker takes us at ${shown} (${reason}): ${wayOut(cause)}.`, { cause });
  }
}

/** A random time up to base x 2^attempt, at most the longest; in milliseconds. */
export function fullJitter(attempt: number, baseMs: number, longestMs: number): number {
  return Math.random() * Math.min(longestMs, baseMs * 2 ** Math.min(attempt, 30));
}

function wayOut({ code, message }: Coded): string {
  const isRefused = [4, 5, 134, 135, 140].includes(code as number);
  if (isRefused) return 'check user name, password or certificate, and the rules of the broker';
  const isTls = typeof code === 'string' && /CERT|TLS|SSL|ISSUER|SIGNED|ALTNAME/.test(code);
  if (isTls || /certificate|TLS/i.test(message)) return 'check tls.ca, the certificates and the name of the broker';
  return 'start one there, or give another URL';
}

/** Return code 1 of MQTT 3.1.1 and 132 of MQTT 5: unacceptable protocol version. */
function isVersionRefused({ code }: Coded): boolean {
  return code === 1 || code === 132;
}
