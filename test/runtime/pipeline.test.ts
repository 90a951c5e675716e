// The stages joined: sound at one end, events with the right classes, times and directions at the other.

import type { AudioSource, BlockHandler } from '../../runtime/capture/source.ts';
import { angleBetween } from '../../runtime/directions.ts';
import type { InferenceBackend } from '../../runtime/inference/engine.ts';
import { OnnxEngine } from '../../runtime/inference/onnx-engine.ts';
import { Pipeline, type PipelineOptions } from '../../runtime/pipeline.ts';
import type { SoundEvent } from '../../runtime/signals.ts';
import { ambisonicSamples, loudnessModel, type TestSound } from '../loudness-model.ts';

const SAMPLE_RATE = 24000;
const SECONDS = 9;
/** Label frame of the model, and how far the edge of a sound may lie from the edges told: one frame each way. */
const FRAME_SECONDS = 0.1;

const SOUNDS: TestSound[] = [
  { label: 'low', startSeconds: 1, endSeconds: 3, azimuth: 60, elevation: 0 },
  { label: 'high', startSeconds: 2, endSeconds: 4.5, azimuth: -100, elevation: 30 },
  { label: 'low', startSeconds: 5.5, endSeconds: 6, azimuth: 180, elevation: -40 },
  { label: 'high', startSeconds: 6.5, endSeconds: 7.5, azimuth: 0, elevation: 0 },
];

interface Loss {
  /** Samples [from, to) never arrive. */
  readonly from: number;
  readonly to: number;
}

/** Samples in memory as a source, in blocks of given lengths, with a loss on order. */
class MemorySource implements AudioSource {
  readonly sampleRate = SAMPLE_RATE;
  readonly channels = 4;
  readonly totalSamples: number;
  readonly #samples: readonly Float32Array[];
  readonly #lengths: readonly number[];
  readonly #loss: Loss | undefined;
  #stopped = false;

  constructor(samples: readonly Float32Array[], lengths: readonly number[], loss?: Loss) {
    this.#samples = samples;
    this.#lengths = lengths;
    this.#loss = loss;
    this.totalSamples = samples[0]!.length;
  }

