// Killed at any moment: after the next start every clip is whole, has its sidecar, and nothing half-written is left.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRecording } from '../../../runtime/capture/recording.ts';
import { ClipsConfig, SpeechConfig } from '../../../runtime/clip-settings.ts';
import { parseSidecar } from '../../../runtime/device/clips-sidecar.ts';
import { Recorder, type RecorderOptions } from '../../../runtime/device/recorder.ts';

const folder = mkdtempSync(join(tmpdir(), 'earshot-crash-'));
afterAll(() => rmSync(folder, { recursive: true }));
const KILLS = 12;

const options: Omit<RecorderOptions, 'settings' | 'speech'> = {
  ...{ privacy: 'none', labels: ['bark'], channels: 4, sampleRate: 8000 },
  origin: {
    ...{ site: 'bench', device: 'mill-3', bootId: 'b00t', version: '0', microphone: 'test', format: 'foa' },
    ...{ model: { name: 'yard', sha256: '' }, normalization: null, headingDegrees: null, position: null },
  },
};

/** A device that marks every half second of its sound and hears ten times faster than real; it says when it runs. */
const PROGRAM = `
const { Recorder } = await import(process.argv[1] + '/runtime/device/recorder.js');
const { ClipsConfig, SpeechConfig } = await import(process.argv[1] + '/runtime/clip-settings.js');
const settings = ClipsConfig.parse({ folder: process.argv[2], reserveMegabytes: 0, megabytes: 4, preRollSeconds: 0.2, postRollSeconds: 0.1 });
const recorder = new Recorder({ ...JSON.parse(process.argv[3]), settings, speech: SpeechConfig.parse({}) });
await recorder.start();
console.log('runs');
recorder.record(10_000);
let at = 0;
setInterval(() => {
  const channels = [0, 1, 2, 3].map((c) => Float32Array.from({ length: 800 }, (_, i) => ((at + i + c) % 1000) / 32768));
  recorder.pushBlock({ channels, sampleRate: 8000, sampleIndex: at, wallTimeMs: Date.now(), discontinuity: 0 });
  recorder.pushScores({ firstFrame: at / 800, frames: 1, frameSeconds: 0.1, activity: new Float32Array(1), direction: new Float32Array(3), discontinuity: false });
  if ((at / 800) % 5 === 0) recorder.mark();
  at += 800;
}, 10);
`;

/** Runs the device until so long after its start, then kills it without warning. */
function killAfter(ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const dist = new URL('../../../dist', import.meta.url).pathname;
    const args = ['--input-type=module', '-e', PROGRAM, dist, folder, JSON.stringify(options)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let errors = '';
    child.stderr.on('data', (text) => {
      errors += text;
    });
    child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), ms));
    child.once('exit', (code) =>
      code === null ? resolve() : reject(new Error(`the device ended by itself: ${errors}`)),
    );
  });
}

test(`after ${KILLS} kills at different moments all clips can be read`, async () => {
  let recovered = 0;
  for (let i = 0; i < KILLS; i += 1) {
    await killAfter(40 + ((i * 137) % 400));
    recovered += readdirSync(folder).some((name) => name.endsWith('.wav.partial')) ? 1 : 0;
  }
  expect(recovered).toBeGreaterThan(KILLS / 2); // the kills did hit clips on their way
  const settings = ClipsConfig.parse({ folder, reserveMegabytes: 0, megabytes: 4 });
  const recorder = new Recorder({ ...options, settings, speech: SpeechConfig.parse({}) });
  await recorder.start();
  await recorder.stop();
  const names = readdirSync(folder).sort();
  const clips = names.filter((name) => name.endsWith('.wav'));
  expect(names).toEqual(clips.flatMap((name) => [name.replace('.wav', '.json'), name]));
  expect(clips.length).toBeGreaterThan(KILLS / 2);
  expect(new Set(clips.map((name) => name.slice(0, 6))).size).toBe(clips.length); // no number twice
  for (const name of clips) {
    const sidecar = parseSidecar(readFileSync(join(folder, name.replace('.wav', '.json')), 'utf8'))!;
    const reader = await openRecording(join(folder, name));
    expect([name, reader.frames, sidecar.file]).toEqual([name, sidecar.samples, name]);
    const planes = [0, 1, 2, 3].map(() => new Float32Array(reader.frames));
    await reader.read(planes);
    await reader.close();
    for (let i = 0; i < reader.frames; i += 37)
      expect(Math.round(planes[1]![i]! * 32768)).toBe((sidecar.startSample + i + 1) % 1000);
  }
}, 120_000);
