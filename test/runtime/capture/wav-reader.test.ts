// Which WAV files are read, sample by sample, and what is said of those that cannot be.
import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkRecording, openWav, type WavReader } from '../../../runtime/capture/wav-reader.ts';
import { AMBISONIC_PCM_GUID, chunk, ds64, encode, FLOAT_GUID, PCM_GUID, wavBytes } from './wav-bytes.ts';

const folder = mkdtempSync(join(tmpdir(), 'earshot-wav-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function fileOf(bytes: Buffer | string): string {
  const path = join(folder, `${files++}.wav`);
  writeFileSync(path, bytes);
  return path;
}

// Two channels, exact in 16 bits: left rises, right falls.
const LEFT = Array.from({ length: 500 }, (_, i) => (i + 1) / 1024);
const RIGHT = LEFT.map((v) => -v);
const STEREO = LEFT.flatMap((v, i) => [v, RIGHT[i]!]);

async function readAll(wav: WavReader, blockFrames = 128): Promise<number[][]> {
  const block = Array.from({ length: wav.channels }, () => new Float32Array(blockFrames));
  const out: number[][] = block.map(() => []);
  for (let n = await wav.read(block); n > 0; n = await wav.read(block))
    for (const [c, channel] of out.entries()) channel.push(...block[c]!.subarray(0, n));
  await wav.close();
  return out;
}

const readable: [what: string, bytes: Buffer][] = [
  ['PCM of 16 bits', wavBytes({ channels: 2, data: encode(STEREO, 'pcm16') })],
  ['PCM of 24 bits', wavBytes({ channels: 2, bits: 24, data: encode(STEREO, 'pcm24') })],
  ['PCM of 32 bits', wavBytes({ channels: 2, bits: 32, data: encode(STEREO, 'pcm32') })],
  ['float of 32 bits', wavBytes({ channels: 2, tag: 3, bits: 32, data: encode(STEREO, 'float32') })],
  ['float of 64 bits', wavBytes({ channels: 2, tag: 3, bits: 64, data: encode(STEREO, 'float64') })],
  [
    'WAVE_FORMAT_EXTENSIBLE with PCM',
    wavBytes({ channels: 2, bits: 24, guid: PCM_GUID, data: encode(STEREO, 'pcm24') }),
  ],
  [
    'WAVE_FORMAT_EXTENSIBLE with float',
    wavBytes({ channels: 2, bits: 32, guid: FLOAT_GUID, data: encode(STEREO, 'float32') }),
  ],
  ['the ambisonic sub-format', wavBytes({ channels: 2, guid: AMBISONIC_PCM_GUID, data: encode(STEREO, 'pcm16') })],
  [
    'RF64',
    wavBytes({
      riff: 'RF64',
      channels: 2,
      before: [ds64(2000n)],
      data: encode(STEREO, 'pcm16'),
      dataSize: 0xffffffff,
      after: [chunk('LIST', Buffer.alloc(20))],
    }),
  ],
  [
    'BW64',
    wavBytes({ riff: 'BW64', channels: 2, before: [ds64(2000n)], data: encode(STEREO, 'pcm16'), dataSize: 0xffffffff }),
  ],
  [
    'chunks of odd length around the sound',
    wavBytes({
      channels: 2,
      before: [chunk('bext', Buffer.alloc(7))],
      data: encode(STEREO, 'pcm16'),
      after: [chunk('LIST', Buffer.from('INFOabc'))],
    }),
  ],
  [
    'the unknown length that ffmpeg writes into a pipe',
    wavBytes({ channels: 2, data: encode(STEREO, 'pcm16'), dataSize: 0xffffffff }),
  ],
  [
    'the length 0 of a recorder that was cut off',
    wavBytes({ channels: 2, data: encode(STEREO, 'pcm16'), dataSize: 0 }),
  ],
  [
    'the unknown length that sox writes into a pipe',
    wavBytes({ channels: 2, data: encode(STEREO, 'pcm16'), dataSize: 0x7ffff000 }),
  ],
];

test.each(readable)('%s is read', async (_, bytes) => {
  const wav = await openWav(fileOf(bytes));
  expect([wav.sampleRate, wav.channels, wav.frames]).toEqual([48000, 2, 500]);
  expect(await readAll(wav)).toEqual([LEFT, RIGHT]);
});

test('the header says how samples are stored', async () => {
  const wav = await openWav(fileOf(wavBytes({ guid: AMBISONIC_PCM_GUID, rate: 24000, data: Buffer.alloc(80) })));
  await wav.close();
  expect(wav).toMatchObject({
    sampleRate: 24000,
    channels: 4,
    bitsPerSample: 16,
    encoding: 'pcm',
    ambisonic: true,
    frames: 10,
  });
});

test('blocks of any length join to the same samples across reads from the disk', async () => {
  const frames = 300_000; // 2.4 MB: several reads
  const data = Buffer.alloc(frames * 8);
  for (let i = 0; i < frames * 4; i++) data.writeInt16LE((i * 7919) % 32768, i * 2);
  const path = fileOf(wavBytes({ data }));
  const small = await readAll(await openWav(path), 997);
  const large = await readAll(await openWav(path), 100_000);
  expect(small[0]!.length).toBe(frames);
  expect(small).toEqual(large);
  expect(small[3]![frames - 1]).toBe((((frames * 4 - 1) * 7919) % 32768) / 32768);
});

test('an RF64 recording of 10 GB opens and reads without being held in memory', async () => {
  const soundBytes = 10_000_000_000;
  const head = wavBytes({
    riff: 'RF64',
    before: [ds64(BigInt(soundBytes))],
    data: Buffer.alloc(0),
    dataSize: 0xffffffff,
  });
  const path = fileOf(head);
  truncateSync(path, head.length + soundBytes); // a sparse file: takes no room on the disk
  const file = openSync(path, 'r+');
  writeSync(file, encode([0.5, 0.25, -0.5, -0.25], 'pcm16'), 0, 8, head.length);
  closeSync(file);
  const before = process.memoryUsage().arrayBuffers;
  const wav = await openWav(path);
  const block = [0, 1, 2, 3].map(() => new Float32Array(960));
  expect(await wav.read(block)).toBe(960);
  expect(wav.frames).toBe(soundBytes / 8);
  expect(block.map((channel) => channel[0])).toEqual([0.5, 0.25, -0.5, -0.25]);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2_000_000);
  await wav.close();
});

