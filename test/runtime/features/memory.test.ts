import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { FORMATS, PRESETS } from '../../../models/presets.ts';
import { FeatureExtractor } from '../../../runtime/features/extractor.ts';
import { SOURCE_SHA256 } from '../../../runtime/features/kernels-wasm.ts';
import { formulaSignal } from './formula-signal.ts';

const HOPS = 40_000;
const WARM_UP_HOPS = 5_000;
/** A view or a frame object made at each hop would take 50 bytes or more; what the compiler allocates meanwhile, less. */
const BYTES_PER_HOP = 30;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test.each(FORMATS)('nothing is allocated per hop (%s)', async (format) => {
  const { sampleRate, hopLength } = PRESETS['edge-24k'];
  const extractor = await FeatureExtractor.create({ preset: 'edge-24k', format });
  const channels = formulaSignal(sampleRate).map((channel) => channel.slice(0, hopLength));
  const block = { channels, sampleRate, sampleIndex: 0, wallTimeMs: 0, discontinuity: 0 };
  const ignore = () => {};
  const run = (hops: number) => {
    for (let i = 0; i < hops; i++) {
      extractor.push(block, ignore);
      block.sampleIndex += hopLength;
    }
  };
  run(WARM_UP_HOPS);
  collectGarbage();
  const before = process.memoryUsage();
  run(HOPS);
  const after = process.memoryUsage();
  expect((after.heapUsed - before.heapUsed) / HOPS).toBeLessThan(BYTES_PER_HOP);
  expect((after.arrayBuffers - before.arrayBuffers) / HOPS).toBeLessThan(BYTES_PER_HOP);
});

test('the compiled kernels are those of the source beside them', () => {
  const source = readFileSync(new URL('../../../runtime/features/kernels.as', import.meta.url));
  expect(createHash('sha256').update(source).digest('hex')).toBe(SOURCE_SHA256);
});
