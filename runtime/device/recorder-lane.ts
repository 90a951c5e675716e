// Writes one planned clip after the other from the ring to the disk, as far as privacy has cleared them; never waits for the disk in the stream.
import type { Privacy } from '../clip-settings.ts';
import { ClipFile, type FinishedClip, type OpenFile } from './clips-file.ts';
import type { SpeechGate } from './clips-privacy.ts';
import type { SampleRing } from './clips-ring.ts';
import type { ClipDetection, ClipOrigin, Sidecar } from './clips-sidecar.ts';
import type { ClipStore } from './clips-store.ts';
import type { Plan } from './recorder-plan.ts';

/** Samples per channel taken at once: a second at 48 kHz; fewer are left until a clip ends. */
const PIECE_FRAMES = 48_000;

export interface LaneFigures {
  clips: number;
  discardedForSpeech: number;
  refusedForSpace: number;
  failed: number;
  /** Samples that left the ring before the disk took them. */
  lostSamples: number;
}

export interface LaneOptions {
  readonly ring: SampleRing;
  readonly store: ClipStore;
  /** Undefined: all may be kept. */
  readonly gate: SpeechGate | undefined;
  readonly privacy: Privacy;
  readonly origin: ClipOrigin;
  readonly folder: string;
  readonly channels: number;
  readonly sampleRate: number;
  readonly bits: 16 | 24;
  readonly figures: LaneFigures;
  /** Bytes of clips that are being written, all lanes together. */
  readonly openBytes: () => number;
  /** The clip to be written now. */
  readonly plan: () => Plan | undefined;
  /** Whether a plan can become no longer. */
  readonly isSettled: (plan: Plan) => boolean;
  /** Speech makes a clip void; of a continuous recording it is left out, and another piece begins behind it. */
  readonly speech: 'discard' | 'leave out';
  /** Pieces are no longer than this, in samples. */
  readonly pieceFrames: number;
  readonly done: (plan: Plan) => void;
  readonly detections: (from: number, until: number) => ClipDetection[];
  readonly wallTimeMs: (position: number) => number;
  readonly onClip: (clip: FinishedClip) => void;
  readonly onTrouble: (error: Error | undefined) => void;
  readonly openFile?: OpenFile;
}

interface Open {
  readonly file: ClipFile;
  readonly plan: Plan;
  readonly startSample: number;
  /** Number in the ring of the next sample. */
  place: number;
  /** Index in the stream that should follow. */
  expected: number;
  readonly discontinuities: Sidecar['discontinuities'];
  lookedAt: number;
}

