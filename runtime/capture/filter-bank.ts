// A filter from each input to each output channel, by fast convolution (overlap-save, Stockham 1966): A-format to B-format as measured.
import { openRecording } from './recording.ts';

const LONGEST_TAPS = 4096;

export interface Filters {
  readonly inputs: number;
  readonly outputs: number;
  readonly taps: number;
  /** (outputs, inputs, taps), row-major. */
  readonly values: Float32Array;
}

/** A file of filters that cannot be used. */
export class FilterError extends Error {
  override name = 'UserError';
}

/**
 * Reads filters from a WAV file with one channel per pair: output 1 from inputs 1, 2, ..., then output 2, and so on.
 * @throws an error named UserError when the file cannot be read or has another number of channels, another rate or too many taps
 */
export async function readFilters(file: string, inputs: number, outputs: number, sampleRate: number): Promise<Filters> {
  const wav = await openRecording(file);
  try {
    const { channels, frames: taps } = wav;
    if (channels !== inputs * outputs)
      throw new FilterError(
        `${file} has ${channels} channels; filters from ${inputs} to ${outputs} need ${inputs * outputs}.`,
      );
    if (wav.sampleRate !== sampleRate)
      throw new FilterError(
        `${file} is made for ${wav.sampleRate} Hz; the microphone runs at ${sampleRate} Hz: convert it.`,
      );
    if (taps > LONGEST_TAPS) throw new FilterError(`${file} has ${taps} taps; at most ${LONGEST_TAPS} are taken.`);
    const rows = Array.from({ length: channels }, () => new Float32Array(taps));
    await wav.read(rows);
    const values = new Float32Array(channels * taps);
    for (const [c, row] of rows.entries()) values.set(row, c * taps);
    return { inputs, outputs, taps, values };
  } finally {
    await wav.close();
  }
}

/** Runs the filters over blocks of any length up to the longest. */
export class FilterBank {
  readonly #filters: Filters;
  readonly #fft: Fft;
  /** (outputs, inputs, size) spectra of the filters. */
  readonly #real: Float64Array;
  readonly #imag: Float64Array;
  readonly #inReal: Float64Array[];
  readonly #inImag: Float64Array[];
  readonly #sumReal: Float64Array;
  readonly #sumImag: Float64Array;
  /** Last taps - 1 samples of each input. */
  readonly #past: Float32Array[];

  constructor(filters: Filters, longestBlock: number) {
    const { inputs, outputs, taps, values } = filters;
    this.#filters = filters;
    const size = 2 ** Math.ceil(Math.log2(longestBlock + taps - 1));
    this.#fft = new Fft(size);
    this.#real = new Float64Array(outputs * inputs * size);
    this.#imag = new Float64Array(outputs * inputs * size);
    for (let pair = 0; pair < outputs * inputs; pair += 1) {
      const [re, im] = [this.#real, this.#imag].map((all) => all.subarray(pair * size, (pair + 1) * size));
      re!.set(values.subarray(pair * taps, (pair + 1) * taps));
      this.#fft.run(re!, im!);
    }
    const lines = () => Array.from({ length: inputs }, () => new Float64Array(size));
    [this.#inReal, this.#inImag] = [lines(), lines()];
    [this.#sumReal, this.#sumImag] = [new Float64Array(size), new Float64Array(size)];
    this.#past = Array.from({ length: inputs }, () => new Float32Array(taps - 1));
  }

  reset(): void {
    for (const past of this.#past) past.fill(0);
  }

  /** @param frames samples per channel, at most the longest block */
  run(input: readonly Float32Array[], frames: number, output: readonly Float32Array[]): void {
    const { inputs, outputs, taps } = this.#filters;
    for (let i = 0; i < inputs; i += 1) this.#transform(i, input[i]!, frames);
    for (let o = 0; o < outputs; o += 1) {
      this.#sumReal.fill(0);
      this.#sumImag.fill(0);
      for (let i = 0; i < inputs; i += 1) this.#multiplyAdd(o * inputs + i, i);
      // The inverse by the forward transform: its input and output with real and imaginary parts exchanged.
      this.#fft.run(this.#sumImag, this.#sumReal);
      const out = output[o]!;
      const scale = 1 / this.#fft.size;
      for (let n = 0; n < frames; n += 1) out[n] = this.#sumReal[taps - 1 + n]! * scale;
    }
  }

  #transform(i: number, samples: Float32Array, frames: number): void {
    const re = this.#inReal[i]!;
    const im = this.#inImag[i]!;
    const past = this.#past[i]!;
    re.fill(0);
    im.fill(0);
    for (let n = 0; n < past.length; n += 1) re[n] = past[n]!;
    for (let n = 0; n < frames; n += 1) re[past.length + n] = samples[n]!;
    for (let n = 0; n < past.length; n += 1) past[n] = re[frames + n]!;
    this.#fft.run(re, im);
  }

  #multiplyAdd(pair: number, input: number): void {
    const { size } = this.#fft;
    const xr = this.#inReal[input]!;
    const xi = this.#inImag[input]!;
    const sr = this.#sumReal;
    const si = this.#sumImag;
    for (let k = 0, at = pair * size; k < size; k += 1, at += 1) {
      const hr = this.#real[at]!;
      const hi = this.#imag[at]!;
      sr[k]! += xr[k]! * hr - xi[k]! * hi;
      si[k]! += xr[k]! * hi + xi[k]! * hr;
    }
  }
}

/** Complex transform in place, radix 2 (Cooley & Tukey 1965); e^{-j}. */
class Fft {
  readonly size: number;
  readonly #cosines: Float64Array;
  readonly #sines: Float64Array;
  readonly #reversed: Uint32Array;

  /** @param size a power of two */
  constructor(size: number) {
    this.size = size;
    this.#cosines = Float64Array.from({ length: size / 2 }, (_, i) => Math.cos((2 * Math.PI * i) / size));
    this.#sines = Float64Array.from({ length: size / 2 }, (_, i) => -Math.sin((2 * Math.PI * i) / size));
    this.#reversed = new Uint32Array(size);
    for (let i = 1; i < size; i += 1)
      this.#reversed[i] = (this.#reversed[i >> 1]! >> 1) | (i % 2 === 1 ? size >> 1 : 0);
  }

  run(re: Float64Array, im: Float64Array): void {
    const cosines = this.#cosines;
    const sines = this.#sines;
    this.#reorder(re, im);
    for (let half = 1; half < this.size; half *= 2) {
      const step = this.size / (2 * half);
      for (let start = 0; start < this.size; start += 2 * half) {
        for (let k = 0, turn = 0; k < half; k += 1, turn += step) {
          const a = start + k;
          const b = a + half;
          const c = cosines[turn]!;
          const s = sines[turn]!;
          const tr = re[b]! * c - im[b]! * s;
          const ti = re[b]! * s + im[b]! * c;
          re[b] = re[a]! - tr;
          im[b] = im[a]! - ti;
          re[a]! += tr;
          im[a]! += ti;
        }
      }
    }
  }

  #reorder(re: Float64Array, im: Float64Array): void {
    for (let i = 0; i < this.size; i += 1) {
      const j = this.#reversed[i]!;
      if (j <= i) continue;
      const real = re[i]!;
      const imag = im[i]!;
      re[i] = re[j]!;
      im[i] = im[j]!;
      re[j] = real;
      im[j] = imag;
    }
  }
}
