// The bundled recording: what it is, and that its labels tell the truth about the sound field.
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { OFFICE_LABELS } from '../models/labels.ts';
import { openRecording } from '../runtime/capture/recording.ts';
import { angleBetween, anglesOf } from '../runtime/directions.ts';
import { readEvents, type SceneEvent } from '../tools/scene-csv.ts';

const AUDIO = fileURLToPath(new URL('../recordings/office.flac', import.meta.url));
const LABELS = AUDIO.replace('.flac', '.csv');
const RATE = 48_000;

async function samples(): Promise<Float32Array[]> {
  const recording = await openRecording(AUDIO);
  const channels = Array.from({ length: recording.channels }, () => new Float32Array(recording.frames));
  await recording.read(channels);
  await recording.close();
  return channels;
}

/**
 * Where the sound of the loudest tenth of a second of an event comes from: active intensity, W times X, Y and Z, of the
 * difference of neighbouring samples. That lifts high frequencies; at low ones a room's modes say little about direction.
 */
function heardFrom([w, y, z, x]: Float32Array[], event: SceneEvent): { azimuth: number; elevation: number } {
  const length = RATE / 10;
  const starts = Array.from({ length: Math.max(1, Math.floor((event.endSeconds - event.startSeconds) * 10)) }, (_, i) =>
    Math.round((event.startSeconds + i / 10) * RATE),
  );
  const slope = (channel: Float32Array, i: number) => channel[i + 1]! - channel[i]!;
  const intensity = (start: number) => {
    const sums: [number, number, number, number] = [0, 0, 0, 0];
    for (let i = start; i < start + length; i++)
      for (const [k, channel] of [x!, y!, z!, w!].entries()) sums[k]! += slope(w!, i) * slope(channel, i);
    return sums;
  };
  const [ix, iy, iz] = starts.map(intensity).reduce((a, b) => (b[3] > a[3] ? b : a));
  return anglesOf([ix, iy, iz]);
}

test('the bundled recording is a minute of four channels at 48 kHz in a few megabytes', async () => {
  const recording = await openRecording(AUDIO);
  expect(recording).toMatchObject({ channels: 4, sampleRate: RATE, frames: 60 * RATE });
  await recording.close();
  expect(statSync(AUDIO).size).toBeLessThan(6e6);
});

test('at least twenty sounds of ten classes are labelled, some at the same time', async () => {
  const events = await readEvents(LABELS);
  expect(events.length).toBeGreaterThanOrEqual(20);
  expect(new Set(events.map((e) => e.label)).size).toBeGreaterThanOrEqual(10);
  expect(events.every((e) => (OFFICE_LABELS as readonly string[]).includes(e.label) && e.endSeconds <= 60)).toBe(true);
  expect(
    events.some((a) => events.some((b) => a !== b && b.startSeconds > a.startSeconds && b.startSeconds < a.endSeconds)),
  ).toBe(true);
});

test('every sound that is alone comes from where its label says', async () => {
  const [channels, events] = [await samples(), await readEvents(LABELS)];
  const alone = events.filter((a) =>
    events.every((b) => a === b || b.endSeconds < a.startSeconds - 0.3 || b.startSeconds > a.endSeconds),
  );
  expect(alone.length).toBeGreaterThanOrEqual(15);
  const errors = alone.map((event) => {
    const { azimuth, elevation } = heardFrom(channels, event);
    return {
      sound: `${event.label} at ${event.startSeconds} s`,
      degrees: angleBetween(event.azimuth, event.elevation, azimuth, elevation),
    };
  });
  expect(errors.filter(({ degrees }) => degrees > 35)).toEqual([]);
  const median = errors.map((e) => e.degrees).sort((a, b) => a - b)[errors.length >> 1]!;
  expect(median).toBeLessThan(12);
});
