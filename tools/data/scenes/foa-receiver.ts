// The ideal first-order microphone: gains only.
import { FIRST_ORDER_GAIN, type Normalization } from '../../../runtime/ambisonics.ts';
import { foaGains } from './ambisonics.ts';
import { BANDS } from './bands.ts';
import { EARLY_LENGTH, type Receiver } from './receiver.ts';

const TAPS = 32;
const PHASES = 256;

/** Pulses that arrive between two samples: sinc under a Hann window, one row per 1/256 of a sample. */
const PULSES = makePulses();

export function foaReceiver(normalization: Normalization): Receiver {
  const diffuse = FIRST_ORDER_GAIN[normalization] / Math.sqrt(3);
  return {
    name: 'foa',
    levelChannels: [0],
    direct: (direction) => ({
      lead: 0,
      responses: foaGains(direction, normalization).map((gain) => Float32Array.of(gain)),
    }),
    addPulse: (trains, arrival, direction, amplitudes) =>
      addPulse(trains, arrival, foaGains(direction, normalization), amplitudes),
    // Mean of the squared gains over the sphere: 1 for W, 1/3 (SN3D) for Y, Z, X; no correlation between them.
    mixDiffuse(spectra) {
      for (const spectrum of spectra.slice(1)) for (let i = 0; i < spectrum.length; i++) spectrum[i]! *= diffuse;
    },
    mirrorings: Array.from({ length: 16 }, (_, bits) => [1, 2, 4, 8].map((bit) => (bits & bit ? -1 : 1))),
  };
}

function addPulse(trains: Float32Array, arrival: number, gains: readonly number[], amplitudes: Float64Array): void {
  const step = Math.round(arrival * PHASES);
  const start = Math.floor(step / PHASES) - TAPS / 2 + 1;
  const row = (step % PHASES) * TAPS;
  for (let c = 0; c < 4; c++) {
    for (let b = 0; b < BANDS; b++) {
      const amplitude = gains[c]! * amplitudes[b]!;
      const at = (c * BANDS + b) * EARLY_LENGTH + start;
      for (let t = 0; t < TAPS; t++) trains[at + t]! += amplitude * PULSES[row + t]!;
    }
  }
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
