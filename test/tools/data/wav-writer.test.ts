// What is written can be read back; what is not whole has no name.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openWav } from '../../../runtime/capture/wav-reader.ts';
import { WavWriter } from '../../../tools/data/wav-writer.ts';

const folder = mkdtempSync(join(tmpdir(), 'earshot-wav-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('four channels written in pieces are read back to the nearest step of 16 bits, and clip', async () => {
  const path = join(folder, 'four.wav');
  const channels = [0, 1, 2, 3].map((c) => new Float32Array(40000).map((_, i) => Math.sin(i * 0.01 * (c + 1))));
  channels[3]![5] = 1.7;
  channels[3]![6] = -1.7;
  const writer = new WavWriter(path, 4, 48000);
  writer.write(channels.map((channel) => channel.subarray(0, 123)));
  writer.write(channels.map((channel) => channel.subarray(123)));
  expect(existsSync(path)).toBe(false);
  writer.close();
  const wav = await openWav(path);
  const read = channels.map((channel) => new Float32Array(channel.length));
  expect([wav.frames, wav.sampleRate, wav.bitsPerSample]).toEqual([40000, 48000, 16]);
  await wav.read(read);
  await wav.close();
  read.forEach((channel, c) => {
    channel.forEach((v, i) => {
      const expected = Math.max(-1, Math.min(32767 / 32768, channels[c]![i]!));
      if (Math.abs(v - expected) > 0.5 / 32768 + 1e-7) throw new Error(`channel ${c}, sample ${i}: ${v}`);
    });
  });
});

test('an abandoned file leaves nothing behind', () => {
  const path = join(folder, 'abandoned.wav');
  const writer = new WavWriter(path, 1, 48000);
  writer.write([new Float32Array(100)]);
  writer.abandon();
  expect([existsSync(path), existsSync(`${path}.partial`)]).toEqual([false, false]);
});
