// A recording in place of a microphone: at real speed, without an end, its samples counted on over the seam.
import { join } from 'node:path';
import { openLoopedRecording } from '../../../runtime/capture/looped-recording.ts';
import { temporaryFolder, writeRecording } from '../../loudness-model.ts';

test('it goes on at the seam, counts its samples on, takes its time, and ends when it is stopped', async () => {
  const path = join(await temporaryFolder(), 'short.wav');
  const sounds = [{ label: 'low' as const, startSeconds: 0, endSeconds: 0.3, azimuth: 0, elevation: 0 }];
  writeRecording(path, { seconds: 0.3, sampleRate: 24000, sounds });
  const source = await openLoopedRecording({ path });
  expect(source.totalSamples).toBe(Number.POSITIVE_INFINITY);
  const started = performance.now();
  const first: number[] = [];
  let next = 0;
  await source.start(({ sampleIndex, channels, discontinuity }) => {
    expect([sampleIndex, discontinuity]).toEqual([next, 0]);
    next = sampleIndex + channels[0]!.length;
    if (sampleIndex % 7200 === 0) first.push(channels[0]![100]!);
    if (next >= 21_600) void source.stop();
  });
  expect(first).toHaveLength(3);
  expect(new Set(first).size).toBe(1);
  expect(first[0]).not.toBe(0);
  expect(performance.now() - started).toBeGreaterThan(850);
});

test('a recording that is not there is a mistake of the user at once', async () => {
  await expect(openLoopedRecording({ path: '/nowhere.wav' })).rejects.toThrow(/no such file/);
});
