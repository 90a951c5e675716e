// Ambience: a mono recording (or shaped noise) made to come from everywhere.
import type { Vector } from '../../../runtime/directions.ts';
import type { Random } from './random.ts';

/** Cuts a mono recording at a random place, going round its end with a crossfade, to the length asked for. */
export function cutLoop(recording: Float32Array, length: number, random: Random): Float32Array {
  const overlap = Math.min(recording.length >> 1, 24000);
  const period = recording.length - overlap;
  const out = new Float32Array(length);
  let from = random.integer(period);
  for (let at = 0; at < length; ) {
    const count = Math.min(period - from, length - at);
    out.set(recording.subarray(from, from + count), at);
    // the start of each round still holds the fading end of the one before
    for (let i = from; i < Math.min(overlap, from + count); i++) {
      const phase = (Math.PI / 2) * (i / overlap);
      out[at + i - from] = Math.sin(phase) * recording[i]! + Math.cos(phase) * recording[period + i]!;
    }
    at += count;
    from = 0;
  }
  return out;
}

/** Noise like a quiet room's: falling about 5 dB per octave from 100 Hz to 1 kHz and 3 dB above; mean power 1. */
export function roomNoise(noise: Float32Array, length: number, random: Random): Float32Array {
  const out = new Float32Array(length);
  const start = random.integer(noise.length);
  // Kellet's economy pink filter, then a first-order roll-off that leaves a part of the pink noise
  let [b0, b1, b2, low, power] = [0, 0, 0, 0, 0];
  for (let i = 0; i < length; i++) {
    const white = noise[(start + i) % noise.length]!;
    b0 = 0.99765 * b0 + white * 0.099046;
    b1 = 0.963 * b1 + white * 0.2965164;
    b2 = 0.57 * b2 + white * 1.0526913;
    const pink = b0 + b1 + b2 + white * 0.1848;
    low += 0.06 * (pink - low);
    const v = low + 0.25 * pink;
    out[i] = v;
    power += v * v;
  }
  const scale = Math.sqrt(length / power);
  for (let i = 0; i < length; i++) out[i]! *= scale;
  return out;
}

/** Mean square. */
export function meanPower(signal: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < signal.length; i++) sum += signal[i]! * signal[i]!;
  return sum / signal.length;
}

/** The six corners of an octahedron turned at random: waves of equal power from them look isotropic to first order. */
export function randomOctahedron(random: Random): Vector[] {
  const q = [random.gaussian(), random.gaussian(), random.gaussian(), random.gaussian()];
  const norm = Math.hypot(...q);
  const [w, x, y, z] = q.map((v) => v / norm) as [number, number, number, number];
  const axes: Vector[] = [
    [1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w)],
    [2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w)],
    [2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y)],
  ];
  return axes.flatMap(([a, b, c]): Vector[] => [
    [a, b, c],
    [-a, -b, -c],
  ]);
}
