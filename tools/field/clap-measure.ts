// What the channels of an array share in a clap's first milliseconds: all that a direction can be told from.
import type { Microphone } from '../../boards/microphones.ts';
import { BandPass } from '../../runtime/capture/band-pass.ts';
import { LagFinder } from '../../runtime/capture/lag-finder.ts';
import type { Clap } from './clap-finder.ts';

/** Direct sound alone: from 2 m away at 1.5 m height the floor answers 4.7 ms later. */
const DIRECT_SECONDS = 0.0035;
/** Above rooms and wind, below where capsules that stand apart disagree. */
const BAND_HZ = { ambisonic: [500, 5000], capsules: [300, 1800] } as const;

/** Channels in the order in which they were recorded. */
export interface ClapMeasure {
  /** (channels, channels) sums of products. */
  readonly products: number[][];
  /** (channels, channels) seconds by which the second is later than the first. */
  readonly lags: number[][];
  /** (channels, channels) 1 or -1: whether they begin alike. */
  readonly signs: number[][];
}

/** Measures a clap, or several from one place together. */
export function measureClaps(claps: readonly Clap[], profile: Microphone, rate: number): ClapMeasure {
  const measures = claps.map((clap) => measureClap(clap, profile, rate));
  const over = (pick: (measure: ClapMeasure, a: number, b: number) => number, join: (values: number[]) => number) =>
    measures[0]!.products.map((row, a) => row.map((_, b) => join(measures.map((measure) => pick(measure, a, b)))));
  const sum = (values: number[]) => values.reduce((total, v) => total + v, 0);
  const middle = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;
  return {
    products: over((m, a, b) => m.products[a]![b]!, sum),
    lags: over((m, a, b) => m.lags[a]![b]!, middle),
    signs: over(
      (m, a, b) => m.signs[a]![b]!,
      (values) => (sum(values) < 0 ? -1 : 1),
    ),
  };
}

function measureClap({ channels, onset }: Clap, { signal }: Microphone, rate: number): ClapMeasure {
  const [low, high] = signal.kind === 'capsules' ? BAND_HZ.capsules : BAND_HZ.ambisonic;
  const filter = new BandPass(channels.length, rate, low, high);
  const length = channels[0]!.length;
  const end = Math.min(length, onset + Math.round(DIRECT_SECONDS * rate));
  const direct = channels.map((channel, c) => {
    const out = new Float32Array(length);
    filter.run(c, channel, length, out);
    out.fill(0, end);
    return out;
  });
  const finder = new LagFinder(length);
  const pairs = <T>(of: (a: Float32Array, b: Float32Array) => T) => direct.map((a) => direct.map((b) => of(a, b)));
  return {
    products: pairs((a, b) => a.reduce((sum, v, i) => sum + v * b[i]!, 0)),
    lags: pairs((a, b) => {
      finder.find(a, b);
      return finder.fineLag / rate;
    }),
    signs: pairs((a, b) => {
      finder.find(a, b);
      return finder.correlation < 0 ? -1 : 1;
    }),
  };
}
