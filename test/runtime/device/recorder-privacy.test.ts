// no-speech with the shipped model: what is written of the bundled recording holds nothing of the sentences spoken in it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openRecording } from '../../../runtime/capture/recording.ts';
import { openWavFile } from '../../../runtime/capture/wav-file.ts';
import { ClipsConfig, SpeechConfig } from '../../../runtime/clip-settings.ts';
import { parseConfig } from '../../../runtime/config.ts';
import type { FinishedClip } from '../../../runtime/device/clips-file.ts';
import type { Sidecar } from '../../../runtime/device/clips-sidecar.ts';
import { Recorder } from '../../../runtime/device/recorder.ts';
import { findModel } from '../../../runtime/inference/model-files.ts';
import { OnnxEngine } from '../../../runtime/inference/onnx-engine.ts';
import { Pipeline } from '../../../runtime/pipeline.ts';
import { readEvents } from '../../../tools/scene-csv.ts';

const RECORDING = fileURLToPath(new URL('../../../recordings/office.flac', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'earshot-privacy-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Seconds before and after a sentence of which nothing may be written either; the gate's margin around what it hears is a second. */
const MARGIN_SECONDS = 0.3;

/** Of the recording; two sentences, one of them below a ringing phone. */
const HEARD_SECONDS = 27;

async function recorderFor(privacy: 'no-speech' | 'none', labels: readonly string[]) {
  const clips: FinishedClip[] = [];
  const settings = {
    folder: join(folder, privacy),
    reserveMegabytes: 0,
    rules: [{}],
    preRollSeconds: 0.5,
    postRollSeconds: 0.3,
  };
  const recorder = new Recorder({
    ...{ settings: ClipsConfig.parse(settings), privacy, speech: SpeechConfig.parse({}) },
    ...{ labels, channels: 4, sampleRate: 48_000 },
    origin: {
      ...{ site: 'bench', device: 'office', bootId: 'b00t', version: '0', microphone: 'recording', format: 'foa' },
      ...{ model: { name: 'office-foa', sha256: '' }, normalization: null, headingDegrees: null, position: null },
    },
    onClip: (clip) => clips.push(clip),
  });
  await recorder.start();
  recorder.record(60);
  return { recorder, clips };
}

/** Hears the bundled recording as the device does, with a clip for every sound and all of it recorded: privately and not. */
async function hear() {
  const model = await findModel(undefined, 'foa');
  const both = [
    await recorderFor('no-speech', model.manifest.labels),
    await recorderFor('none', model.manifest.labels),
  ] as const;
  const backend = new OnnxEngine({ model });
  await backend.start();
  const source = await openWavFile({ path: RECORDING, paced: false, blockFrames: 4800 });
  const recorders = both.map(({ recorder }) => recorder);
  const pipeline: Pipeline = new Pipeline({
    ...{ source, model, backend, inference: parseConfig({}, 'defaults').inference },
    onBlock: async (block) => {
      for (const recorder of recorders) recorder.pushBlock(block);
      if (block.sampleIndex >= HEARD_SECONDS * 48_000) void pipeline.stop();
      for (const recorder of recorders) await recorder.ready();
    },
    onScores: (scores) => {
      for (const recorder of recorders) recorder.pushScores(scores);
    },
    onEvent: (event) => {
      for (const recorder of recorders) recorder.pushEvent(event);
    },
  });
  await pipeline.run();
  for (const recorder of recorders) await recorder.stop();
  await backend.stop();
  return both;
}

/** Stretches of the stream that a clip holds, in samples. */
function stretches({ startSample, samples, discontinuities }: Sidecar): [number, number][] {
  expect(discontinuities).toEqual([]);
  return [[startSample, startSample + samples]];
}

async function wChannel(path: string): Promise<Float32Array> {
  const reader = await openRecording(path);
  const planes = Array.from({ length: 4 }, () => new Float32Array(reader.frames));
  await reader.read(planes);
  await reader.close();
  return planes[0]!;
}

test('no sample that is written lies in speech or close to it, and what is written is what was heard there', async () => {
  const [{ clips, recorder }, open] = await hear();
  const spoken = (await readEvents(RECORDING.replace('.flac', '.csv'))).filter(
    ({ label, endSeconds }) => label === 'speech' && endSeconds < HEARD_SECONDS,
  );
  expect(spoken).toHaveLength(2);
  const heard = await wChannel(RECORDING);
  for (const { sidecar, path } of clips) {
    const [[from, until]] = stretches(sidecar) as [[number, number]];
    for (const { startSeconds, endSeconds } of spoken) {
      const isApart = until / 48_000 <= startSeconds - MARGIN_SECONDS || from / 48_000 >= endSeconds + MARGIN_SECONDS;
      expect([sidecar.file, isApart]).toEqual([sidecar.file, true]);
    }
    const written = await wChannel(path);
    for (let i = 0; i < written.length; i += 4801)
      expect(Math.abs(written[i]! - heard[from + i]!)).toBeLessThan(1 / 32768);
  }
  // The rest is there: of 27 s some 4 are spoken; margins and doubts leave about half.
  expect(seconds(clips, 'continuous')).toBeGreaterThan(12);
  expect(seconds(clips, 'rule')).toBeGreaterThan(5);
  expect(recorder.figures).toMatchObject({ lostSamples: 0, failed: 0, discardedForSpeech: expect.any(Number) });
  expect(recorder.figures.discardedForSpeech).toBeGreaterThanOrEqual(2);
  // Without the rule all of it is there, speech included: the recording holds what the rule keeps out.
  expect(seconds(open.clips, 'continuous')).toBeGreaterThanOrEqual(HEARD_SECONDS);
  expect(open.clips.flatMap(({ sidecar }) => sidecar.detections).some((d) => d.class === 'speech')).toBe(true);
}, 60_000);

function seconds(clips: readonly FinishedClip[], reason: string): number {
  return clips
    .filter(({ sidecar }) => sidecar.reason === reason)
    .reduce((sum, { sidecar }) => sum + sidecar.samples / 48_000, 0);
}
