// One channel of a microphone, second by second: level, offset, clipping, standstill, mains hum.
import { type FaultCode, Persistent, RULES } from './health-rules.ts';

/** Rate at which hum is looked for; its images lie at multiples of it, where the mean that decimates has zeros. */
const HUM_RATE = 2000;
const MAINS_HZ = [50, 60] as const;
const NEIGHBOURS_HZ = [-11, -7, 7, 11];
const FLOOR = 1e-12;
const [SUM, SQUARES, LOWEST, HIGHEST, SLOW_SUM] = [0, 1, 2, 3, 4] as const;

/** What the last whole second was like. */
export interface ChannelSecond {
  /** Root mean square without the offset. */
  levelDbfs: number;
  peak: number;
  offset: number;
  clippedSamples: number;
  /** Frequency of mains hum; 0: none. */
  humHz: number;
  humDbfs: number;
}

const CHANNEL_FAULTS = ['dead', 'stuck', 'clipped', 'dc', 'hum'] as const satisfies readonly FaultCode[];
type ChannelFault = (typeof CHANNEL_FAULTS)[number];

export class ChannelHealth {
  readonly second: ChannelSecond = { levelDbfs: -120, peak: 0, offset: 0, clippedSamples: 0, humHz: 0, humDbfs: -120 };
  readonly #faults = Object.fromEntries(CHANNEL_FAULTS.map((code) => [code, new Persistent(RULES[code])])) as Record<
    ChannelFault,
    Persistent
  >;
  readonly #decimation: number;
  readonly #slow = new Float64Array(HUM_RATE);
  #slowCount = 0;
  #slowSamples = 0;
  #count = 0;
  /** Running figures in one place, since a fraction in a field of its own is memory taken at each change. */
  readonly #sums = new Float64Array(5);
  #clipped = 0;
  #run = 0;
  #meanOffset: number | undefined;

  constructor(sampleRate: number) {
    this.#decimation = Math.max(1, Math.round(sampleRate / HUM_RATE));
    this.#begin();
  }

  get faults(): FaultCode[] {
    return CHANNEL_FAULTS.filter((code) => this.#faults[code].raised);
  }

  push(samples: Float32Array, frames: number): void {
    const { level, run: shortest } = RULES.clipped;
    const decimation = this.#decimation;
    const sums = this.#sums;
    let sum = sums[SUM]!;
    let squares = sums[SQUARES]!;
    let lowest = sums[LOWEST]!;
    let highest = sums[HIGHEST]!;
    let slowSum = sums[SLOW_SUM]!;
    let slowSamples = this.#slowSamples;
    let run = this.#run;
    let clipped = this.#clipped;
    for (let i = 0; i < frames; i += 1) {
      const v = samples[i]!;
      sum += v;
      squares += v * v;
      if (v < lowest) lowest = v;
      if (v > highest) highest = v;
      if (v >= level || v <= -level) {
        run += 1;
        if (run === shortest) clipped += shortest;
        else if (run > shortest) clipped += 1;
      } else run = 0;
      slowSum += v;
      slowSamples += 1;
      if (slowSamples === decimation) {
        if (this.#slowCount < HUM_RATE) this.#slow[this.#slowCount] = slowSum / decimation;
        this.#slowCount += 1;
        slowSum = 0;
        slowSamples = 0;
      }
    }
    sums[SUM] = sum;
    sums[SQUARES] = squares;
    sums[LOWEST] = lowest;
    sums[HIGHEST] = highest;
    sums[SLOW_SUM] = slowSum;
    this.#run = run;
    this.#clipped = clipped;
    this.#slowSamples = slowSamples;
    this.#count += frames;
  }

  /** Ends a second and begins the next. */
  measure(): void {
    const { second } = this;
    const count = Math.max(1, this.#count);
    second.offset = this.#sums[SUM]! / count;
    second.levelDbfs = 10 * Math.log10(Math.max(FLOOR, this.#sums[SQUARES]! / count - second.offset ** 2));
    second.peak = Math.max(Math.abs(this.#sums[LOWEST]!), Math.abs(this.#sums[HIGHEST]!));
    second.clippedSamples = this.#clipped;
    this.#meanOffset = this.#meanOffset === undefined ? second.offset : 0.8 * this.#meanOffset + 0.2 * second.offset;
    this.#measureHum();
  }

  /** @param othersDbfs median level of the other channels of the same kind; undefined: not to be compared */
  judge(othersDbfs: number | undefined): void {
    const { dead, dc, clipped } = RULES;
    const { levelDbfs, clippedSamples, humHz, offset } = this.second;
    const still = this.#sums[LOWEST]! === this.#sums[HIGHEST]! && this.#count > 0;
    const stuck = still && offset !== 0;
    const far = othersDbfs !== undefined && othersDbfs > -70 && levelDbfs < othersDbfs - dead.belowOthersDb;
    this.#faults.stuck.add(stuck);
    this.#faults.dead.add(!stuck && (levelDbfs < dead.belowDbfs || far));
    this.#faults.clipped.add(clippedSamples >= clipped.samplesPerSecond);
    const limit = this.#faults.dc.raised ? dc.clearLevel : dc.level;
    this.#faults.dc.add(!stuck && Math.abs(this.#meanOffset!) > limit);
    this.#faults.hum.add(humHz !== 0);
    this.#begin();
  }

  #begin(): void {
    this.#count = 0;
    this.#sums[SUM] = 0;
    this.#sums[SQUARES] = 0;
    this.#sums[LOWEST] = Number.POSITIVE_INFINITY;
    this.#sums[HIGHEST] = Number.NEGATIVE_INFINITY;
    this.#clipped = 0;
    this.#slowCount = 0;
  }

  #measureHum(): void {
    const { second } = this;
    second.humHz = 0;
    second.humDbfs = -120;
    if (this.#slowCount < HUM_RATE) return;
    const { aboveNeighboursDb, aboveDbfs } = RULES.hum;
    for (const mains of MAINS_HZ) {
      const power = this.#powerAt(mains);
      let around = 0;
      for (const away of NEIGHBOURS_HZ) around += this.#powerAt(mains + away) / NEIGHBOURS_HZ.length;
      const dbfs = 10 * Math.log10(Math.max(FLOOR, power));
      const above = 10 * Math.log10(Math.max(FLOOR, power) / Math.max(FLOOR, around));
      if (above < aboveNeighboursDb || dbfs < aboveDbfs || dbfs < second.humDbfs) continue;
      second.humHz = mains;
      second.humDbfs = dbfs;
    }
  }

  /** Mean power of a tone (Goertzel 1958) under a Hann window, whose sidelobes keep the offset and loud tones away. */
  #powerAt(hertz: number): number {
    const turn = (2 * Math.PI * hertz) / HUM_RATE;
    const coefficient = 2 * Math.cos(turn);
    let [s1, s2] = [0, 0];
    for (let i = 0; i < HUM_RATE; i += 1) {
      const s = HANN[i]! * (this.#slow[i]! - this.second.offset) + coefficient * s1 - s2;
      s2 = s1;
      s1 = s;
    }
    const power = s1 * s1 + s2 * s2 - coefficient * s1 * s2;
    return (2 * power) / (HUM_RATE / 2) ** 2;
  }
}

const HANN = Float64Array.from({ length: HUM_RATE }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / HUM_RATE));
