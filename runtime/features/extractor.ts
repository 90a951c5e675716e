// Streaming feature extractor: audio blocks in, one frame of features out per hop. Any chunking gives the same values.
import { FEATURE_CHANNELS, type Format, PRESETS, type PresetName } from '../../models/presets.ts';
import type { AudioBlock, FeatureFrame } from '../signals.ts';
import { createRealFft, type HeapArray, type RealFft } from './fft.ts';
import { Framing } from './framing.ts';
import { centreLags, crossSpectrum, PAIRS, whiten } from './gcc-phat.ts';
import { unitIntensity } from './intensity.ts';
import { decibels, melSum, powerSpectrum } from './log-mel.ts';
import { type MelBand, melBasis } from './mel.ts';

const INPUT_CHANNELS = 4;

export interface ExtractorOptions {
  readonly preset: PresetName;
  readonly format: Format;
}

export type OnFrame = (frame: FeatureFrame) => void;

/** A block that this extractor cannot take: wrong rate or channels. */
export class FeatureError extends Error {
  override name = 'UserError';
}

/**
 * Unscaled features of one stream, (channels, bands) per frame:
 * foa: log-mel of W, Y, Z, X in dB, then intensity X, Y, Z in -1..1 (mel-weighted); mic: log-mel of the four capsules,
 * then GCC-PHAT of pairs 01 02 03 12 13 23 at lags -32..31.
 * Digital silence gives -100 dB and 0. Frames, lost samples and the stream's ends: see Framing.
 * Samples that are NaN or infinite count as 0; `replacedSamples` says how many there were (capture refuses files with such samples).
 */
export class FeatureExtractor {
  readonly #options: ExtractorOptions;
  readonly #framing: Framing;
  readonly #buffers: Buffers;
  readonly #fft: RealFft;
  readonly #window: Float32Array;
  readonly #bands: readonly MelBand[];
  /** The one frame object handed out, refilled for each frame. */
  readonly #out: { frame: number; values: Float32Array; discontinuity: boolean };
  #onFrame: OnFrame = ignore;
  #replacedSamples = 0;

  static async create(options: ExtractorOptions): Promise<FeatureExtractor> {
    return new FeatureExtractor(options, await createRealFft(PRESETS[options.preset].fftLength));
  }

