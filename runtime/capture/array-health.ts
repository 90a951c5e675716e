// The channels of a microphone against each other, second by second: what no sound field can do to an array that is whole.
import { BandPass } from './band-pass.ts';
import { BAND_HZ, DIFFUSE_ABOVE, type FaultCode, JUDGED_ABOVE_DBFS, Persistent, RULES } from './health-rules.ts';
import { LagFinder } from './lag-finder.ts';

const FLOOR = 1e-15;
const decibel = (ratio: number) => 10 * Math.log10(Math.max(FLOOR, ratio));

/** What the channels are. */
export interface ArrayLayout {
  readonly channels: number;
  readonly sampleRate: number;
  /** Matrix (4, channels) to W Y Z X in SN3D, where the channels become ambisonics. */
  readonly toAmbisonics?: readonly (readonly number[])[];
  /** True when the channels are ambisonics already. */
  readonly components: boolean;
  /** Gain and polarity that the settings give each channel. */
  readonly gains: readonly number[];
  /** Samples that sound may need from one capsule to another, its way round the array included. */
  readonly longestDelay: number;
}

const CODES = [
  'imbalance',
  'energy',
  'swapped',
  'flipped',
  'incoherent',
  'duplicated',
  'delayed',
] as const satisfies readonly FaultCode[];
type ArrayFault = (typeof CODES)[number];

/** Takes blocks; says each second which channels do not behave like parts of one array. */
export class ArrayHealth {
  readonly #layout: ArrayLayout;
  readonly #filter: BandPass;
  readonly #band: Float32Array[];
  /** Sums of products, (channels, channels). */
  readonly #products: Float64Array;
  readonly #correlations: Float64Array;
  readonly #levels: Float64Array;
  readonly #ambisonic = new Float64Array(16);
  readonly #bad: Record<ArrayFault, Persistent[]>;
  readonly #lags: LagFinder;
  /** The loudest piece of this second. */
  readonly #piece: Float32Array[];
  #piecePower = 0;
  #frames = 0;
  #floorDbfs = 0;

