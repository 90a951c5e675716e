// A device as the hub sees it: says and hears over MQTT what runtime/uplink/topics.ts lays down, and takes wishes as it was ordered to.
import { connectAsync, type MqttClient } from 'mqtt';
import { type ConfigDesiredMessage, decode, encode, filterOf, type MessageOf } from '../../runtime/uplink/topics.ts';

/** What it does with a wish. */
export type Manner = 'applies' | 'refuses' | 'rolls-back' | 'sickens' | 'ignores';

export interface FleetDeviceOptions {
  readonly url: string;
  readonly site: string;
  readonly device: string;
  readonly manner?: Manner;
  readonly board?: string;
  readonly trialMs?: number;
  readonly healthMs?: number;
}

/** One device; start() and stop() as often as it comes and goes. Keeps over that what it applied, as the twin on a device does. */
export class FleetDevice {
  readonly options: FleetDeviceOptions;
  manner: Manner;
  /** Wishes as they came. */
  readonly wishes: ConfigDesiredMessage[] = [];
  settings: Readonly<Record<string, unknown>> = {};
  #version = 0;
  #desired: number | null = null;
  #state: MessageOf<'config/reported'>['state'] = 'applied';
  #release: NonNullable<MessageOf<'config/reported'>['release']> = {
    name: 'first',
    sequence: 1,
    state: 'idle',
    slot: 'a',
  };
  #client: MqttClient | undefined;
  #beat: NodeJS.Timeout | undefined;
  #boot = 0;
  #isSick = false;

  constructor(options: FleetDeviceOptions) {
    this.options = options;
    this.manner = options.manner ?? 'applies';
  }

  get name(): string {
    return `${this.options.site}/${this.options.device}`;
  }

  /** Version in use. */
  get version(): number {
    return this.#version;
  }

  get release(): number {
    return this.#release.sequence;
  }

  async start(): Promise<void> {
    this.#boot += 1;
    const { url, site, device, healthMs = 100 } = this.options;
    const { topic, payload } = this.#stateMessage('lost');
    this.#client = await connectAsync(url, {
      ...{ clientId: device, reconnectPeriod: 100, resubscribe: true },
      will: { topic, payload: Buffer.from(payload), qos: 1, retain: true },
    });
    this.#client.on('message', (heard, bytes) => this.#hear(heard, bytes));
    this.#client.on('connect', () => this.#sayState('ready'));
    this.#sayState('ready');
    this.#report();
    await this.#client.subscribeAsync(filterOf('config/desired', site, device), { qos: 1 });
    this.#beat = setInterval(() => this.#sayHealth(), healthMs);
    this.#sayHealth();
  }

  /** Says goodbye, or breaks off as at a power cut. */
  async stop(isBreak = false): Promise<void> {
    clearInterval(this.#beat);
    const client = this.#client;
    this.#client = undefined;
    if (!client) return;
    if (isBreak) {
      client.stream.destroy();
      client.end(true);
      return;
    }
    const { topic, payload } = this.#stateMessage('disconnected');
    await client.publishAsync(topic, payload, { qos: 1, retain: true });
    await client.endAsync();
  }

  #hear(topic: string, payload: Uint8Array): void {
    if (payload.length === 0) return;
    const heard = decode(topic, payload);
    if (heard?.kind !== 'config/desired') return;
    const wish = heard.message;
    this.wishes.push(wish);
    if (this.manner === 'ignores' || wish.version === this.#desired) return;
    if (wish.version < this.#version)
      throw new Error(`${this.name} got version ${wish.version} after ${this.#version}`);
    this.#desired = wish.version;
    this.#state = 'trial';
    this.#report();
    setTimeout(() => this.#decide(wish), this.options.trialMs ?? 50);
  }

  #decide(wish: ConfigDesiredMessage): void {
    if (wish.version !== this.#desired) return;
    const isGood = this.manner === 'applies' || this.manner === 'sickens';
    const isNews = Object.keys(wish.settings).length > 0 || wish.release != null;
    if (isGood || !isNews) {
      this.#state = 'applied';
      this.#version = wish.version;
      this.settings = wish.settings;
      if (wish.release)
        this.#release = { ...this.#release, name: wish.release.name, sequence: wish.release.sequence, state: 'done' };
      this.#isSick = this.manner === 'sickens' && isNews;
    } else this.#state = this.manner === 'refuses' ? 'refused' : 'rolled-back';
    this.#report();
    this.#sayHealth();
  }

  #envelope() {
    const { site, device } = this.options;
    return { site, device, bootId: `b${this.#boot}` };
  }

  #report(): void {
    const errors = ['refused', 'rolled-back'].includes(this.#state) ? [{ key: '', message: 'as ordered' }] : [];
    const message = { schema: 'seld/config-reported/1' as const, version: this.#version, state: this.#state, errors };
    const more = { desiredVersion: this.#desired, settings: this.settings, release: this.#release, time: now() };
    this.#publish(encode('config/reported', { ...message, ...this.#envelope(), ...more }));
  }

  #sayHealth(): void {
    const faults = this.#isSick ? [{ code: 'sound-stalled', message: 'as ordered', since: now(), count: 1 }] : [];
    this.#publish(
      encode('health', {
        ...{ schema: 'seld/health/1', ...this.#envelope(), uptimeSeconds: 1, streamSeconds: 1, levelsDbfs: [-50] },
        ...{ lostSamples: 0, discontinuities: 0, stages: {}, inference: { backend: 'test', medianMs: 1, p95Ms: 1 } },
        ...{ outbox: { queued: 0, acknowledged: 0, dropped: 0 }, memoryBytes: 1, faults, time: now() },
        board: { model: this.options.board ?? 'Test Board' },
      }),
    );
  }

  #sayState(state: 'ready'): void {
    this.#publish(this.#stateMessage(state));
  }

  #stateMessage(state: 'ready' | 'lost' | 'disconnected') {
    const more = { sessionSeq: 1, state, version: '0.1.0', time: now() };
    return encode('state', { schema: 'seld/state/1', ...this.#envelope(), ...more });
  }

  #publish({ topic, payload, qos, retain }: ReturnType<typeof encode>): void {
    this.#client?.publish(topic, payload, { qos, retain });
  }
}

const now = () => new Date().toISOString();
