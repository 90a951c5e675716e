// A simulated device at a real broker: says what it is, hears what sounds at its site, shows the live picture on request, answers commands.
import { connectAsync, type MqttClient } from 'mqtt';
import {
  type CommandMessage,
  type ConfigDesiredMessage,
  decode,
  encode,
  filterOf,
  type HealthMessage,
  type MessageKind,
  type MessageOf,
} from '../../../runtime/uplink/topics.ts';
import {
  BOOT,
  clipAudioMessage,
  clipMessage,
  eventMessage,
  healthMessage,
  infoMessage,
  liveMessage,
  stateMessage,
} from './messages.ts';
import { type Heard, hear, type Post, randomOf, SOUNDS, type Sound } from './site.ts';

export interface Habits {
  readonly celsius: number;
  readonly queued: number;
  readonly faults?: HealthMessage['faults'];
  /** Numbers of events that never arrive. */
  readonly missing?: readonly number[];
}

const PICTURE_MS = 200;
const HEALTH_MS = 20_000;
const DEFAULT_HABITS: Habits = { celsius: 48, queued: 0 };

export class SimulatedDevice {
  readonly post: Post;
  readonly #habits: Habits;
  readonly #random: () => number;
  readonly #bootMs: number;
  #client!: MqttClient;
  #seq = 0;
  #track = 0;
  #liveSeq = 0;
  #leaseEndMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #heard: Heard[] = [];
  #isSilent = false;
  #isStopped = false;
  #fromSeconds = 0;

  /** @param bootMs Unix time when it was switched on */
  constructor(post: Post, seed: number, bootMs: number, habits: Habits = DEFAULT_HABITS) {
    this.post = post;
    this.#random = randomOf(seed);
    this.#bootMs = bootMs;
    this.#habits = habits;
  }

