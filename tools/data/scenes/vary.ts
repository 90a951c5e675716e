// Augmentation of single sounds: speed with pitch, equaliser, a low-pass that hides which files had little bandwidth, level.
import type { Random } from './random.ts';

const SPEED = [0.88, 1.14] as const;
const TAPS = 32;
const PHASES = 512;
const PULSES = makePulses();

/** Levels are drawn towards a common one and then spread: dB below full scale, share of the own level kept, spread, bounds. */
const LEVEL = { commonDb: -30, ownShare: 0.6, spreadDb: 4, mostDb: 12 };

/** A new sound that is still of its class. */
export function varied(sound: Float32Array, random: Random, sampleRate: number): Float32Array {
  const out = changeSpeed(sound, random.logUniform(...SPEED));
  if (random.chance(0.6)) tilt(out, random, sampleRate);
  if (random.chance(0.5)) lowPass(out, Math.min(0.42 * sampleRate, random.logUniform(3500, 20000)), sampleRate);
  const own = 10 * Math.log10(out.reduce((sum, v) => sum + v * v, 1e-12) / out.length);
  const wanted = LEVEL.ownShare * (own - LEVEL.commonDb) + LEVEL.spreadDb * random.gaussian();
  const level = LEVEL.commonDb + Math.max(-LEVEL.mostDb, Math.min(LEVEL.mostDb, wanted));
  const gain = 10 ** ((level - own) / 20);
  for (let i = 0; i < out.length; i++) out[i]! *= gain;
  return out;
}

/** Plays a sound `speed` times as fast: shorter and higher. 32-point sinc, good to 50 dB up to 20 kHz, enough for variety. */
export function changeSpeed(sound: Float32Array, speed: number): Float32Array {
  const padded = new Float32Array(sound.length + 2 * TAPS);
  padded.set(sound, TAPS);
  const out = new Float32Array(Math.max(1, Math.floor(sound.length / speed)));
  for (let i = 0; i < out.length; i++) {
    const step = Math.round(i * speed * PHASES);
    const from = Math.floor(step / PHASES) + TAPS / 2 + 1;
    const row = (step % PHASES) * TAPS;
    let sum = 0;
    for (let t = 0; t < TAPS; t++) sum += padded[from + t]! * PULSES[row + t]!;
    out[i] = sum;
  }
  return out;
}

function makePulses(): Float32Array {
  const pulses = new Float32Array(PHASES * TAPS);
  for (let phase = 0; phase < PHASES; phase++) {
    for (let t = 0; t < TAPS; t++) {
      const x = t - (TAPS / 2 - 1) - phase / PHASES;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
      pulses[phase * TAPS + t] = sinc * Math.cos((Math.PI * x) / (TAPS + 1)) ** 2;
    }
  }
  return pulses;
}

/** A shelf up or down by at most 8 dB around a random frequency (Bristow-Johnson, Audio EQ Cookbook). */
function tilt(sound: Float32Array, random: Random, sampleRate: number): void {
  const a = 10 ** (random.uniform(-8, 8) / 40);
  const w = (2 * Math.PI * random.logUniform(300, 5000)) / sampleRate;
  const slope = Math.sin(w) / Math.SQRT2;
  const c = Math.cos(w);
  const root = 2 * Math.sqrt(a) * slope;
  biquad(
    sound,
    [a * (a + 1 + (a - 1) * c + root), -2 * a * (a - 1 + (a + 1) * c), a * (a + 1 + (a - 1) * c - root)],
    [a + 1 - (a - 1) * c + root, 2 * (a - 1 - (a + 1) * c), a + 1 - (a - 1) * c - root],
  );
}

/** Butterworth of order 8 as four biquads. */
function lowPass(sound: Float32Array, frequency: number, sampleRate: number): void {
  const w = (2 * Math.PI * frequency) / sampleRate;
  const c = Math.cos(w);
  for (let k = 0; k < 4; k++) {
    const alpha = Math.sin(w) * Math.cos((Math.PI * (2 * k + 1)) / 16);
    biquad(sound, [(1 - c) / 2, 1 - c, (1 - c) / 2], [1 + alpha, -2 * c, 1 - alpha]);
  }
}

type Coefficients = readonly [number, number, number];

function biquad(sound: Float32Array, b: Coefficients, a: Coefficients): void {
  const [b0, b1, b2, a1, a2] = [b[0] / a[0], b[1] / a[0], b[2] / a[0], a[1] / a[0], a[2] / a[0]];
  let s1 = 0;
  let s2 = 0;
  for (let i = 0; i < sound.length; i++) {
    const x = sound[i]!;
    const y = b0 * x + s1;
    s1 = b1 * x - a1 * y + s2;
    s2 = b2 * x - a2 * y;
    sound[i] = y;
  }
}
