// A second-order high-pass and low-pass in a row (Butterworth by the bilinear transform), many channels, no memory per block.

const Q = Math.SQRT1_2;

interface Biquad {
  readonly b0: number;
  readonly b1: number;
  readonly b2: number;
  readonly a1: number;
  readonly a2: number;
}

export class BandPass {
  readonly #stages: readonly Biquad[];
  /** (channels, stages, 2) states of the transposed direct form II. */
  readonly #states: Float64Array;

  /** @param low, high edges in hertz */
  constructor(channels: number, sampleRate: number, low: number, high: number) {
    this.#stages = [biquad(low / sampleRate, true), biquad(high / sampleRate, false)];
    this.#states = new Float64Array(channels * this.#stages.length * 2);
  }

  run(channel: number, input: Float32Array, frames: number, output: Float32Array): void {
    for (let s = 0; s < this.#stages.length; s += 1) {
      const { b0, b1, b2, a1, a2 } = this.#stages[s]!;
      const source = s === 0 ? input : output;
      const at = 2 * (channel * this.#stages.length + s);
      let z1 = this.#states[at]!;
      let z2 = this.#states[at + 1]!;
      for (let i = 0; i < frames; i += 1) {
        const x = source[i]!;
        const y = b0 * x + z1;
        z1 = b1 * x - a1 * y + z2;
        z2 = b2 * x - a2 * y;
        output[i] = y;
      }
      this.#states[at] = Math.abs(z1) < 1e-30 ? 0 : z1; // subnormal numbers are slow
      this.#states[at + 1] = Math.abs(z2) < 1e-30 ? 0 : z2;
    }
  }
}

/** R. Bristow-Johnson's audio EQ cookbook. @param edge in cycles per sample */
function biquad(edge: number, highPass: boolean): Biquad {
  const w = 2 * Math.PI * edge;
  const alpha = Math.sin(w) / (2 * Q);
  const cosine = Math.cos(w);
  const a0 = 1 + alpha;
  const b = highPass ? (1 + cosine) / 2 : (1 - cosine) / 2;
  const middle = highPass ? -2 * b : 2 * b;
  return { b0: b / a0, b1: middle / a0, b2: b / a0, a1: (-2 * cosine) / a0, a2: (1 - alpha) / a0 };
}
