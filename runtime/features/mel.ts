// Mel filter bank with Slaney's scale and area normalisation, the same as librosa.filters.mel (htk=False, norm='slaney').
import type { FeaturePreset } from '../../models/presets.ts';
import type { RealFft } from './fft.ts';
import type { Kernels } from './kernels.ts';

/** Values in a SIMD register. */
const LANES = 4;

/** Slaney's scale (Auditory Toolbox, 1998): linear up to 1 kHz, then 27 steps to each factor of 6.4. */
const HZ_PER_LINEAR_MEL = 200 / 3;
const KNEE_HZ = 1000;
const KNEE_MEL = KNEE_HZ / HZ_PER_LINEAR_MEL;
const LOG_STEP = Math.log(6.4) / 27;

export function hzToMel(hz: number): number {
  return hz < KNEE_HZ ? hz / HZ_PER_LINEAR_MEL : KNEE_MEL + Math.log(hz / KNEE_HZ) / LOG_STEP;
}

export function melToHz(mel: number): number {
  return mel < KNEE_MEL ? mel * HZ_PER_LINEAR_MEL : KNEE_HZ * Math.exp(LOG_STEP * (mel - KNEE_MEL));
}

/** One band: its weights for the bins from firstBin on; all others weigh nothing. */
export interface MelBand {
  readonly firstBin: number;
  /** Rounded to float32, as librosa does. */
  readonly weights: Float32Array;
}

type MelSettings = Pick<FeaturePreset, 'sampleRate' | 'fftLength' | 'melBands' | 'minimumHz' | 'maximumHz'>;

/** The triangular bands, lowest first. Bin 0 and bin fftLength/2 belong to no band. */
export function melBasis({ sampleRate, fftLength, melBands, minimumHz, maximumHz }: MelSettings): MelBand[] {
  const lowest = hzToMel(minimumHz);
  const step = (hzToMel(maximumHz) - lowest) / (melBands + 1);
  const corners = Array.from({ length: melBands + 2 }, (_, i) => melToHz(lowest + i * step));
  const hzPerBin = sampleRate / fftLength;
  return Array.from({ length: melBands }, (_, band) => {
    const [from, peak, to] = corners.slice(band, band + 3) as [number, number, number];
    const firstBin = Math.floor(from / hzPerBin) + 1;
    const endBin = Math.min(Math.ceil(to / hzPerBin), fftLength / 2);
    const weights = Float32Array.from({ length: endBin - firstBin }, (_, i) => {
      const hz = (firstBin + i) * hzPerBin;
      const height = Math.max(0, Math.min((hz - from) / (peak - from), (to - hz) / (to - peak)));
      return Math.fround(height) * (2 / (to - from));
    });
    return { firstBin, weights };
  });
}

/** Centre of each band in hertz, and the log-mel value of a tone of full scale there, in decibels: what makes a picture of features. */
export function bandScale(preset: MelSettings & Pick<FeaturePreset, 'windowLength'>): {
  hertz: number[];
  fullScaleDb: number[];
} {
  const { sampleRate, fftLength, melBands, minimumHz, maximumHz, windowLength } = preset;
  const lowest = hzToMel(minimumHz);
  const step = (hzToMel(maximumHz) - lowest) / (melBands + 1);
  const hertz = Array.from({ length: melBands }, (_, i) => melToHz(lowest + (i + 1) * step));
  // A Hann window passes a tone as windowLength / 4 in its own bin and half of that in the bins of its main lobe beside it.
  const power = (windowLength / 4) ** 2;
  const lobe = ([-1, 0, 1] as const).map((side) => power * (side === 0 ? 1 : 0.25));
  const fullScaleDb = melBasis(preset).map(({ firstBin, weights }, b) => {
    const centre = Math.round((hertz[b]! * fftLength) / sampleRate) - firstBin;
    const sum = lobe.reduce((total, share, i) => total + share * (weights[centre + i - 1] ?? 0), 0);
    return 10 * Math.log10(Math.max(1e-10, sum));
  });
  return { hertz, fullScaleDb };
}

/** The basis as the kernels take it: bands begin at multiples of four bins and hold multiples of four weights. */
export class MelFilter {
  readonly bands: number;
  readonly #kernels: Kernels;
  readonly #bins: number;
  readonly #table: number;
  readonly #weights: number;

  constructor({ allocate, length }: RealFft, kernels: Kernels, basis: readonly MelBand[]) {
    const padded = basis.map(({ firstBin, weights }) => {
      const before = firstBin % LANES;
      const all = new Float32Array(Math.ceil((before + weights.length) / LANES) * LANES);
      all.set(weights, before);
      return { firstBin: firstBin - before, weights: all };
    });
    const table = allocate(2 * padded.length);
    const weights = allocate(padded.reduce((sum, band) => sum + band.weights.length, 0));
    const entries = new Uint32Array(table.values.buffer, table.pointer, 2 * padded.length);
    let at = 0;
    padded.forEach((band, b) => {
      entries.set([band.firstBin * Float32Array.BYTES_PER_ELEMENT, band.weights.length / LANES], 2 * b);
      weights.values.set(band.weights, at);
      at += band.weights.length;
    });
    this.bands = basis.length;
    this.#bins = length / 2;
    this.#kernels = kernels;
    this.#table = table.pointer;
    this.#weights = weights.pointer;
  }

  /** Writes the weighted sums of spectra, (rows, fftLength / 2), as (rows, bands); three or four rows. Byte addresses. */
  sum(out: number, spectra: number, rows: 3 | 4): void {
    this.#kernels.melSum(out, spectra, rows, this.#bins, this.#table, this.#weights, this.bands);
  }
}