  async start(url: string): Promise<void> {
    const { site, device } = this.post;
    this.#client = await connectAsync(url, { clientId: `sim-${site}-${device}`, clean: true });
    this.#client.on('message', (topic, payload) => {
      const received = decode(topic, payload);
      if (received?.kind === 'cmd') this.#do(received.message);
      if (received?.kind === 'config/desired') this.#apply(received.message);
    });
    await this.#client.subscribeAsync([filterOf('cmd', site, device), filterOf('config/desired', site, device)], {
      qos: 1,
    });
    const now = new Date();
    await this.#say('info', infoMessage(this.post, now));
    await this.#say('state', stateMessage(this.post, 'ready', now));
    await this.#report(0, null);
  }

  /** A lost device says nothing any more. */
  async sayState(state: 'ready' | 'lost' | 'disconnected' | 'alert'): Promise<void> {
    this.#isSilent = state === 'lost';
    await this.#say('state', stateMessage(this.post, state, new Date()));
  }

  async sayHealth(time: Date): Promise<void> {
    if (this.#isSilent) return;
    const daily = 4 * Math.sin(time.getTime() / 3_600_000) + 1.5 * this.#random();
    const figures = { ...this.#habits, celsius: this.#habits.celsius + daily, bootMs: this.#bootMs };
    await this.#say('health', healthMessage(this.post, figures, time, this.#random));
  }

  /** Hears a sound that begins at a moment and says its new and end. @returns whether it was near enough */
  async sayHeard(sound: Sound, startMs: number): Promise<boolean> {
    const heard = hear(this.post, sound, this.#random);
    if (!heard) return false;
    const track = this.#nextTrack();
    const arrivesMs = startMs + heard.metres / 0.3432;
    await this.#event(heard, 'new', track, arrivesMs, arrivesMs + 300);
    await this.#event(heard, 'end', track, arrivesMs, arrivesMs + 1000 * sound.seconds);
    return true;
  }

  /** The same as it happens: new at once, updates, the end when it ends. */
  live(sound: Sound): void {
    const heard = this.#isSilent ? undefined : hear(this.post, sound, this.#random);
    if (!heard) return;
    setTimeout(() => this.#begin(heard, sound), heard.metres / 0.3432).unref(); // the sound has to come here first
  }

  #begin(heard: Heard, sound: Sound): void {
    const track = this.#nextTrack();
    const startMs = Date.now();
    this.#heard.push(heard);
    void this.#event(heard, 'new', track, startMs, startMs + 200);
    const updates = setInterval(() => void this.#event(heard, 'update', track, startMs, Date.now()), 1000).unref();
    setTimeout(() => {
      clearInterval(updates);
      this.#heard = this.#heard.filter((each) => each !== heard);
      void this.#event(heard, 'end', track, startMs, Date.now());
    }, 1000 * sound.seconds).unref();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#client.endAsync(true);
  }

  #nextTrack(): number {
    this.#track += 1;
    return this.#track;
  }

  async #event(
    heard: Heard,
    phase: 'new' | 'update' | 'end',
    track: number,
    startMs: number,
    endMs: number,
  ): Promise<void> {
    this.#seq += 1;
    if (this.#habits.missing?.includes(this.#seq)) return;
    const moment = { seq: this.#seq, track, phase, startMs, endMs, bootMs: this.#bootMs };
    await this.#say('event', eventMessage(this.post, heard, moment));
  }

  #do({ id, name, arguments: given }: CommandMessage): void {
    const { site, device } = this.post;
    const known = ['mark', 'record', 'live', 'clip-audio'].includes(name);
    if (name === 'mark') void this.#say('clip', clipMessage(this.post));
    if (name === 'clip-audio') void this.#say('clip-audio', clipAudioMessage(this.post, String(given.file)));
    if (name === 'live') this.#show(Number(given.seconds ?? 30));
    const error = known ? null : `there is no command ${name}; there are: mark, record, live`;
    void this.#say('res', {
      ...{ schema: 'seld/res/1', site, device, bootId: BOOT, id, name, status: known ? 'ok' : 'refused', error },
      ...{ result: name === 'record' ? { recording: true } : {}, time: new Date().toISOString() },
    });
  }

  #show(seconds: number): void {
    this.#leaseEndMs = Date.now() + 1000 * seconds;
    if (!this.#timer) this.#fromSeconds = (Date.now() - this.#bootMs - this.#liveSeq * PICTURE_MS) / 1000;
    this.#timer ??= setInterval(() => {
      if (Date.now() > this.#leaseEndMs) {
        clearInterval(this.#timer);
        this.#timer = undefined;
        return;
      }
      this.#liveSeq += 1;
      const streamSeconds = this.#fromSeconds + (this.#liveSeq * PICTURE_MS) / 1000;
      void this.#say('live', liveMessage(this.post, this.#heard, this.#liveSeq, streamSeconds, this.#random));
    }, PICTURE_MS).unref();
  }

  #apply({ version, settings }: ConfigDesiredMessage): void {
    void this.#report(version, version, settings);
  }

  async #report(version: number, desiredVersion: number | null, settings: Record<string, unknown> = {}): Promise<void> {
    const { site, device } = this.post;
    await this.#say('config/reported', {
      ...{
        schema: 'seld/config-reported/1',
        site,
        device,
        bootId: BOOT,
        version,
        state: 'applied',
        desiredVersion,
        errors: [],
      },
      settings: { model: this.post.model, tracking: { minimumSeconds: 0.2 }, healthSeconds: 30, ...settings },
      time: new Date().toISOString(),
    });
  }

  async #say<K extends MessageKind>(kind: K, message: MessageOf<K>): Promise<void> {
    if (this.#isStopped) return; // sounds that go on may still end
    const { topic, payload, qos, retain } = encode(kind, message);
    await this.#client.publishAsync(topic, payload, { qos, retain });
  }
}

/** Lets sounds begin again and again at random moments, for all devices. @returns how to end it */
export function soundOn(devices: readonly SimulatedDevice[], everyMs: number): () => void {
  let next = 0;
  const timer = setInterval(() => {
    const sound = SOUNDS[next % SOUNDS.length]!;
    next += 1;
    for (const device of devices) device.live(sound);
  }, everyMs).unref();
  const health = setInterval(() => {
    for (const device of devices) void device.sayHealth(new Date());
  }, HEALTH_MS).unref();
  return () => {
    clearInterval(timer);
    clearInterval(health);
  };
}
