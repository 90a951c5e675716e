// Fast convolution of long signals with four-channel responses: uniformly partitioned overlap-save (Stockham 1966; Gardner 1995).
import type { FftMemory, FloatBlock } from './fft.ts';

// Transforms of 8192 points: twice the usual response, small enough for the second cache of the processors we run on.
const BLOCK = 4096;
const SIZE = 2 * BLOCK;
const MOST_PARTITIONS = 8;
const CHANNELS = 4;

/** Spectra of a response: one per channel and partition of 4096 samples, in the library's order. */
export interface Kernel {
  readonly partitions: number;
  /** (channels, partitions, 8192). */
  readonly spectra: Float32Array;
}

/** A kernel and the sign of each channel with which it is used. */
export interface SignedKernel {
  readonly kernel: Kernel;
  readonly signs: readonly number[];
}

export const LONGEST_RESPONSE = MOST_PARTITIONS * BLOCK;

export class Convolver {
  readonly #memory: FftMemory;
  readonly #input: FloatBlock;
  readonly #sum: FloatBlock;
  readonly #history: FloatBlock[];
  #loaded: FloatBlock[][][] = [];

  constructor(memory: FftMemory) {
    this.#memory = memory;
    memory.prepare(SIZE);
    this.#input = memory.allocate(SIZE);
    this.#sum = memory.allocate(SIZE);
    this.#history = Array.from({ length: 4 * MOST_PARTITIONS }, () => memory.allocate(SIZE));
  }

  /** @param response four channels of one length, at most 32 768 samples */
  kernel(response: readonly Float32Array[]): Kernel {
    const partitions = Math.ceil(response[0]!.length / BLOCK);
    const spectra = new Float32Array(CHANNELS * partitions * SIZE);
    const input = this.#memory.view(this.#input);
    for (let c = 0; c < CHANNELS; c++) {
      for (let p = 0; p < partitions; p++) {
        input.fill(0);
        input.set(response[c]!.subarray(p * BLOCK, (p + 1) * BLOCK));
        this.#memory.forwardRaw(SIZE, this.#input, this.#sum);
        spectra.set(this.#memory.view(this.#sum), (c * partitions + p) * SIZE);
      }
    }
    return { partitions, spectra };
  }

  /**
   * out[channel][start + n] += Σ signal * Σ kernels; what falls outside `out` is dropped.
   * @param inputs signals of one length, at most 4, each with the kernels whose sum is its response
   */
  add(
    out: readonly Float32Array[],
    start: number,
    inputs: readonly { signal: Float32Array; kernels: readonly SignedKernel[] }[],
  ): void {
    const length = inputs[0]!.signal.length;
    const partitions = Math.max(...inputs.flatMap(({ kernels }) => kernels.map(({ kernel }) => kernel.partitions)));
    this.#load(inputs.map(({ kernels }) => kernels));
    const input = this.#memory.view(this.#input);
    const sum = this.#memory.view(this.#sum);
    const slot = (which: number, block: number) => this.#history[which * MOST_PARTITIONS + (block % MOST_PARTITIONS)]!;
    const blocks = Math.min(Math.ceil(length / BLOCK) + partitions, Math.ceil((out[0]!.length - start) / BLOCK));
    for (let k = 0; k < blocks; k++) {
      inputs.forEach(({ signal }, which) => {
        input.fill(0);
        const from = (k - 1) * BLOCK;
        if (from < length) input.set(signal.subarray(Math.max(0, from), from + SIZE), Math.max(0, -from));
        this.#memory.forwardRaw(SIZE, this.#input, slot(which, k));
      });
      for (let c = 0; c < CHANNELS; c++) {
        sum.fill(0);
        inputs.forEach(({ kernels }, which) => {
          kernels.forEach(({ kernel, signs }, i) => {
            for (let p = 0; p < kernel.partitions && p <= k; p++) {
              const response = this.#loaded[which]![i]![c * kernel.partitions + p]!;
              this.#memory.multiplyAdd(SIZE, slot(which, k - p), response, this.#sum, signs[c]! / SIZE);
            }
          });
        });
        this.#memory.inverseRaw(SIZE, this.#sum, this.#sum);
        accumulate(out[c]!, start + k * BLOCK, sum);
      }
    }
  }

  #pool: FloatBlock[] = [];
  #inPool: (Kernel | undefined)[] = [];

  /** Copies kernels into the library's memory; one that lies there from the call before stays. */
  #load(kernels: readonly (readonly SignedKernel[])[]): void {
    let used = 0;
    let position = 0;
    this.#loaded = kernels.map((group) =>
      group.map(({ kernel }) => {
        const count = CHANNELS * kernel.partitions;
        while (this.#pool.length < used + count) this.#pool.push(this.#memory.allocate(SIZE));
        const buffers = this.#pool.slice(used, used + count);
        if (this.#inPool[position] !== kernel) {
          buffers.forEach((buffer, i) => {
            this.#memory.view(buffer).set(kernel.spectra.subarray(i * SIZE, (i + 1) * SIZE));
          });
          this.#inPool[position] = kernel;
          this.#inPool.length = position + 1;
        }
        used += count;
        position++;
        return buffers;
      }),
    );
  }
}

/** The second half of an overlap-save block is the valid one. */
function accumulate(out: Float32Array, at: number, block: Float32Array): void {
  const from = Math.max(0, -at);
  const to = Math.min(BLOCK, out.length - at);
  for (let i = from; i < to; i++) out[at + i]! += block[BLOCK + i]!;
}
