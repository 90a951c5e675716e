import { readFileSync } from 'node:fs';
import { type Format, PRESETS, type PresetName } from '../../../models/presets.ts';
import { FeatureExtractor } from '../../../runtime/features/extractor.ts';
import { melBasis } from '../../../runtime/features/mel.ts';
import { block, formulaSignal } from './formula-signal.ts';

type Point = [row: number, column: number, value: number];
interface Golden {
  mel_basis_sum: number;
  mel_basis_rows?: Record<string, [sum: number, peakBin: number, peak: number]>;
  logmel_ch0_nocap: Point[];
  logmel_ch3_nocap?: Point[];
  iv: Point[][];
  gcc: Point[][];
  feat_mean: { logmel: number[]; iv: number[]; gcc: number[] };
}

const golden = JSON.parse(
  readFileSync(new URL('../../golden/features/golden_features.json', import.meta.url), 'utf8'),
) as { dcase2020_24k: Golden; paper_48k_2048: Golden };

const CASES = [
  ['edge-24k', golden.dcase2020_24k],
  ['paper-48k', golden.paper_48k_2048],
] as const;

// Tolerances of test/golden/README.md for float32.
const DECIBELS = 1e-3;
const UNITLESS = 1e-4;
/** The golden file lists the intensity as Y, Z, X; ours is X, Y, Z. */
const OUR_AXIS = [5, 6, 4];

async function formulaFeatures(preset: PresetName, format: Format) {
  const { sampleRate } = PRESETS[preset];
  const extractor = await FeatureExtractor.create({ preset, format });
  const frames: Float32Array[] = [];
  extractor.push(block(formulaSignal(sampleRate), sampleRate), ({ values }) => frames.push(values.slice()));
  extractor.end(({ values }) => frames.push(values.slice()));
  return {
    frames: frames.length,
    at: (channel: number, frame: number, band: number) => frames[frame]![channel * 64 + band]!,
    mean: (channel: number) =>
      frames.reduce((sum, f) => sum + f.subarray(channel * 64, channel * 64 + 64).reduce((a, b) => a + b, 0), 0) /
      (64 * frames.length),
  };
}

type Features = Awaited<ReturnType<typeof formulaFeatures>>;

/** Largest difference from librosa in one channel. */
function worst(features: Features, channel: number, points: readonly Point[]): number {
  return Math.max(...points.map(([frame, band, value]) => Math.abs(features.at(channel, frame, band) - value)));
}

describe.each(CASES)('%s gives the values of librosa', (preset, expected) => {
  test('the mel bands are those of librosa.filters.mel', () => {
    const bands = melBasis(PRESETS[preset]);
    const sum = bands.reduce((all, { weights }) => all + weights.reduce((a, b) => a + b, 0), 0);
    expect(Math.abs(sum / expected.mel_basis_sum - 1)).toBeLessThan(1e-6);
    for (const [row, [rowSum, peakBin, peak]] of Object.entries(expected.mel_basis_rows ?? {})) {
      const { firstBin, weights } = bands[Number(row)]!;
      const highest = Math.max(...weights);
      expect(Math.abs(weights.reduce((a, b) => a + b, 0) / rowSum - 1)).toBeLessThan(1e-6);
      expect(firstBin + weights.indexOf(highest)).toBe(peakBin);
      expect(Math.abs(highest / peak - 1)).toBeLessThan(1e-6);
    }
  });

  test('a second of sound gives 50 frames of log-mel and intensity', async () => {
    const features = await formulaFeatures(preset, 'foa');
    expect(features.frames).toBe(50);
    expect(worst(features, 0, expected.logmel_ch0_nocap)).toBeLessThan(DECIBELS);
    if (expected.logmel_ch3_nocap) expect(worst(features, 3, expected.logmel_ch3_nocap)).toBeLessThan(DECIBELS);
    expected.iv.forEach((points, axis) => {
      expect(worst(features, OUR_AXIS[axis]!, points)).toBeLessThan(UNITLESS);
    });
    expected.feat_mean.logmel.forEach((mean, channel) => {
      expect(Math.abs(features.mean(channel) - mean)).toBeLessThan(DECIBELS);
    });
    expected.feat_mean.iv.forEach((mean, axis) => {
      expect(Math.abs(features.mean(OUR_AXIS[axis]!) - mean)).toBeLessThan(UNITLESS);
    });
  });

  test('the same second as microphone signals gives GCC-PHAT of the six pairs', async () => {
    const features = await formulaFeatures(preset, 'mic');
    expect(features.frames).toBe(50);
    expect(worst(features, 0, expected.logmel_ch0_nocap)).toBeLessThan(DECIBELS);
    expected.gcc.forEach((points, pair) => {
      expect(worst(features, 4 + pair, points)).toBeLessThan(UNITLESS);
      expect(Math.abs(features.mean(4 + pair) - expected.feat_mean.gcc[pair]!)).toBeLessThan(UNITLESS);
    });
  });
});
