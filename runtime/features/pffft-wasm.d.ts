// Types of the package's SIMD build, which ships without (Emscripten's module). Pointers are byte addresses in its memory.
declare module '@echogarden/pffft-wasm/simd' {
  export interface Pffft {
    /** Replaced when the memory grows. */
    readonly HEAPF32: Float32Array;
    _pffft_aligned_malloc(bytes: number): number;
    /** @param kind 0 real, 1 complex; returns 0 for lengths it cannot do */
    _pffft_new_setup(length: number, kind: number): number;
    /** @param direction 0 forward, 1 backward */
    _pffft_transform_ordered(setup: number, input: number, output: number, work: number, direction: number): void;
    /** As above, with the spectrum in the library's own order. */
    _pffft_transform(setup: number, input: number, output: number, work: number, direction: number): void;
    /** From the library's own order to the usual one (direction 0) or back. */
    _pffft_zreorder(setup: number, input: number, output: number, direction: number): void;
    /** sum += a * b * scale, spectra in the library's own order. */
    _pffft_zconvolve_accumulate(setup: number, a: number, b: number, sum: number, scale: number): void;
  }
  interface Options {
    /** Takes over the instantiation of pffft.wasm. */
    instantiateWasm(
      imports: WebAssembly.Imports,
      receive: (instance: WebAssembly.Instance) => void,
    ): WebAssembly.Exports;
  }
  export default function load(options?: Options): Promise<Pffft>;
}
