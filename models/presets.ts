// Feature presets and formats: the facts that extractor, networks, trainer and manifests share.

/** Settings of the spectral analysis; lengths in samples, frequencies in hertz. */
export interface FeaturePreset {
  readonly sampleRate: number;
  readonly windowLength: number;
  readonly hopLength: number;
  readonly fftLength: number;
  readonly melBands: number;
  readonly minimumHz: number;
  readonly maximumHz: number;
}

/** 40 ms windows every 20 ms in both (Lan et al. 2022 at 48 kHz; the DCASE 2020 baseline's halved rate). */
export const PRESETS = {
  'paper-48k': {
    sampleRate: 48000,
    windowLength: 1920,
    hopLength: 960,
    fftLength: 2048,
    melBands: 64,
    minimumHz: 0,
    maximumHz: 22500,
  },
  'edge-24k': {
    sampleRate: 24000,
    windowLength: 960,
    hopLength: 480,
    fftLength: 1024,
    melBands: 64,
    minimumHz: 0,
    maximumHz: 12000,
  },
} as const satisfies Record<string, FeaturePreset>;

export type PresetName = keyof typeof PRESETS;
export const PRESET_NAMES = Object.keys(PRESETS) as [PresetName, ...PresetName[]];

/** First-order ambisonics (ACN: W, Y, Z, X) or the four capsules of a tetrahedral microphone. */
export const FORMATS = ['foa', 'mic'] as const;
export type Format = (typeof FORMATS)[number];

/** Feature channels of a format, in tensor order. */
export const FEATURE_CHANNELS = {
  foa: ['logmel W', 'logmel Y', 'logmel Z', 'logmel X', 'IV X', 'IV Y', 'IV Z'],
  mic: [
    ...['logmel 1', 'logmel 2', 'logmel 3', 'logmel 4'],
    ...['GCC 12', 'GCC 13', 'GCC 14', 'GCC 23', 'GCC 24', 'GCC 34'],
  ],
} as const satisfies Record<Format, readonly string[]>;
