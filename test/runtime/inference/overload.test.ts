// A network slower than the sound: what is dropped, what is reported, and that nothing ever waits for it.
import { HopRule } from '../../../runtime/inference/hop-rule.ts';
import { Windows } from '../../../runtime/inference/windows.ts';
import type { Scores } from '../../../runtime/signals.ts';
import { PositionBackend } from '../../fakes/position-backend.ts';

const POOLING = 5;

function setUp({ frames = 60, hop = 10, lookahead = 10, delayMs = (_run: number): number => 0, live = true } = {}) {
  const backend = new PositionBackend({ classes: 1, timePooling: POOLING, channels: 1, bands: 1, delayMs });
  const scores: Scores[] = [];
  const windows = new Windows({
    manifest: {
      labels: ['a'],
      timePooling: POOLING,
      scaler: { mean: [[0]], std: [[1]] },
      window: { frames, hopFrames: hop, lookaheadFrames: lookahead },
    },
    ...{ bands: 1, frameSeconds: 0.1, backend, live, onScores: (s: Scores) => scores.push(s) },
  });
  return { backend, windows, scores };
}

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Pushes frames as a microphone would, a hop every `everyMs`. */
async function sound(windows: Windows, from: number, to: number, everyMs: number): Promise<void> {
  for (let frame = from; frame < to; frame += 1) {
    windows.push({ frame, values: Float32Array.of(frame), discontinuity: false });
    await windows.ready();
    if ((frame + 1) % 10 === 0) await wait(everyMs);
  }
}

const labels = (scores: readonly Scores[]) =>
  scores.flatMap(({ firstFrame, frames }) => Array.from({ length: frames }, (_, i) => firstFrame + i));

test('live sound never waits for a network that hangs', async () => {
  const { windows, backend } = setUp({ delayMs: () => 3000 });
  const started = performance.now();
  await sound(windows, 0, 2000, 0);
  expect(performance.now() - started).toBeLessThan(5000);
  expect(backend.windows).toHaveLength(1);
  expect(windows.figures.droppedWindows).toBeGreaterThan(10);
});

test('a network that pauses once loses windows, not label frames: the newest window has them too', async () => {
  const { windows, scores } = setUp({ delayMs: (run) => (run === 4 ? 100 : 0) });
  await sound(windows, 0, 300, 20);
  await windows.end();
  expect(windows.figures.droppedWindows).toBeGreaterThan(1);
  expect(labels(scores)).toEqual(Array.from({ length: 60 }, (_, i) => i));
  expect(windows.figures.unheardFrames).toBe(0);
});

test('label frames that no window saw are left out and counted, and what follows says that it follows a break', async () => {
  const { windows, scores } = setUp({ frames: 20, lookahead: 0, delayMs: (run) => (run === 3 ? 150 : 0) });
  await sound(windows, 0, 300, 20);
  await windows.end();
  const heard = labels(scores);
  const { unheardFrames } = windows.figures;
  expect(unheardFrames).toBeGreaterThan(0);
  expect(heard).toHaveLength(60 - unheardFrames);
  expect(heard).toEqual([...heard].sort((a, b) => a - b));
  for (const [i, { firstFrame, discontinuity }] of scores.entries()) {
    const before = scores[i - 1];
    const follows = before === undefined || before.firstFrame + before.frames === firstFrame;
    expect(discontinuity).toBe(!follows);
  }
});

test('a recording waits for the network instead: nothing of it is dropped', async () => {
  const { windows, scores } = setUp({ live: false, delayMs: () => 5 });
  await sound(windows, 0, 300, 0);
  await windows.end();
  expect(windows.figures).toMatchObject({ droppedWindows: 0, unheardFrames: 0, hopFrames: 10 });
  expect(labels(scores)).toHaveLength(60);
});

test('the hop grows while the network stays too slow, leaves no frame unseen, and shrinks when it is fast again', async () => {
  let slow = true;
  const { windows, scores } = setUp({ delayMs: () => (slow ? 25 : 0) });
  await sound(windows, 0, 400, 10);
  expect(windows.figures.hopFrames).toBeGreaterThan(10);
  expect(windows.figures.hopFrames).toBeLessThanOrEqual(50);
  slow = false;
  await sound(windows, 400, 5000, 3);
  await windows.end();
  expect(windows.figures.hopFrames).toBe(10);
  expect(labels(scores)).toHaveLength(1000);
  expect(windows.figures.unheardFrames).toBe(0);
});

test('many breaks while the network is slow do not pile up windows', async () => {
  const { windows, backend, scores } = setUp({ delayMs: () => 20 });
  for (let part = 0; part < 40; part += 1) {
    for (let frame = part * 100; frame < part * 100 + 30; frame += 1) {
      windows.push({ frame, values: Float32Array.of(frame), discontinuity: false });
    }
  }
  const started = performance.now();
  await windows.end();
  expect(performance.now() - started).toBeLessThan(1000);
  expect(backend.windows.length).toBeLessThan(20);
  expect(scores.every(({ firstFrame }, i) => i === 0 || firstFrame > scores[i - 1]!.firstFrame)).toBe(true);
});

test('a hop grows by doubling to the longest that leaves no frame unseen, and shrinks only with time to spare', () => {
  const rule = new HopRule({ hopFrames: 10, longestFrames: 85, frameMs: 20 });
  const overload = () => {
    for (let i = 0; i < 10; i += 1) rule.due(i % 2 === 0);
  };
  const calm = (ms: number) => {
    for (let i = 0; i < 30; i += 1) {
      rule.scored(ms);
      rule.due(false);
    }
  };
  overload();
  expect(rule.hopFrames).toBe(20);
  overload();
  overload();
  overload();
  expect(rule.hopFrames).toBe(80);
  calm(700);
  expect(rule.hopFrames).toBe(80);
  calm(500);
  expect(rule.hopFrames).toBe(40);
  calm(100);
  calm(100);
  expect(rule.hopFrames).toBe(10);
});
