// FLAC recordings: the same samples as libFLAC wrote, and clear words about damaged files.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openRecording, type RecordingReader } from '../../../runtime/capture/recording.ts';
import { openWavFile } from '../../../runtime/capture/wav-file.ts';

const GOLDEN = fileURLToPath(new URL('../../golden/recordings/four-channels.flac', import.meta.url));
const FRAMES = 10_007;
const folder = mkdtempSync(join(tmpdir(), 'earshot-flac-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** As test/golden/recordings/make_flac.py writes them. */
const written = (i: number, c: number) => {
  const sample = ((i * 7919 + c * 12347) % 65536) - 32768;
  return (c === 3 ? Math.floor(sample / 2) : sample) / 32768;
};

async function readAll(recording: RecordingReader, blockFrames: number): Promise<number[][]> {
  const block = Array.from({ length: recording.channels }, () => new Float32Array(blockFrames));
  const all: number[][] = block.map(() => []);
  try {
    for (let n = await recording.read(block); n > 0; n = await recording.read(block))
      for (const [c, channel] of block.entries()) all[c]!.push(...channel.subarray(0, n));
  } finally {
    await recording.close();
  }
  return all;
}

function damaged(name: string, change: (bytes: Buffer) => Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, change(readFileSync(GOLDEN)));
  return path;
}

test.each([1, 997, FRAMES + 5])(
  'a FLAC recording read %i samples at a time holds exactly what was written',
  async (size) => {
    const recording = await openRecording(GOLDEN);
    expect(recording).toMatchObject({ sampleRate: 24_000, channels: 4, frames: FRAMES });
    const all = await readAll(recording, size);
    for (const [c, channel] of all.entries()) {
      expect(channel).toHaveLength(FRAMES);
      expect(channel.findIndex((v, i) => v !== written(i, c))).toBe(-1);
    }
  },
);

test('a FLAC recording that ends in digital silence is whole, though its last frame has 12 bytes', async () => {
  const recording = await openRecording(GOLDEN.replace('four-channels', 'ends-in-silence'));
  const [channel] = await readAll(recording, 1000);
  expect(channel).toHaveLength(4596);
  expect(channel!.findIndex((v, i) => v !== (i < 4096 ? written(i, 0) : 0))).toBe(-1);
});

test('a FLAC recording is played as a source like a WAV', async () => {
  const source = await openWavFile({ path: GOLDEN, paced: false });
  let next = 0;
  await source.start((block) => {
    expect(block.sampleIndex).toBe(next);
    expect(block.channels[1]![0]).toBe(written(next, 1));
    next += block.channels[0]!.length;
  });
  expect(next).toBe(FRAMES);
});

test('a FLAC recording that was cut short is refused with its name', async () => {
  const path = damaged('short.flac', (bytes) => bytes.subarray(0, bytes.length >> 1));
  await expect(openRecording(path).then((r) => readAll(r, 500))).rejects.toMatchObject({
    name: 'UserError',
    message: expect.stringContaining('short.flac is damaged'),
  });
});

test('a FLAC file with nothing behind its marker is refused', async () => {
  const path = damaged('marker.flac', (bytes) => bytes.subarray(0, 20));
  await expect(openRecording(path)).rejects.toMatchObject({
    name: 'UserError',
    message: expect.stringContaining('marker.flac is not a whole FLAC file'),
  });
});

test('what is neither WAV nor FLAC is refused', async () => {
  const path = damaged('text.flac', () => Buffer.from('these are not samples'));
  await expect(openRecording(path)).rejects.toMatchObject({ name: 'UserError' });
});
