// The device as a service: listens until it is told to stop, says how it is, and lets no fault end it that can be waited out.
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import type { Config } from './config.ts';
import { type BoardIdentity, boardIdentity } from './device/board-identity.ts';
import { Faults } from './device/faults.ts';
import { figuresOf, type Heartbeat, heartbeat } from './device/heartbeat.ts';
import { ExitRecord } from './device/last-exit.ts';
import type { Log } from './device/log.ts';
import { MetricsServer } from './device/metrics.ts';
import { SelfLook } from './device/self-look.ts';
import { Supervisor } from './device/supervisor.ts';
import { type Reported, Twin } from './device/twin.ts';
import type { InferenceBackend } from './inference/engine.ts';
import { findModel, type Model, NETWORK_FILE } from './inference/model-files.ts';
import { OnnxEngine } from './inference/onnx-engine.ts';
import { Listening, type ListeningOptions } from './listening.ts';
import type { SoundEvent } from './signals.ts';
import type { Clock } from './uplink/topics.ts';
import { Uplink } from './uplink/uplink.ts';

const TICK_MS = 1000;
const BROKER_RETRY_MS = 5000;
const CLOCK_JUMP_MS = 500;
const SHOW_JUMP_MS = 600_000;
/** Below this share of the disk nothing that grows may be kept. */
const LEAST_FREE_SHARE = 0.03;

export interface ServiceOptions {
  readonly config: Config;
  /** The settings file as JSON: what settings from far away are laid over. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly version: string;
  readonly log: Log;
  /** Opens what the service hears. */
  readonly openSource: (config: Config, model: Model) => ReturnType<ListeningOptions['openSource']>;
  readonly createBackend?: (config: Config, model: Model) => InferenceBackend;
  readonly supervisor?: Supervisor;
  /** Where /sys, /proc and /etc of the board are; default '/'. */
  readonly root?: string;
  /** Unix time in milliseconds; default the system's. */
  readonly wallClock?: () => number;
  readonly onEvent?: (event: SoundEvent) => void;
}

/** Faults that a change of settings from far must not leave behind. */
const SERIOUS = new Set(['source-failed', 'sound-stalled', 'inference-failed', 'too-slow']);

/** One running device. start() resolves when it listens; stop() when the broker knows that it has gone. */
export class Service {
  readonly bootId = randomBytes(4).toString('hex');
  readonly faults: Faults;
  readonly #options: ServiceOptions;
  readonly #supervisor: Supervisor;
  readonly #self: SelfLook;
  readonly #twin: Twin;
  readonly #wallClock: () => number;
  readonly #startedMs = performance.now();
  readonly #timers: NodeJS.Timeout[] = [];
  #config: Config;
  #identity: BoardIdentity | undefined;
  #exit: ExitRecord | undefined;
  #model: Model | undefined;
  #listening: Listening | undefined;
  #uplink: Uplink | undefined;
  #metrics: MetricsServer | undefined;
  #latest: Heartbeat | undefined;
  #clockOffsetMs = 0;
  #stopping = false;

