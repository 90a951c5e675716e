// Inner loops of feature extraction in WebAssembly SIMD, four float32 at a time, over the FFT's memory.
// AssemblyScript, compiled into kernels-wasm.ts by make-kernels.ts. Pointers are byte addresses; all arrays but `samples` begin
// at multiples of 16 bytes.
// A spectrum holds bin 0, bin n/2 (both real), then real and imaginary parts of bins 1 .. n/2 - 1. A raw spectrum is as PFFFT
// computes it: four real parts, four imaginary parts, and so on, bins in an order of its own; bin 0 is value 0, bin n/2 value 4.
// Measured with test/bench/features.ts: the same loops in TypeScript made the extractor 2.3 to 3.9 times as slow.

/** Keeps the intensity of silence finite, and 0. */
const NORM_FLOOR: f32 = 1e-8;
/** Power below which log-mel stays at -100 dB. */
const FLOOR_POWER: f32 = 1e-10;
const FLOOR_DECIBELS: f32 = -100;
/** Power below which a bin counts as empty: far below the quantisation noise of 32 bits. */
const EMPTY_POWER: f32 = 1e-30;

/** out = samples * window, `count` (a multiple of 4) of them. */
export function applyWindow(out: usize, samples: usize, window: usize, count: u32): void {
  for (const end = out + (<usize>count << 2); out < end; out += 16, samples += 16, window += 16)
    v128.store(out, f32x4.mul(v128.load(samples), v128.load(window)));
}

/** out = |X|^2 of `bins` bins; out[0] is of no use (bin 0 and the last share a place) but finite. */
export function powerSpectrum(out: usize, spectrum: usize, bins: u32): void {
  for (const end = out + (<usize>bins << 2); out < end; out += 16, spectrum += 32) {
    const a = v128.load(spectrum);
    const b = v128.load(spectrum, 16);
    const re = evens(a, b);
    const im = odds(a, b);
    v128.store(out, f32x4.add(f32x4.mul(re, re), f32x4.mul(im, im)));
  }
}

/**
 * out[row][band] = sum of weight * spectra[row] for each band: three or four rows at once, so that each weight is read once.
 * @param spectra (rows, bins)
 * @param bands per band two u32: byte offset of its first bin in a spectrum, number of weights / 4
 * @param weights of all bands, one after the other
 */
export function melSum(out: usize, spectra: usize, rows: u32, bins: u32, bands: usize, weights: usize, count: u32): void {
  const rowBytes = <usize>bins << 2;
  const outBytes = <usize>count << 2;
  const lastRow = <usize>(rows - 1) * rowBytes;
  for (const end = out + outBytes; out < end; out += 4, bands += 8) {
    let at = spectra + <usize>load<u32>(bands);
    const weightsEnd = weights + (<usize>load<u32>(bands, 4) << 4);
    let a = f32x4.splat(0);
    let b = f32x4.splat(0);
    let c = f32x4.splat(0);
    let last = f32x4.splat(0);
    for (; weights < weightsEnd; weights += 16, at += 16) {
      const weight = v128.load(weights);
      a = f32x4.add(a, f32x4.mul(weight, v128.load(at)));
      b = f32x4.add(b, f32x4.mul(weight, v128.load(at + rowBytes)));
      c = f32x4.add(c, f32x4.mul(weight, v128.load(at + 2 * rowBytes)));
      last = f32x4.add(last, f32x4.mul(weight, v128.load(at + lastRow)));
    }
    store<f32>(out, lanesSum(a));
    store<f32>(out + outBytes, lanesSum(b));
    store<f32>(out + 2 * outBytes, lanesSum(c));
    if (rows > 3) store<f32>(out + 3 * outBytes, lanesSum(last));
  }
}

/** Powers to decibels in place, 10 log10(max(1e-10, p)); `count` is a multiple of 4. */
export function decibels(values: usize, count: u32): void {
  const floor = f32x4.splat(FLOOR_POWER);
  for (const end = values + (<usize>count << 2); values < end; values += 16) {
    const power = v128.load(values);
    const isFloor = f32x4.le(power, floor);
    v128.store(values, v128.bitselect(f32x4.splat(FLOOR_DECIBELS), decibelsOf(power), isFloor));
  }
}

/**
 * Intensity Re(conj(W) X_k) of `bins` bins towards x, y, z, scaled to unit length: three arrays of `bins`, one after the other.
 * @param spectra of W, Y, Z, X, each 2 * bins values, one after the other
 */
export function unitIntensity(out: usize, spectra: usize, bins: u32): void {
  const arrayBytes = <usize>bins << 2;
  const spectrumBytes = arrayBytes << 1;
  for (const end = out + arrayBytes; out < end; out += 16, spectra += 32) {
    const wa = v128.load(spectra);
    const wb = v128.load(spectra, 16);
    const re = evens(wa, wb);
    const im = odds(wa, wb);
    const y = inPhase(re, im, spectra + spectrumBytes);
    const z = inPhase(re, im, spectra + 2 * spectrumBytes);
    const x = inPhase(re, im, spectra + 3 * spectrumBytes);
    const square = f32x4.add(f32x4.add(f32x4.mul(x, x), f32x4.mul(y, y)), f32x4.mul(z, z));
    const scale = f32x4.div(f32x4.splat(1), f32x4.add(f32x4.sqrt(square), f32x4.splat(NORM_FLOOR)));
    v128.store(out, f32x4.mul(x, scale));
    v128.store(out + arrayBytes, f32x4.mul(y, scale));
    v128.store(out + 2 * arrayBytes, f32x4.mul(z, scale));
  }
}

