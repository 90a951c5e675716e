// The device as a service: listens until it is told to stop, says how it is, and lets no fault end it that can be waited out.
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PRESETS } from '../models/presets.ts';
import { type Config, parseConfig } from './config.ts';
import { type BoardIdentity, boardIdentity } from './device/board-identity.ts';
import type { ClipAudioPart } from './device/clip-audio.ts';
import { ClockJumps } from './device/clock-jumps.ts';
import { Faults } from './device/faults.ts';
import { figuresOf, type Heartbeat, heartbeat } from './device/heartbeat.ts';
import { clipAnnouncement, clipCommands, clipRecorder, type LiveEars, liveEars } from './device/keeping.ts';
import { ExitRecord } from './device/last-exit.ts';
import { type Log, logCommand } from './device/log.ts';
import { judgeMachine } from './device/machine-faults.ts';
import { MetricsServer } from './device/metrics.ts';
import type { Recorder } from './device/recorder.ts';
import { SelfLook } from './device/self-look.ts';
import { Supervisor } from './device/supervisor.ts';
import { Twin } from './device/twin.ts';
import { Updater } from './device/updater.ts';
import { WorkShare } from './device/work-share.ts';
import { bandScale } from './features/mel.ts';
import { chooseBackend } from './inference/choose-backend.ts';
import type { InferenceBackend } from './inference/engine.ts';
import { findModel, type Model, NETWORK_FILE } from './inference/model-files.ts';
import { Listening, type ListeningOptions } from './listening.ts';
import type { SoundEvent } from './signals.ts';
import type { Clock, ConfigDesiredMessage } from './uplink/topics.ts';
import { type Introduction, Uplink } from './uplink/uplink.ts';
import { uplinkSettings } from './uplink/uplink-options.ts';

const TICK_MS = 1000;
/** What is over when it is noticed is shown for so long. */
const SHOW_MS = 600_000;
const DEFAULT_OUTBOX = { megabytes: 64, hours: 168 };
const CHANNELS = 4;

export interface ServiceOptions {
  /** The settings file as JSON: checked here, and what settings from far away are laid over. */
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
  /** The service is to be stopped and started anew, since another release shall run. */
  readonly onRestart?: (reason: string) => void;
  /** Where the slots of releases lie, as the launcher says in EARSHOT_SLOTS; undefined: there are none. */
  readonly slots?: string;
}

/** The service cannot run as it is set. */
export class ServiceError extends Error {
  override name = 'UserError';
}

/** Faults that a change of settings from far must not leave behind. */
const SERIOUS = new Set(['source-failed', 'microphone-lost', 'sound-stalled', 'inference-failed', 'too-slow']);

/** One running device. start() resolves when it listens; stop() when the broker knows that it has gone. */
export class Service {
  readonly bootId = randomBytes(4).toString('hex');
  readonly faults: Faults;
  readonly #options: ServiceOptions;
  readonly #supervisor: Supervisor;
  readonly #self: SelfLook;
  readonly #twin: Twin;
  readonly #updater: Updater;
  readonly #clockJumps: ClockJumps;
  readonly #startedMs = performance.now();
  readonly #timers: NodeJS.Timeout[] = [];
  #config: Config;
  #identity: BoardIdentity | undefined;
  #exit: ExitRecord | undefined;
  #model: Model | undefined;
  #listening: Listening | undefined;
  #uplink: Uplink | undefined;
  #recorder: Recorder | undefined;
  #live: LiveEars | undefined;
  #metrics: MetricsServer | undefined;
  #latest: Heartbeat | undefined;
  #droppedBefore = 0;
  #windowsDroppedBefore = 0;
  readonly #work = new WorkShare();
  #isReady = false;
  #stopping = false;

