// A recording as a source: order, pace, back-pressure, conversion, and stopping.
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openWavFile } from '../../../runtime/capture/wav-file.ts';
import type { AudioBlock } from '../../../runtime/signals.ts';
import { encode, wavBytes } from './wav-bytes.ts';

const folder = mkdtempSync(join(tmpdir(), 'earshot-wav-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Four channels; channel c of sample i holds (i % 1000 + c) / 2048. */
function recording(name: string, seconds: number, rate = 48000, channels = 4): string {
  const samples = Array.from(
    { length: Math.round(seconds * rate) * channels },
    (_, k) => ((Math.floor(k / channels) % 1000) + (k % channels)) / 2048,
  );
  const path = join(folder, name);
  writeFileSync(path, wavBytes({ channels, rate, data: encode(samples, 'pcm16') }));
  return path;
}
const isOpen = (path: string) =>
  readdirSync('/proc/self/fd').some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false; // the descriptor that lists the folder is gone by now
    }
  });

test('blocks follow each other without a gap and hold the recording', async () => {
  const path = recording('a.wav', 0.5);
  const source = await openWavFile({ path, paced: false, blockFrames: 1000 });
  expect(source).toMatchObject({ sampleRate: 48000, channels: 4, totalSamples: 24000 });
  let next = 0;
  const walls: number[] = [];
  await source.start((block) => {
    expect(block).toMatchObject({ sampleIndex: next, discontinuity: 0, sampleRate: 48000 });
    for (const [c, channel] of block.channels.entries())
      expect(channel.every((v, i) => v === (((next + i) % 1000) + c) / 2048)).toBe(true);
    walls.push(block.wallTimeMs - (1000 * block.sampleIndex) / 48000);
    next += block.channels[0]!.length;
  });
  expect(next).toBe(24000);
  expect(Math.max(...walls) - Math.min(...walls)).toBeLessThan(0.01);
  expect(Math.abs(walls[0]! - Date.now())).toBeLessThan(5000);
  expect(isOpen(path)).toBe(false);
});

test('a recording waits for a slow taker: never two blocks at once', async () => {
  const source = await openWavFile({ path: recording('slow.wav', 0.1), paced: false });
  let open = 0;
  let blocks = 0;
  await source.start(async () => {
    expect(++open).toBe(1);
    await sleep(5);
    open--;
    blocks++;
  });
  expect(blocks).toBe(5);
});

test('at real speed no block comes before it could have been recorded, and lateness does not add up', async () => {
  const source = await openWavFile({ path: recording('paced.wav', 1), paced: true });
  const started = performance.now();
  const late: number[] = [];
  await source.start((block) => {
    const recorded = (1000 * (block.sampleIndex + block.channels[0]!.length)) / 48000;
    late.push(performance.now() - started - recorded);
  });
  expect(late.length).toBe(50);
  expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
  expect(late.toSorted((a, b) => a - b)[25]).toBeLessThan(50);
});

test('a recording at 44.1 kHz comes out at 48 kHz, as long as before', async () => {
  const source = await openWavFile({ path: recording('cd.wav', 0.5, 44100), paced: false, resampleTo: 48000 });
  let next = 0;
  await source.start((block: AudioBlock) => {
    expect(block.sampleRate).toBe(48000);
    expect(block.sampleIndex).toBe(next);
    next += block.channels[0]!.length;
  });
  expect(next).toBe(24000);
  expect(source.totalSamples).toBe(24000);
});

test('stop ends a recording that plays at real speed at once and closes the file', async () => {
  const path = recording('long.wav', 5);
  const source = await openWavFile({ path, paced: true, blockFrames: 48000 });
  const started = performance.now();
  const playing = source.start(() => undefined);
  await sleep(50);
  await source.stop();
  await playing;
  expect(performance.now() - started).toBeLessThan(900);
  expect(isOpen(path)).toBe(false);
});

test('a handler may stop the source', async () => {
  const source = await openWavFile({ path: recording('handler.wav', 1), paced: false });
  let blocks = 0;
  await source.start(() => {
    if (++blocks === 3) void source.stop();
  });
  expect(blocks).toBe(3);
});

test('an error of the handler reaches the caller of start and closes the file', async () => {
  const path = recording('broken.wav', 0.5);
  const source = await openWavFile({ path, paced: false });
  const fail = () => {
    throw new Error('no room');
  };
  await expect(source.start(fail)).rejects.toThrow('no room');
  expect(isOpen(path)).toBe(false);
});

test('recordings that the networks cannot hear are refused and closed', async () => {
  const stereo = recording('stereo.wav', 0.1, 48000, 2);
  await expect(openWavFile({ path: stereo, paced: false })).rejects.toMatchObject({
    name: 'UserError',
    code: 'channels',
  });
  expect(isOpen(stereo)).toBe(false);
  const cd = recording('cd2.wav', 0.1, 44100);
  await expect(openWavFile({ path: cd, paced: false })).rejects.toThrow(/--resample/);
});
