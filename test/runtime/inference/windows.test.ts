// Overlapping windows: which frames reach the network, when scores leave, and what a break does.
import fc from 'fast-check';
import { Windows, type WindowsOptions } from '../../../runtime/inference/windows.ts';
import type { Scores } from '../../../runtime/signals.ts';
import { PositionBackend, type PositionBackendOptions } from '../../fakes/position-backend.ts';

const CHANNELS = 2;
const BANDS = 4;
const POOLING = 5;
const LABELS = ['a', 'b', 'c'];

interface Setup {
  readonly frames?: number;
  readonly hopFrames?: number;
  readonly lookahead?: number;
  readonly mean?: number;
  readonly std?: number;
  readonly backend?: Partial<PositionBackendOptions>;
}

function setUp({ frames = 60, hopFrames = 10, lookahead = 10, mean = 0, std = 1, backend: faults }: Setup = {}) {
  const perChannel = (value: number) => Array.from({ length: CHANNELS }, () => Array(BANDS).fill(value));
  const backend = new PositionBackend({
    ...{ classes: LABELS.length, timePooling: POOLING, channels: CHANNELS, bands: BANDS },
    ...faults,
  });
  const scores: Scores[] = [];
  const options: WindowsOptions = {
    manifest: {
      labels: LABELS,
      timePooling: POOLING,
      scaler: { mean: perChannel(mean), std: perChannel(std) },
      window: { frames, hopFrames, lookaheadFrames: lookahead },
    },
    ...{ bands: BANDS, frameSeconds: 0.1, backend, onScores: (s) => scores.push(s) },
  };
  return { windows: new Windows(options), backend, scores };
}

/** Frame k holds the value k, or what `value` says. */
function pushFrames(windows: Windows, from: number, to: number, broken: readonly number[] = []): void {
  for (let frame = from; frame < to; frame += 1) {
    const values = new Float32Array(CHANNELS * BANDS).fill(frame);
    windows.push({ frame, values, discontinuity: broken.includes(frame) });
  }
}

const labelFrames = (scores: readonly Scores[]) =>
  scores.flatMap(({ firstFrame, frames }) => Array.from({ length: frames }, (_, i) => firstFrame + i));

/** Activity of class 0 per label frame: the mean of its feature frames' values, as the backend computes it. */
const activities = (scores: readonly Scores[]) =>
  scores.flatMap(({ activity, frames }) => Array.from({ length: frames }, (_, i) => activity[i * LABELS.length]!));

const meanOfLabel = (label: number) => label * POOLING + (POOLING - 1) / 2;

test('every label frame of a stream leaves once, in order, with the scores of its own frames', async () => {
  const { windows, scores } = setUp();
  pushFrames(windows, 0, 200);
  await windows.end();
  const labels = labelFrames(scores);
  expect(labels).toEqual(Array.from({ length: 40 }, (_, i) => i));
  for (const [i, activity] of activities(scores).entries()) expect(activity).toBeCloseTo(meanOfLabel(i), 3);
  expect(scores[0]!.discontinuity).toBe(false);
});

test('scores are laid out by frame and class, directions with x y z together', async () => {
  const { windows, scores } = setUp();
  pushFrames(windows, 0, 100);
  await windows.end();
  const { activity, direction } = scores[0]!;
  expect([...activity.subarray(0, 3)]).toEqual([2, 3, 4]);
  expect([...direction.subarray(0, 9)]).toEqual([0, 1, 2, 10, 11, 12, 20, 21, 22]);
});

test('the network sees features scaled by mean and deviation', async () => {
  const { windows, backend } = setUp({ mean: 100, std: 4 });
  pushFrames(windows, 0, 100);
  await windows.end();
  expect(backend.windows[0]!.first).toBeCloseTo(-25, 5);
  expect(backend.windows[0]!.last).toBeCloseTo((19 - 100) / 4, 5);
});

test('windows grow from the start of a stream to their full length and then slide by the hop', async () => {
  const { windows, backend } = setUp();
  pushFrames(windows, 0, 90);
  await windows.end();
  expect(backend.windows.map(({ frames }) => frames)).toEqual([20, 30, 40, 50, 60, 60, 60, 60]);
  expect(backend.windows.at(-1)).toEqual({ frames: 60, first: 30, last: 89 });
});

test('a label frame leaves as soon as its look-ahead is there', async () => {
  const { windows, scores } = setUp({ lookahead: 10 });
  pushFrames(windows, 0, 70);
  while (labelFrames(scores).length < 12) await new Promise((resolve) => setTimeout(resolve, 1));
  // 70 frames heard, 10 of look-ahead: label frames up to frame 60 are complete.
  expect(labelFrames(scores)).toEqual(Array.from({ length: 12 }, (_, i) => i));
  await windows.end();
  expect(labelFrames(scores)).toHaveLength(14);
});

