// What a device keeps of its sound: clips around detections, marks and continuous recordings, within its disk and its privacy.
import type { ClipsConfig, Privacy, SpeechConfig } from '../clip-settings.ts';
import type { AudioBlock, Scores, SoundEvent } from '../signals.ts';
import type { FinishedClip, OpenFile } from './clips-file.ts';
import { SpeechGate } from './clips-privacy.ts';
import { SampleRing } from './clips-ring.ts';
import { ClipRules } from './clips-rules.ts';
import type { ClipDetection, ClipOrigin, Sidecar } from './clips-sidecar.ts';
import { ClipStore } from './clips-store.ts';
import { Lane, type LaneFigures } from './recorder-lane.ts';
import { detectionOf, type Plan, Plans } from './recorder-plan.ts';

/** A detection comes at most this late: look-ahead, hop, the time to be sure, the end of a gap. What the ring holds beyond the pre-roll. */
const LATEST_SECONDS = 12;
/** Continuous recordings are cut into pieces without gaps, so that the oldest can go: so long, or so much of the folder. */
const PIECE_SECONDS = 600;
const PIECE_SHARE = 0.25;
/** Without scores for so long (inference failed) clips are closed all the same. */
const PATIENCE_SECONDS = 10;
/** Clips wait for sounds that join them: those that begin up to a pre-roll after their end, and are told this much later. */
const JOIN_SECONDS = 0.5;
/** Detections remembered, for the clips that are still open. */
const DETECTIONS_KEPT = 2000;

export interface RecorderOptions {
  readonly settings: ClipsConfig;
  readonly privacy: Privacy;
  readonly speech: SpeechConfig;
  /** Classes of the model. */
  readonly labels: readonly string[];
  readonly channels: number;
  readonly sampleRate: number;
  readonly origin: ClipOrigin;
  readonly onClip?: (clip: FinishedClip) => void;
  /** What is wrong with the keeping of clips; undefined when it works again. */
  readonly onTrouble?: (error: Error | undefined) => void;
  /** For tests: bytes free on the disk, and files whose disk fills up. */
  readonly freeBytes?: (folder: string) => Promise<number>;
  readonly openFile?: OpenFile;
}

export interface RecorderFigures extends Readonly<LaneFigures> {
  /** Sounds that fitted rules which had nothing left for the day. */
  readonly overBudget: number;
  /** Clips that went for newer ones. */
  readonly removed: number;
  /** In the folder now. */
  readonly kept: number;
  readonly keptBytes: number;
}

