// A clip's sound on its way to somebody far away: the samples that were heard, in parts, and never speech that was to stay.
import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClipsConfig, type Privacy, SpeechConfig } from '../../../runtime/clip-settings.ts';
import type { ClipAudioPart } from '../../../runtime/device/clip-audio.ts';
import { clipCommands } from '../../../runtime/device/keeping.ts';
import { Recorder } from '../../../runtime/device/recorder.ts';
import { encode } from '../../../runtime/uplink/topics.ts';

const RATE = 48_000;
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** Sample of channel c: every one tells where it comes from, and is exact in 16 bits. */
const sampleAt = (index: number, c: number) => (((index * 4 + c) % 65_521) - 32_760) / 32_768;

/** A device that has recorded two seconds and a bit. */
async function recorded(bits: 16 | 24, recordedWith: Privacy = 'none') {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-clip-audio-'));
  folders.push(folder);
  const recorder = new Recorder({
    settings: ClipsConfig.parse({ folder, bits, reserveMegabytes: 0 }),
    ...{ privacy: recordedWith, speech: SpeechConfig.parse({}), labels: ['bark', 'speech'] },
    ...{ channels: 4, sampleRate: RATE },
    origin: {
      ...{ site: 'bench', device: 'ear-1', bootId: 'b00t', version: '0', microphone: 'test tone', format: 'foa' },
      ...{ model: { name: 'yard', sha256: '' }, normalization: 'sn3d', headingDegrees: null, position: null },
    },
  });
  await recorder.start();
  recorder.record(2.1);
  for (let index = 0; index < 3 * RATE; index += 4800) {
    const channels = [0, 1, 2, 3].map((c) => Float32Array.from({ length: 4800 }, (_, i) => sampleAt(index + i, c)));
    recorder.pushBlock({ channels, sampleRate: RATE, sampleIndex: index, wallTimeMs: 1.8e12, discontinuity: 0 });
    await recorder.ready();
  }
  await recorder.stop();
  const parts: ClipAudioPart[] = [];
  const commandsWith = (privacy: Privacy) =>
    clipCommands({ recorder, clips: { folder }, privacy, send: async (part) => void parts.push(part) });
  const file = readdirSync(folder).find((name) => name.endsWith('.wav'))!;
  return { folder, parts, commandsWith, file };
}

test.each([16, 24] as const)('a clip of %i bits arrives as its first channel, sample by sample', async (bits) => {
  const { parts, commandsWith, file } = await recorded(bits);
  expect(await commandsWith('none')['clip-audio']!({ file })).toEqual({ parts: 5 });
  expect(parts.map(({ part, parts: of }) => [part, of])).toEqual([1, 2, 3, 4, 5].map((part) => [part, 5]));
  const bytes = Buffer.concat(parts.map(({ data }) => Buffer.from(data, 'base64')));
  expect(bytes.length / 2).toBe(2.1 * RATE);
  for (let i = 0; i < bytes.length / 2; i += 997) expect(bytes.readInt16LE(2 * i)).toBe(sampleAt(i, 0) * 32_768);
  // Each part is a message that the wire contract takes.
  const head = { schema: 'seld/clip-audio/1' as const, site: 'bench', device: 'ear-1', bootId: 'b00t' };
  for (const part of parts) {
    const { payload } = encode('clip-audio', { ...head, ...part, time: new Date(0).toISOString() });
    expect(payload.length).toBeLessThan(70_000);
  }
});

test('so many seconds are sent as were asked for', async () => {
  const { parts, commandsWith, file } = await recorded(16);
  await commandsWith('none')['clip-audio']!({ file, seconds: 0.25 });
  expect(Buffer.concat(parts.map(({ data }) => Buffer.from(data, 'base64'))).length).toBe(2 * 0.25 * RATE);
});

test('what was recorded without the rule of privacy stays on a device that has it now', async () => {
  const { parts, commandsWith, file } = await recorded(16);
  await expect(commandsWith('no-speech')['clip-audio']!({ file })).rejects.toThrow('before privacy was no-speech');
  expect(parts).toEqual([]);
});

test('a clip that is not there, a path, too many seconds and a damaged file are refused with the reason', async () => {
  const { parts, commandsWith, file, folder } = await recorded(16);
  const ask = (given: Record<string, unknown>) => commandsWith('none')['clip-audio']!(given);
  for (const name of ['no.wav', '../../etc/passwd', `${folder}/${file}`])
    await expect(ask({ file: name })).rejects.toThrow(`there is no clip ${name}`);
  await expect(ask({ file: 3 })).rejects.toThrow('file must be the name');
  await expect(ask({ file, seconds: 3600 })).rejects.toThrow('at most 60');
  expect(parts).toEqual([]);
  truncateSync(join(folder, file), 100_000);
  await expect(ask({ file })).rejects.toThrow('shorter than its sidecar says');
});
