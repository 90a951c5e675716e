// The head of a clip: read by our own reader and by another's, of any length, and the ring that its samples come from.
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFormat } from '../../../runtime/capture/wav-format.ts';
import { SampleRing } from '../../../runtime/device/clips-ring.ts';
import { WAVE_HEAD_BYTES, type WaveFacts, waveHead } from '../../../runtime/device/clips-wave.ts';

const folder = mkdtempSync(join(tmpdir(), 'earshot-wave-'));
afterAll(() => rmSync(folder, { recursive: true }));

const facts: WaveFacts = {
  ...{ channels: 4, sampleRate: 48_000, bits: 24, description: 'foa sn3d; Mühle', originator: 'earshot 0.1.0' },
  ...{ reference: '000001', startTime: new Date('2026-11-23T06:30:00.500Z') },
};

test('a clip of more than 4 GiB is RF64 and says its true length', async () => {
  const file = join(folder, 'long.wav');
  const dataBytes = 12 * 400_000_000; // 4.8 GB, a hole in the file but for its head
  writeFileSync(file, waveHead(facts, dataBytes));
  truncateSync(file, WAVE_HEAD_BYTES + dataBytes);
  const handle = await open(file, 'r');
  const format = await readFormat(handle, file, WAVE_HEAD_BYTES + dataBytes, false);
  await handle.close();
  expect(format).toMatchObject({ channels: 4, sampleRate: 48_000, bitsPerSample: 24, frames: 400_000_000 });
  expect(format.dataStart).toBe(WAVE_HEAD_BYTES);
});

test('Python reads a clip, and the broadcast chunk says when its first sample was', () => {
  const file = join(folder, 'short.wav');
  const handle = openSync(file, 'w');
  writeSync(handle, waveHead({ ...facts, bits: 16 }, 8 * 100));
  writeSync(handle, Buffer.from(Int16Array.from({ length: 400 }, (_, i) => i).buffer));
  closeSync(handle);
  const program = [
    'import sys, wave, struct',
    'w = wave.open(sys.argv[1]); s = struct.unpack("<400h", w.readframes(100))',
    'd = open(sys.argv[1], "rb").read(); at = d.index(b"bext") + 8',
    'print(w.getnchannels(), w.getframerate(), w.getnframes(), s == tuple(range(400)))',
    'print(d[at:at + 15].decode(), d[at + 320:at + 338].decode(), struct.unpack("<Q", d[at + 338:at + 346])[0])',
  ].join('\n');
  expect(execFileSync('python3', ['-c', program, file], { encoding: 'utf8' })).toBe(
    // 6 h 30 min 0.5 s since midnight
    `4 48000 100 True\nfoa sn3d; M?hle 2026-11-2306:30:00 ${(6.5 * 3600 + 0.5) * 48_000}\n`,
  );
});

test('the ring keeps the newest samples across its end, clips what is too loud, and knows what is lost', () => {
  const ring = new SampleRing({ channels: 2, bits: 16, capacity: 10 });
  const push = (sampleIndex: number, values: number[]) =>
    ring.push({
      channels: [Float32Array.from(values), Float32Array.from(values, (v) => -v)],
      ...{ sampleRate: 8000, sampleIndex, wallTimeMs: 0, discontinuity: 0 },
    });
  push(0, [0.25, 0.5, 1.5, -2]);
  push(
    4,
    [1, 2, 3, 4, 5, 6, 7].map((v) => v / 32768),
  );
  push(100, [8 / 32768]);
  const bytes = new Uint8Array(4 * 10);
  ring.copy(ring.oldest, 10, bytes);
  const left = [...new Int16Array(bytes.buffer)].filter((_, i) => i % 2 === 0);
  expect(left).toEqual([32767, -32768, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect([ring.oldest, ring.stored, ring.end]).toEqual([2, 12, 101]);
  expect([ring.placeOf(0), ring.placeOf(5), ring.placeOf(50), ring.placeOf(100), ring.placeOf(200)]).toEqual([
    2, 5, 11, 11, 12,
  ]);
  expect([ring.positionOf(10), ring.positionOf(11)]).toEqual([10, 100]);
  expect([ring.contiguousFrom(5, 100), ring.contiguousFrom(11, 100)]).toEqual([6, 1]);
});