  /** @param blockFrames samples per channel of the longest block */
  constructor(layout: ArrayLayout, blockFrames: number) {
    this.#layout = layout;
    const { channels, sampleRate } = layout;
    const planes = () => Array.from({ length: channels }, () => new Float32Array(blockFrames));
    this.#filter = new BandPass(channels, sampleRate, BAND_HZ.low, BAND_HZ.high);
    [this.#band, this.#piece] = [planes(), planes()];
    this.#products = new Float64Array(channels * channels);
    this.#correlations = new Float64Array(channels * channels);
    this.#levels = new Float64Array(channels);
    this.#lags = new LagFinder(blockFrames);
    const each = (code: ArrayFault) => Array.from({ length: channels }, () => new Persistent(RULES[code]));
    this.#bad = Object.fromEntries(CODES.map((code) => [code, each(code)])) as Record<ArrayFault, Persistent[]>;
  }

  /** Faults of a channel. */
  faults(channel: number): FaultCode[] {
    return CODES.filter((code) => this.#bad[code][channel]!.raised);
  }

  push(samples: readonly Float32Array[], frames: number): void {
    const { channels } = this.#layout;
    const band = this.#band;
    const products = this.#products;
    for (let c = 0; c < channels; c += 1) this.#filter.run(c, samples[c]!, frames, band[c]!);
    let power = 0;
    for (let a = 0; a < channels; a += 1)
      for (let b = a; b < channels; b += 1) {
        const sum = dot(band[a]!, band[b]!, frames);
        products[a * channels + b]! += sum;
        if (a === b) power += sum;
      }
    this.#frames += frames;
    if (power <= this.#piecePower || frames < this.#piece[0]!.length) return;
    this.#piecePower = power;
    for (let c = 0; c < channels; c += 1) this.#piece[c]!.set(samples[c]!.subarray(0, frames));
  }

  /** Ends a second. @param silent channels known to be dead or stuck: they are not judged, and judge no other */
  measure(silent: readonly boolean[]): void {
    const { channels, gains, components } = this.#layout;
    let total = 0;
    for (let a = 0; a < channels; a += 1) {
      const power = (this.#products[a * channels + a]! / Math.max(1, this.#frames)) * gains[a]! ** 2;
      this.#levels[a] = decibel(power);
      total += power / channels;
    }
    const level = decibel(total);
    this.#floorDbfs = Math.min(level, this.#floorDbfs + 0.01);
    if (level > JUDGED_ABOVE_DBFS) {
      this.#correlate();
      this.#judgeDuplicates(silent);
      if (components) this.#judgeComponents(silent);
      else this.#judgeCapsules(silent, level);
    }
    this.#products.fill(0);
    this.#frames = 0;
    this.#piecePower = 0;
  }

  #correlate(): void {
    const { channels, gains } = this.#layout;
    const [products, correlations] = [this.#products, this.#correlations];
    for (let a = 0; a < channels; a += 1)
      for (let b = a; b < channels; b += 1) {
        const power = products[a * channels + a]! * products[b * channels + b]!;
        const sign = Math.sign(gains[a]! * gains[b]!);
        const value = power > 0 ? (sign * products[a * channels + b]!) / Math.sqrt(power) : 0;
        correlations[a * channels + b] = value;
        correlations[b * channels + a] = value;
      }
  }

  #judgeDuplicates(silent: readonly boolean[]): void {
    const { channels } = this.#layout;
    for (let c = 0; c < channels; c += 1) {
      let twin = false;
      for (let other = 0; other < channels; other += 1)
        if (other !== c && !silent[other])
          twin ||= 1 - this.#correlations[c * channels + other]! ** 2 < RULES.duplicated.residual;
      this.#bad.duplicated[c]!.add(silent[c] ? undefined : twin);
    }
  }

  /** C' = M C M^T: what the ambisonic components share. */
  #toAmbisonics(): Float64Array {
    const { channels, toAmbisonics } = this.#layout;
    const shared = this.#ambisonic.fill(0);
    for (let r = 0; r < 4; r += 1)
      for (let s = 0; s < 4; s += 1)
        for (let a = 0; a < channels; a += 1)
          for (let b = 0; b < channels; b += 1)
            shared[4 * r + s]! +=
              toAmbisonics![r]![a]! *
              toAmbisonics![s]![b]! *
              this.#products[Math.min(a, b) * channels + Math.max(a, b)]!;
    return shared;
  }

  /** W against the dipoles: energies, and in a field from all around the dipoles against each other. */
  #judgeComponents(silent: readonly boolean[]): void {
    const { offDb, mendedDb } = RULES.energy;
    const shared = this.#toAmbisonics();
    const power = (i: number) => shared[5 * i]!;
    const velocity = power(1) + power(2) + power(3);
    const offBy = decibel(velocity / power(0));
    const anySilent = silent.includes(true);
    const off = anySilent ? undefined : Math.abs(offBy) > offDb;
    let exchanged = 0;
    for (let k = 1; k < 4; k += 1)
      if (off && Math.abs(decibel((power(0) + velocity - power(k)) / power(k))) < mendedDb) exchanged = k;
    const intensity = Math.hypot(shared[1]!, shared[2]!, shared[3]!);
    const diffuse = 1 - (2 * intensity) / (power(0) + velocity) > DIFFUSE_ABOVE;
    const strange = [1, 2, 3].filter((k) => Math.abs(decibel((3 * power(k)) / power(0))) > RULES.imbalance.dipoleDb);
    const wIsStrange = strange.length === 3;
    for (let k = 0; k < 4; k += 1) {
      const c = this.#channelOf(k);
      const isStrange = k === 0 ? wIsStrange : !wIsStrange && strange.includes(k);
      const judged = diffuse && !anySilent && exchanged === 0;
      this.#bad.imbalance[c]!.add(judged ? isStrange : undefined);
      this.#bad.swapped[c]!.add(off === undefined ? undefined : exchanged > 0 && (k === 0 || k === exchanged));
      this.#bad.energy[c]!.add(off === undefined ? undefined : off && exchanged === 0);
    }
  }

  /** The channel that a component comes from. */
  #channelOf(component: number): number {
    const row = this.#layout.toAmbisonics![component]!;
    return row.reduce((best, value, c) => (Math.abs(value) > Math.abs(row[best]!) ? c : best), 0);
  }

