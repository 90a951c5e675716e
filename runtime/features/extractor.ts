// Streaming feature extractor: audio blocks in, one frame of features out per hop. Any chunking gives the same values.
import { FEATURE_CHANNELS, type Format, PRESETS, type PresetName } from '../../models/presets.ts';
import type { AudioBlock, FeatureFrame } from '../signals.ts';
import { Framing } from './framing.ts';
import { gccPhat } from './gcc-phat.ts';
import { intensity } from './intensity.ts';
import { logMel } from './log-mel.ts';
import { type FeaturePart, INPUT_CHANNELS, Spectra } from './spectra.ts';

const BYTES = Float32Array.BYTES_PER_ELEMENT;

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
 * foa: log-mel of W, Y, Z, X in dB, then intensity x, y, z (mel-weighted unit vectors);
 * mic: log-mel of the four capsules, then GCC-PHAT of pairs 01 02 03 12 13 23 at lags -32..31.
 * Digital silence gives -100 dB and 0. Frames, lost samples and the stream's ends: see Framing.
 * Samples that are NaN, infinite or so loud that powers would be (beyond 1e16) count as 0, and `replacedSamples` says how many
 * there were (capture refuses files with NaN or infinite ones). So the features are finite whatever comes in.
 */
export class FeatureExtractor {
  readonly #options: ExtractorOptions;
  readonly #framing: Framing;
  readonly #spectra: Spectra;
  readonly #parts: readonly FeaturePart[];
  /** (channels, bands) in the FFT's memory */
  readonly #features: { readonly values: Float32Array; readonly pointer: number };
  /** The one frame object handed out, refilled for each frame. */
  readonly #out: { frame: number; readonly values: Float32Array; discontinuity: boolean };
  #onFrame: OnFrame = ignore;

  static async create(options: ExtractorOptions): Promise<FeatureExtractor> {
    return new FeatureExtractor(options, await Spectra.create(PRESETS[options.preset]));
  }

  private constructor(options: ExtractorOptions, spectra: Spectra) {
    const preset = PRESETS[options.preset];
    const size = FEATURE_CHANNELS[options.format].length * preset.melBands;
    this.#options = options;
    this.#spectra = spectra;
    this.#parts = [logMel(spectra), options.format === 'foa' ? intensity(spectra) : gccPhat(spectra)];
    this.#features = spectra.fft.allocate(size);
    this.#out = { frame: 0, values: new Float32Array(size), discontinuity: false };
    this.#framing = new Framing(
      { channels: INPUT_CHANNELS, ...preset, allocate: spectra.fft.allocate },
      (start, frame, discontinuity) => this.#emit(start, frame, discontinuity),
    );
  }

  /** Samples that were taken as 0 as they were NaN, infinite or absurdly loud. */
  get replacedSamples(): number {
    return this.#spectra.replacedSamples;
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

  #emit(start: number, frame: number, discontinuity: boolean): void {
    this.#spectra.compute(this.#framing.staged, start);
    let at = this.#features.pointer;
    for (const part of this.#parts) {
      part.write(at);
      at += part.rows * this.#spectra.mel.bands * BYTES;
    }
    this.#out.frame = frame;
    this.#out.discontinuity = discontinuity;
    // A copy of its own: whoever posts the frame to a thread would send the FFT's whole memory along otherwise.
    this.#out.values.set(this.#features.values);
    this.#onFrame(this.#out);
  }
}

function ignore(): void {}