test('with a look-ahead of the whole window no short windows are run at the start', async () => {
  const { windows, backend, scores } = setUp({ lookahead: 60 });
  pushFrames(windows, 0, 90);
  await windows.end();
  expect(backend.windows.map(({ frames }) => frames)).toEqual([60, 60, 60, 60]);
  expect(labelFrames(scores)).toHaveLength(18);
});

test('a stream shorter than a window, even than the time pooling, is scored', async () => {
  for (const frames of [1, 4, 5, 7, 23]) {
    const { windows, scores } = setUp({ mean: 3 });
    pushFrames(windows, 0, frames);
    await windows.end();
    expect(labelFrames(scores)).toHaveLength(Math.ceil(frames / POOLING));
  }
});

test('a stream without a frame gives nothing', async () => {
  const { windows, scores, backend } = setUp();
  await windows.end();
  expect(scores).toEqual([]);
  expect(backend.windows).toEqual([]);
});

test('no window spans a gap, and the scores after it say that they follow one', async () => {
  const { windows, backend, scores } = setUp();
  pushFrames(windows, 0, 100);
  pushFrames(windows, 142, 203);
  await windows.end();
  for (const { first, last, frames } of backend.windows.filter(({ last }) => last > 0)) {
    expect(last - first).toBe(frames - 1);
  }
  const labels = labelFrames(scores);
  expect(labels.slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  expect(labels[20]).toBe(29);
  expect(scores.filter(({ discontinuity }) => discontinuity).map(({ firstFrame }) => firstFrame)).toEqual([29]);
});

test('frames that samples are missing in reach no window', async () => {
  const { windows, backend, scores } = setUp();
  pushFrames(windows, 0, 160, [83, 84]);
  await windows.end();
  const ends = backend.windows.map(({ first, last }) => [first, last]);
  // The stretch before ends with frame 82 (filled up to 85 by the scaler's mean), the one after begins on the label grid.
  for (const [first, last] of ends) expect(first! >= 85 || last! <= 82).toBe(true);
  expect(labelFrames(scores)).toEqual(Array.from({ length: 32 }, (_, i) => i));
  expect(scores.filter(({ discontinuity }) => discontinuity).map(({ firstFrame }) => firstFrame)).toEqual([17]);
});

test('how frames come in chunks, and how slowly the network answers, changes nothing', async () => {
  const whole = setUp();
  pushFrames(whole.windows, 0, 317);
  await whole.windows.end();
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 0, max: 3 }),
      async (chunks, delayMs) => {
        const { windows, scores, backend } = setUp({ backend: { delayMs: (run) => (run * delayMs) % 4 } });
        let frame = 0;
        for (let i = 0; frame < 317; i += 1) {
          const next = Math.min(317, frame + chunks[i % chunks.length]!);
          pushFrames(windows, frame, next);
          await windows.ready();
          frame = next;
        }
        await windows.end();
        expect(backend.windows).toEqual(whole.backend.windows);
        expect(scores).toEqual(whole.scores);
      },
    ),
    { numRuns: 25 },
  );
});

test('who waits for ready() never has more than two windows at the backend', async () => {
  const { windows, backend } = setUp({ backend: { delayMs: () => 2 } });
  for (let frame = 0; frame < 400; frame += 1) {
    pushFrames(windows, frame, frame + 1);
    await windows.ready();
  }
  await windows.end();
  expect(backend.mostWaiting).toBe(2);
});

test('a window that fails is told to who waits, and nothing follows it', async () => {
  const { windows, scores } = setUp({ backend: { failAt: 3 } });
  pushFrames(windows, 0, 200);
  await expect(windows.end()).rejects.toThrow('ordered to fail');
  await expect(windows.ready()).rejects.toThrow('ordered to fail');
  expect(labelFrames(scores)).toEqual([0, 1, 2, 3]);
});

test('overlapping windows are merged with the weight of their centres', async () => {
  // A backend whose activity is the number of the window: merged values tell the weights.
  const { windows, scores, backend } = setUp({ frames: 20, hopFrames: 10, lookahead: 20 });
  const run = backend.run.bind(backend);
  let number = 0;
  backend.run = async (features, frames) => {
    const result = await run(features, frames);
    result.activity.fill(number);
    number += 1;
    return result;
  };
  pushFrames(windows, 0, 40);
  await windows.end();
  // Windows of 4 label frames, weights 1 2 2 1, at label frames 0, 2, 4.
  const expected = [0, 0, (2 * 0 + 1 * 1) / 3, (1 * 0 + 2 * 1) / 3, (2 * 1 + 1 * 2) / 3, (1 * 1 + 2 * 2) / 3, 2, 2];
  for (const [i, value] of activities(scores).entries()) expect(value).toBeCloseTo(expected[i]!, 6);
});
