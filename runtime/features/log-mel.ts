// Log-mel energies: 10 log10(max(1e-10, mel . |X|^2)) in decibels, without librosa's top_db (it would need the future).
import type { FeaturePart, Spectra } from './spectra.ts';

/** One row of decibels per input channel; digital silence is -100. */
export function logMel({ fft, kernels, mel, pointer, channels }: Spectra): FeaturePart {
  const bins = fft.length / 2;
  const power = fft.allocate(channels * bins).pointer;
  return {
    rows: channels,
    write(out) {
      kernels.powerSpectrum(power, pointer(0), channels * bins);
      mel.sum(out, power, channels);
      kernels.decibels(out, channels * mel.bands);
    },
  };
}
