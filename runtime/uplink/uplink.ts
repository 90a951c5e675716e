// What the device says: state, info and health, and every sound event, in order and acknowledged.
import type { SoundEvent } from '../signals.ts';
import { MqttLink } from './mqtt.ts';
import {
  type Clock,
  type EventMessage,
  encode,
  type HealthMessage,
  type InfoMessage,
  type Outgoing,
  type StateMessage,
} from './topics.ts';

/** Events waiting in memory; the oldest goes when one more comes, and is counted. */
const QUEUE_LIMIT = 10_000;
/** Events sent and not yet acknowledged. */
const UNACKNOWLEDGED_LIMIT = 16;
const DRAIN_TIMEOUT_MS = 5000;

const PHASES = { onset: 'new', update: 'update', offset: 'end' } as const;

type Envelope = Pick<StateMessage, 'site' | 'device' | 'bootId'>;
type Fixed<M> = Omit<M, keyof Envelope | 'schema' | 'time'>;

export interface UplinkOptions {
  readonly url: string;
  readonly site: string;
  readonly device: string;
  readonly bootId: string;
  readonly version: string;
  readonly headingDegrees: number | null;
  readonly position: EventMessage['position'];
  readonly clock: Clock;
  /** Unix time in milliseconds of a moment of the stream, given in seconds since it began. */
  readonly wallTimeMs: (streamSeconds: number) => number;
  readonly queueLimit?: number;
}

export interface UplinkFigures {
  readonly queued: number;
  readonly acknowledged: number;
  readonly dropped: number;
}

/**
 * Sends what the device has to say. Events are kept in memory until the broker acknowledged them: they outlive a broker
 * outage, not the process; figures.dropped counts what the bound of the queue threw out.
 */
export class Uplink {
  readonly #options: UplinkOptions;
  readonly #link: MqttLink;
  readonly #queue: Outgoing[] = [];
  #unacknowledged = 0;
  #acknowledged = 0;
  #dropped = 0;
  #eventSeq = 0;
  #sessionSeq = 0;
  #info: Outgoing | undefined;
  #failure: Error | undefined;

  constructor(options: UplinkOptions) {
    this.#options = options;
    const { url, device, bootId } = options;
    this.#link = new MqttLink({
      ...{ url, clientId: `earshot-${device}-${bootId}` },
      will: () => this.#state('lost', this.#sessionSeq + 1),
      onConnect: () => this.#connected(),
    });
  }

  get figures(): UplinkFigures {
    return {
      queued: this.#queue.length + this.#unacknowledged,
      acknowledged: this.#acknowledged,
      dropped: this.#dropped,
    };
  }

  /** Connects and introduces the device. @throws BrokerError */
  async start(info: Fixed<Omit<InfoMessage, 'version' | 'headingDegrees' | 'position'>>): Promise<void> {
    const { version, headingDegrees, position } = this.#options;
    this.#info = encode('info', {
      ...{ schema: 'seld/info/1', ...this.#envelope, version, headingDegrees, position },
      ...{ time: now(), ...info },
    });
    await this.#link.start();
  }

  /** Queues an event; never blocks. */
  publish(event: SoundEvent): void {
    if (this.#queue.length >= (this.#options.queueLimit ?? QUEUE_LIMIT)) {
      this.#queue.shift();
      this.#dropped += 1;
    }
    this.#queue.push(encode('event', this.#eventMessage(event)));
    this.#sendQueued();
  }

  /** Says how the device is; retained, so that only the newest counts. */
  async publishHealth(health: Fixed<Omit<HealthMessage, 'outbox'>>): Promise<void> {
    if (!this.#link.isOnline) return;
    await this.#send(
      encode('health', {
        ...{ schema: 'seld/health/1', ...this.#envelope, outbox: this.figures, time: now() },
        ...health,
      }),
    );
  }

  /** Waits up to 5 seconds for what is unacknowledged, says goodbye, disconnects. */
  async stop(): Promise<void> {
    const deadline = Date.now() + DRAIN_TIMEOUT_MS;
    while (this.figures.queued > 0 && !this.#failure && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (this.#link.isOnline) await this.#link.publish(this.#state('disconnected', this.#sessionSeq));
    await this.#link.stop();
    if (this.#failure) throw this.#failure;
  }

  get #envelope(): Envelope {
    const { site, device, bootId } = this.#options;
    return { site, device, bootId };
  }

  #connected(): void {
    this.#sessionSeq += 1;
    void this.#send(this.#state('ready', this.#sessionSeq));
    if (this.#info) void this.#send(this.#info);
    this.#sendQueued();
  }

  #sendQueued(): void {
    while (this.#link.isOnline && this.#unacknowledged < UNACKNOWLEDGED_LIMIT && this.#queue.length > 0) {
      this.#unacknowledged += 1;
      void this.#send(this.#queue.shift()!).then(() => {
        this.#unacknowledged -= 1;
        this.#acknowledged += 1;
        this.#sendQueued();
      });
    }
  }

  /** While the broker is away the MQTT client keeps what was sent; a refusal is a fault that stop() tells. */
  async #send(message: Outgoing): Promise<void> {
    try {
      await this.#link.publish(message);
    } catch (error) {
      this.#failure ??= error as Error;
    }
  }

  #state(state: StateMessage['state'], sessionSeq: number): Outgoing {
    const { version } = this.#options;
    return encode('state', { schema: 'seld/state/1', ...this.#envelope, sessionSeq, state, version, time: now() });
  }

  #eventMessage(event: SoundEvent): EventMessage {
    const { device, bootId, headingDegrees, position, clock, wallTimeMs } = this.#options;
    this.#eventSeq += 1;
    const { azimuth, elevation, spreadDegrees, score, startSeconds, endSeconds } = event;
    return {
      ...{
        schema: 'seld/event/1',
        ...this.#envelope,
        id: `${device}/${bootId}/${this.#eventSeq}`,
        seq: this.#eventSeq,
      },
      ...{ track: event.trackId, phase: PHASES[event.phase], class: event.label, score, frame: 'microphone' },
      ...{ azimuth, elevation, direction: [...event.direction], spreadDegrees },
      ...{ bearingDegrees: bearing(headingDegrees, azimuth), headingDegrees, position },
      ...{ startSeconds, endSeconds, clock, sentTime: now() },
      startTime: new Date(wallTimeMs(startSeconds)).toISOString(),
      endTime: new Date(wallTimeMs(endSeconds)).toISOString(),
    };
  }
}

/** Compass bearing, clockwise from north, of an azimuth counter-clockwise from the front. */
function bearing(headingDegrees: number | null, azimuth: number): number | null {
  return headingDegrees === null ? null : (((headingDegrees - azimuth) % 360) + 360) % 360;
}

function now(): string {
  return new Date().toISOString();
}
