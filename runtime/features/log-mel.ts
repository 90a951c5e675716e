// Log-mel energies: 10 log10(max(1e-10, mel . |X|^2)) in decibels, without librosa's top_db (it would need the future).
import type { HeapArray } from './fft.ts';
import type { MelBand } from './mel.ts';

/** -100 dB: what digital silence gives. */
const FLOOR_POWER = 1e-10;
const DB_PER_NEPER = 10 / Math.LN10;

/** Power |X|^2 of bins 1 .. n-1 into `power` (n); a spectrum as RealFft.forward writes it. power[0] stays 0. */
export function powerSpectrum(power: Float32Array, { values }: HeapArray): void {
  for (let k = 1; k < power.length; k++) {
    const re = values[2 * k]!;
    const im = values[2 * k + 1]!;
    power[k] = re * re + im * im;
  }
}

/** Weighted sum over each band's bins: out[at + band] for every band. */
export function melSum(out: Float32Array, at: number, spectrum: Float32Array, bands: readonly MelBand[]): void {
  for (let b = 0; b < bands.length; b++) {
    const { firstBin, weights } = bands[b]!;
    let sum = 0;
    for (let i = 0; i < weights.length; i++) sum += weights[i]! * spectrum[firstBin + i]!;
    out[at + b] = sum;
  }
}

/** Turns `count` powers into decibels, in place. */
export function decibels(values: Float32Array, at: number, count: number): void {
  for (let i = at; i < at + count; i++) values[i] = DB_PER_NEPER * Math.log(Math.max(FLOOR_POWER, values[i]!));
}
