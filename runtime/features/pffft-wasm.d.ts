// Types of the package's SIMD build, which ships without; pointers are byte offsets into the heap.
declare module '@echogarden/pffft-wasm/simd' {
  interface Pffft {
    /** Replaced when the memory grows. */
    readonly HEAPF32: Float32Array;
    _pffft_aligned_malloc(bytes: number): number;
    /** @param kind 0 real, 1 complex; returns 0 for lengths it cannot do */
    _pffft_new_setup(length: number, kind: number): number;
    /** @param direction 0 forward, 1 backward */
    _pffft_transform_ordered(setup: number, input: number, output: number, work: number, direction: number): void;
  }
  export default function load(): Promise<Pffft>;
}
