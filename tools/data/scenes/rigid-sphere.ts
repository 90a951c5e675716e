// What a capsule on a rigid sphere hears of a plane wave (TAU-SRIR DB README; Williams, Fourier Acoustics, ch. 6), convention e^{+jwt}.

export const SPEED_OF_SOUND = 343;
const RADIUS_METRES = 0.042;
const HIGHEST_ORDER = 30;

/** Capsules of the MIC format, azimuth and elevation in degrees: Eigenmike 6, 10, 26, 22. */
export const CAPSULES: readonly (readonly [azimuth: number, elevation: number])[] = [
  [45, 35],
  [-45, -35],
  [135, -35],
  [-135, 35],
];

/** Modal strengths b_n = i^(n-1) / (x² h_n'^(2)(x)) at one frequency, n = 0..30, so that H = Σ b_n (2n+1) P_n(cos γ). */
export interface Modes {
  readonly real: Float64Array;
  readonly imag: Float64Array;
}

/** @param frequency in Hz, > 0 */
export function modesAt(frequency: number): Modes {
  const x = (2 * Math.PI * frequency * RADIUS_METRES) / SPEED_OF_SOUND;
  const j = besselJ(x);
  const y = besselY(x);
  const real = new Float64Array(HIGHEST_ORDER + 1);
  const imag = new Float64Array(HIGHEST_ORDER + 1);
  for (let n = 0; n <= HIGHEST_ORDER; n++) {
    const dj = (n / x) * j[n]! - j[n + 1]!;
    const dy = (n / x) * y[n]! - y[n + 1]!;
    // i^(n-1) / (dj - i dy) = i^(n-1) (dj + i dy) / |h'|², divided in two steps as |h'|² overflows at low x
    const size = Math.hypot(dj, dy);
    const re = dj / size / size / x ** 2;
    const im = dy / size / size / x ** 2;
    const turn = (n + 3) % 4;
    real[n] = [re, -im, -re, im][turn]!;
    imag[n] = [im, re, -im, -re][turn]!;
  }
  return { real, imag };
}

/**
 * H(γ, f): pressure at a capsule relative to the free field at the sphere's centre.
 * @param cosine cos γ between the capsule's and the wave's direction
 */
export function sphereResponse({ real, imag }: Modes, cosine: number): [re: number, im: number] {
  let re = 0;
  let im = 0;
  eachLegendre(cosine, (n, p) => {
    re += (2 * n + 1) * p * real[n]!;
    im += (2 * n + 1) * p * imag[n]!;
  });
  return [re, im];
}

/** Mean of H_i H_j* over all directions of a diffuse field: Σ |b_n|² (2n+1) P_n(cos θ_ij), which is real. */
export function diffuseCovariance({ real, imag }: Modes, cosine: number): number {
  let sum = 0;
  eachLegendre(cosine, (n, p) => {
    sum += (2 * n + 1) * p * (real[n]! ** 2 + imag[n]! ** 2);
  });
  return sum;
}

function eachLegendre(cosine: number, visit: (n: number, p: number) => void): void {
  let before = 0;
  let p = 1;
  for (let n = 0; n <= HIGHEST_ORDER; n++) {
    visit(n, p);
    const next = ((2 * n + 1) * cosine * p - n * before) / (n + 1);
    before = p;
    p = next;
  }
}

/** Spherical Bessel functions of the first kind, orders 0..31, by downward recurrence (Miller): upward loses all digits for x < n. */
function besselJ(x: number): Float64Array {
  const start = HIGHEST_ORDER + 30 + Math.ceil(x);
  const values = new Float64Array(start + 2);
  values[start] = 1e-300;
  for (let n = start; n > 0; n--) {
    values[n - 1] = ((2 * n + 1) / x) * values[n]! - values[n + 1]!;
    if (Math.abs(values[n - 1]!) > 1e200) for (let k = n - 1; k <= start; k++) values[k]! *= 1e-250;
  }
  // scale by the larger of the two known values, as j0 has zeros
  const j0 = Math.sin(x) / x;
  const j1 = x < 1e-2 ? x / 3 - x ** 3 / 30 : Math.sin(x) / x ** 2 - Math.cos(x) / x;
  const scale = Math.abs(j0) > Math.abs(j1) ? j0 / values[0]! : j1 / values[1]!;
  return values.subarray(0, HIGHEST_ORDER + 2).map((v) => v * scale);
}

/** Spherical Bessel functions of the second kind, orders 0..31, by upward recurrence, which is stable for them. */
function besselY(x: number): Float64Array {
  const values = new Float64Array(HIGHEST_ORDER + 2);
  values[0] = -Math.cos(x) / x;
  values[1] = -Math.cos(x) / x ** 2 - Math.sin(x) / x;
  for (let n = 1; n <= HIGHEST_ORDER; n++) values[n + 1] = ((2 * n + 1) / x) * values[n]! - values[n - 1]!;
  return values;
}
