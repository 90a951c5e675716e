// Listening that goes on whatever happens: when the sound or the network fails it is begun anew, ever more slowly, and counted.
import type { Config } from './config.ts';
import { Pipeline, type PipelineOptions } from './pipeline.ts';
import type { AudioBlock, FeatureFrame, Scores, SoundEvent } from './signals.ts';

/** A microphone says how it is; a recording has nothing to say. */
type Source = PipelineOptions['source'] & { readonly figures?: EarFigures };
type Backend = PipelineOptions['backend'];

const FIRST_RETRY_MS = 1000;
const SLOWEST_RETRY_MS = 30_000;
/** Sound that stays away longer is a fault; capture mends shorter gaps by itself. */
const STALL_MS = 3000;
/** A stream that held so long was a good one: the next failure is retried quickly again. */
const GOOD_STREAM_MS = 60_000;

/** What a microphone says of itself, as far as the service passes it on. */
export interface EarFigures {
  readonly state: string;
  /** Why it does not listen; null: it does. */
  readonly complaint: string | null;
  readonly device: string | null;
  readonly restarts: number;
  readonly driftPpm: number | null;
  readonly channels?: readonly { readonly faults: readonly unknown[] }[];
}

/** Where faults are told; codes are those of the health message. */
export interface FaultList {
  raise(code: string, message: string): void;
  clear(code: string): void;
  has(code: string): boolean;
}

export interface ListeningOptions {
  readonly model: PipelineOptions['model'];
  readonly config: Config;
  readonly openSource: (config: Config) => Promise<Source>;
  /** A new backend, not started. */
  readonly createBackend: () => Backend;
  readonly uplink?: PipelineOptions['uplink'];
  readonly faults: FaultList;
  /** Called whenever scores came out: the whole chain is alive. */
  readonly alive: () => void;
  /** What else hears the stream, in its order. */
  readonly taps?: readonly Tap[];
  readonly onEvent?: (event: SoundEvent) => void;
}

/** One who listens along: to the sound, to what is made of it, or to both. */
export interface Tap {
  pushBlock?(block: AudioBlock): void;
  pushFrame?(frame: FeatureFrame): void;
  pushScores?(scores: Scores): void;
  pushEvent?(event: SoundEvent): void;
  /** Another stream begins: its indices start anew. */
  restart?(): void | Promise<void>;
}

interface Totals {
  readonly streamSeconds: number;
  readonly lostSamples: number;
  readonly discontinuities: number;
}

