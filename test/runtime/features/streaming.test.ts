import fc from 'fast-check';
import { FORMATS, PRESETS } from '../../../models/presets.ts';
import { FeatureExtractor } from '../../../runtime/features/extractor.ts';
import type { AudioBlock, FeatureFrame } from '../../../runtime/signals.ts';
import { block, formulaSignal } from './formula-signal.ts';

const preset = 'edge-24k';
const { sampleRate, hopLength, windowLength } = PRESETS[preset];
const SIGNAL = formulaSignal(sampleRate).map((channel) => channel.subarray(0, 12 * hopLength + 77));
const SAMPLES = SIGNAL[0]!.length;

interface Frame {
  frame: number;
  /** Of the values, so that "the same" means every bit. */
  bytes: string;
  discontinuity: boolean;
}

async function framesOf(blocks: Iterable<AudioBlock>, format: 'foa' | 'mic' = 'foa'): Promise<Frame[]> {
  const frames: Frame[] = [];
  const extractor = await FeatureExtractor.create({ preset, format });
  const keep = ({ frame, values, discontinuity }: FeatureFrame) => {
    const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
    frames.push({ frame, bytes, discontinuity });
  };
  for (const each of blocks) extractor.push(each, keep);
  extractor.end(keep);
  return frames;
}

/** The signal from `from` to `to` in blocks of the given lengths, over and over. */
function* chunks(lengths: readonly number[], from = 0, to = SAMPLES): Generator<AudioBlock> {
  for (let at = from, i = 0; at < to; i++) {
    const end = Math.min(to, at + lengths[i % lengths.length]!);
    yield block(SIGNAL, sampleRate, { from: at, to: end });
    at = end;
  }
}

/** The signal with samples `from` to `to` missing. */
function* withGap(lengths: readonly number[], from: number, to: number): Generator<AudioBlock> {
  yield* chunks(lengths, 0, from);
  let lost = to - from;
  for (const next of chunks(lengths, to)) {
    yield { ...next, discontinuity: lost };
    lost = 0;
  }
}

/** The signal with samples `from` to `to` set to 0. */
function zeroed(from: number, to: number): Float32Array[] {
  return SIGNAL.map((channel) => channel.map((value, i) => (i >= from && i < to ? 0 : value)));
}

const touches = ({ frame }: Frame, from: number, to: number) =>
  frame * hopLength - windowLength / 2 < to && frame * hopLength + windowLength / 2 > from;

const lengths = fc.array(fc.integer({ min: 1, max: 3 * windowLength }), { minLength: 1, maxLength: 6 });

describe('a stream', () => {
  test.each(FORMATS)('cut into blocks of any length gives the same bytes as in one piece (%s)', async (format) => {
    const whole = await framesOf(chunks([SAMPLES]), format);
    expect(whole.map(({ frame }) => frame)).toEqual(Array.from({ length: 12 }, (_, k) => k));
    await fc.assert(
      fc.asyncProperty(lengths, async (cut) => {
        expect(await framesOf(chunks(cut), format)).toEqual(whole);
      }),
      { numRuns: 40 },
    );
  });

  test('may come one sample at a time', async () => {
    expect(await framesOf(chunks([1]))).toEqual(await framesOf(chunks([SAMPLES])));
  });

  test('in one block longer than what is staged at a time gives the same bytes too', async () => {
    const long = SIGNAL.map((channel) => Float32Array.from({ length: 50_000 }, (_, i) => channel[i % SAMPLES]!));
    const pieces = Array.from({ length: 50 }, (_, i) =>
      block(long, sampleRate, { from: 1000 * i, to: 1000 * i + 1000 }),
    );
    expect(await framesOf([block(long, sampleRate)])).toEqual(await framesOf(pieces));
  });

  test('shorter than a hop gives no frame', async () => {
    expect(await framesOf(chunks([hopLength], 0, hopLength - 1))).toEqual([]);
  });

  test('that has ended takes no more', async () => {
    const extractor = await FeatureExtractor.create({ preset, format: 'foa' });
    extractor.end(() => {});
    expect(() => extractor.push(block(SIGNAL, sampleRate), () => {})).toThrow('ended');
  });
});

describe('lost samples', () => {
  const gap = fc
    .tuple(fc.integer({ min: 0, max: SAMPLES - 1 }), fc.integer({ min: 1, max: SAMPLES }))
    .map(([from, length]) => [from, Math.min(SAMPLES - 1, from + length)] as const)
    .filter(([from, to]) => to > from);

  test('count as silence; the frames they touch are flagged, those wholly lost are left out', async () => {
    await fc.assert(
      fc.asyncProperty(gap, lengths, async ([from, to], cut) => {
        const silenced = await framesOf([block(zeroed(from, to), sampleRate)]);
        const expected = silenced
          .map((frame) => ({ ...frame, discontinuity: touches(frame, from, to) }))
          .filter(
            ({ frame }) => frame * hopLength - windowLength / 2 < from || frame * hopLength + windowLength / 2 > to,
          );
        expect(await framesOf(withGap(cut, from, to))).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });

  test('for a century take no longer than a second', async () => {
    const century = 100 * 365 * 24 * 3600 * sampleRate;
    const later = block(SIGNAL, sampleRate, { at: century, discontinuity: century - SAMPLES });
    const frames = await framesOf([block(SIGNAL, sampleRate), later]);
    expect(frames.length).toBeLessThan(30);
    const end = frames.at(-1)!;
    expect(end.frame).toBe(Math.floor((century + SAMPLES) / hopLength) - 1);
    expect(end.discontinuity).toBe(false);
    // century is a multiple of the hop, so the second half sounds as if it had begun at 0
    const fromStart = await framesOf([block(SIGNAL, sampleRate)]);
    expect(end.bytes).toBe(fromStart.at(-1)!.bytes);
  });

  test('before the first block are lost, too', async () => {
    const start = 3 * hopLength;
    const frames = await framesOf([block(SIGNAL, sampleRate, { at: start })]);
    expect(frames[0]!.discontinuity).toBe(true);
    expect(frames.at(-1)).toMatchObject({ frame: 3 + 11, discontinuity: false });
  });
});

describe('repeated samples', () => {
  test('are dropped, and the frames across the seam are flagged', async () => {
    const seam = 5 * hopLength + 13;
    const again = block(SIGNAL, sampleRate, { from: seam - 100, discontinuity: -100 });
    const frames = await framesOf([block(SIGNAL, sampleRate, { to: seam }), again]);
    const whole = await framesOf(chunks([SAMPLES]));
    expect(frames.map(({ bytes }) => bytes)).toEqual(whole.map(({ bytes }) => bytes));
    expect(frames.map(({ discontinuity }) => discontinuity)).toEqual(whole.map((f) => touches(f, seam, seam)));
  });
});