  /** @throws ConfigError */
  constructor(options: ServiceOptions) {
    const { settings, log, root = '/', wallClock = Date.now } = options;
    const config = parseConfig(settings, 'settings');
    this.#options = options;
    this.#config = config;
    this.#clockJumps = new ClockJumps(wallClock);
    this.#supervisor = options.supervisor ?? new Supervisor(process.env);
    this.#self = new SelfLook({ root, stateFolder: config.stateFolder });
    this.faults = new Faults(log);
    this.#twin = new Twin({
      ...{ base: settings, stateFolder: config.stateFolder, trialSeconds: config.remote.trialSeconds, log },
      apply: (changed) => this.#apply(changed),
      complaint: () => this.faults.list.find(({ code }) => SERIOUS.has(code))?.message,
      report: () => this.#report(),
    });
    this.#updater = new Updater({
      ...{ root: options.slots, version: options.version, settings, stateFolder: config.stateFolder, log },
      vitals: () => this.#vitals(),
      onReport: () => this.#report(),
      onRestart: (reason) => options.onRestart?.(reason),
    });
  }

  /** @throws an error named UserError when the service cannot run at all: no such model, a network that does not load */
  async start(): Promise<void> {
    const { stateFolder } = this.#config;
    await mkdir(stateFolder, { recursive: true }).catch((cause: Error) => {
      throw new ServiceError(`stateFolder ${stateFolder} cannot be written (${cause.message}): name another one.`);
    });
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
    await this.#updater.stop();
    if (this.#isReady) await this.#beat();
    await this.#listening?.stop();
    await this.#recorder?.stop();
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
      recentFactor: this.#work.latest,
    });
  }

  async #begin(): Promise<void> {
    const { log, openSource, createBackend = defaultBackend, onEvent } = this.#options;
    this.#config = await this.#twin.begin();
    const model = await findModel(this.#config.model, this.#config.format, this.#config.inference.variant);
    this.#model = model;
    await this.#createTaps(model);
    this.#uplink = await this.#createUplink();
    this.#listening = new Listening({
      ...{ model, config: this.#config, uplink: this.#uplink, faults: this.faults, onEvent },
      taps: [this.#recorder, this.#live].filter((tap) => tap !== undefined),
      openSource: (config) => openSource(config, model),
      createBackend: () => createBackend(this.#config, model),
      alive: () => this.#supervisor.alive(),
    });
    this.#self.start();
    await this.#self.look();
    await this.#listening.start();
    await this.#startMetrics();
    await this.#uplink.start(this.#introduction());
    this.#droppedBefore = this.#uplink.figures.dropped;
    this.#report();
    this.#updater.start();
    this.#isReady = true;
    this.#timers.push(setInterval(() => this.#tick(), TICK_MS));
    this.#scheduleBeat();
    await this.#supervisor.ready(`listens with ${model.manifest.name} on ${this.#listening.backendDescription}`);
    const { reason } = this.#exit!.last;
    const { l4t, model: board } = this.#identity!;
    log.info('started', `Listens with ${model.manifest.name}.`, { bootId: this.bootId, lastExit: reason, board, l4t });
  }

  /** Settings and release are wished in one message, and told of in one. */
  #desire(desired: ConfigDesiredMessage | Error): void {
    void this.#twin.desire(desired);
    if (!(desired instanceof Error)) this.#updater.wish(desired.release, desired.version);
  }

  #report(): void {
    const { errors, settings, ...reported } = this.#twin.reported;
    const copies = { errors: errors.map((error) => ({ ...error })), settings: { ...settings } };
    this.#uplink?.report({ ...reported, ...copies, release: this.#updater.report });
  }

  #vitals() {
    if (!this.#isReady) return undefined;
    const { queued, acknowledged } = this.#uplink!.figures;
    const fault = this.faults.list.find(({ code }) => SERIOUS.has(code))?.message;
    return {
      streamSeconds: this.#listening!.work.streamSeconds,
      isOnline: this.#uplink!.isOnline,
      queued,
      acknowledged,
      fault,
    };
  }

  /** Always with an outbox: a device that forgets what it heard while the broker was away is no use. */
  async #createUplink(): Promise<Uplink> {
    const config = this.#config;
    const current = () => this.#config;
    const outbox = config.outbox ?? { ...DEFAULT_OUTBOX, folder: join(config.stateFolder, 'outbox') };
    return new Uplink({
      ...{ url: config.broker ?? '', site: config.site, device: config.device, bootId: this.bootId },
      ...(await uplinkSettings({ ...config, outbox })),
      ...{ version: this.#options.version, clock: this.#clock() },
      get headingDegrees() {
        return current().headingDegrees;
      },
      get position() {
        return current().position;
      },
      wallTimeMs: (seconds) => this.#listening!.wallTimeMs(seconds),
      ...(config.remote.enabled && { onDesired: (desired) => this.#desire(desired) }),
      onProblem: (code, problem) => this.faults.set(code, problem !== null, problem ?? ''),
      ...(this.#live && { live: this.#live }),
      commands: { ...this.#clipCommands(), log: logCommand(this.#options.log) },
    });
  }

  #clipCommands() {
    const [recorder, send] = [this.#recorder, (part: ClipAudioPart) => this.#uplink!.sendClipAudio(part)];
    return clipCommands({ ...this.#config, recorder, send });
  }

  /** Those who listen along: what keeps clips, and what shows live what is heard. */
  async #createTaps({ manifest }: Model): Promise<void> {
    const { name, files, features } = manifest;
    this.#live = liveEars(this.#config, manifest, bandScale(PRESETS[features.preset]));
    this.#recorder = clipRecorder(this.#config, manifest, {
      ...{ bootId: this.bootId, version: this.#options.version, model: { name, sha256: files[NETWORK_FILE]! } },
      onClip: (clip) => this.#uplink?.publishClip(clip.sidecar.file, clipAnnouncement(clip)),
      onTrouble: (error) => this.faults.set('clips-failed', error !== undefined, error?.message ?? ''),
    });
    await this.#recorder?.start();
  }

  #introduction(): Introduction {
    const { manifest } = this.#model!;
    const { format, preset } = manifest.features;
    return {
      model: { name: manifest.name, sha256: manifest.files[NETWORK_FILE]!, labels: manifest.labels },
      backend: this.#listening!.backendDescription,
      microphone: {
        ...{ format, sampleRate: PRESETS[preset].sampleRate, channels: CHANNELS },
        ...(this.#config.microphone?.profile && { profile: this.#config.microphone.profile }),
      },
    };
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
    this.#uplink?.introduce(this.#introduction());
    this.#scheduleBeat();
  }

  #scheduleBeat(): void {
    const timer = setInterval(() => void this.#beat(), 1000 * this.#config.healthSeconds);
    clearInterval(this.#timers[1]);
    this.#timers[1] = timer;
  }

  /** Looks at the machine, judges what it sees, and tells. */
  async #beat(): Promise<void> {
    const self = await this.#self.look();
    const { faults } = this;
    judgeMachine(faults, self, this.#config.stateFolder);
    const { dropped, fault } = this.#uplink!.figures;
    faults.set('outbox-full', fault !== null, `The disk takes no messages (${fault}); they wait in memory.`);
    if (dropped > this.#droppedBefore) {
      faults.note('outbox-dropped', `${dropped} messages were given up since the outbox was made.`, SHOW_MS);
    }
    this.#droppedBefore = dropped;
    const factor = this.#work.since(this.#listening!.work);
    this.#latest = this.heartbeat;
    faults.set(
      'too-slow',
      factor === null ? null : factor > 1,
      `${factor?.toFixed(2)} s of computing per second of sound.`,
    );
    const { droppedWindows = 0, fallback } = this.#latest.inference as { droppedWindows?: number; fallback?: string };
    if (droppedWindows > this.#windowsDroppedBefore) {
      faults.note('windows-dropped', `The network is too slow: ${droppedWindows} windows were left out.`, SHOW_MS);
    }
    this.#windowsDroppedBefore = droppedWindows;
    faults.set('inference-fallback', fallback != null, `Not the wanted backend computes: ${fallback}.`);
    await this.#uplink!.publishHealth(this.#latest);
  }

  #tick(): void {
    this.#listening!.check();
    const jumpMs = this.#clockJumps.look();
    if (jumpMs !== null)
      this.faults.note('clock-jumped', `The system clock jumped by ${(jumpMs / 1000).toFixed(1)} s.`, SHOW_MS);
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
}

function defaultBackend(config: Config, model: Model): InferenceBackend {
  const { inference, threads, stateFolder } = config;
  return chooseBackend({ inference, model, threads, stateFolder });
}
