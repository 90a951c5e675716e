// The ONNX models we build against PyTorch, for every network and format.
import { timePooling } from '../../../models/network.ts';
import { buildOnnx } from '../../../tools/model/onnx/build-onnx.ts';
import { decodeModel } from '../../../tools/model/onnx/codec.ts';
import { decodeFloats, GOLDEN, goldenFeatures, goldenWeights, network } from './golden-networks.ts';
import { largestDifference, openOnnx } from './run-onnx.ts';

const title = ({ network, format, settings }: (typeof GOLDEN)[number]) =>
  `${network} ${format} ${JSON.stringify(settings)}`;

test.each(GOLDEN.map((golden) => [title(golden), golden] as const))(
  '%s gives what PyTorch gives',
  async (_, golden) => {
    const description = network(golden.network, golden.format, golden.settings);
    const run = await openOnnx(buildOnnx(description, goldenWeights(description)), description);
    const { activity, direction, dims } = await run(goldenFeatures(description, golden.frames));
    const labels = golden.frames / timePooling(description);
    expect(dims).toEqual([
      [1, labels, 11],
      [1, labels, 33],
    ]);
    expect(largestDifference(activity, decodeFloats(golden.activity))).toBeLessThan(1e-4);
    expect(largestDifference(direction, decodeFloats(golden.direction))).toBeLessThan(1e-4);
  },
);

test('the golden values tell classes, label frames and directions apart', () => {
  for (const golden of GOLDEN) {
    const direction = decodeFloats(golden.direction);
    const [first, second] = [direction.subarray(0, 33), direction.subarray(33, 66)];
    expect(largestDifference(first, second)).toBeGreaterThan(0.02);
    expect(new Set(first).size).toBe(33);
  }
});

test('one model runs windows of one to sixty seconds, and its convolutions see the same around a frame', async () => {
  const description = network('cnn');
  const run = await openOnnx(buildOnnx(description, goldenWeights(description)), description);
  const long = goldenFeatures(description, 3000);
  const { direction: all } = await run(long);
  const frames = 50;
  const short = new Float32Array(7 * frames * 64);
  for (let c = 0; c < 7; c += 1) short.set(long.subarray(c * 3000 * 64, (c * 3000 + frames) * 64), c * frames * 64);
  const { direction, dims } = await run(short);
  expect(dims[1]).toEqual([1, 50, 33]);
  // Three 3x3 convolutions: the last three frames of the short window miss their future.
  expect(largestDifference(direction.subarray(0, 47 * 33), all.subarray(0, 47 * 33))).toBeLessThan(1e-5);
  expect(largestDifference(direction, all.subarray(0, 50 * 33))).toBeGreaterThan(1e-3);
});

test.each([50, 300, 3000])('the flagship runs %i frames', async (frames) => {
  const description = network('res-scse-crnn');
  const run = await openOnnx(buildOnnx(description, goldenWeights(description)), description);
  const { activity, dims } = await run(goldenFeatures(description, frames));
  expect(dims[0]).toEqual([1, frames / 5, 11]);
  expect(activity.every((value) => value > 0 && value < 1)).toBe(true);
});

test('batch norms stay nodes of their own, for the quantiser to fold', () => {
  const description = network('res-scse-crnn');
  const { graph } = decodeModel(buildOnnx(description, goldenWeights(description)));
  const count = (type: string) => graph!.node.filter(({ opType }) => opType === type).length;
  expect([count('Conv'), count('BatchNormalization'), count('GRU')]).toEqual([18, 9, 2]);
});

test('the same description and weights give the same bytes', () => {
  const description = network('res-scse-crnn', 'mic');
  const [one, two] = [1, 2].map(() => buildOnnx(description, goldenWeights(description)));
  expect(Buffer.compare(one!, two!)).toBe(0);
});
