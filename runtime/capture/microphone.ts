// A microphone as a source that does not end: arecord is begun again, the card found again, ever more slowly, until it sounds.
import { Arecord, type Complaint } from './arecord.ts';
import { BlockMaker, longestOutput } from './block-maker.ts';
import { BlockQueue } from './block-queue.ts';
import type { ChannelMixer } from './channel-mixer.ts';
import { Discontinuities, type Discontinuity, type DiscontinuityKind } from './discontinuities.ts';
import { type FoundStream, findStream, type StreamWanted } from './find-stream.ts';
import {
  MICROPHONE_TIMES,
  type MicrophoneFigures,
  type MicrophoneState,
  type MicrophoneTimes,
} from './microphone-figures.ts';
import type { MicrophoneHealth } from './microphone-health.ts';
import type { SoundCard } from './sound-cards.ts';
import type { AudioSource, BlockHandler } from './source.ts';
import { StreamClock } from './stream-clock.ts';

export const BLOCK_SECONDS = 0.02;

/** Failures in a row at which the next step is taken: restart the stream, re-open the device, look for it anew, give up hope. */
const STEPS = { reopen: 3, enumerate: 5, failed: 7 };

export interface MicrophoneOptions extends StreamWanted {
  /** Samples per second handed out; lower than asked of the card, or the same. */
  readonly outputRate: number;
  readonly mixer: ChannelMixer;
  readonly onDiscontinuity?: (discontinuity: Discontinuity) => void;
  /** The card's channels before conversion, in the profile's order; valid during the call. */
  readonly onRaw?: (channels: readonly Float32Array[], frames: number) => void;
  /** Judges the signal; default nobody. */
  readonly health?: MicrophoneHealth;
  /** What is run for arecord; default arecord on the PATH. */
  readonly program?: string;
  readonly times?: Partial<MicrophoneTimes>;
}

/** Why a stream ended. */
interface Ending {
  readonly kind: DiscontinuityKind;
  readonly message: string;
}

export class Microphone implements AudioSource {
  readonly sampleRate: number;
  readonly channels: number;
  readonly totalSamples = Number.POSITIVE_INFINITY;
  readonly #options: MicrophoneOptions;
  readonly #times: MicrophoneTimes;
  readonly #queue: BlockQueue;
  readonly #maker: BlockMaker;
  readonly #clock: StreamClock;
  readonly #breaks: Discontinuities;
  readonly #restarts = new Map<DiscontinuityKind, number>();
  #state: MicrophoneState = 'starting';
  #complaint: string | null = null;
  #opened: FoundStream | undefined;
  #lastCard: SoundCard | undefined;
  #device: string | null = null;
  #stream: string | null = null;
  /** What ended the last stream, until sound comes again. */
  #broken: Ending | undefined;
  #failures = 0;
  #refusals = 0;
  #awaySinceMs: number | undefined;
  #endStream: ((ending: Ending) => void) | undefined;
  #running: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #stopping = false;
  #wake: () => void = () => undefined;

