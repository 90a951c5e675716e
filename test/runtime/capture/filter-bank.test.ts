// Filters from capsules to ambisonics: against the sum that defines them, in blocks of any length.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { microphoneNamed } from '../../../boards/microphones.ts';
import { channelMixer } from '../../../runtime/capture/channel-mixer.ts';
import { FilterBank, type Filters, readFilters } from '../../../runtime/capture/filter-bank.ts';
import { temporaryFolder } from '../../loudness-model.ts';
import { encode, wavBytes } from './wav-bytes.ts';

const TAPS = 37;
const LENGTH = 3000;
const wave = (length: number, seed: number) =>
  new Float32Array(length).map((_, i) => Math.sin(seed + i * (0.3 + seed / 7)) * Math.cos(i * i * 0.001));
const filters: Filters = { inputs: 4, outputs: 4, taps: TAPS, values: wave(16 * TAPS, 2) };
const input = [1, 2, 3, 4].map((seed) => wave(LENGTH, seed));

/** y[n] = sum over inputs and taps of h[t] x[n - t] */
function expected(output: number, n: number): number {
  let sum = 0;
  for (let c = 0; c < 4; c += 1)
    for (let t = 0; t < TAPS && t <= n; t += 1) sum += filters.values[(output * 4 + c) * TAPS + t]! * input[c]![n - t]!;
  return sum;
}

test.each([[960], [100], [1, 959, 17, 300]])('blocks of %j samples give what the filters mean', (...lengths) => {
  const bank = new FilterBank(filters, 960);
  const out = [0, 1, 2, 3].map(() => new Float32Array(LENGTH));
  for (let from = 0, k = 0; from < LENGTH; k += 1) {
    const frames = Math.min(lengths[k % lengths.length]!, LENGTH - from);
    bank.run(
      input.map((channel) => channel.subarray(from)),
      frames,
      out.map((channel) => channel.subarray(from)),
    );
    from += frames;
  }
  for (let o = 0; o < 4; o += 1) for (let n = 0; n < LENGTH; n += 97) expect(out[o]![n]).toBeCloseTo(expected(o, n), 4);
});

test('filters of one tap are the matrix they hold, with the polarity of the settings', () => {
  const profile = microphoneNamed('tetrahedron-a-format');
  const { matrix } = channelMixer({ profile, format: 'foa', normalization: 'sn3d', longestBlock: 8 });
  const oneTap: Filters = { inputs: 4, outputs: 4, taps: 1, values: Float32Array.from(matrix.flat()) };
  const options = { profile, format: 'foa', normalization: 'n3d', channelMap: [1, -2, 3, 4], longestBlock: 8 } as const;
  const [plain, filtered] = [channelMixer(options), channelMixer({ ...options, filters: oneTap })];
  const [a, b] = [0, 1].map(() => [0, 1, 2, 3].map(() => new Float32Array(8)));
  plain.mix(input, 8, a!);
  filtered.mix(input, 8, b!);
  for (let c = 0; c < 4; c += 1) for (let i = 0; i < 8; i += 1) expect(b![c]![i]).toBeCloseTo(a![c]![i]!, 5);
});

test('a file of filters is read, and refused when it is of another shape or rate', async () => {
  const folder = await temporaryFolder();
  const file = join(folder, 'filters.wav');
  const samples = Array.from({ length: 16 * 5 }, (_, k) => (k % 16) / 32 + Math.floor(k / 16) / 100);
  writeFileSync(file, wavBytes({ channels: 16, rate: 48000, tag: 3, bits: 32, data: encode(samples, 'float32') }));
  const read = await readFilters(file, 4, 4, 48000);
  expect(read).toMatchObject({ inputs: 4, outputs: 4, taps: 5 });
  expect(read.values[5 * 6 + 2]).toBeCloseTo(6 / 32 + 0.02, 6);
  await expect(readFilters(file, 8, 4, 48000)).rejects.toThrow('has 16 channels; filters from 8 to 4 need 32');
  await expect(readFilters(file, 4, 4, 96000)).rejects.toThrow('is made for 48000 Hz; the microphone runs at 96000 Hz');
});
