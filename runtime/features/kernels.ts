// The inner loops of kernels.as, bound to a memory. Pointers are byte addresses in it; what each does stands in kernels.as.
import { WASM_BASE64 } from './kernels-wasm.ts';

export interface Kernels {
  applyWindow(out: number, samples: number, window: number, count: number): void;
  powerSpectrum(out: number, spectrum: number, bins: number): void;
  melSum(out: number, spectra: number, rows: number, bins: number, bands: number, weights: number, count: number): void;
  decibels(values: number, count: number): void;
  unitIntensity(out: number, spectra: number, bins: number): void;
  whiten(spectrum: number, bins: number): void;
  crossSpectrum(out: number, a: number, b: number, bins: number): void;
  centreLags(out: number, correlation: number, length: number, lags: number): void;
}

const compiled = new WebAssembly.Module(Buffer.from(WASM_BASE64, 'base64'));

export function bindKernels(memory: WebAssembly.Memory): Kernels {
  return new WebAssembly.Instance(compiled, { env: { memory } }).exports as unknown as Kernels;
}