const quarter = (sound: Buffer) => wavBytes({ data: sound.subarray(0, 400), dataSize: 4000 });

const refused: [what: string, bytes: Buffer | string, message: RegExp][] = [
  [
    'an Ogg file',
    Buffer.from('OggS\0\x02\0\0\0\0\0\0\0\0\0\0'),
    /not a WAV file: it begins with the bytes 4f 67 67 53/,
  ],
  ['a text file', 'frame,class,azi,ele\n', /not a WAV file: it begins with "frame,class,"/],
  ['an empty file', '', /empty \(0 bytes\)/],
  ['a file of one byte', 'R', /not a WAV file/],
  ['a truncated recording', quarter(Buffer.alloc(4000)), /promises 4000 bytes of sound and only 400 are there.*ffmpeg/],
  [
    'a truncated RF64 recording',
    wavBytes({ riff: 'RF64', before: [ds64(4000n)], data: Buffer.alloc(400), dataSize: 0xffffffff }),
    /promises 4000 bytes of sound and only 400/,
  ],
  ['a file cut inside its header', wavBytes({ data: Buffer.alloc(80) }).subarray(0, 36), /hold no data chunk/],
  ['a file cut before its fmt chunk', wavBytes({ data: Buffer.alloc(80) }).subarray(0, 12), /hold no fmt chunk/],
  ['a WAV without samples', wavBytes({ data: Buffer.alloc(0) }), /without a single sample/],
  ['ADPCM', wavBytes({ tag: 17, bits: 16, data: Buffer.alloc(80) }), /IMA ADPCM, format tag 0x0011/],
  ['PCM of 8 bits', wavBytes({ bits: 8, data: Buffer.alloc(80) }), /pcm, format tag 0x0001 with 8 bits/],
  ['an unknown sub-format', wavBytes({ guid: 'ff'.repeat(16), data: Buffer.alloc(80) }), /format tag 0xfffe/],
];

test.each(refused)('%s is refused with one clear sentence', async (_, bytes, message) => {
  await expect(openWav(fileOf(bytes))).rejects.toMatchObject({
    name: 'UserError',
    message: expect.stringMatching(message),
  });
});

test('a missing file and a folder are refused', async () => {
  await expect(openWav(join(folder, 'none.wav'))).rejects.toMatchObject({
    name: 'UserError',
    code: 'unreadable',
    message: expect.stringContaining('no such file'),
  });
  await expect(openWav(folder)).rejects.toMatchObject({ name: 'UserError', code: 'unreadable' });
});

test('a truncated recording is read as far as it goes when that is asked for', async () => {
  const wav = await openWav(fileOf(quarter(Buffer.alloc(4000))), { allowTruncated: true });
  expect(wav.frames).toBe(50);
  await wav.close();
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
  'a sample of %p is refused with its place',
  async (bad) => {
    const samples = [...STEREO];
    samples[2 * 300 + 1] = bad;
    const wav = await openWav(fileOf(wavBytes({ channels: 2, tag: 3, bits: 32, data: encode(samples, 'float32') })));
    await expect(readAll(wav)).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringMatching(/holds -?(NaN|Infinity) at sample 300 \(0\.006 s\) of channel 2/),
    });
    await wav.close();
  },
);

test('a file that shrinks while it is read is refused', async () => {
  const path = fileOf(wavBytes({ data: Buffer.alloc(8_000_000) }));
  const wav = await openWav(path);
  truncateSync(path, 1000);
  await expect(readAll(wav)).rejects.toMatchObject({ name: 'UserError', code: 'truncated' });
  await wav.close();
});

describe('a recording is checked for what the networks can hear', () => {
  const recording = { path: 'a.wav', channels: 4, sampleRate: 48000 };

  test('four channels at 48 or 24 kHz pass', () => {
    expect(() => checkRecording(recording)).not.toThrow();
    expect(() => checkRecording({ ...recording, sampleRate: 24000 })).not.toThrow();
  });
  test('another number of channels is refused, saying what is supported', () => {
    expect(() => checkRecording({ ...recording, channels: 2 })).toThrow(/a\.wav has 2 channels; supported are 4/);
  });
  test('another rate is refused with the offer to resample, and passes when that was asked for', () => {
    expect(() => checkRecording({ ...recording, sampleRate: 44100 })).toThrow(/44100 Hz.*--resample/);
    expect(() => checkRecording({ ...recording, sampleRate: 44100 }, true)).not.toThrow();
    expect(() => checkRecording({ ...recording, sampleRate: 4_000_000_000 }, true)).toThrow(/8000 to 384000/);
  });
});