/** Scales each of `bins` bins to magnitude 1, in place; an empty one becomes 0. A raw spectrum. */
export function whiten(spectrum: usize, bins: u32): void {
  const zero = signOf(load<f32>(spectrum));
  const last = signOf(load<f32>(spectrum, 16));
  for (let at = spectrum, end = spectrum + (<usize>bins << 3); at < end; at += 32) {
    const re = v128.load(at);
    const im = v128.load(at, 16);
    const power = f32x4.add(f32x4.mul(re, re), f32x4.mul(im, im));
    const inverse = f32x4.div(f32x4.splat(1), f32x4.sqrt(power));
    const scale = v128.and(inverse, f32x4.gt(power, f32x4.splat(EMPTY_POWER)));
    v128.store(at, f32x4.mul(re, scale));
    v128.store(at, f32x4.mul(im, scale), 16);
  }
  store<f32>(spectrum, zero);
  store<f32>(spectrum, last, 16);
}

/** out = conj(a) b, `bins` bins. Raw spectra. */
export function crossSpectrum(out: usize, a: usize, b: usize, bins: u32): void {
  const zero = load<f32>(a) * load<f32>(b);
  const last = load<f32>(a, 16) * load<f32>(b, 16);
  for (let at = out, end = out + (<usize>bins << 3); at < end; at += 32, a += 32, b += 32) {
    const ar = v128.load(a);
    const ai = v128.load(a, 16);
    const br = v128.load(b);
    const bi = v128.load(b, 16);
    v128.store(at, f32x4.add(f32x4.mul(ar, br), f32x4.mul(ai, bi)));
    v128.store(at, f32x4.sub(f32x4.mul(ar, bi), f32x4.mul(ai, br)), 16);
  }
  store<f32>(out, zero);
  store<f32>(out, last, 16);
}

/** out = samples around lag 0 of a correlation of `length`, divided by it: lags -lags/2 .. lags/2 - 1; lags is a multiple of 8. */
export function centreLags(out: usize, correlation: usize, length: u32, lags: u32): void {
  const scale = f32x4.splat(1 / <f32>length);
  const halfBytes = <usize>lags << 1;
  const negative = correlation + (<usize>length << 2) - halfBytes;
  for (let i: usize = 0; i < halfBytes; i += 16) {
    v128.store(out + i, f32x4.mul(v128.load(negative + i), scale));
    v128.store(out + halfBytes + i, f32x4.mul(v128.load(correlation + i), scale));
  }
}

function evens(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 0, 2, 4, 6);
}

function odds(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 1, 3, 5, 7);
}

/** Re(conj(re + j im) X) for the four bins at `spectrum`. */
function inPhase(re: v128, im: v128, spectrum: usize): v128 {
  const a = v128.load(spectrum);
  const b = v128.load(spectrum, 16);
  return f32x4.add(f32x4.mul(re, evens(a, b)), f32x4.mul(im, odds(a, b)));
}

function lanesSum(v: v128): f32 {
  const pairs = f32x4.add(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

function signOf(value: f32): f32 {
  return <f32>(value > 0) - <f32>(value < 0);
}

/**
 * 10 log10(x) of four normal positive numbers: x = 2^e m with m in sqrt(1/2) .. sqrt(2), ln m by the polynomial of logf in
 * Moshier's Cephes library (1989), which is right to 1e-7.
 */
function decibelsOf(x: v128): v128 {
  const one = f32x4.splat(1);
  // Taking sqrt(1/2)'s bits off first makes the exponent that of m in sqrt(1/2) .. sqrt(2).
  const offset = i32x4.splat(0x3f3504f3);
  const bits = i32x4.sub(x, offset);
  const exponent = f32x4.convert_i32x4_s(i32x4.shr_s(bits, 23));
  const m = i32x4.add(v128.and(bits, i32x4.splat(0x007fffff)), offset);
  const t = f32x4.sub(m, one);
  const square = f32x4.mul(t, t);
  let p = f32x4.splat(7.0376836292e-2);
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(-1.1514610310e-1));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(1.1676998740e-1));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(-1.2420140846e-1));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(1.4249322787e-1));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(-1.6668057665e-1));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(2.0000714765e-1));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(-2.4999993993e-1));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(3.3333331174e-1));
  const cubic = f32x4.mul(f32x4.mul(square, t), p);
  const ln = f32x4.add(t, f32x4.sub(cubic, f32x4.mul(square, f32x4.splat(0.5))));
  // 10 log10(2) and 10 / ln(10)
  return f32x4.add(f32x4.mul(exponent, f32x4.splat(3.0102999566398120)), f32x4.mul(ln, f32x4.splat(4.3429448190325183)));
}