  constructor(options: ServiceOptions) {
    const { config, settings, log, root = '/', wallClock = Date.now } = options;
    this.#options = options;
    this.#config = config;
    this.#wallClock = wallClock;
    this.#supervisor = options.supervisor ?? new Supervisor(process.env);
    this.#self = new SelfLook({ root, stateFolder: config.stateFolder });
    this.faults = new Faults(log);
    this.#twin = new Twin({
      ...{ base: settings, stateFolder: config.stateFolder, trialSeconds: config.remote.trialSeconds, log },
      apply: (changed) => this.#apply(changed),
      complaint: () => this.faults.list.find(({ code }) => SERIOUS.has(code))?.message,
      report: (reported) => this.#report(reported),
    });
  }

  /** @throws an error named UserError when the service cannot run at all: no such model, a network that does not load */
  async start(): Promise<void> {
    const { stateFolder } = this.#config;
    await mkdir(stateFolder, { recursive: true });
    this.#identity = await boardIdentity(this.#self.files);
    const { machineBootId } = this.#identity;
    this.#exit = await ExitRecord.begin(stateFolder, { bootId: this.bootId, machineBootId });
    try {
      await this.#begin();
    } catch (error) {
      await this.#exit.end(`failed: ${(error as Error).message}`);
      throw error;
    }
  }

  /** Says goodbye and ends; what the broker has not acknowledged is kept for the next start. */
  async stop(reason: string): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    await this.#supervisor.stopping(reason);
    for (const timer of this.#timers) clearInterval(timer);
    await this.#twin.stop();
    await this.#beat();
    await this.#listening?.stop();
    await this.#uplink?.stop();
    await this.#metrics?.stop();
    this.#self.stop();
    await this.#exit?.end(`stopped: ${reason}`);
    this.#options.log.info('stopped', `Stopped: ${reason}.`);
    this.#options.log.flush();
  }

  /** Notes why the runtime dies, so that the next start can tell; to be called when it cannot go on. */
  async fail(error: Error): Promise<void> {
    await this.#exit?.end(`failed: ${error.message}`);
    this.#options.log.flush();
  }

  /** What the health message says now. */
  get heartbeat(): Heartbeat {
    return heartbeat({
      listening: this.#listening!.health((performance.now() - this.#startedMs) / 1000),
      ...{ streamRestarts: this.#listening!.restarts, outbox: this.#uplink!.figures },
      ...{ model: this.#model!.manifest.name, version: this.#options.version },
      ...{ identity: this.#identity!, lastExit: this.#exit!.last, self: this.#self.latest, faults: this.faults.list },
    });
  }

  async #begin(): Promise<void> {
    const { log, openSource, createBackend = defaultBackend, onEvent } = this.#options;
    this.#config = await this.#twin.begin();
    const { site, device, headingDegrees, position } = this.#config;
    const model = await findModel(this.#config.model, this.#config.format);
    this.#model = model;
    this.#uplink = new Uplink({
      ...{ url: this.#config.broker ?? '', site, device, bootId: this.bootId, version: this.#options.version },
      ...{ headingDegrees, position, clock: this.#clock(), wallTimeMs: (s) => this.#listening!.wallTimeMs(s) },
    });
    this.#listening = new Listening({
      ...{ model, config: this.#config, uplink: this.#uplink, faults: this.faults, onEvent },
      openSource: (config) => openSource(config, model),
      createBackend: () => createBackend(this.#config, model),
      alive: () => this.#supervisor.alive(),
    });
    this.#self.start();
    await this.#self.look();
    await this.#listening.start();
    await this.#startMetrics();
    void this.#connect();
    this.#timers.push(setInterval(() => this.#tick(), TICK_MS));
    this.#scheduleBeat();
    await this.#supervisor.ready(`listens with ${model.manifest.name} on ${this.#listening.backendDescription}`);
    const { reason } = this.#exit!.last;
    const { l4t, model: board } = this.#identity!;
    log.info('started', `Listens with ${model.manifest.name}.`, { bootId: this.bootId, lastExit: reason, board, l4t });
  }

  /** Tries until a broker answers; later losses the uplink mends itself. */
  async #connect(): Promise<void> {
    const { manifest } = this.#model!;
    const info = {
      model: { name: manifest.name, sha256: manifest.files[NETWORK_FILE]!, labels: manifest.labels },
      backend: this.#listening!.backendDescription,
      microphone: { format: manifest.features.format, sampleRate: 48000, channels: 4 },
    };
    while (!this.#stopping) {
      try {
        await this.#uplink!.start(info);
        this.faults.clear('broker-lost');
        this.#report(this.#twin.reported);
        return;
      } catch (error) {
        this.faults.raise('broker-lost', (error as Error).message);
      }
      await new Promise((resolve) => setTimeout(resolve, BROKER_RETRY_MS).unref());
    }
  }

  async #startMetrics(): Promise<void> {
    const { metrics } = this.#config;
    if (!metrics) return;
    this.#metrics = new MetricsServer(async () => figuresOf(this.#latest ?? this.heartbeat, this.faults.counts));
    const port = await this.#metrics.start(metrics.port);
    this.#options.log.info('metrics', `Figures for Prometheus are at http://127.0.0.1:${port}/metrics.`);
  }

  async #apply(config: Config): Promise<void> {
    this.#config = config;
    await this.#listening?.apply(config);
    this.#scheduleBeat();
  }

  #scheduleBeat(): void {
    const timer = setInterval(() => void this.#beat(), 1000 * this.#config.healthSeconds);
    clearInterval(this.#timers[1]);
    this.#timers[1] = timer;
  }

  /** Looks at the machine, judges what it sees, and tells. */
  async #beat(): Promise<void> {
    const { clock, disk, board } = await this.#self.look();
    const { faults } = this;
    faults.set(
      'clock-not-synced',
      clock.synced === null ? null : !clock.synced,
      'The system clock is not synchronised.',
    );
    const { totalBytes, freeBytes } = disk;
    const full = totalBytes === null || freeBytes === null ? null : freeBytes < LEAST_FREE_SHARE * totalBytes;
    faults.set('disk-full', full, `${freeBytes} bytes are free on the disk of ${this.#config.stateFolder}.`);
    const { active, reasons } = board?.throttling ?? { active: null, reasons: [] };
    faults.set('throttled', active, `The board holds its clocks down: ${reasons.join(', ')}.`);
    this.#latest = this.heartbeat;
    const { realTimeFactor } = this.#latest;
    const slow = realTimeFactor === null ? null : realTimeFactor > 1;
    faults.set('too-slow', slow, `${realTimeFactor?.toFixed(2)} s of computing per second of sound.`);
    await this.#uplink!.publishHealth(this.#latest);
  }

  #tick(): void {
    this.#listening!.check();
    const offsetMs = this.#wallClock() - performance.now();
    const jumpMs = offsetMs - this.#clockOffsetMs;
    if (this.#clockOffsetMs !== 0 && Math.abs(jumpMs) > CLOCK_JUMP_MS) {
      const seconds = (jumpMs / 1000).toFixed(1);
      this.faults.note('clock-jumped', `The system clock jumped by ${seconds} s.`, SHOW_JUMP_MS);
    }
    this.#clockOffsetMs = offsetMs;
  }

  /** Is the clock right? Read anew for each event. */
  #clock(): Clock {
    const self = this.#self;
    return {
      source: 'system',
      get synced() {
        return self.latest.clock.synced;
      },
      get offsetMs() {
        return self.latest.clock.offsetMs;
      },
    };
  }

  #report(reported: Reported): void {
    void this.#uplink;
    void reported;
  }
}

function defaultBackend(config: Config, model: Model): InferenceBackend {
  return new OnnxEngine({ model, threads: config.threads });
}