  constructor(options: MicrophoneOptions) {
    this.#options = options;
    const { profile, rate, outputRate, mixer, onRaw, health } = options;
    this.#times = { ...MICROPHONE_TIMES, ...options.times };
    this.sampleRate = outputRate;
    this.channels = mixer.outputs;
    this.#breaks = new Discontinuities(options.onDiscontinuity);
    this.#clock = new StreamClock(rate);
    const blockFrames = Math.round(rate * BLOCK_SECONDS);
    const capacity = longestOutput({ rate, outputRate, blockFrames });
    const blocks = Math.max(2, Math.round(this.#times.queueMs / (1000 * BLOCK_SECONDS)));
    this.#queue = new BlockQueue({ channels: mixer.outputs, capacity, sampleRate: outputRate, blocks });
    this.#maker = new BlockMaker({
      ...{ channels: profile.channels, rate, outputRate, blockFrames, mixer, queue: this.#queue },
      onRaw: (channels, frames) => {
        health?.push(channels, frames);
        onRaw?.(channels, frames);
      },
      timeOf: (position) => this.#clock.timeOf(position) ?? performance.now(),
      onDropped: (lost) => this.#record('slow-taker', lost, 'Blocks came faster than they were taken.'),
    });
  }

  /** Listens until stop(); rejects only when the handler does. */
  async start(onBlock: BlockHandler): Promise<void> {
    if (this.#running) throw new Error('a Microphone starts once: open it again');
    this.#queue.open(onBlock, (error) => {
      this.#failure = { error };
      void this.#quit();
    });
    this.#running = this.#supervise();
    await this.#running;
    this.#state = 'stopped';
    if (this.#failure) throw this.#failure.error;
  }

  async stop(): Promise<void> {
    await this.#quit();
    await this.#running;
    this.#state = 'stopped';
  }

  get figures(): MicrophoneFigures {
    const { counts } = this.#breaks;
    return {
      ...{ state: this.#state, complaint: this.#complaint, profile: this.#options.profile.name },
      ...{ device: this.#device, stream: this.#stream },
      restarts: [...this.#restarts.values()].reduce((sum, count) => sum + count, 0),
      restartsByReason: Object.fromEntries(this.#restarts),
      ...{ overruns: counts.overrun ?? 0, discontinuities: counts, recent: this.#breaks.recent },
      ...{ lostSamples: this.#breaks.lostSamples, driftPpm: this.#clock.driftPpm, queuedBlocks: this.#queue.waiting },
      ...{ channels: this.#options.health?.channels ?? [], faults: this.#options.health?.faults ?? [] },
    };
  }

  async #quit(): Promise<void> {
    this.#stopping = true;
    this.#queue.close();
    this.#wake();
    this.#endStream?.({ kind: 'ended', message: 'stopped' });
  }

  async #supervise(): Promise<void> {
    while (!this.#stopping) {
      this.#opened ??= await this.#find();
      if (this.#stopping) return;
      if (!this.#opened) {
        await this.#pause(this.#times.absentMs);
        continue;
      }
      const begunMs = performance.now();
      const before = this.#maker.position;
      const ending = await this.#listen(this.#opened);
      if (this.#stopping) return;
      const heardSamples = this.#maker.position - before;
      await this.#recover(ending, performance.now() - begunMs, heardSamples);
    }
  }

  /** Looks for the card; says what is missing. */
  async #find(): Promise<FoundStream | undefined> {
    const found = await findStream(this.#options, this.#refusals);
    if ('missing' in found) return this.#away(found.missing);
    this.#awaySinceMs = undefined;
    this.#device = found.name;
    return found;
  }

  #away(complaint: string): undefined {
    this.#complaint = complaint;
    this.#awaySinceMs ??= performance.now();
    const longAway = performance.now() - this.#awaySinceMs >= this.#times.awayMs;
    if (longAway) this.#state = 'failed';
    else if (this.#state !== 'starting') this.#state = 'restarting';
    return undefined;
  }

  /** One run of arecord. */
  async #listen(opened: FoundStream): Promise<Ending> {
    const { profile, rate, program = 'arecord' } = this.#options;
    const { pcm, sampleFormat } = opened;
    this.#maker.begin(sampleFormat);
    this.#stream = `${pcm}: ${profile.channels} channels ${sampleFormat} at ${rate} Hz`;
    let first = true;
    let reason: Ending | undefined;
    let lastMs = performance.now();
    const ended = new Promise<Ending>((resolve) => {
      this.#endStream = resolve;
    });
    const arecord = new Arecord(
      program,
      { pcm, channels: profile.channels, rate, sampleFormat },
      {
        onBytes: (bytes) => {
          lastMs = performance.now();
          this.#take(bytes, lastMs, first ? opened : undefined);
          first = false;
        },
        onComplaint: (complaint) => {
          reason = this.#hearComplaint(complaint) ?? reason;
        },
        onEnd: (how) => this.#endStream!(reason ?? { kind: 'ended', message: `arecord ${how}.` }),
      },
    );
    const watch = this.#watch(
      () => ({ first, lastMs }),
      () => reason,
    );
    const ending = await ended;
    clearInterval(watch);
    await arecord.stop();
    const left = this.#maker.finish();
    if (left > 0) this.#record('short-read', 0, `The stream ended ${left} bytes into a frame.`);
    return ending;
  }

  /** A pipe that is silent for too long; a timer of ours that comes late proves nothing. */
  #watch(stream: () => { first: boolean; lastMs: number }, reason: () => Ending | undefined): NodeJS.Timeout {
    const { stallMs, firstBytesMs } = this.#times;
    const everyMs = stallMs / 4;
    let expectedMs = performance.now() + everyMs;
    return setInterval(() => {
      const nowMs = performance.now();
      const late = nowMs - expectedMs > everyMs;
      expectedMs = nowMs + everyMs;
      const { first, lastMs } = stream();
      const allowedMs = first ? firstBytesMs : stallMs;
      if (late || nowMs - lastMs < allowedMs) return;
      const silence = `No sound for ${((nowMs - lastMs) / 1000).toFixed(1)} s.`;
      this.#endStream!(reason() ?? { kind: 'stalled', message: silence });
    }, everyMs);
  }

  /** @param begun set with the first bytes of a stream */
  #take(bytes: Buffer, nowMs: number, begun: FoundStream | undefined): void {
    const maker = this.#maker;
    const before = maker.position;
    if (begun) this.#resume(begun, nowMs, Math.max(1, Math.floor(bytes.length / maker.frameBytes)));
    maker.push(bytes);
    if (begun) return;
    const { lostSamples, wrongRate } = this.#clock.arrived(nowMs, maker.position, maker.position - before);
    if (wrongRate !== undefined) this.#endStream!(this.#wrongRate(wrongRate));
    else if (lostSamples > 0) this.#lose('lost', lostSamples, 'Samples are missing that nobody reported.');
  }

  /** Sound has come, or come again: what lay between is counted as lost, at least one sample, so that all stages see the break. */
  #resume({ card }: FoundStream, nowMs: number, frames: number): void {
    const maker = this.#maker;
    const lost = this.#clock.begin(nowMs, maker.position, frames);
    if (this.#broken && maker.position > 0) this.#lose(this.#broken.kind, Math.max(1, lost), this.#broken.message);
    if (card && this.#lastCard && (card.number !== this.#lastCard.number || card.usbPort !== this.#lastCard.usbPort)) {
      const place = (c: SoundCard) => `card ${c.number}${c.usbPort ? ` at USB port ${c.usbPort}` : ''}`;
      this.#record('moved', 0, `It was ${place(this.#lastCard)} and is now ${place(card)}.`);
    }
    this.#lastCard = card;
    this.#broken = undefined;
    this.#complaint = null;
    this.#state = 'listening';
  }

  #hearComplaint(complaint: Complaint): Ending | undefined {
    if (complaint.kind === 'overrun') {
      const lost = Math.max(1, Math.round((complaint.lostMs * this.#options.rate) / 1000));
      this.#clock.restartDrift();
      this.#lose('overrun', lost, `Nobody took the sound in time: ${complaint.lostMs} ms are lost.`);
      return undefined;
    }
    if (complaint.kind === 'note') return undefined;
    const ending: Ending = { kind: complaint.kind, message: complaint.text };
    if (complaint.kind === 'wrong-rate') this.#endStream!(ending);
    return ending;
  }

  #wrongRate(rate: number): Ending {
    const message = `The card delivers ${Math.round(rate)} samples a second where ${this.#options.rate} were asked for.`;
    return { kind: 'wrong-rate', message };
  }

  /** @param lost at the card's rate */
  #lose(kind: DiscontinuityKind, lost: number, message: string): void {
    this.#maker.skip(lost);
    this.#record(kind, Math.round((lost * this.sampleRate) / this.#options.rate), message);
  }

  #record(kind: DiscontinuityKind, lost: number, message: string): void {
    this.#breaks.record(kind, this.#maker.sampleIndex, lost, message);
  }

  /** Restart the stream, re-open the device, look for it anew, report it as failed and go on trying slowly. */
  async #recover(ending: Ending, lastedMs: number, heardSamples: number): Promise<void> {
    const times = this.#times;
    this.#restarts.set(ending.kind, (this.#restarts.get(ending.kind) ?? 0) + 1);
    this.#broken ??= ending;
    this.#complaint = ending.message;
    this.#state = 'restarting';
    if (ending.kind === 'refused') this.#refusals += 1;
    if (lastedMs >= times.goodMs) this.#failures = 0;
    this.#failures += 1;
    // A stream that gave sound for a while is worth a quick new start, however often it broke.
    if (heardSamples > this.#options.rate) this.#failures = Math.min(this.#failures, STEPS.failed - 1);
    const gone = ending.kind === 'unplugged' || ending.kind === 'no-such-device';
    const n = this.#failures;
    if (gone || ending.kind === 'refused' || n >= STEPS.enumerate) this.#opened = undefined;
    if (n >= STEPS.failed) this.#state = 'failed';
    const pauses = [times.slowMs, times.enumerateMs, times.reopenMs, times.restartMs];
    const step = [STEPS.failed, STEPS.enumerate, STEPS.reopen, 0].findIndex((from) => n >= from);
    await this.#pause(pauses[step]!);
  }

  #pause(milliseconds: number): Promise<void> {
    if (this.#stopping) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