/**
 * Takes the blocks, scores and events of a pipeline in their order; nothing of it waits for the disk. With no-speech no sample
 * is written before the scores up to `speech.marginSeconds` behind it have cleared it, and a clip with speech in it is thrown away.
 */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #ring: SampleRing;
  readonly #store: ClipStore;
  readonly #gate: SpeechGate | undefined;
  readonly #rules: ClipRules;
  readonly #plans: Plans;
  readonly #clips: Lane;
  readonly #continuous: Lane;
  readonly #figures: LaneFigures = { clips: 0, discardedForSpeech: 0, refusedForSpace: 0, failed: 0, lostSamples: 0 };
  readonly #detections = new Map<number, ClipDetection>();
  readonly #handled = new Set<number>();
  #recording: Plan | undefined;
  #overBudget = 0;
  #scoredSeconds = 0;
  /** Unix time of index 0 of the stream. */
  #streamStartMs = 0;
  #started = false;

  /** @throws an error named UserError when privacy or a rule asks for a class that the model does not know */
  constructor(options: RecorderOptions) {
    this.#options = options;
    const { settings, privacy, speech, labels, channels, sampleRate, origin } = options;
    const keepSeconds = settings.preRollSeconds + speech.marginSeconds + LATEST_SECONDS;
    if (privacy === 'no-speech')
      this.#gate = new SpeechGate({ labels, settings: speech, keepSeconds: keepSeconds + 1 });
    this.#rules = new ClipRules(settings.rules, labels);
    const { bits, folder } = settings;
    this.#ring = new SampleRing({ channels, bits, capacity: Math.ceil(keepSeconds * sampleRate) });
    this.#store = new ClipStore({ settings, freeBytes: options.freeBytes });
    this.#plans = new Plans({ sampleRate, ...settings });
    const share = (PIECE_SHARE * 1e6 * settings.megabytes) / this.#ring.bytesPerFrame;
    const common = {
      ...{ ring: this.#ring, store: this.#store, gate: this.#gate, figures: this.#figures },
      ...{ privacy, origin, folder, channels, sampleRate, bits, openFile: options.openFile },
      openBytes: () => this.#clips.openBytes + this.#continuous.openBytes,
      detections: (from: number, until: number) => this.#detectionsIn(from, until),
      wallTimeMs: (position: number) => this.#wallTimeMs(position),
      onTrouble: (error: Error | undefined) => options.onTrouble?.(error),
      onClip: (clip: FinishedClip) => this.#tell(clip),
    };
    this.#clips = new Lane({
      ...{ ...common, speech: 'discard', pieceFrames: Number.POSITIVE_INFINITY },
      ...{
        plan: () => this.#plans.first,
        isSettled: (plan) => this.#plans.isSettled(plan),
        done: () => this.#plans.shift(),
      },
    });
    this.#continuous = new Lane({
      ...{ ...common, speech: 'leave out', pieceFrames: Math.floor(Math.min(PIECE_SECONDS * sampleRate, share)) },
      ...{ plan: () => this.#recording, isSettled: () => true },
      done: (plan) => {
        if (this.#recording === plan) this.#recording = undefined;
      },
    });
  }

  /** Reads the folder and completes what a crash left. */
  async start(): Promise<void> {
    const recovered = await this.#store.start();
    for (const { sidecar } of this.#store.clips) {
      if (!sidecar?.rule) continue;
      const seconds = sidecar.samples / sidecar.sampleRate;
      this.#rules.count({ rule: sidecar.rule, seconds, startMs: Date.parse(sidecar.startTime) });
    }
    this.#started = true;
    for (const clip of recovered) this.#options.onClip?.(clip);
  }

  /** Ends the stream and closes what is open; with no-speech, what was never cleared is lost. */
  async stop(): Promise<void> {
    await this.#endStream();
  }

  /** Another stream begins, as after an unplugged microphone: its indices start anew. */
  async restart(): Promise<void> {
    await this.#endStream();
    this.#ring.clear();
    this.#gate?.clear();
    this.#detections.clear();
    this.#handled.clear();
    this.#scoredSeconds = 0;
  }

  /** Resolves when the disk has taken what it was given: for sound that can wait, as from a file. */
  async ready(): Promise<void> {
    await Promise.all([this.#clips.idle(), this.#continuous.idle()]);
  }

  /** Takes a block of the stream; allocates nothing and writes nothing itself. */
  pushBlock(block: AudioBlock): void {
    if (!this.#started) return;
    this.#streamStartMs = block.wallTimeMs - (1000 * block.sampleIndex) / block.sampleRate;
    this.#ring.push(block);
    this.#advance();
  }

  pushScores(scores: Scores): void {
    this.#gate?.push(scores);
    this.#scoredSeconds = (scores.firstFrame + scores.frames) * scores.frameSeconds;
  }

  pushEvent(event: SoundEvent): void {
    this.#detections.set(event.trackId, detectionOf(event));
    if (this.#detections.size > DETECTIONS_KEPT) this.#detections.delete(this.#detections.keys().next().value!);
    if (this.#handled.has(event.trackId)) this.#plans.follow(event);
    else this.#consider(event);
    if (event.phase === 'offset') this.#handled.delete(event.trackId);
  }

  /** Keeps the present: pre-roll, so many seconds from now, post-roll. */
  mark(note: string | null = null, seconds = 0): void {
    this.#plans.keepMark(this.#ring.end / this.#options.sampleRate, seconds, note);
  }

  /** Records from now on for so many seconds; a recording under way then ends so much later from now. */
  record(seconds: number, note: string | null = null): void {
    const from = this.#ring.end;
    const until = from + Math.round(seconds * this.#options.sampleRate);
    if (this.#recording) this.#recording.until = until;
    else this.#recording = { reason: 'continuous', rule: null, note, from, until, going: new Set(), begun: false };
  }

  /** Ends a continuous recording now. */
  stopRecording(): void {
    if (this.#recording) this.#recording.until = Math.min(this.#recording.until, this.#ring.end);
  }

  /**
   * A finished clip by its name, as far as it is still there.
   * @throws RangeError when there is none
   */
  clip(file: string): Sidecar {
    const sidecar = this.#store.clips.find(({ name }) => name === file)?.sidecar;
    if (sidecar) return sidecar;
    throw new RangeError(`there is no clip ${file}: it may have gone for newer ones`);
  }

  get isRecording(): boolean {
    return this.#recording !== undefined;
  }

  get figures(): RecorderFigures {
    const { clips, bytes, removed } = this.#store;
    return { ...this.#figures, overBudget: this.#overBudget, removed, kept: clips.length, keptBytes: bytes };
  }

  #consider(event: SoundEvent): void {
    const fitting = this.#rules.matching(event);
    if (fitting.length === 0) return;
    this.#handled.add(event.trackId);
    const nowMs = this.#wallTimeMs(this.#ring.end);
    const isJoined = this.#plans.touches(event);
    const rule = fitting.find(
      (candidate) => isJoined || this.#rules.hasLeft(candidate, nowMs, this.#plans.countOf(candidate.name)),
    );
    if (rule) this.#plans.keepSound(event, rule.name);
    else this.#overBudget += 1;
  }

  #advance(): void {
    const { sampleRate, settings } = this.#options;
    const known = Math.max(this.#scoredSeconds, this.#ring.end / sampleRate - PATIENCE_SECONDS);
    this.#clips.advance((known - settings.preRollSeconds - JOIN_SECONDS) * sampleRate);
    this.#continuous.advance(known * sampleRate);
  }

  async #endStream(): Promise<void> {
    this.#gate?.end();
    this.#plans.endAll();
    await this.#clips.end(this.#ring.end);
    await this.#continuous.end(this.#ring.end);
    this.#plans.clear();
    this.#recording = undefined;
  }

  #tell(clip: FinishedClip): void {
    const { rule, samples, sampleRate, startTime } = clip.sidecar;
    if (rule) this.#rules.count({ rule, seconds: samples / sampleRate, startMs: Date.parse(startTime) });
    this.#options.onClip?.(clip);
  }

  #detectionsIn(from: number, until: number): ClipDetection[] {
    const { sampleRate } = this.#options;
    return [...this.#detections.values()].filter(
      ({ startSeconds, endSeconds }) => startSeconds * sampleRate < until && endSeconds * sampleRate > from,
    );
  }

  #wallTimeMs(position: number): number {
    return this.#streamStartMs + (1000 * position) / this.#options.sampleRate;
  }
}