  async start(onBlock: BlockHandler): Promise<void> {
    let lost = 0;
    for (let [at, i] = [0, 0]; at < this.totalSamples && !this.#stopped; i += 1) {
      if (this.#loss && at >= this.#loss.from && at < this.#loss.to) {
        lost = this.#loss.to - at;
        at = this.#loss.to;
      }
      const limit = this.#loss && at < this.#loss.from ? this.#loss.from : this.totalSamples;
      const to = Math.min(limit, at + this.#lengths[i % this.#lengths.length]!);
      const channels = this.#samples.map((channel) => channel.subarray(at, to));
      const wallTimeMs = 1_700_000_000_000 + (1000 * at) / SAMPLE_RATE;
      await onBlock({ channels, sampleRate: SAMPLE_RATE, sampleIndex: at, wallTimeMs, discontinuity: lost });
      lost = 0;
      at = to;
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
  }
}

const samples = ambisonicSamples({ seconds: SECONDS, sampleRate: SAMPLE_RATE, sounds: SOUNDS });
let backend: OnnxEngine;
beforeAll(async () => {
  backend = new OnnxEngine({ model: await loudnessModel() });
  await backend.start();
});
afterAll(() => backend.stop());

async function hear(source: AudioSource, options: Partial<PipelineOptions> = {}) {
  const events: SoundEvent[] = [];
  const model = await loudnessModel();
  const pipeline = new Pipeline({ source, model, backend, onEvent: (event) => events.push(event), ...options });
  await pipeline.run();
  return { events, ended: events.filter(({ phase }) => phase === 'offset'), pipeline };
}

function expectSounds(ended: readonly SoundEvent[], sounds: readonly TestSound[]): void {
  const heard = [...ended].sort((a, b) => a.startSeconds - b.startSeconds);
  expect(heard.map(({ label }) => label)).toEqual(sounds.map(({ label }) => label));
  for (const [i, { startSeconds, endSeconds, azimuth, elevation }] of sounds.entries()) {
    expect(Math.abs(heard[i]!.startSeconds - startSeconds)).toBeLessThan(FRAME_SECONDS + 1e-6);
    expect(Math.abs(heard[i]!.endSeconds - endSeconds)).toBeLessThan(FRAME_SECONDS + 1e-6);
    expect(angleBetween(heard[i]!.azimuth, heard[i]!.elevation, azimuth, elevation)).toBeLessThan(5);
  }
}

test('each sound of a recording is told once, at its time and from its direction', async () => {
  const { ended } = await hear(new MemorySource(samples, [480]));
  expectSounds(ended, SOUNDS);
});

test('block lengths change nothing of what is told', async () => {
  const { events } = await hear(new MemorySource(samples, [480]));
  for (const lengths of [[1, 7, 3000], [24000], [SECONDS * SAMPLE_RATE]]) {
    expect((await hear(new MemorySource(samples, lengths))).events).toEqual(events);
  }
});

test('waiting for all of the sound finds the same sounds', async () => {
  const { ended } = await hear(new MemorySource(samples, [4800]), { timing: { lookaheadFrames: 100 } });
  expectSounds(ended, SOUNDS);
});

test('lost samples end what sounds and are counted; what comes after is heard at its true time', async () => {
  const loss = { from: 2.5 * SAMPLE_RATE + 100, to: 5 * SAMPLE_RATE + 77 };
  const { ended, pipeline } = await hear(new MemorySource(samples, [480], loss));
  const before = SOUNDS.slice(0, 2).map((sound) => ({ ...sound, endSeconds: 2.5 }));
  expectSounds(ended, [...before, ...SOUNDS.slice(2)]);
  expect(pipeline.figures).toMatchObject({ discontinuities: 1, lostSamples: loss.to - loss.from });
});

/** The log-mel of Y that the network is shown, loudest value of all. */
async function loudestY(source: AudioSource, options: Partial<PipelineOptions>): Promise<number> {
  let loudest = Number.NEGATIVE_INFINITY;
  const watching: InferenceBackend = {
    description: 'watching',
    concurrency: 1,
    start: async () => {},
    stop: async () => {},
    run(features, frames) {
      for (let i = frames * 64; i < 2 * frames * 64; i += 1) loudest = Math.max(loudest, features[i]!);
      return backend.run(features, frames);
    },
  };
  await hear(source, { ...options, backend: watching });
  return loudest;
}

test('N3D sound reaches the network as SN3D when it is said to be N3D', async () => {
  const n3d = samples.map((channel, c) => (c === 0 ? channel : channel.map((sample) => sample * Math.sqrt(3))));
  const expected = await loudestY(new MemorySource(samples, [480]), {});
  expect(await loudestY(new MemorySource(n3d, [480]), { normalization: 'n3d' })).toBeCloseTo(expected, 3);
  expect(await loudestY(new MemorySource(n3d, [480]), {})).toBeCloseTo(expected + 10 * Math.log10(3), 3);
});

test('silence gives no event', async () => {
  const silent = samples.map((channel) => new Float32Array(channel.length));
  expect((await hear(new MemorySource(silent, [480]))).events).toEqual([]);
});

test('an early stop ends what sounds and tells it', async () => {
  const source = new MemorySource(samples, [480]);
  const { ended, pipeline } = await hear(source, {
    onScores: ({ firstFrame }) => void (firstFrame >= 15 && source.stop()),
  });
  const { streamSeconds } = pipeline.figures;
  expect(streamSeconds).toBeLessThan(SECONDS / 2);
  expect(ended[0]).toMatchObject({ label: 'low', trackId: 1 });
  expect(ended[0]!.endSeconds).toBeLessThanOrEqual(Math.min(3, streamSeconds) + FRAME_SECONDS);
});

test('the figures say what each stage costs', async () => {
  const { pipeline } = await hear(new MemorySource(samples, [480]));
  const { streamSeconds, stages, inference } = pipeline.figures;
  expect(streamSeconds).toBe(SECONDS);
  expect(inference.windows).toBeGreaterThan(15);
  for (const share of [stages.features, stages.inference, stages.tracking]) {
    expect(share).toBeGreaterThan(0);
    expect(share).toBeLessThan(1);
  }
});
