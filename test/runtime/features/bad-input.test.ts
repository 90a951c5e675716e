import { FORMATS, PRESETS } from '../../../models/presets.ts';
import { FeatureExtractor } from '../../../runtime/features/extractor.ts';
import { block, formulaSignal } from './formula-signal.ts';

const preset = 'edge-24k';
const { sampleRate } = PRESETS[preset];

async function extract(channels: Float32Array[], format: 'foa' | 'mic') {
  const extractor = await FeatureExtractor.create({ preset, format });
  const frames: Float32Array[] = [];
  extractor.push(block(channels, sampleRate), ({ values }) => frames.push(values.slice()));
  return { frames, replaced: extractor.replacedSamples };
}

describe.each(FORMATS)('%s', (format) => {
  test('digital silence gives -100 dB and 0, never NaN', async () => {
    const silence = Array.from({ length: 4 }, () => new Float32Array(sampleRate));
    const { frames } = await extract(silence, format);
    expect(frames).toHaveLength(50);
    for (const frame of frames) {
      expect(new Set(frame.subarray(0, 256))).toEqual(new Set([-100]));
      expect(frame.subarray(256).every((value) => value === 0)).toBe(true);
    }
  });

  test('one silent channel among sounding ones gives finite values', async () => {
    const signal = formulaSignal(sampleRate);
    signal[2]!.fill(0);
    const { frames } = await extract(signal, format);
    expect(frames.flatMap((frame) => [...frame]).every(Number.isFinite)).toBe(true);
  });

  test('NaN and infinite samples count as 0 and are counted once each', async () => {
    const cleaned = formulaSignal(sampleRate);
    const broken = formulaSignal(sampleRate);
    [100, 5000, 5001, 20_000].forEach((at, i) => {
      broken[i % 4]![at] = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN][i]!;
      cleaned[i % 4]![at] = 0;
    });
    const repaired = await extract(broken, format);
    expect(repaired.replaced).toBe(4);
    expect(repaired.frames).toEqual((await extract(cleaned, format)).frames);
  });

  test.each([1e15, 1e17, 1e25, 3e38])('samples of %p times full scale give finite values', async (loudness) => {
    const tone = formulaSignal(sampleRate).map((channel) => channel.map((value) => value * loudness));
    const { frames } = await extract(tone, format);
    expect(frames.flatMap((frame) => [...frame]).every(Number.isFinite)).toBe(true);
  });
});

test('sound of another rate is refused with both rates and the way out', async () => {
  const extractor = await FeatureExtractor.create({ preset, format: 'foa' });
  expect(() => extractor.push(block(formulaSignal(48_000), 48_000), () => {})).toThrow(
    /48000 Hz but preset edge-24k takes 24000 Hz: resample/,
  );
});

test('sound with other than four channels is refused', async () => {
  const extractor = await FeatureExtractor.create({ preset, format: 'foa' });
  const stereo = formulaSignal(sampleRate).slice(0, 2);
  expect(() => extractor.push(block(stereo, sampleRate), () => {})).toThrow(/2 channels.*take 4/);
});
