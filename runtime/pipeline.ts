// The five stages joined: capture -> features -> inference -> tracking -> uplink. The only place that knows them all.
import { PRESETS } from '../models/presets.ts';
import { type Normalization, normalizer } from './ambisonics.ts';
import type { AudioSource } from './capture/source.ts';
import type { InferenceConfig, TrackingSettings } from './config.ts';
import { FeatureExtractor } from './features/extractor.ts';
import { InputMeter, type PipelineFigures, quantile } from './health.ts';
import type { InferenceBackend } from './inference/engine.ts';
import type { Model } from './inference/model-files.ts';
import { liveTiming, type Timing } from './inference/timing.ts';
import { Windows } from './inference/windows.ts';
import { residentBytes } from './memory.ts';
import type { AudioBlock, FeatureFrame, Scores, SoundEvent } from './signals.ts';
import { Tracker } from './tracking/tracker.ts';
import type { Uplink } from './uplink/uplink.ts';

export interface PipelineOptions {
  readonly source: AudioSource;
  readonly model: Model;
  /** Started; it may serve several pipelines one after the other. */
  readonly backend: InferenceBackend;
  /** Started; without one, events only reach onEvent. */
  readonly uplink?: Uplink;
  readonly tracking?: Partial<TrackingSettings>;
  /** Normalisation of the sound, where it is not the model's. */
  readonly normalization?: Normalization;
  /** Settings for sound that people wait to be told of; without them the model's windows hold, for recordings. */
  readonly inference?: InferenceConfig;
  /** In place of the model's or the settings'. */
  readonly timing?: Partial<Timing>;
  /** Sound that cannot wait for a slow network: windows are dropped rather than blocks. Default false. */
  readonly live?: boolean;
  /** Between two health messages; without it the caller tells health() itself. */
  readonly healthSeconds?: number;
  /** Number of the first track: one who begins the sound anew within a boot goes on counting. Default 1. */
  readonly firstTrackId?: number;
  /** Sees each block before it is heard; sound that can wait waits for its promise, as for the stages. */
  readonly onBlock?: (block: AudioBlock) => void | Promise<void>;
  /** Sees each frame of features; valid until it returns. */
  readonly onFrame?: (frame: FeatureFrame) => void;
  readonly onScores?: (scores: Scores) => void;
  readonly onEvent?: (event: SoundEvent) => void;
}

