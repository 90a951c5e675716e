// Plain transforms for the tests of scenes: slow, short, and written without the code they judge.

/** Value of the Fourier transform of a signal at one frequency. */
export function fourierAt(signal: ArrayLike<number>, frequency: number, sampleRate: number): [re: number, im: number] {
  let re = 0;
  let im = 0;
  for (let i = 0; i < signal.length; i++) {
    const angle = (2 * Math.PI * frequency * i) / sampleRate;
    re += signal[i]! * Math.cos(angle);
    im -= signal[i]! * Math.sin(angle);
  }
  return [re, im];
}

/** About an octave around a frequency: a second-order band-pass run twice. */
export function bandPass(signal: Float32Array, frequency: number, sampleRate: number): Float64Array {
  const w = (2 * Math.PI * frequency) / sampleRate;
  const alpha = Math.sin(w) / (2 * Math.SQRT2);
  const a0 = 1 + alpha;
  const out = Float64Array.from(signal);
  for (let pass = 0; pass < 2; pass++) {
    let [x1, x2, y1, y2] = [0, 0, 0, 0];
    for (let i = 0; i < out.length; i++) {
      const x = out[i]!;
      const y = (alpha * (x - x2) + 2 * Math.cos(w) * y1 - (1 - alpha) * y2) / a0;
      [x2, x1, y2, y1] = [x1, x, y1, y];
      out[i] = y;
    }
  }
  return out;
}

/** Reverberation time by backward integration (Schroeder 1965), from a straight line through the decay between two times. */
export function schroederRt60(response: ArrayLike<number>, sampleRate: number, from: number, to: number): number {
  const curve = new Float64Array(response.length + 1);
  for (let i = response.length - 1; i >= 0; i--) curve[i] = curve[i + 1]! + response[i]! ** 2;
  const first = Math.round(from * sampleRate);
  const count = Math.round((to - from) * sampleRate);
  let [t, l, tt, tl] = [0, 0, 0, 0];
  for (let i = 0; i < count; i++) {
    const seconds = i / sampleRate;
    const level = 10 * Math.log10(curve[first + i]!);
    t += seconds;
    l += level;
    tt += seconds * seconds;
    tl += seconds * level;
  }
  const slope = (count * tl - t * l) / (count * tt - t * t);
  return -60 / slope;
}
