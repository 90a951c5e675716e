// Four capsules on a rigid sphere: every direction is filtered by the sphere's response to it.
import { unitVector, type Vector } from '../../../runtime/directions.ts';
import { BANDS } from './bands.ts';
import type { FftMemory } from './fft.ts';
import { ARRIVAL, EARLY_LENGTH, type Receiver } from './receiver.ts';
import { CAPSULES, diffuseCovariance, type Modes, modesAt, sphereResponse } from './rigid-sphere.ts';

const SIZE = 256;
const TAPS = 96;
const LEAD = 40;
const PHASES = 16;
/** Rows of the table over the angle between capsule and wave: half a degree apart. */
const ANGLES = 361;

const capsules = CAPSULES.map(([azimuth, elevation]) => unitVector(azimuth, elevation));
const dot = (a: Vector, b: Vector) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cosines = (direction: Vector) => capsules.map((capsule) => Math.min(1, Math.max(-1, dot(capsule, direction))));

export function micReceiver(memory: FftMemory, sampleRate: number): Receiver {
  const modes = Array.from({ length: SIZE / 2 + 1 }, (_, bin) => modesAt((Math.max(bin, 0.01) * sampleRate) / SIZE));
  const impulse = impulseMaker(memory);
  const table = makeTable(modes, impulse);
  const mixers = new Map<number, Float32Array>();
  return {
    name: 'mic',
    levelChannels: [0, 1, 2, 3],
    direct: (direction) => ({
      lead: ARRIVAL,
      responses: cosines(direction).map((cosine) => impulse(responsesOver(modes, cosine), ARRIVAL, SIZE)),
    }),
    addPulse: (trains, arrival, direction, amplitudes) => addPulse(table, trains, arrival, direction, amplitudes),
    mixDiffuse(spectra) {
      const size = spectra[0]!.length;
      const mixer = mixers.get(size) ?? makeMixer(size, sampleRate);
      mixers.set(size, mixer);
      mix(mixer, spectra);
    },
    mirrorings: [
      [1, 1, 1, 1],
      [-1, -1, -1, -1],
    ],
  };
}

type Impulse = (response: readonly (readonly [number, number])[], delay: number, taps: number) => Float32Array;

/** Turns H at the bins into an impulse response delayed by `delay` samples, with smooth ends. */
function impulseMaker(memory: FftMemory): Impulse {
  memory.prepare(SIZE);
  const spectrum = memory.allocate(SIZE);
  const samples = memory.allocate(SIZE);
  return (response, delay, taps) => {
    const s = memory.view(spectrum);
    response.forEach(([re, im], bin) => {
      const turn = (-2 * Math.PI * bin * delay) / SIZE;
      const real = re * Math.cos(turn) - im * Math.sin(turn);
      if (bin === 0) s[0] = real;
      else if (bin === SIZE / 2) s[1] = real;
      else {
        s[2 * bin] = real;
        s[2 * bin + 1] = re * Math.sin(turn) + im * Math.cos(turn);
      }
    });
    memory.inverse(SIZE, spectrum, samples);
    const FLANK = 16;
    return memory
      .view(samples)
      .slice(0, taps)
      .map((v, i) => (v / SIZE) * Math.sin((Math.PI / 2) * Math.min(1, (Math.min(i, taps - 1 - i) + 1) / FLANK)) ** 2);
  };
}

const responsesOver = (modes: readonly Modes[], cosine: number) => modes.map((m) => sphereResponse(m, cosine));

/** (angles, phases, taps): the sphere's response to a pulse arriving LEAD + phase/16 samples after the row's start. */
function makeTable(modes: readonly Modes[], impulse: Impulse): Float32Array {
  const table = new Float32Array(ANGLES * PHASES * TAPS);
  for (let a = 0; a < ANGLES; a++) {
    const response = responsesOver(modes, Math.cos((Math.PI * a) / (ANGLES - 1)));
    for (let p = 0; p < PHASES; p++) table.set(impulse(response, LEAD + p / PHASES, TAPS), (a * PHASES + p) * TAPS);
  }
  return table;
}

const blended = new Float64Array(TAPS);

function addPulse(
  table: Float32Array,
  trains: Float32Array,
  arrival: number,
  direction: Vector,
  amplitudes: Float64Array,
): void {
  const step = Math.round(arrival * PHASES);
  const start = Math.floor(step / PHASES) - LEAD;
  const phase = step % PHASES;
  cosines(direction).forEach((cosine, c) => {
    const place = (Math.acos(cosine) / Math.PI) * (ANGLES - 1);
    const low = Math.min(ANGLES - 2, Math.floor(place));
    const share = place - low;
    const a = (low * PHASES + phase) * TAPS;
    const b = a + PHASES * TAPS;
    for (let t = 0; t < TAPS; t++) blended[t] = (1 - share) * table[a + t]! + share * table[b + t]!;
    for (let band = 0; band < BANDS; band++) {
      const amplitude = amplitudes[band]!;
      const at = (c * BANDS + band) * EARLY_LENGTH + start;
      for (let t = 0; t < TAPS; t++) trains[at + t]! += amplitude * blended[t]!;
    }
  });
}

/** Lower triangle, row by row, of the Cholesky factor of the diffuse covariance at every bin: (bins, 10). */
function makeMixer(size: number, sampleRate: number): Float32Array {
  const mixer = new Float32Array((size / 2 + 1) * 10);
  for (let bin = 0; bin <= size / 2; bin++) {
    const modes = modesAt((Math.max(bin, 0.01) * sampleRate) / size);
    const covariance = capsules.map((a) => capsules.map((b) => diffuseCovariance(modes, Math.min(1, dot(a, b)))));
    mixer.set(cholesky(covariance), bin * 10);
  }
  return mixer;
}

/** Near 0 Hz all capsules hear the same and the matrix loses rank: a pivot below the floor counts as none. */
function cholesky(m: readonly (readonly number[])[]): number[] {
  const FLOOR = 1e-9;
  const l = m.map((row) => row.map(() => 0));
  for (let i = 0; i < 4; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = m[i]![j]!;
      for (let k = 0; k < j; k++) rest -= l[i]![k]! * l[j]![k]!;
      if (i === j) l[i]![i] = Math.sqrt(Math.max(0, rest));
      else l[i]![j] = l[j]![j]! > FLOOR ? rest / l[j]![j]! : 0;
    }
  }
  return l.flatMap((row, i) => row.slice(0, i + 1));
}

function mix(mixer: Float32Array, spectra: readonly Float32Array[]): void {
  const size = spectra[0]!.length;
  // element 0 is the real value at 0 Hz, element 1 the one at half the rate, then pairs
  for (let i = 0; i < size; i++) {
    const row = 10 * (i < 2 ? (i * size) / 2 : i >> 1);
    const [a, b, c, d] = [spectra[0]![i]!, spectra[1]![i]!, spectra[2]![i]!, spectra[3]![i]!];
    spectra[0]![i] = mixer[row]! * a;
    spectra[1]![i] = mixer[row + 1]! * a + mixer[row + 2]! * b;
    spectra[2]![i] = mixer[row + 3]! * a + mixer[row + 4]! * b + mixer[row + 5]! * c;
    spectra[3]![i] = mixer[row + 6]! * a + mixer[row + 7]! * b + mixer[row + 8]! * c + mixer[row + 9]! * d;
  }
}
