// What every inference backend must do, whichever library computes: one suite, given a builder.
import type { InferenceBackend } from '../../../runtime/inference/engine.ts';
import type { Model } from '../../../runtime/inference/model-files.ts';
import { golden, goldenWindow, loudnessModel } from '../../loudness-model.ts';

/** numpy rounded the golden values to six digits; single precision gives another 1e-6. */
const TOLERANCE = 2e-6;

export function testBackend(name: string, build: (model: Model) => InferenceBackend): void {
  describe(name, () => {
    let backend: InferenceBackend;
    beforeAll(async () => {
      backend = build(await loudnessModel());
      await backend.start();
    });
    afterAll(() => backend.stop());

    const expectGolden = (scores: { activity: Float32Array; direction: Float32Array }) => {
      expect(largestDifference(scores.activity, golden.activity.flat())).toBeLessThan(TOLERANCE);
      expect(largestDifference(scores.direction, golden.direction.flat())).toBeLessThan(TOLERANCE);
    };

    test('gives the scores that numpy computes for the golden window', async () => {
      expectGolden(await backend.run(goldenWindow(), golden.frames));
    });

    test('takes the memory it is handed and gives it back for the next window', async () => {
      const features = goldenWindow();
      const length = features.length;
      const running = backend.run(features, golden.frames);
      expect(features.length).toBe(0);
      const { features: returned } = await running;
      expect(returned.length).toBe(length);
      (returned as Float32Array).set(goldenWindow());
      expectGolden(await backend.run(returned as Float32Array<ArrayBuffer>, golden.frames));
    });

    test('hears windows of any length that is a multiple of the time pooling, also in memory that is longer', async () => {
      const frames = 5;
      const window = new Float32Array(7 * 100 * 64);
      for (let c = 0; c < 7; c += 1) {
        const from = c * golden.frames * 64;
        window.set(goldenWindow().subarray(from, from + frames * 64), c * frames * 64);
      }
      const { activity } = await backend.run(window, frames);
      expect(activity.length).toBe(2);
      expect(largestDifference(activity, golden.activity[0]!)).toBeLessThan(TOLERANCE);
    });

    test('answers runs that overlap in the order they were asked', async () => {
      const order: number[] = [];
      await Promise.all(
        [20, 5, 100, 10].map(async (frames, i) => {
          const { activity } = await backend.run(new Float32Array(7 * frames * 64), frames);
          expect(activity.length).toBe((frames / 5) * 2);
          order.push(i);
        }),
      );
      expect(order).toEqual([0, 1, 2, 3]);
    });

    test('says what really computes and how long a window took', async () => {
      const { latencyMs } = await backend.run(goldenWindow(), golden.frames);
      expect(backend.description).toMatch(/cpu|gpu|cuda|tensorrt/i);
      expect(latencyMs).toBeGreaterThan(0);
    });

    test('refuses to run once it is stopped, and stopping twice is harmless', async () => {
      const other = build(await loudnessModel());
      await other.start();
      await other.stop();
      await other.stop();
      await expect(other.run(goldenWindow(), golden.frames)).rejects.toThrow();
    });
  });
}

function largestDifference(values: ArrayLike<number>, expected: readonly number[]): number {
  expect(values.length).toBe(expected.length);
  return Math.max(...expected.map((value, i) => Math.abs(value - values[i]!)));
}
