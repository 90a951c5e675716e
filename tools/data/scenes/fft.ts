// Real FFTs of several lengths and spectrum products for long convolutions, all on buffers inside PFFFT's own memory.
import { loadPffft } from '../../../runtime/features/fft.ts';

type Pffft = Awaited<ReturnType<typeof loadPffft>>;

const REAL = 0;
const FORWARD = 0;
const BACKWARD = 1;

/** A block of floats in the library's memory. */
export interface Buffer {
  readonly address: number;
  readonly length: number;
}

/** One instance of the library. Views of its memory are valid until the next `allocate`. */
export class FftMemory {
  readonly #library: Pffft;
  readonly #setups = new Map<number, { setup: number; work: number }>();

  private constructor(library: Pffft) {
    this.#library = library;
  }

  static async create(): Promise<FftMemory> {
    return new FftMemory(await loadPffft());
  }

  allocate(length: number): Buffer {
    const address = this.#library._pffft_aligned_malloc(4 * length);
    const buffer = { address, length };
    this.view(buffer).fill(0);
    return buffer;
  }

  view({ address, length }: Buffer): Float32Array {
    return this.#library.HEAPF32.subarray(address >> 2, (address >> 2) + length);
  }

  /** @param size 2^a 3^b 5^c with a >= 5; allocates */
  prepare(size: number): void {
    this.#of(size);
  }

  /** Spectrum as [F0, Fnyquist, re1, im1, re2, im2, ...], unscaled. */
  forward(size: number, input: Buffer, output: Buffer): void {
    const { setup, work } = this.#of(size);
    this.#library._pffft_transform_ordered(setup, input.address, output.address, work, FORWARD);
  }

  /** From the order of `forward`; the result is `size` times too large. */
  inverse(size: number, input: Buffer, output: Buffer): void {
    const { setup, work } = this.#of(size);
    this.#library._pffft_transform_ordered(setup, input.address, output.address, work, BACKWARD);
  }

  /** Spectrum in the library's own order, only for `multiplyAdd` and `inverseRaw`. */
  forwardRaw(size: number, input: Buffer, output: Buffer): void {
    const { setup, work } = this.#of(size);
    this.#library._pffft_transform(setup, input.address, output.address, work, FORWARD);
  }

  /** From the order of `forwardRaw`; `size` times too large. */
  inverseRaw(size: number, input: Buffer, output: Buffer): void {
    const { setup, work } = this.#of(size);
    this.#library._pffft_transform(setup, input.address, output.address, work, BACKWARD);
  }

  /** sum += a · b · scale, raw spectra. */
  multiplyAdd(size: number, a: Buffer, b: Buffer, sum: Buffer, scale: number): void {
    this.#library._pffft_zconvolve_accumulate(this.#of(size).setup, a.address, b.address, sum.address, scale);
  }

  #of(size: number): { setup: number; work: number } {
    const known = this.#setups.get(size);
    if (known) return known;
    const setup = this.#library._pffft_new_setup(size, REAL);
    if (setup === 0) throw new Error(`FFT size ${size} is not a product of 2, 3 and 5`);
    const made = { setup, work: this.allocate(size).address };
    this.#setups.set(size, made);
    return made;
  }
}
