// A subscriber that acknowledges after a batch is safe: MQTT.js holds one message at a time until it is acknowledged, which allows
// no batch. The packets are mqtt-packet's; the connection, the batches and the way back after a loss are here.
import net from 'node:net';
import tls from 'node:tls';
import mqtt, { type IConnackPacket, type IPublishPacket, type Packet } from 'mqtt-packet';

/** A message as the broker delivered it. */
export interface Delivered {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retained: boolean;
}

export interface BatchConsumerOptions {
  /** mqtt:// or mqtts://, with user and password where the broker wants them. */
  readonly url: string;
  /** The same after each start, so that the broker keeps what comes while the consumer is away. */
  readonly clientId: string;
  readonly filters: readonly string[];
  /** Makes a batch safe; while it fails the batch is tried again and nothing is acknowledged. */
  readonly store: (batch: readonly Delivered[]) => Promise<void>;
  /** Told once per trouble, for people: the broker lost, the store failing. */
  readonly onTrouble?: (error: Error) => void;
  readonly secure?: Pick<tls.ConnectionOptions, 'ca' | 'cert' | 'key' | 'servername'>;
  readonly batchLimit?: number;
}

export interface ConsumerFigures {
  readonly received: number;
  readonly stored: number;
  readonly batches: number;
  readonly reconnects: number;
  readonly isOnline: boolean;
  /** Age of the oldest message that waits to be stored. */
  readonly lagSeconds: number;
}

/** No broker takes the consumer. */
export class ConsumerError extends Error {
  override name = 'UserError';
}

const BATCH_LIMIT = 1000;
/** Messages the broker may send before the first of them is acknowledged: one batch in work, one filling. */
const BATCHES_UNDERWAY = 2;
/** A batch waits this long for more. */
const GATHER_MS = 10;
const SESSION_EXPIRY_SECONDS = 7 * 24 * 3600;
const KEEPALIVE_SECONDS = 30;
const CONNECT_TIMEOUT_MS = 5000;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
const SUBSCRIBE_ID = 1;

interface Waiting {
  readonly cameMs: number;
  readonly packet: IPublishPacket;
  readonly socket: net.Socket;
}

/** One subscription with batches; start() and stop() once. */
export class BatchConsumer {
  readonly #options: BatchConsumerOptions;
  readonly #limit: number;
  #protocolVersion: 4 | 5 = 5;
  #socket: net.Socket | undefined;
  #waiting: Waiting[] = [];
  #storing: Promise<void> | undefined;
  #gathering: NodeJS.Timeout | undefined;
  #isStopped = false;
  #wake: (() => void) | undefined;
  #figures = { received: 0, stored: 0, batches: 0, reconnects: 0 };

  constructor(options: BatchConsumerOptions) {
    this.#options = options;
    this.#limit = options.batchLimit ?? BATCH_LIMIT;
  }

  get figures(): ConsumerFigures {
    const oldest = this.#waiting[0];
    const lagSeconds = oldest ? (performance.now() - oldest.cameMs) / 1000 : 0;
    return { ...this.#figures, isOnline: this.#socket !== undefined, lagSeconds };
  }

  /** Connects and subscribes; later losses are mended without being asked. @throws ConsumerError */
  async start(): Promise<void> {
    await this.#connect();
  }

  /** Stores and acknowledges what has come, then says goodbye; the broker keeps the session. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wake?.();
    clearTimeout(this.#gathering);
    await this.#storing;
    if (this.#waiting.length > 0) await this.#storeAll();
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    socket.write(mqtt.generate({ cmd: 'disconnect' }, { protocolVersion: this.#protocolVersion }));
    await new Promise<void>((resolve) => socket.end(resolve));
  }

  /** Sends a command to devices, at most once: who needs an answer asks again. */
  send(topic: string, payload: string): void {
    this.#socket?.write(this.#bytes({ cmd: 'publish', topic, payload, qos: 0, retain: false, dup: false }));
  }

  /** One try with MQTT 5, one with 3.1.1 when the broker does not know 5. */
  async #connect(): Promise<void> {
    try {
      await this.#open();
    } catch (error) {
      if (!(error instanceof RefusedError && error.isVersion && this.#protocolVersion === 5))
        throw this.#explained(error as Error);
      this.#protocolVersion = 4;
      await this.#open().catch((second) => {
        throw this.#explained(second);
      });
    }
  }

