// The resampler against scipy's values and against the times and levels that sines must keep.
import { readFileSync } from 'node:fs';
import { Resampler } from '../../../runtime/capture/resample.ts';

interface Case {
  inputRate: number;
  outputRate: number;
  length: number;
  values: [index: number, value: number][];
}
const golden: { seconds: number; cases: Case[] } = JSON.parse(
  readFileSync(new URL('../../golden/resample/golden_resample.json', import.meta.url), 'utf8'),
);

const samples = (rate: number, seconds: number, at: (t: number) => number) =>
  Float32Array.from({ length: Math.floor(rate * seconds) }, (_, i) => at(i / rate));

/** The formula signal of make_resample.py. */
const formula = (t: number) =>
  0.4 * Math.sin(2 * Math.PI * 440 * t) +
  0.3 * Math.sin(2 * Math.PI * 5000 * t + 1) +
  0.2 * Math.sin(2 * Math.PI * 13000 * t + 2);

function resample(input: Float32Array, inputRate: number, outputRate: number, blocks: number[]): Float32Array {
  const resampler = new Resampler({ channels: 1, inputRate, outputRate });
  const out: number[] = [];
  const take = (block: Float32Array, count: number) => out.push(...block.subarray(0, count));
  for (let at = 0, b = 0; at < input.length; at += blocks[b % blocks.length]!, b++) {
    const block = input.subarray(at, at + blocks[b % blocks.length]!);
    const room = new Float32Array(resampler.capacityFor(block.length));
    take(room, resampler.process([block], [room]));
  }
  const room = new Float32Array(resampler.capacityFor(0));
  take(room, resampler.flush([room]));
  return Float32Array.from(out);
}

function levelDb(signal: Float32Array): number {
  const inner = signal.subarray(1000, signal.length - 1000);
  return 10 * Math.log10((2 * inner.reduce((sum, v) => sum + v * v, 0)) / inner.length);
}

test.each(golden.cases)(
  '$inputRate to $outputRate Hz gives what scipy gives',
  ({ inputRate, outputRate, length, values }) => {
    const out = resample(samples(inputRate, golden.seconds, formula), inputRate, outputRate, [1024]);
    expect(out.length).toBe(length);
    const worst = Math.max(...values.map(([k, value]) => Math.abs(out[k]! - value)));
    expect(worst).toBeLessThan(1e-6);
  },
);

test('any chunking of the input gives the same bytes', () => {
  const input = samples(44100, 0.2, formula);
  const whole = resample(input, 44100, 48000, [input.length]);
  expect(resample(input, 44100, 48000, [1, 7, 480, 5000])).toEqual(whole);
});

test('a tone keeps its place in time and its level up to 0.9 of the Nyquist frequency', () => {
  for (const [rateIn, rateOut] of [
    [44100, 48000],
    [48000, 24000],
  ] as const) {
    const hertz = (0.9 * Math.min(rateIn, rateOut)) / 2;
    const tone = (t: number) => Math.sin(2 * Math.PI * hertz * t);
    const out = resample(samples(rateIn, 0.5, tone), rateIn, rateOut, [960]);
    const expected = samples(rateOut, 0.5, tone);
    const error = out.map((v, i) => v - expected[i]!);
    expect(levelDb(error)).toBeLessThan(-90);
  }
});

test('a tone above the new Nyquist frequency comes out at least 90 dB down', () => {
  const tone = (t: number) => Math.sin(2 * Math.PI * 12_100 * t);
  expect(levelDb(resample(samples(48000, 0.5, tone), 48000, 24000, [960]))).toBeLessThan(-90);
});

test('channels stay apart', () => {
  const resampler = new Resampler({ channels: 2, inputRate: 48000, outputRate: 24000 });
  const input = [samples(48000, 0.1, formula), new Float32Array(4800)];
  const output = input.map(() => new Float32Array(resampler.capacityFor(4800)));
  const count = resampler.process(input, output);
  expect(count).toBeGreaterThan(2000);
  expect(output[0]!.some((v) => v !== 0)).toBe(true);
  expect(output[1]!.every((v) => v === 0)).toBe(true);
});