  #judgeCapsules(silent: readonly boolean[], level: number): void {
    const { channels, toAmbisonics } = this.#layout;
    const offBy = toAmbisonics ? this.#energyOffBy() : Number.POSITIVE_INFINITY;
    const loud = level > this.#floorDbfs + RULES.incoherent.aboveFloorDb;
    this.#lagsOf(silent);
    for (let c = 0; c < channels; c += 1) {
      if (silent[c]) continue;
      const others = medianOf(this.#levels, c, silent);
      const apart = this.#levels[c]! - others;
      // Cardioids may hear one source as unevenly as they like; only then their energies still agree.
      const uneven = Math.abs(apart) > RULES.imbalance.capsuleDb && Math.abs(offBy) > RULES.energy.capsuleDb;
      this.#bad.imbalance[c]!.add(uneven);
      this.#bad.flipped[c]!.add(this.#isFlipped(c, silent));
      this.#bad.incoherent[c]!.add(this.#isIncoherent(c, silent, apart, loud));
    }
  }

  #energyOffBy(): number {
    const shared = this.#toAmbisonics();
    return decibel((shared[5]! + shared[10]! + shared[15]!) / shared[0]!);
  }

  /** Undefined where the others have too little in common to tell. */
  #isFlipped(c: number, silent: readonly boolean[]): boolean | undefined {
    const { channels } = this.#layout;
    const { correlation } = RULES.flipped;
    let [sum, count, turned, kin, pairs] = [0, 0, 0, 0, 0];
    for (let a = 0; a < channels; a += 1) {
      if (a === c || silent[a]) continue;
      const value = this.#correlations[c * channels + a]!;
      sum += value;
      count += 1;
      if (value < -correlation) turned += 1;
      for (let b = a + 1; b < channels; b += 1) {
        if (b === c || silent[b]) continue;
        kin += Math.abs(this.#correlations[a * channels + b]!);
        pairs += 1;
      }
    }
    if (count === 0 || kin < correlation * pairs) return undefined;
    if (turned === count) return true;
    // Two against two: which of them are turned nobody can tell, so those are named that disagree with the first.
    if (2 * turned > count) return this.#correlations[c]! < -correlation;
    return sum > correlation * count || turned > 0 ? false : undefined;
  }

  #isIncoherent(c: number, silent: readonly boolean[], apartDb: number, loud: boolean): boolean | undefined {
    const { channels } = this.#layout;
    const { correlation, othersCorrelation, levelWithinDb } = RULES.incoherent;
    let [own, ownCount, rest, restCount] = [0, 0, 0, 0];
    for (let a = 0; a < channels; a += 1)
      for (let b = a + 1; b < channels; b += 1) {
        if (silent[a] || silent[b]) continue;
        const value = Math.abs(this.#correlations[a * channels + b]!);
        if (a === c || b === c) {
          own += value;
          ownCount += 1;
        } else {
          rest += value;
          restCount += 1;
        }
      }
    if (ownCount === 0 || restCount === 0) return undefined;
    const alone = own / ownCount < correlation;
    if (rest / restCount > othersCorrelation) return alone && Math.abs(apartDb) < levelWithinDb;
    return loud ? alone && rest / restCount < correlation : undefined;
  }

  #lagsOf(silent: readonly boolean[]): void {
    const { channels, longestDelay } = this.#layout;
    const late = new Array<number>(channels).fill(0);
    const known = new Array<number>(channels).fill(0);
    for (let a = 0; a < channels; a += 1)
      for (let b = a + 1; b < channels; b += 1) {
        if (silent[a] || silent[b] || this.#piecePower === 0) continue;
        this.#lags.find(this.#piece[a]!, this.#piece[b]!);
        if (Math.abs(this.#lags.correlation) < RULES.delayed.correlation) continue;
        const isLate = Number(Math.abs(this.#lags.lag) > longestDelay);
        for (const c of [a, b]) {
          known[c]! += 1;
          late[c]! += isLate;
        }
      }
    for (let c = 0; c < channels; c += 1)
      this.#bad.delayed[c]!.add(known[c] === 0 ? undefined : 2 * late[c]! > known[c]! && late[c]! > 1);
  }
}

function dot(a: Float32Array, b: Float32Array, frames: number): number {
  let sum = 0;
  for (let i = 0; i < frames; i += 1) sum += a[i]! * b[i]!;
  return sum;
}

/** Median of the others. */
function medianOf(values: Float64Array, c: number, left: readonly boolean[]): number {
  const others = [...values].filter((_, i) => i !== c && !left[i]).sort((a, b) => a - b);
  const middle = others.length >> 1;
  if (others.length === 0) return values[c]!;
  return others.length % 2 === 1 ? others[middle]! : (others[middle - 1]! + others[middle]!) / 2;
}
