// What the device says: state, info and health, and every sound event, in order and kept until the broker has it.
import type { SoundEvent } from '../signals.ts';
import { backfillCommand } from './backfill.ts';
import { cloudEvent } from './cloud-events.ts';
import { type Answer, CommandDesk } from './commands.ts';
import { Delivery, type DeliveryFigures } from './delivery.ts';
import { eventMessage } from './event-message.ts';
import { homeAssistantDiscovery, homeAssistantStatus } from './home-assistant.ts';
import { LiveLease, liveCommand } from './live-lease.ts';
import { MqttLink } from './mqtt.ts';
import { Outbox } from './outbox.ts';
import type { Refusal } from './outbox-drain.ts';
import { OutboxLockedError } from './outbox-lock.ts';
import {
  type AnyMessage,
  type ClipAudioMessage,
  type ClipMessage,
  type ConfigReportedMessage,
  decode,
  type EvaluationMessage,
  encode,
  filterOf,
  type HealthMessage,
  type InfoMessage,
  type MessageOf,
  type Outgoing,
  type StateMessage,
} from './topics.ts';
import type { Envelope, Fixed, LivePicture, UplinkOptions } from './uplink-options.ts';

/** Messages waiting in memory; the oldest goes when one more comes, and is counted. */
const QUEUE_LIMIT = 10_000;
const DRAIN_TIMEOUT_MS = 5000;
/** A broker of MQTT 5 keeps commands for us so long while we are away. */
const SESSION_SECONDS = 3600;

/** The broker does not take what we send. */
export class UplinkRefusedError extends Error {
  override name = 'UserError';
}

export type UplinkFigures = DeliveryFigures;

/** The info message without what the uplink's options say. */
export type Introduction = Fixed<Omit<InfoMessage, 'version' | 'headingDegrees' | 'position'>>;

/**
 * Sends what the device has to say. Events, clips and evaluations are kept until the broker acknowledged them: on disk where
 * there is an outbox, else in memory, which outlives a broker outage and not the process.
 */
export class Uplink {
  readonly #options: UplinkOptions;
  readonly #link: MqttLink;
  readonly #delivery: Delivery;
  readonly #lease: LiveLease<LivePicture> | undefined;
  readonly #desk: CommandDesk | undefined;
  /** Newest retained messages, said again at each connection: a broker may have forgotten them. */
  readonly #retained = new Map<string, Outgoing>();
  #hasOutbox = false;
  #isSubscribed = false;
  #eventSeq = 0;
  #liveSeq = 0;
  #sessionSeq = 0;
  /** Of what is not kept: state, info, health. */
  #denied = 0;
  #denial: Refusal | null = null;
  #refusal: UplinkRefusedError | undefined;

