// GCC-PHAT of microphone pairs (Knapp & Carter 1976): irfft of R/|R| with R = conj(X_m) X_n, the lags around 0.
// conj(X_m) X_n / |conj(X_m) X_n| = conj(U_m) U_n with U = X/|X|: four divisions per bin instead of six square roots.

/** Pairs of four microphones, in channel order. */
export const PAIRS = [
  [0, 1],
  [0, 2],
  [0, 3],
  [1, 2],
  [1, 3],
  [2, 3],
] as const;

/** Scales each bin of a spectrum (as RealFft.forward writes it) to magnitude 1, in place; an empty bin stays 0. */
export function whiten(spectrum: Float32Array): void {
  spectrum[0] = Math.sign(spectrum[0]!);
  spectrum[1] = Math.sign(spectrum[1]!);
  for (let i = 2; i < spectrum.length; i += 2) {
    const re = spectrum[i]!;
    const im = spectrum[i + 1]!;
    const power = re * re + im * im;
    const scale = power > 0 ? 1 / Math.sqrt(power) : 0;
    spectrum[i] = re * scale;
    spectrum[i + 1] = im * scale;
  }
}

/** out = conj(a) b, all laid out as RealFft.forward writes them. */
export function crossSpectrum(out: Float32Array, a: Float32Array, b: Float32Array): void {
  out[0] = a[0]! * b[0]!;
  out[1] = a[1]! * b[1]!;
  for (let i = 2; i < out.length; i += 2) {
    const ar = a[i]!;
    const ai = a[i + 1]!;
    const br = b[i]!;
    const bi = b[i + 1]!;
    out[i] = ar * br + ai * bi;
    out[i + 1] = ar * bi - ai * br;
  }
}

/** out[at ..] = correlation at lags -lags/2 .. lags/2 - 1, from RealFft.inverse's output (which is `length` times too large). */
export function centreLags(out: Float32Array, at: number, lags: number, correlation: Float32Array): void {
  const { length } = correlation;
  const half = lags / 2;
  for (let lag = -half; lag < half; lag++) out[at + half + lag] = correlation[lag < 0 ? length + lag : lag]! / length;
}
