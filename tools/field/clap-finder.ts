// Claps in a stream of sound: sudden broad noise far above what was there before. Each is cut out around its first sound.

const FRAME_SECONDS = 0.001;
/** A clap rises so far above the background within a millisecond, and is at least so loud. */
const RISE = 100;
const LEAST_POWER = 1e-8;
const APART_SECONDS = 0.2;
/** The background is followed over this time; it is known after the shorter one. */
const BACKGROUND_SECONDS = 0.3;
const SETTLE_SECONDS = 0.03;
/** Cut out before and after the onset. */
const BEFORE_SECONDS = 0.003;
const AFTER_SECONDS = 0.009;

/** A clap, cut out. */
export interface Clap {
  /** Seconds since the stream began. */
  readonly seconds: number;
  /** Sample of the cut at which it begins. */
  readonly onset: number;
  readonly channels: readonly Float32Array[];
}

/** Takes blocks of any length. */
export class ClapFinder {
  readonly #rate: number;
  readonly #frame: number;
  readonly #length: number;
  readonly #before: number;
  readonly #onClap: (clap: Clap) => void;
  /** Rings of the newest samples. */
  readonly #ring: Float32Array[];
  readonly #last: Float64Array;
  #samples = 0;
  #frameSamples = 0;
  #power = 0;
  #background = 0;
  #frames = 0;
  #quietUntil = 0;
  #pending: number | undefined;

  constructor(channels: number, rate: number, onClap: (clap: Clap) => void) {
    this.#rate = rate;
    this.#frame = Math.round(FRAME_SECONDS * rate);
    this.#before = Math.round(BEFORE_SECONDS * rate);
    this.#length = this.#before + Math.round(AFTER_SECONDS * rate);
    this.#onClap = onClap;
    this.#ring = Array.from({ length: channels }, () => new Float32Array(4 * this.#length));
    this.#last = new Float64Array(channels);
  }

  push(channels: readonly Float32Array[], frames: number): void {
    const size = this.#ring[0]!.length;
    for (let i = 0; i < frames; i += 1) {
      for (let c = 0; c < this.#ring.length; c += 1) {
        const v = channels[c]![i]!;
        this.#ring[c]![this.#samples % size] = v;
        this.#power += (v - this.#last[c]!) ** 2; // differences: rumble is no clap
        this.#last[c] = v;
      }
      this.#samples += 1;
      this.#frameSamples += 1;
      if (this.#frameSamples === this.#frame) this.#endFrame();
      if (this.#pending !== undefined && this.#samples === this.#pending + this.#length - this.#before) this.#cut();
    }
  }

  #endFrame(): void {
    const power = this.#power / (this.#frame * this.#ring.length);
    this.#power = 0;
    this.#frameSamples = 0;
    this.#frames += 1;
    const settled = this.#frames > SETTLE_SECONDS / FRAME_SECONDS;
    const loud = power > Math.max(LEAST_POWER, RISE * this.#background);
    if (settled && loud && this.#samples > this.#quietUntil) {
      this.#pending = this.#samples - this.#frame;
      this.#quietUntil = this.#samples + APART_SECONDS * this.#rate;
    }
    if (this.#samples < this.#quietUntil) return;
    const weight = Math.max(1 / this.#frames, FRAME_SECONDS / BACKGROUND_SECONDS);
    this.#background += weight * (power - this.#background);
  }

  #cut(): void {
    const from = this.#pending! - this.#before;
    this.#pending = undefined;
    const size = this.#ring[0]!.length;
    const channels = this.#ring.map((ring) =>
      new Float32Array(this.#length).map((_, i) => (from + i < 0 ? 0 : ring[(from + i) % size]!)),
    );
    this.#onClap({ seconds: (from + this.#before) / this.#rate, onset: onsetOf(channels, this.#before), channels });
  }
}

/** The first sample that is a fifth of the peak: the direct sound, before any wall answers. */
function onsetOf(channels: readonly Float32Array[], guess: number): number {
  let peak = 0;
  for (const channel of channels) for (const v of channel) peak = Math.max(peak, Math.abs(v));
  const first = channels.map((channel) => channel.findIndex((v) => Math.abs(v) > 0.2 * peak)).filter((i) => i >= 0);
  return first.length > 0 ? Math.min(...first) : guess;
}