  /** Opens a connection, resolves when the broker granted the subscription. */
  #open(): Promise<void> {
    const socket = this.#dial();
    const parser = mqtt.parser({ protocolVersion: this.#protocolVersion });
    const ping = setInterval(() => socket.write(this.#bytes({ cmd: 'pingreq' })), (1000 * KEEPALIVE_SECONDS) / 2);
    return new Promise<void>((resolve, reject) => {
      let lastHeardMs = Date.now();
      let failure: Error | undefined;
      const timeout = setTimeout(() => socket.destroy(new Error('no answer within 5 s')), CONNECT_TIMEOUT_MS);
      const silence = setInterval(() => {
        if (Date.now() - lastHeardMs > 2000 * KEEPALIVE_SECONDS)
          socket.destroy(new Error('the broker has gone silent'));
      }, 1000 * KEEPALIVE_SECONDS);
      parser.on('packet', (packet) => {
        if (packet.cmd === 'connack') this.#onConnack(packet, socket);
        else if (packet.cmd === 'suback') {
          clearTimeout(timeout);
          const refused = packet.granted.some((code) => (code as number) >= 128);
          if (refused) socket.destroy(new RefusedError('the broker refuses the subscription', false));
          else {
            this.#socket = socket;
            resolve();
          }
        } else if (packet.cmd === 'publish') this.#onPublish(packet, socket);
        else if (packet.cmd === 'disconnect')
          failure = new Error(`the broker ended the connection (reason ${packet.reasonCode ?? 0})`);
      });
      parser.on('error', (error) => socket.destroy(error));
      socket.on('data', (bytes) => {
        lastHeardMs = Date.now();
        parser.parse(bytes);
      });
      socket.on('error', (error) => {
        failure ??= error;
      });
      socket.on('close', () => {
        for (const timer of [timeout, silence, ping]) clearTimeout(timer);
        const error = failure ?? new Error('the broker closed the connection');
        reject(error);
        if (this.#socket === socket) this.#lost(error);
      });
    });
  }

  #dial(): net.Socket {
    const { url, clientId, secure } = this.#options;
    const { protocol, hostname, port, username, password } = new URL(url);
    const host = hostname.replace(/^\[|\]$/g, '');
    const isSecure = protocol === 'mqtts:';
    const to = { host, port: Number(port) || (isSecure ? 8883 : 1883) };
    const servername = secure?.servername ?? (net.isIP(host) ? undefined : host);
    const socket = isSecure ? tls.connect({ ...to, ...secure, servername }) : net.connect(to);
    socket.setNoDelay(true);
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      socket.write(
        this.#bytes({
          ...{ cmd: 'connect', protocolId: 'MQTT', protocolVersion: this.#protocolVersion, clientId, clean: false },
          keepalive: KEEPALIVE_SECONDS,
          ...(username && { username: decodeURIComponent(username) }),
          ...(password && { password: Buffer.from(decodeURIComponent(password)) }),
          properties: {
            sessionExpiryInterval: SESSION_EXPIRY_SECONDS,
            receiveMaximum: Math.min(65_535, BATCHES_UNDERWAY * this.#limit),
          },
        }),
      );
    });
    return socket;
  }

  #onConnack({ returnCode, reasonCode }: IConnackPacket, socket: net.Socket): void {
    const code = (this.#protocolVersion === 5 ? reasonCode : returnCode) ?? 0;
    if (code !== 0) {
      socket.destroy(new RefusedError(`refused with code ${code}`, code === 1 || code === 132));
      return;
    }
    const subscriptions = this.#options.filters.map((topic) => ({ topic, qos: 1 as const }));
    socket.write(this.#bytes({ cmd: 'subscribe', messageId: SUBSCRIBE_ID, subscriptions }));
  }

  #onPublish(packet: IPublishPacket, socket: net.Socket): void {
    this.#figures.received += 1;
    this.#waiting.push({ packet, socket, cameMs: performance.now() });
    if (this.#waiting.length >= this.#limit) this.#beginStoring();
    else this.#gathering ??= setTimeout(() => this.#beginStoring(), GATHER_MS);
  }

  #beginStoring(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    this.#storing ??= this.#storeAll().finally(() => {
      this.#storing = undefined;
    });
  }

  /** Batch after batch until nothing waits; a batch that fails is tried again, unless the consumer is being stopped. */
  async #storeAll(): Promise<void> {
    let waitMs = FIRST_WAIT_MS;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, this.#limit);
      try {
        await this.#options.store(
          batch.map(({ packet: { topic, payload, retain } }) => ({
            topic,
            payload: bytesOf(payload),
            retained: retain,
          })),
        );
      } catch (error) {
        this.#options.onTrouble?.(error as Error);
        if (this.#isStopped) return;
        await this.#pause(waitMs);
        waitMs = Math.min(LONGEST_WAIT_MS, 2 * waitMs);
        continue;
      }
      waitMs = FIRST_WAIT_MS;
      this.#waiting.splice(0, batch.length);
      this.#figures.stored += batch.length;
      this.#figures.batches += 1;
      this.#acknowledge(batch);
    }
  }

  /**
   * On the connection each message came by, also while that one still waits for its subscription: a broker with a kept session
   * sends at once. What came by a connection that has gone comes again: its number would name another message now.
   */
  #acknowledge(batch: readonly Waiting[]): void {
    for (const socket of new Set(batch.map((each) => each.socket))) {
      if (!socket.writable) continue;
      const acks = batch
        .filter((each) => each.socket === socket && each.packet.qos === 1)
        .map(({ packet }) => this.#bytes({ cmd: 'puback', messageId: packet.messageId!, reasonCode: 0 }));
      if (acks.length > 0) socket.write(Buffer.concat(acks));
    }
  }

  /** Full jitter (exponential back-off, each wait drawn from 0 to its bound), so that many consumers do not come back at once. */
  async #lost(error: Error): Promise<void> {
    this.#socket = undefined;
    if (this.#isStopped) return;
    this.#options.onTrouble?.(error);
    for (let bound = FIRST_WAIT_MS; !this.#isStopped; bound = Math.min(LONGEST_WAIT_MS, 2 * bound)) {
      await this.#pause(Math.random() * bound);
      if (this.#isStopped) return;
      try {
        await this.#connect();
        this.#figures.reconnects += 1;
        return;
      } catch (again) {
        if (bound === LONGEST_WAIT_MS) this.#options.onTrouble?.(again as Error);
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #bytes(packet: Packet): Buffer {
    return mqtt.generate(packet, { protocolVersion: this.#protocolVersion });
  }

  #explained(cause: Error): ConsumerError {
    const shown = this.#options.url.replace(/\/\/[^@/]*@/, '//');
    const reason = cause.message || (cause as NodeJS.ErrnoException).code || 'no answer';
    return new ConsumerError(
      `No MQTT broker takes the collector at ${shown} (${reason}): start one there, or give another URL.`,
      { cause },
    );
  }
}

class RefusedError extends Error {
  readonly isVersion: boolean;
  constructor(message: string, isVersion: boolean) {
    super(message);
    this.isVersion = isVersion;
  }
}

function bytesOf(payload: Buffer | string): Uint8Array {
  return typeof payload === 'string' ? Buffer.from(payload) : payload;
}
