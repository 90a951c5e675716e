// Acoustic intensity of first-order ambisonics: Re(conj(W) X_k) per bin, scaled to unit length (seld.md §3; Cao et al. 2019).

/** Keeps silence finite: its intensity is 0. */
const NORM_FLOOR = 1e-8;

/**
 * Unit intensity per bin towards x, y and z (each n bins; bin 0 stays 0), from the spectra of W, Y, Z, X (ACN) as
 * RealFft.forward writes them.
 */
export function unitIntensity(
  [outX, outY, outZ]: readonly [Float32Array, Float32Array, Float32Array],
  w: Float32Array,
  y: Float32Array,
  z: Float32Array,
  x: Float32Array,
): void {
  for (let k = 1; k < outX.length; k++) {
    const re = w[2 * k]!;
    const im = w[2 * k + 1]!;
    const ix = re * x[2 * k]! + im * x[2 * k + 1]!;
    const iy = re * y[2 * k]! + im * y[2 * k + 1]!;
    const iz = re * z[2 * k]! + im * z[2 * k + 1]!;
    const scale = 1 / (Math.sqrt(ix * ix + iy * iy + iz * iz) + NORM_FLOOR);
    outX[k] = ix * scale;
    outY[k] = iy * scale;
    outZ[k] = iz * scale;
  }
}