/** One device's ears: source, backend and pipeline, replaced one by one when they fail. */
export class Listening {
  readonly #options: ListeningOptions;
  #config: Config;
  #backend: Backend | undefined;
  #pipeline: Pipeline | undefined;
  #source: Source | undefined;
  #past: Totals = { streamSeconds: 0, lostSamples: 0, discontinuities: 0 };
  #pastBusySeconds = 0;
  #nextTrackId = 1;
  #restarts = 0;
  #lastBlockMs = performance.now();
  #backendFailed = false;
  #stopping = false;
  #applying = false;
  #wake = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: ListeningOptions) {
    this.#options = options;
    this.#config = options.config;
  }

  /** Loads the network and begins to listen. @throws an error named UserError when the network cannot be run at all */
  async start(): Promise<void> {
    await this.#startBackend();
    this.#running = this.#listen();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake.abort();
    await this.#pipeline?.stop();
    await this.#running;
    await this.#backend?.stop();
  }

  /** Goes on listening with other settings; what was sounding ends and begins anew. */
  async apply(config: Config): Promise<void> {
    this.#config = config;
    this.#applying = true;
    this.#wake.abort();
    await this.#pipeline?.stop();
  }

  get backendDescription(): string {
    return this.#backend?.description ?? 'none';
  }

  /** Times the stream was begun again, by failure or with new settings. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Time computed and sound heard, over all streams since the start, in seconds. */
  get work(): { readonly busySeconds: number; readonly streamSeconds: number } {
    const now = this.#pipeline?.figures;
    const { streamSeconds } = sum(this.#past, now);
    return { busySeconds: this.#pastBusySeconds + busySeconds(now), streamSeconds };
  }

  /** Unix time in milliseconds of a moment of the stream that runs now. */
  wallTimeMs(streamSeconds: number): number {
    return this.#pipeline?.wallTimeMs(streamSeconds) ?? Date.now();
  }

  /** The health message's part about listening, over all streams since the start. */
  health(uptimeSeconds: number) {
    const now = this.#pipeline?.health();
    const inference = now?.inference ?? { backend: this.backendDescription, medianMs: null, p95Ms: null };
    return {
      ...{ uptimeSeconds, levelsDbfs: now?.levelsDbfs ?? [], stages: now?.stages ?? {}, inference },
      microphone: microphoneOf(this.#source?.figures),
      ...sum(this.#past, now),
    };
  }

  /** Called every second or so: sound that stays away becomes a fault, and a fault that is known is no reason for the watchdog. */
  check(): void {
    const { faults, alive } = this.#options;
    const complaint = this.#source?.figures?.complaint;
    if (complaint) faults.raise('microphone-lost', complaint);
    else faults.clear('microphone-lost');
    const silentMs = performance.now() - this.#lastBlockMs;
    if (silentMs > STALL_MS) faults.raise('sound-stalled', 'No sound arrives from the microphone.');
    else faults.clear('sound-stalled');
    if (['sound-stalled', 'source-failed', 'microphone-lost'].some((code) => faults.has(code))) alive();
  }

  async #listen(): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    while (!this.#stopping) {
      this.#wake = new AbortController();
      this.#applying = false;
      const begun = performance.now();
      const failure = await this.#hear().then(
        () => undefined,
        (error: Error) => error,
      );
      this.#remember();
      if (this.#stopping) return;
      this.#restarts += 1;
      for (const tap of this.#options.taps ?? []) await tap.restart?.();
      if (this.#applying) continue;
      const what = this.#backendFailed ? 'inference-failed' : 'source-failed';
      this.#options.faults.raise(what, failure?.message ?? 'The microphone ended its stream.');
      if (performance.now() - begun > GOOD_STREAM_MS) retryMs = FIRST_RETRY_MS;
      await this.#pause(retryMs);
      retryMs = Math.min(SLOWEST_RETRY_MS, 2 * retryMs);
      if (this.#backendFailed) await this.#replaceBackend();
    }
  }

  /** One stream, from opening the source to its end. */
  async #hear(): Promise<void> {
    const { model, uplink, openSource, onEvent, taps = [] } = this.#options;
    const { tracking, normalization, inference } = this.#config;
    this.#source = await openSource(this.#config);
    const source = this.#watched(this.#source);
    if (this.#stopping || this.#applying) return void (await source.stop());
    this.#lastBlockMs = performance.now();
    this.#pipeline = new Pipeline({
      ...{ source, model, backend: this.#backend!, uplink, tracking, normalization },
      ...{ inference, live: true, firstTrackId: this.#nextTrackId },
      onFrame: (frame) => {
        for (const tap of taps) tap.pushFrame?.(frame);
      },
      onEvent: (event) => {
        onEvent?.(event);
        for (const tap of taps) tap.pushEvent?.(event);
      },
      onScores: (scores) => {
        for (const tap of taps) tap.pushScores?.(scores);
        this.#options.faults.clear('inference-failed');
        this.#options.alive();
      },
    });
    await this.#pipeline.run();
  }

  /** The source, with each block noticed, and an error of what follows told apart from one of its own. */
  #watched(source: Source): Source {
    const { faults, taps = [] } = this.#options;
    return {
      ...{ sampleRate: source.sampleRate, channels: source.channels, totalSamples: source.totalSamples },
      stop: () => source.stop(),
      start: (take) =>
        source.start(async (block) => {
          this.#lastBlockMs = performance.now();
          faults.clear('source-failed');
          for (const tap of taps) tap.pushBlock?.(block);
          try {
            await take(block);
          } catch (error) {
            this.#backendFailed = true;
            throw error;
          }
        }),
    };
  }

  #remember(): void {
    const pipeline = this.#pipeline;
    if (!pipeline) return;
    this.#pastBusySeconds += busySeconds(pipeline.figures);
    this.#past = sum(this.#past, pipeline.figures);
    this.#nextTrackId = pipeline.nextTrackId;
    this.#pipeline = undefined;
  }

  async #startBackend(): Promise<void> {
    const backend = this.#options.createBackend();
    await backend.start();
    this.#backend = backend;
    this.#backendFailed = false;
  }

  /** A backend that cannot start now is tried again with the next stream. */
  async #replaceBackend(): Promise<void> {
    await this.#backend?.stop().catch(() => undefined); // it has failed already, and is told
    await this.#startBackend().catch((error: Error) => this.#options.faults.raise('inference-failed', error.message));
  }

  #pause(milliseconds: number): Promise<void> {
    const { signal } = this.#wake;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
      if (signal.aborted) resolve();
    });
  }
}

function microphoneOf(figures: EarFigures | undefined) {
  if (!figures) return null;
  const { state, complaint, device, restarts, driftPpm, channels = [] } = figures;
  const shown = channels.map((channel) => ({ ...channel, faults: channel.faults.map(String) }));
  return { state: state === 'listening' ? 'ok' : (complaint ?? state), device, restarts, driftPpm, channels: shown };
}

function sum(a: Totals, b: Totals | undefined): Totals {
  return {
    streamSeconds: a.streamSeconds + (b?.streamSeconds ?? 0),
    lostSamples: a.lostSamples + (b?.lostSamples ?? 0),
    discontinuities: a.discontinuities + (b?.discontinuities ?? 0),
  };
}

function busySeconds(figures: Pipeline['figures'] | undefined): number {
  const shares = Object.values(figures?.stages ?? {});
  return shares.reduce((total, share) => total + share, 0) * (figures?.streamSeconds ?? 0);
}