export class Lane {
  readonly #options: LaneOptions;
  readonly #piece: Uint8Array;
  #open: Open | undefined;
  #cursor = 0;
  #plan: Plan | undefined;
  #working: Promise<void> | undefined;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#piece = new Uint8Array(PIECE_FRAMES * options.ring.bytesPerFrame);
  }

  /** Bytes of the clip being written. */
  get openBytes(): number {
    return this.#open?.file.bytes ?? 0;
  }

  /** Writes what can be written; returns at once. @param settled clips that end before this position will get no more company */
  advance(settled: number, ended = false): void {
    if (this.#working || (!this.#options.plan() && !this.#open)) return;
    this.#working = this.#work(settled, ended)
      .catch((error: Error) => this.#fail(error))
      .finally(() => {
        this.#working = undefined;
      });
  }

  /** Resolves when the disk has taken what it was given. */
  async idle(): Promise<void> {
    await this.#working;
  }

  /** The stream has ended: writes what is cleared and closes. */
  async end(settled: number): Promise<void> {
    await this.#working;
    this.advance(settled, true);
    await this.#working;
    if (this.#open) await this.#close(false).catch((error: Error) => this.#fail(error));
    this.#plan = undefined;
  }

  async #work(settled: number, ended: boolean): Promise<void> {
    for (let plan = this.#options.plan(); plan; plan = this.#options.plan()) {
      if (plan !== this.#plan) {
        this.#plan = plan;
        this.#cursor = plan.from;
      }
      if (!(await this.#advancePlan(plan, settled, ended))) return;
    }
  }

  /** @returns whether the plan is done with */
  async #advancePlan(plan: Plan, settled: number, ended: boolean): Promise<boolean> {
    const { ring, gate, sampleRate, speech } = this.#options;
    const decided = gate ? Math.floor(gate.decidedSeconds * sampleRate) : ring.end;
    let limit = Math.min(plan.until, ring.end, decided);
    // From the middle of the sample on: a stretch that ends at the cursor, but for rounding, would else be found again for ever.
    const forbidden = gate?.firstForbidden((this.#cursor + 0.5) / sampleRate, limit / sampleRate);
    if (forbidden && speech === 'discard') {
      this.#options.figures.discardedForSpeech += 1;
      await this.#abandon();
      return this.#finishPlan(plan);
    }
    if (forbidden) limit = Math.max(this.#cursor, Math.floor(forbidden.from * sampleRate));
    const isAll = limit >= plan.until || forbidden !== undefined || ended;
    if (!(await this.#write(plan, limit, isAll))) return this.#finishPlan(plan);
    if (forbidden) {
      await this.#close(true);
      this.#cursor = Math.ceil(forbidden.to * sampleRate);
      return this.#cursor >= plan.until
        ? this.#finishPlan(plan)
        : decided > this.#cursor && this.#advancePlan(plan, settled, ended);
    }
    const isOver = this.#cursor >= plan.until && this.#options.isSettled(plan) && settled >= plan.until;
    if (!isOver && !ended) return false;
    await this.#close(isOver);
    return this.#finishPlan(plan);
  }

  #finishPlan(plan: Plan): true {
    this.#options.done(plan);
    this.#plan = undefined;
    return true;
  }

  /** Writes up to a position, whole pieces only unless told otherwise. @returns false when the clip was given up */
  async #write(plan: Plan, limit: number, isAll: boolean): Promise<boolean> {
    const { ring, pieceFrames } = this.#options;
    while (this.#cursor < limit) {
      if (!isAll && limit - this.#cursor < PIECE_FRAMES / 2) return true;
      this.#open ??= await this.#begin(plan);
      const open = this.#open;
      if (!open) return false;
      if (!(await this.#hasRoom(open))) {
        if (this.#options.speech === 'discard') return false;
        continue; // a recording goes on in a new piece, for which its own oldest may go
      }
      this.#skipLost(open);
      const left = pieceFrames - open.file.samples;
      const most = Math.min(PIECE_FRAMES, left, limit - this.#cursor);
      const count = ring.contiguousFrom(open.place, most);
      if (count <= 0) return true;
      const bytes = this.#piece.subarray(0, count * ring.bytesPerFrame);
      ring.copy(open.place, count, bytes);
      open.place += count;
      open.expected += count;
      this.#cursor = open.expected;
      await open.file.append(bytes);
      if (open.file.samples >= pieceFrames) await this.#close(true);
    }
    return true;
  }

  /** Jumps over what the stream lost, or the disk was too slow for, and notes it. */
  #skipLost(open: Open): void {
    const { ring, figures } = this.#options;
    if (open.place < ring.oldest) {
      figures.lostSamples += ring.oldest - open.place;
      open.place = ring.oldest;
    }
    const position = ring.positionOf(open.place);
    if (position === open.expected) return;
    open.discontinuities.push({ atSample: open.file.samples, lostSamples: position - open.expected });
    open.expected = position;
    this.#cursor = position;
  }

  async #begin(plan: Plan): Promise<Open | undefined> {
    const { ring, store, openBytes, folder, openFile, figures, wallTimeMs } = this.#options;
    plan.begun = true;
    if (!(await store.makeRoom(store.lookBytes, openBytes()))) {
      figures.refusedForSpace += 1;
      this.#options.onTrouble(Object.assign(new Error(`There is no room for clips in ${folder}.`), { code: 'ENOSPC' }));
      return undefined;
    }
    const place = ring.placeOf(this.#cursor);
    const startSample = ring.positionOf(place);
    const startMs = wallTimeMs(startSample);
    const file = await ClipFile.begin(folder, this.#sidecar(plan, startSample, startMs), openFile);
    this.#cursor = startSample;
    return { file, plan, startSample, place, expected: startSample, discontinuities: [], lookedAt: 0 };
  }

  async #hasRoom(open: Open): Promise<boolean> {
    const { store, openBytes, folder } = this.#options;
    if (open.file.bytes - open.lookedAt < store.lookBytes) return true;
    open.lookedAt = open.file.bytes;
    if (await store.makeRoom(store.lookBytes, openBytes())) return true;
    this.#options.figures.refusedForSpace += 1;
    this.#options.onTrouble(Object.assign(new Error(`There is no room for clips in ${folder}.`), { code: 'ENOSPC' }));
    await this.#close(false);
    return false;
  }

  async #close(isComplete: boolean): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    if (!open) return;
    if (open.file.samples === 0) return open.file.abandon();
    const { detections, discontinuities } = {
      detections: this.#options.detections(open.startSample, open.expected),
      ...open,
    };
    const clip = await open.file.finish({ discontinuities, detections, complete: isComplete }).catch(async (error) => {
      await open.file.abandon();
      throw error;
    });
    this.#options.figures.clips += 1;
    this.#options.store.add(clip);
    this.#options.onTrouble(undefined);
    this.#options.onClip(clip);
  }

  async #abandon(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.file.abandon();
  }

  /** A disk that fails costs the clip, never the service. */
  async #fail(error: Error): Promise<void> {
    this.#options.figures.failed += 1;
    await this.#abandon().catch(() => undefined); // the first error is the one to tell
    if (this.#plan) this.#finishPlan(this.#plan);
    this.#options.onTrouble(error);
  }

  #sidecar({ reason, rule, note }: Plan, startSample: number, startMs: number): Sidecar {
    const { store, origin, privacy, channels, sampleRate, bits } = this.#options;
    return {
      ...{ format: 'earshot-clip', version: 1, file: store.nextName(startMs, rule ?? reason), reason, rule, note },
      ...{ origin, privacy, channels, sampleRate, bits, startSample, samples: 0 },
      ...{ startTime: new Date(startMs).toISOString(), discontinuities: [], detections: [] },
      ...{ complete: false, recovered: false },
    };
  }
}
