// GCC-PHAT of microphone pairs (Knapp & Carter 1976): irfft of R/|R| with R = conj(X_m) X_n, the lags around 0.
// R/|R| = conj(U_m) U_n with U = X/|X|: four square roots per bin instead of six, and no angles.
import type { FeaturePart, Spectra } from './spectra.ts';

const BYTES = Float32Array.BYTES_PER_ELEMENT;

/** Pairs of the four microphones, in channel order. */
const PAIRS = [
  [0, 1],
  [0, 2],
  [0, 3],
  [1, 2],
  [1, 3],
  [2, 3],
] as const;

/**
 * One row per pair, as many lags as mel bands: 64 are -32..31. A pair of which one microphone is silent has 0 throughout.
 * Changes the raw spectra.
 */
export function gccPhat({ fft, kernels, mel, rawPointer, channels }: Spectra): FeaturePart {
  const bins = fft.length / 2;
  const pair = fft.allocate(fft.length).pointer;
  return {
    rows: PAIRS.length,
    write(out) {
      for (let c = 0; c < channels; c++) kernels.whiten(rawPointer(c), bins);
      for (let p = 0; p < PAIRS.length; p++) {
        const [m, n] = PAIRS[p]!;
        kernels.crossSpectrum(pair, rawPointer(m), rawPointer(n), bins);
        fft.inverseRaw(pair, pair);
        kernels.centreLags(out + p * mel.bands * BYTES, pair, fft.length, mel.bands);
      }
    },
  };
}
