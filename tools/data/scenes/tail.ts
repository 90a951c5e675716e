// Late reverberation: a diffuse field of noise that decays in every octave band with the room's reverberation time.
import { addBand, BANDS, bandGains } from './bands.ts';
import { LONGEST_RESPONSE } from './convolution.ts';
import type { FftMemory, FloatBlock } from './fft.ts';
import { handover } from './images.ts';
import type { Random } from './random.ts';
import { ARRIVAL, type Receiver } from './receiver.ts';
import { SPEED_OF_SOUND } from './rigid-sphere.ts';
import { eyringRt60, type Room } from './room.ts';

const SIZE = LONGEST_RESPONSE;
const LONGEST_SECONDS = 0.6;
/** A tail is cut where its longest band has fallen by this much since the direct sound, and faded out before. */
const CUT_DB = 50;
const BLOCK = 4096;
/** Distance for which the tail begins at its proper time; sources stand 1 or 2 m away. */
const TYPICAL_DISTANCE_METRES = 1.5;

export class Tails {
  readonly #memory: FftMemory;
  readonly #receiver: Receiver;
  readonly #sampleRate: number;
  readonly #spectra: FloatBlock[];
  readonly #band: FloatBlock;
  readonly #gains: Float32Array[];

  constructor(memory: FftMemory, receiver: Receiver, sampleRate: number) {
    this.#memory = memory;
    this.#receiver = receiver;
    this.#sampleRate = sampleRate;
    memory.prepare(SIZE);
    this.#spectra = [0, 1, 2, 3].map(() => memory.allocate(SIZE));
    this.#band = memory.allocate(SIZE);
    this.#gains = bandGains(SIZE, sampleRate);
  }

  /** Responses of the four channels on the time axis of EarlyResponses, relative to a source of amplitude 1 at 1 m. */
  compute(room: Room, random: Random): Float32Array[] {
    const rt60 = eyringRt60(room);
    const seconds = Math.min(LONGEST_SECONDS, (CUT_DB / 60) * Math.max(...rt60));
    const length = Math.min(SIZE, BLOCK * Math.ceil((seconds * this.#sampleRate) / BLOCK));
    for (const spectrum of this.#spectra) {
      const noise = this.#memory.view(spectrum);
      for (let i = 0; i < noise.length; i++) noise[i] = random.gaussian();
      this.#memory.forward(SIZE, spectrum, spectrum);
    }
    this.#receiver.mixDiffuse(this.#spectra.map((s) => this.#memory.view(s)));
    const fade = this.#fades(room, length);
    const volume = room.size[0] * room.size[1] * room.size[2];
    // reflections per second 4πc³t²/V, each of energy 1/(ct)², give 4πc/V per second (Kuttruff, Room Acoustics, ch. 4)
    const start = Math.sqrt((4 * Math.PI * SPEED_OF_SOUND) / (volume * this.#sampleRate)) / SIZE;
    return this.#spectra.map((spectrum) => this.#decayed(spectrum, rt60, start, fade));
  }

  #decayed(spectrum: FloatBlock, rt60: readonly number[], start: number, fade: Float32Array): Float32Array {
    const out = new Float32Array(fade.length);
    const samples = this.#memory.view(this.#band);
    const lead = ARRIVAL - (TYPICAL_DISTANCE_METRES / SPEED_OF_SOUND) * this.#sampleRate;
    for (let band = 0; band < BANDS; band++) {
      samples.fill(0);
      addBand(samples, this.#memory.view(spectrum), this.#gains[band]!);
      this.#memory.inverse(SIZE, this.#band, this.#band);
      const perSample = Math.exp((-3 * Math.LN10) / (rt60[band]! * this.#sampleRate));
      let envelope = start * perSample ** -lead;
      for (let i = 0; i < out.length; i++) {
        out[i]! += samples[i]! * envelope * fade[i]!;
        envelope *= perSample;
      }
    }
    return out;
  }

  /** Rises as the images fade (their energies sum to one) and falls smoothly at the cut. */
  #fades(room: Room, length: number): Float32Array {
    const { from, to } = handover(room);
    const out = 0.15 * length;
    return new Float32Array(length).map((_, i) => {
      const seconds = (i - ARRIVAL) / this.#sampleRate;
      const rise = seconds <= from ? 0 : Math.sin((Math.PI / 2) * Math.min(1, (seconds - from) / (to - from)));
      return rise * Math.sin((Math.PI / 2) * Math.min(1, (length - i) / out)) ** 2;
    });
  }
}
