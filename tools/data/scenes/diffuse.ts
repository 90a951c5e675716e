// Adds ambience to a scene: plane waves from all around for ambisonics, exactly correlated noise for capsules on a sphere.
import { cutLoop, randomOctahedron } from './ambience.ts';
import type { Convolver, Kernel } from './convolution.ts';
import type { FftMemory } from './fft.ts';
import type { Random } from './random.ts';
import type { Receiver } from './receiver.ts';

const FIR = 1024;
const CHANNELS = [0, 1, 2, 3];

export class DiffuseField {
  readonly #receiver: Receiver;
  readonly #convolver: Convolver;
  readonly #memory: FftMemory;
  #kernels: Kernel[] | undefined;

  constructor(memory: FftMemory, receiver: Receiver, convolver: Convolver) {
    this.#memory = memory;
    this.#receiver = receiver;
    this.#convolver = convolver;
  }

  /**
   * out += the field, at unit gain of the recording's level.
   * @param recording mono, cut at several places that do not know of each other
   */
  add(out: readonly Float32Array[], recording: Float32Array, gain: number, random: Random): void {
    if (this.#receiver.name === 'foa') this.#addWaves(out, recording, gain, random);
    else this.#addCorrelated(out, recording, gain, random);
  }

  #addWaves(out: readonly Float32Array[], recording: Float32Array, gain: number, random: Random): void {
    const directions = randomOctahedron(random);
    for (const direction of directions) {
      const wave = cutLoop(recording, out[0]!.length, random);
      const gains = this.#receiver
        .direct(direction)
        .responses.map((r) => (r[0]! * gain) / Math.sqrt(directions.length));
      for (const c of CHANNELS) addScaled(out[c]!, wave, gains[c]!);
    }
  }

  #addCorrelated(out: readonly Float32Array[], recording: Float32Array, gain: number, random: Random): void {
    this.#kernels ??= this.#makeKernels();
    const inputs = this.#kernels.map((kernel) => {
      const signal = cutLoop(recording, out[0]!.length, random);
      for (let i = 0; i < signal.length; i++) signal[i]! *= gain;
      return { signal, kernels: [{ kernel, signs: [1, 1, 1, 1] }] };
    });
    this.#convolver.add(out, -FIR / 2, inputs);
  }

  /** One kernel per independent input: the column of the mixing matrix over frequency, as linear-phase filters. */
  #makeKernels(): Kernel[] {
    this.#memory.prepare(FIR);
    const spectrum = this.#memory.allocate(FIR);
    return CHANNELS.map((input) => {
      const spectra = CHANNELS.map((c) =>
        new Float32Array(FIR).map((_, i) => (c === input && (i < 2 || i % 2 === 0) ? 1 : 0)),
      );
      this.#receiver.mixDiffuse(spectra);
      const responses = spectra.map((s) => {
        const view = this.#memory.view(spectrum);
        // half the length as delay: every second bin changes its sign
        view.set(s.map((v, i) => (i > 1 && (i >> 1) % 2 === 1 ? -v : v)));
        this.#memory.inverse(FIR, spectrum, spectrum);
        return view.map((v, i) => (v / FIR) * Math.sin((Math.PI * (i + 0.5)) / FIR) ** 2);
      });
      return this.#convolver.kernel(responses);
    });
  }
}

function addScaled(out: Float32Array, signal: Float32Array, gain: number): void {
  for (let i = 0; i < out.length; i++) out[i]! += gain * signal[i]!;
}