  constructor(options: UplinkOptions) {
    this.#options = options;
    const { url, access, device, bootId, onProblem, live, willDelaySeconds } = options;
    this.#link = new MqttLink({
      ...{ url, access, clientId: `earshot-${device}-${bootId}`, sessionSeconds: SESSION_SECONDS },
      ...{ isPatient: options.outbox !== undefined, willDelaySeconds },
      will: () => this.#state('lost', this.#sessionSeq + 1),
      onConnect: () => this.#connected(),
      onProblem: (problem) => onProblem?.('broker-lost', problem?.message ?? null),
    });
    this.#delivery = new Delivery({
      ...{ link: this.#link, memoryLimit: options.queueLimit ?? QUEUE_LIMIT },
      onRefusal: (refusal) => this.#refused(refusal),
    });
    if (live) this.#lease = new LiveLease(live, (picture, seconds) => this.#showLive(picture, seconds));
    const handlers = {
      ...options.commands,
      ...(this.#lease && { live: liveCommand(this.#lease) }),
      ...(options.outbox && {
        backfill: backfillCommand({
          delivered: () => this.#delivery.delivered(),
          keep: (topic, payload) => this.#delivery.keep(topic, payload),
        }),
      }),
    };
    if (Object.keys(handlers).length > 0) {
      const isClockWrong = () => options.clock.synced === false;
      this.#desk = new CommandDesk({ handlers, isClockWrong, answer: (answer) => this.#answer(answer) });
    }
  }

  get figures(): UplinkFigures {
    const figures = this.#delivery.figures;
    return { ...figures, denied: figures.denied + this.#denied, denial: figures.denial ?? this.#denial };
  }

  /** Why the broker does not take what we send; undefined while it does. */
  get refusal(): UplinkRefusedError | undefined {
    return this.#refusal;
  }

  get isOnline(): boolean {
    return this.#link.isOnline;
  }

  /**
   * Opens the outbox, connects and introduces the device.
   * @throws BrokerError without an outbox, when no broker takes us; it may be tried again
   * @throws OutboxLockedError when another process has the outbox
   */
  async start(info: Introduction): Promise<void> {
    this.introduce(info);
    await this.#openOutbox();
    await this.#subscribe();
    await this.#link.start();
  }

  /** Says what the device is; retained, and said again after each connection. To be called again when it has changed. */
  introduce(info: Introduction): void {
    const { version, headingDegrees, position, homeAssistant, cloudEvents = false } = this.#options;
    const message: InfoMessage = {
      ...{ schema: 'seld/info/1', ...this.#envelope, version, headingDegrees, position },
      ...{ time: now(), ...info },
    };
    const said: [string, Outgoing][] = [['info', encode('info', message)]];
    if (homeAssistant) {
      said.push(['homeAssistant', homeAssistantDiscovery(message, { ...homeAssistant, cloudEvents })]);
    }
    for (const [name, outgoing] of said) {
      this.#retained.set(name, outgoing);
      if (this.#link.isOnline) void this.#send(outgoing);
    }
  }

  /** Keeps an event until the broker has it; never blocks. */
  publish(event: SoundEvent): void {
    this.#eventSeq += 1;
    const message = eventMessage(event, this.#eventSeq, this.#options);
    this.#keep('event', message, message.endTime);
  }

  /** Announces a stored clip; kept like an event. @param name of the clip, never used again in this boot */
  publishClip(name: string, clip: Omit<Fixed<ClipMessage>, 'id'>): void {
    const message = { schema: 'seld/clip/1' as const, ...this.#envelope, id: this.#idOf(name), ...clip };
    this.#keep('clip', { ...message, time: now() }, now());
  }

  /** Sends a part of a clip's sound at once; it is not kept. @throws Error when there is no connection or the broker refuses */
  async sendClipAudio(part: Fixed<ClipAudioMessage>): Promise<void> {
    const message = { schema: 'seld/clip-audio/1' as const, ...this.#envelope, ...part, time: now() };
    if (!this.#link.isOnline) throw new Error('the connection to the broker is gone');
    await this.#link.publish(encode('clip-audio', message));
  }

  /** Tells the result of an evaluation; kept like an event. @param name of it, never used again in this boot */
  publishEvaluation(name: string, result: Omit<Fixed<EvaluationMessage>, 'id'>): void {
    const message = { schema: 'seld/evaluation/1' as const, ...this.#envelope, id: this.#idOf(name), ...result };
    this.#keep('evaluation', { ...message, time: now() }, now());
  }

  /** Says how the device is; retained, so that only the newest counts. */
  async publishHealth(health: Fixed<Omit<HealthMessage, 'outbox'>>): Promise<void> {
    if (!this.#link.isOnline) return;
    const message = { schema: 'seld/health/1' as const, ...this.#envelope, time: now(), ...health };
    await this.#send(encode('health', { ...message, outbox: this.figures }));
  }

  /** Says which settings are in use; retained, and said again after each connection. */
  report(reported: Fixed<ConfigReportedMessage>): void {
    const message = { schema: 'seld/config-reported/1' as const, ...this.#envelope, time: now(), ...reported };
    const outgoing = encode('config/reported', message);
    this.#retained.set('config/reported', outgoing);
    if (this.#link.isOnline) void this.#send(outgoing);
  }

  /**
   * Waits up to 5 seconds for what is unacknowledged, says goodbye, disconnects. With an outbox what remains stays there, and a
   * broker that is away is not waited for.
   */
  async stop(): Promise<void> {
    this.#lease?.end();
    const deadline = Date.now() + DRAIN_TIMEOUT_MS;
    const isWorthwhile = () => !this.#refusal && (this.#link.isOnline || !this.#hasOutbox);
    while (this.figures.queued > 0 && isWorthwhile() && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (this.#link.isOnline) await this.#send(this.#state('disconnected', this.#sessionSeq));
    await this.#delivery.stop();
    await this.#link.stop();
  }

  get #envelope(): Envelope {
    const { site, device, bootId } = this.#options;
    return { site, device, bootId };
  }

  #idOf(name: string): string {
    const { device, bootId } = this.#options;
    return `${device}/${bootId}/${name}`;
  }

  /** A disk that takes no outbox is told and must not keep the device from being heard. */
  async #openOutbox(): Promise<void> {
    const { outbox, onProblem } = this.#options;
    if (!outbox || this.#hasOutbox) return;
    try {
      await this.#delivery.useOutbox(await Outbox.open(outbox));
      this.#hasOutbox = true;
    } catch (error) {
      if (error instanceof OutboxLockedError) throw error;
      onProblem?.(
        'outbox-failed',
        `The outbox ${outbox.folder} cannot be opened (${(error as Error).message}): messages are in memory only.`,
      );
    }
  }

  async #subscribe(): Promise<void> {
    const { site, device, onDesired, homeAssistant } = this.#options;
    if (this.#isSubscribed) return;
    this.#isSubscribed = true;
    const filters = [
      ...(this.#desk ? [filterOf('cmd', site, device)] : []),
      ...(onDesired ? [filterOf('config/desired', site, device)] : []),
      ...(homeAssistant ? [homeAssistantStatus(homeAssistant.prefix)] : []),
    ];
    if (filters.length > 0) await this.#link.subscribe(filters, (topic, payload) => this.#hear(topic, payload));
  }

  #hear(topic: string, payload: Uint8Array): void {
    const { homeAssistant, onDesired } = this.#options;
    if (homeAssistant && topic === homeAssistantStatus(homeAssistant.prefix)) {
      if (Buffer.from(payload).toString() === 'online') void this.#send(this.#retained.get('homeAssistant')!);
      return;
    }
    const isDesired = topic.endsWith('/config/desired');
    // Who clears the retained settings sends an empty message.
    if (isDesired && payload.length === 0) return;
    let heard: AnyMessage | undefined;
    try {
      heard = decode(topic, payload);
    } catch (error) {
      if (isDesired) onDesired?.(error as Error);
      else
        this.#options.onProblem?.(
          'command-unreadable',
          `A command that cannot be read was left: ${(error as Error).message}.`,
        );
      return;
    }
    if (heard?.kind === 'config/desired') onDesired?.(heard.message);
    if (heard?.kind === 'cmd') void this.#desk?.take(heard.message);
  }

  #connected(): void {
    this.#sessionSeq += 1;
    void this.#send(this.#state('ready', this.#sessionSeq));
    for (const outgoing of this.#retained.values()) void this.#send(outgoing);
    this.#delivery.wake();
  }

  /** @param time when what the message tells happened */
  #keep<K extends 'event' | 'clip' | 'evaluation'>(kind: K, message: MessageOf<K>, time: string): void {
    const { topic, payload } = encode(kind, message);
    this.#delivery.keep(topic, this.#options.cloudEvents ? cloudEvent(message, time) : payload);
  }

  /** What is lost with the connection is said again after the next one; a refusal is a fault that people must see. */
  async #send(message: Outgoing): Promise<void> {
    try {
      await this.#link.publish(message);
      if (this.#denial?.topic === message.topic) {
        this.#denial = null;
        this.#refused(null);
      }
    } catch (error) {
      const { code, message: reason } = error as Error & { code?: unknown };
      if (typeof code !== 'number') return;
      this.#denied += 1;
      this.#denial = { reasonCode: code, reason, topic: message.topic };
      this.#refused(this.#denial);
    }
  }

  #refused(refusal: Refusal | null): void {
    const problem = refusal && refusalSentence(refusal);
    this.#refusal = problem === null ? undefined : new UplinkRefusedError(problem);
    this.#options.onProblem?.('broker-refuses', problem);
  }

  #answer(answer: Answer): void {
    const message = { schema: 'seld/res/1' as const, ...this.#envelope, ...answer, time: now() };
    void this.#send(encode('res', message));
  }

  #showLive(picture: LivePicture, leaseSeconds: number): void {
    if (!this.#link.isOnline) return;
    this.#liveSeq += 1;
    const head = { schema: 'seld/live/1' as const, ...this.#envelope, seq: this.#liveSeq, leaseSeconds };
    void this.#send(encode('live', { ...head, ...picture, time: now() }));
  }

  #state(state: StateMessage['state'], sessionSeq: number): Outgoing {
    const { version } = this.#options;
    return encode('state', { schema: 'seld/state/1', ...this.#envelope, sessionSeq, state, version, time: now() });
  }
}

function refusalSentence({ reasonCode, reason, topic }: Refusal): string {
  const code = reasonCode > 0 ? `, reason code ${reasonCode}` : '';
  const wayOut = reasonCode === 135 ? ': allow the device to write it in the access rules of the broker' : '';
  return `The broker does not take ${topic} (${reason}${code})${wayOut}.`;
}

function now(): string {
  return new Date().toISOString();
}
