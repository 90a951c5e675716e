// Real FFTs of several lengths and spectrum products for long convolutions, all on buffers inside PFFFT's own memory.
// The features' door to PFFFT is shaped for one length on the device; this one is for rendering, with a memory of its own.
import load from '@echogarden/pffft-wasm/simd';

interface Pffft {
  /** Replaced when the memory grows. */
  readonly HEAPF32: Float32Array;
  _pffft_new_setup(size: number, kind: number): number;
  _pffft_aligned_malloc(bytes: number): number;
  _pffft_transform(setup: number, input: number, output: number, work: number, direction: number): void;
  _pffft_transform_ordered(setup: number, input: number, output: number, work: number, direction: number): void;
  _pffft_zconvolve_accumulate(setup: number, a: number, b: number, sum: number, scale: number): void;
}

const REAL = 0;
const FORWARD = 0;
const BACKWARD = 1;

/** A block of floats in the library's memory. */
export interface FloatBlock {
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
    return new FftMemory(await (load as unknown as () => Promise<Pffft>)());
  }

  allocate(length: number): FloatBlock {
    const address = this.#library._pffft_aligned_malloc(4 * length);
    const buffer = { address, length };
    this.view(buffer).fill(0);
    return buffer;
  }

  view({ address, length }: FloatBlock): Float32Array {
    return this.#library.HEAPF32.subarray(address >> 2, (address >> 2) + length);
  }

  /** @param size 2^a 3^b 5^c with a >= 5; allocates */
  prepare(size: number): void {
    this.#of(size);
  }

  /** Spectrum as [F0, Fnyquist, re1, im1, re2, im2, ...], unscaled. */
  forward(size: number, input: FloatBlock, output: FloatBlock): void {
    const { setup, work } = this.#of(size);
    this.#library._pffft_transform_ordered(setup, input.address, output.address, work, FORWARD);
  }

  /** From the order of `forward`; the result is `size` times too large. */
  inverse(size: number, input: FloatBlock, output: FloatBlock): void {
    const { setup, work } = this.#of(size);
    this.#library._pffft_transform_ordered(setup, input.address, output.address, work, BACKWARD);
  }

  /** Spectrum in the library's own order, only for `multiplyAdd` and `inverseRaw`. */
  forwardRaw(size: number, input: FloatBlock, output: FloatBlock): void {
    const { setup, work } = this.#of(size);
    this.#library._pffft_transform(setup, input.address, output.address, work, FORWARD);
  }

  /** From the order of `forwardRaw`; `size` times too large. */
  inverseRaw(size: number, input: FloatBlock, output: FloatBlock): void {
    const { setup, work } = this.#of(size);
    this.#library._pffft_transform(setup, input.address, output.address, work, BACKWARD);
  }

  /** sum += a · b · scale, raw spectra. */
  multiplyAdd(size: number, a: FloatBlock, b: FloatBlock, sum: FloatBlock, scale: number): void {
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