  private constructor(options: ExtractorOptions, fft: RealFft) {
    const preset = PRESETS[options.preset];
    this.#options = options;
    this.#fft = fft;
    this.#window = hann(preset.windowLength);
    this.#bands = melBasis(preset);
    this.#buffers = allocateBuffers(fft, FEATURE_CHANNELS[options.format].length * preset.melBands);
    this.#out = { frame: 0, values: this.#buffers.features, discontinuity: false };
    this.#framing = new Framing({ channels: INPUT_CHANNELS, ...preset }, (start, frame, discontinuity) => {
      this.#analyse(start);
      this.#out.frame = frame;
      this.#out.discontinuity = discontinuity;
      this.#onFrame(this.#out);
    });
  }

  /** Samples, NaN or infinite, that were taken as 0. */
  get replacedSamples(): number {
    return this.#replacedSamples;
  }

  /**
   * Takes a block and hands out the frames it completes, before it returns.
   * The frame handed out, and its values, are valid until the next one.
   * @throws FeatureError when the block's rate or number of channels is not the preset's
   */
  push(block: AudioBlock, onFrame: OnFrame): void {
    this.#check(block);
    this.#onFrame = onFrame;
    this.#framing.push(block);
  }

  /** Ends the stream: hands out the last frames, whose windows reach past its end. */
  end(onFrame: OnFrame): void {
    this.#onFrame = onFrame;
    this.#framing.end();
  }

  #check({ channels, sampleRate }: AudioBlock): void {
    const { preset } = this.#options;
    const expected = PRESETS[preset].sampleRate;
    if (sampleRate !== expected)
      throw new FeatureError(
        `The sound has ${sampleRate} Hz but preset ${preset} takes ${expected} Hz: resample it or choose another preset`,
      );
    if (channels.length !== INPUT_CHANNELS)
      throw new FeatureError(`The sound has ${channels.length} channels; the features take ${INPUT_CHANNELS}`);
  }

  /** Features of the window that begins at `start` of the staged samples. */
  #analyse(start: number): void {
    const { spectra, power, features } = this.#buffers;
    const melBands = this.#bands.length;
    for (let c = 0; c < INPUT_CHANNELS; c++) {
      this.#transform(c, start);
      powerSpectrum(power, spectra[c]!);
      melSum(features, c * melBands, power, this.#bands);
    }
    decibels(features, 0, INPUT_CHANNELS * melBands);
    if (this.#options.format === 'foa') this.#intensity();
    else this.#correlations();
  }

  /** Spectrum of one channel's window. A NaN or infinite sample makes bin 0 so, which is how it is noticed without a pass of its own. */
  #transform(channel: number, start: number): void {
    const { windowed, spectra } = this.#buffers;
    const staged = this.#framing.staged[channel]!;
    const spectrum = spectra[channel]!;
    multiply(windowed.values, staged, start, this.#window);
    this.#fft.forward(windowed, spectrum);
    if (Number.isFinite(spectrum.values[0]!)) return;
    this.#replacedSamples += clean(staged, start, this.#window.length);
    multiply(windowed.values, staged, start, this.#window);
    this.#fft.forward(windowed, spectrum);
  }

  #intensity(): void {
    const { spectra, unit, features } = this.#buffers;
    const melBands = this.#bands.length;
    const [w, y, z, x] = spectra;
    unitIntensity(unit, w.values, y.values, z.values, x.values);
    for (let axis = 0; axis < 3; axis++) melSum(features, (INPUT_CHANNELS + axis) * melBands, unit[axis]!, this.#bands);
  }

  #correlations(): void {
    const { spectra, cross, features } = this.#buffers;
    const melBands = this.#bands.length;
    for (const spectrum of spectra) whiten(spectrum.values);
    for (let p = 0; p < PAIRS.length; p++) {
      const [m, n] = PAIRS[p]!;
      crossSpectrum(cross.values, spectra[m].values, spectra[n].values);
      this.#fft.inverse(cross, cross);
      centreLags(features, (INPUT_CHANNELS + p) * melBands, melBands, cross.values);
    }
  }
}

/** Every buffer that extraction writes to; allocated once. */
interface Buffers {
  /** (fftLength) one channel's samples times the window, then zeros */
  readonly windowed: HeapArray;
  /** 4 x (fftLength) */
  readonly spectra: readonly [HeapArray, HeapArray, HeapArray, HeapArray];
  /** (fftLength / 2) */
  readonly power: Float32Array;
  /** 3 x (fftLength / 2), intensity x, y, z */
  readonly unit: readonly [Float32Array, Float32Array, Float32Array];
  /** (fftLength) cross-spectrum, then correlation, of a pair */
  readonly cross: HeapArray;
  /** (channels, melBands) */
  readonly features: Float32Array;
}

function allocateBuffers(fft: RealFft, features: number): Buffers {
  const whole = () => fft.allocate(fft.length);
  const half = () => new Float32Array(fft.length / 2);
  return {
    windowed: whole(),
    spectra: [whole(), whole(), whole(), whole()],
    power: half(),
    unit: [half(), half(), half()],
    cross: whole(),
    features: new Float32Array(features),
  };
}

/** Periodic Hann window. */
function hann(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / length));
}

function multiply(out: Float32Array, samples: Float32Array, start: number, window: Float32Array): void {
  for (let i = 0; i < window.length; i++) out[i] = samples[start + i]! * window[i]!;
}

/** Replaces samples that are not finite by 0. @returns how many */
function clean(samples: Float32Array, start: number, count: number): number {
  let replaced = 0;
  for (let i = start; i < start + count; i++)
    if (!Number.isFinite(samples[i]!)) {
      samples[i] = 0;
      replaced++;
    }
  return replaced;
}

function ignore(): void {}
