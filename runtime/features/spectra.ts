// Windowed spectra of all channels at one place of the stream: what every kind of feature starts from.
import type { FeaturePreset } from '../../models/presets.ts';
import { createRealFft, type HeapArray, type RealFft } from './fft.ts';
import { bindKernels, type Kernels } from './kernels.ts';
import { MelFilter, melBasis } from './mel.ts';

const BYTES = Float32Array.BYTES_PER_ELEMENT;
export const INPUT_CHANNELS = 4;
/** A sample above this (120 dB over full scale) is no sound; from 1e16 on powers would no longer be finite. */
const LOUDEST_SAMPLE = 1e6;
/** Bin 0 of a window of samples that may all be kept stays below; that of one with a sample from 1e16 on does not (rounding alone is more). */
const LARGEST_BIN_0 = 1e10;

/** One kind of features, made from the present spectra. */
export interface FeaturePart {
  /** Feature channels it writes. */
  readonly rows: number;
  /** Writes (rows, melBands) at a byte address of the FFT's memory. */
  write(out: number): void;
}

export class Spectra {
  readonly channels = INPUT_CHANNELS;
  readonly fft: RealFft;
  readonly kernels: Kernels;
  readonly mel: MelFilter;
  readonly #windowLength: number;
  readonly #window: HeapArray;
  /** (fftLength) samples times the window, then zeros: where the window lies only turns all channels' phases alike. */
  readonly #windowed: HeapArray;
  /** (channels, fftLength) as RealFft.order writes them. */
  readonly #spectra: HeapArray;
  /** (channels, fftLength) as RealFft.forwardRaw writes them. */
  readonly #raw: number;
  #replaced = 0;

  static async create(preset: FeaturePreset): Promise<Spectra> {
    return new Spectra(preset, await createRealFft(preset.fftLength));
  }

  private constructor(preset: FeaturePreset, fft: RealFft) {
    this.fft = fft;
    this.kernels = bindKernels(fft.memory);
    this.mel = new MelFilter(fft, this.kernels, melBasis(preset));
    this.#windowLength = preset.windowLength;
    this.#window = fft.allocate(preset.windowLength);
    this.#window.values.set(hann(preset.windowLength));
    this.#windowed = fft.allocate(fft.length);
    this.#spectra = fft.allocate(INPUT_CHANNELS * fft.length);
    this.#raw = fft.allocate(INPUT_CHANNELS * fft.length).pointer;
  }

  /** Byte address of a channel's spectrum; the channels' lie one after the other. */
  readonly pointer = (channel: number): number => this.#spectra.pointer + channel * this.fft.length * BYTES;

  /** The same of the spectra in PFFFT's own order. */
  readonly rawPointer = (channel: number): number => this.#raw + channel * this.fft.length * BYTES;

  /** Samples, not finite or absurdly loud, that were replaced by 0. */
  get replacedSamples(): number {
    return this.#replaced;
  }

  /** Computes the spectra of the window that begins at `start` in each channel's samples, which must lie in the FFT's memory. */
  compute(samples: readonly HeapArray[], start: number): void {
    for (let c = 0; c < this.channels; c++) {
      this.#transform(samples[c]!, start, c);
      // A bad sample shows in bin 0, so that no pass of its own is needed to notice one; NaN fails the comparison.
      if (Math.abs(this.#spectra.values[c * this.fft.length]!) < LARGEST_BIN_0) continue;
      this.#replaced += clean(samples[c]!.values, start, this.#windowLength);
      this.#transform(samples[c]!, start, c);
    }
  }

  #transform(samples: HeapArray, start: number, channel: number): void {
    const { pointer } = this.#windowed;
    this.kernels.applyWindow(pointer, samples.pointer + start * BYTES, this.#window.pointer, this.#windowLength);
    this.fft.forwardRaw(pointer, this.rawPointer(channel));
    this.fft.order(this.rawPointer(channel), this.pointer(channel));
  }
}

/** Periodic Hann window. */
function hann(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / length));
}

/** Replaces samples that are not finite or absurdly loud by 0. @returns how many */
function clean(samples: Float32Array, start: number, count: number): number {
  let replaced = 0;
  for (let i = start; i < start + count; i++) {
    if (Math.abs(samples[i]!) <= LOUDEST_SAMPLE) continue;
    samples[i] = 0;
    replaced++;
  }
  return replaced;
}
