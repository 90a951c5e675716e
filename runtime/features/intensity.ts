// Acoustic intensity of first-order ambisonics: Re(conj(W) X_k) per bin, scaled to unit length, then its mel-weighted sum
// (Perotin et al. 2018; Cao et al. 2019).
import type { FeaturePart, Spectra } from './spectra.ts';

const AXES = 3;

/** Rows x, y, z from channels W, Y, Z, X (ACN); silence is 0. */
export function intensity({ fft, kernels, mel, pointer }: Spectra): FeaturePart {
  const bins = fft.length / 2;
  const unit = fft.allocate(AXES * bins).pointer;
  return {
    rows: AXES,
    write(out) {
      kernels.unitIntensity(unit, pointer(0), bins);
      mel.sum(out, unit, AXES);
    },
  };
}