/** One stream of sound on its way to events. */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #meter = new InputMeter();
  readonly #windows: Windows;
  readonly #tracker: Tracker;
  readonly #convert: ((block: AudioBlock) => AudioBlock) | undefined;
  readonly #busyMs = { features: 0, tracking: 0, uplink: 0 };
  #startedMs = 0;
  #streamStartWallMs = 0;

  constructor(options: PipelineOptions) {
    this.#options = options;
    const { model, backend, tracking, inference, live, normalization } = options;
    const { manifest, frameSeconds } = model;
    const native = manifest.input.normalization;
    if (normalization && (native === 'sn3d' || native === 'n3d')) this.#convert = normalizer(normalization, native);
    const bands = PRESETS[manifest.features.preset].melBands;
    const onScores = (scores: Scores) => this.#track(scores);
    const timing = { ...(inference && liveTiming(manifest, inference)), ...options.timing };
    this.#windows = new Windows({
      ...{ manifest, bands, frameSeconds, backend, timing, live, onScores },
      onEarlyScores: (scores) => this.#foresee(scores),
    });
    this.#tracker = new Tracker({
      ...{ manifest, frameSeconds, settings: tracking, firstTrackId: options.firstTrackId },
      onEvent: (event) => this.#tell(event),
    });
  }

  /** Runs until the source ends or stop() is called, and resolves when the last event has been told. */
  async run(): Promise<void> {
    const { source, model, healthSeconds, onBlock } = this.#options;
    const extractor = await FeatureExtractor.create(model.manifest.features);
    const onFrame = (frame: FeatureFrame) => {
      this.#options.onFrame?.(frame);
      this.#windows.push(frame);
    };
    this.#startedMs = performance.now();
    const health = healthSeconds && setInterval(() => void this.#tellHealth(), 1000 * healthSeconds);
    try {
      await source.start((block) => {
        const started = performance.now();
        this.#streamStartWallMs = block.wallTimeMs - (1000 * block.sampleIndex) / block.sampleRate;
        this.#meter.add(block);
        const seen = onBlock?.(block);
        extractor.push(this.#convert?.(block) ?? block, onFrame);
        this.#busyMs.features += performance.now() - started;
        return seen ? Promise.all([seen, this.#windows.ready()]).then(() => undefined) : this.#windows.ready();
      });
      extractor.end(onFrame);
      await this.#windows.end();
      this.#tracker.end();
      await this.#tellHealth();
    } finally {
      clearInterval(health);
    }
  }

  /** Ends the sound early; run() then finishes what was heard. */
  stop(): Promise<void> {
    return this.#options.source.stop();
  }

  /** Unix time in milliseconds of a moment of the stream. */
  wallTimeMs(streamSeconds: number): number {
    return this.#streamStartWallMs + 1000 * streamSeconds;
  }

  /** Number that the next track would have. */
  get nextTrackId(): number {
    return this.#tracker.nextTrackId;
  }

  get figures(): PipelineFigures {
    const streamSeconds = this.#meter.streamSeconds;
    const { busyMs, latenciesMs, ...counts } = this.#windows.figures;
    const share = (ms: number) => (streamSeconds > 0 ? ms / 1000 / streamSeconds : 0);
    const { features, tracking, uplink } = this.#busyMs;
    return {
      streamSeconds,
      wallSeconds: (performance.now() - this.#startedMs) / 1000,
      stages: {
        ...{ features: share(features), inference: share(busyMs) },
        ...{ tracking: share(tracking), uplink: share(uplink) },
      },
      inference: { ...counts, medianMs: quantile(latenciesMs, 0.5), p95Ms: quantile(latenciesMs, 0.95) },
      ...this.#meter.losses,
    };
  }

  #track(scores: Scores): void {
    const [started, uplinkBefore] = [performance.now(), this.#busyMs.uplink];
    this.#options.onScores?.(scores);
    this.#tracker.push(scores);
    this.#busyMs.tracking += performance.now() - started - (this.#busyMs.uplink - uplinkBefore);
  }

  #foresee(scores: Scores): void {
    const [started, uplinkBefore] = [performance.now(), this.#busyMs.uplink];
    this.#tracker.foresee(scores);
    this.#busyMs.tracking += performance.now() - started - (this.#busyMs.uplink - uplinkBefore);
  }

  #tell(event: SoundEvent): void {
    const started = performance.now();
    this.#options.uplink?.publish(event);
    this.#options.onEvent?.(event);
    this.#busyMs.uplink += performance.now() - started;
  }

  /** The health message's part that the pipeline knows; levels are those since the last call. */
  health() {
    const { wallSeconds, streamSeconds, stages, inference, lostSamples, discontinuities } = this.figures;
    const { medianMs, p95Ms, droppedWindows, unheardFrames, hopFrames } = inference;
    const { backend } = this.#options;
    const { precision, device, restarts, fallback } = backend.status ?? {};
    return {
      ...{ uptimeSeconds: wallSeconds, streamSeconds, lostSamples, discontinuities, stages },
      levelsDbfs: this.#meter.takeLevels(),
      inference: {
        ...{ backend: backend.description, medianMs, p95Ms, droppedWindows, unheardFrames, hopFrames },
        ...{ precision, device, restarts, fallback },
      },
    };
  }

  async #tellHealth(): Promise<void> {
    const { uplink, healthSeconds } = this.#options;
    if (!uplink || healthSeconds === undefined) return;
    await uplink.publishHealth({ ...this.health(), memoryBytes: residentBytes() });
  }
}
