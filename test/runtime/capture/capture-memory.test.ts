// Nothing is taken from the heap per block on the way from bytes to blocks, conversion and judgement included.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { microphoneNamed } from '../../../boards/microphones.ts';
import { BlockMaker, longestOutput } from '../../../runtime/capture/block-maker.ts';
import { BlockQueue } from '../../../runtime/capture/block-queue.ts';
import { channelMixer } from '../../../runtime/capture/channel-mixer.ts';
import { MicrophoneHealth } from '../../../runtime/capture/microphone-health.ts';

const RATE = 48000;
const FRAMES = 960;
const WARM_UP_BLOCKS = 4000;
const BLOCKS = 4000;
/** Readings of the clock are numbers on the heap, about 20 bytes each; a view per channel would take 400 bytes or more. */
const BYTES_PER_BLOCK = 150;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes that so many blocks leave on the heap, garbage included. */
function growth(work: () => void): { heap: number; buffers: number } {
  for (let i = 0; i < WARM_UP_BLOCKS; i += 1) work();
  collectGarbage();
  const before = process.memoryUsage();
  for (let i = 0; i < BLOCKS; i += 1) work();
  const after = process.memoryUsage();
  const perBlock = (key: 'heapUsed' | 'arrayBuffers') => (after[key] - before[key]) / BLOCKS;
  return { heap: perBlock('heapUsed'), buffers: perBlock('arrayBuffers') };
}

test.each([
  ['tetrahedron-a-format', RATE],
  ['ambix', RATE],
  ['tetrahedron-a-format', RATE / 2],
] as const)('no memory per block from the samples of %s to blocks at %d Hz', (name, outputRate) => {
  const profile = microphoneNamed(name);
  const mixer = channelMixer({ profile, format: 'foa', normalization: 'sn3d', longestBlock: FRAMES });
  const shape = { rate: RATE, outputRate, blockFrames: FRAMES };
  const queue = new BlockQueue({ channels: 4, capacity: longestOutput(shape), sampleRate: outputRate, blocks: 4 });
  queue.open(
    () => undefined,
    () => undefined,
  );
  const maker = new BlockMaker({
    ...shape,
    channels: 4,
    mixer,
    queue,
    timeOf: (position) => position,
    onDropped: () => undefined,
  });
  maker.begin('S24_3LE');
  const bytes = new Uint8Array(FRAMES * 12).map((_, i) => (i * 37) % 256);
  const { heap, buffers } = growth(() => maker.push(bytes));
  expect(heap).toBeLessThan(BYTES_PER_BLOCK);
  expect(buffers).toBeLessThan(1);
});

test('judging the signal keeps nothing, and leaves little behind at the end of each second', () => {
  const health = new MicrophoneHealth({
    profile: microphoneNamed('sphere-42mm'),
    sampleRate: RATE,
    blockFrames: FRAMES,
  });
  const channels = [1, 2, 3, 4].map((c) => new Float32Array(FRAMES).map((_, i) => 0.1 * Math.sin(0.05 * i + c)));
  const { heap, buffers } = growth(() => health.push(channels, FRAMES));
  expect((heap * RATE) / FRAMES).toBeLessThan(150_000); // a second: single numbers of the correlations and short lists
  expect(buffers).toBeLessThan(1);
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < BLOCKS; i += 1) health.push(channels, FRAMES);
  collectGarbage();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(50_000);
});
