// The proof itself: it must notice what a wrong rewrite would do.

import { decodeModel, encodeDecoded, type ModelProto } from '../../../tools/model/onnx/codec.ts';
import { proveEqual } from '../../../tools/model/prove.ts';
import { addConv, addNorm, build, exported } from './graphs.ts';

const original = exported('literature-free');

function changed(change: (model: ModelProto) => void): Uint8Array {
  const model = decodeModel(original);
  change(model);
  return encodeDecoded(model);
}

test('a model equals itself, run node by node and run as the runtime likes', async () => {
  const { largestDifference, windows } = await proveEqual(original, original, 'it');
  expect(windows).toBe(4);
  expect(largestDifference).toBeLessThan(2e-6);
});

test('one weight changed by a thousandth is found', async () => {
  const worse = changed(({ graph }) => {
    const weight = graph!.initializer.find(({ name }) => name === 'stages.1.second.weight')!;
    weight.rawData = Uint8Array.from(weight.rawData); // until now a view of the original's bytes
    const view = new DataView(weight.rawData.buffer as ArrayBuffer);
    view.setFloat32(0, view.getFloat32(0, true) + 1e-3, true);
  });
  await expect(proveEqual(original, worse, 'it.onnx')).rejects.toThrow(
    /^What was made of it\.onnx differs from it by .*, more than the 0\.00001/,
  );
});

test('another epsilon of a norm is found', async () => {
  const worse = changed(({ graph }) => {
    const norm = graph!.node.find(({ opType }) => opType === 'BatchNormalization')!;
    norm.attribute.find(({ name }) => name === 'epsilon')!.f = 1e-3;
  });
  await expect(proveEqual(original, worse, 'it')).rejects.toThrow(/differs from it/);
});

test('a model that gives no numbers cannot be proved', async () => {
  const nan = build((graph) => addNorm(graph, addConv(graph), 'y', -1));
  await expect(proveEqual(nan, nan, 'bad.onnx')).rejects.toThrow(
    /bad\.onnx: output y gives (NaN|-?Infinity) on a random/,
  );
});

test('a model ONNX Runtime refuses is refused by name', async () => {
  const unknown = build((graph) => graph.node('NoSuchOperator', 'y', ['x']));
  await expect(proveEqual(unknown, unknown, 'bad.onnx')).rejects.toMatchObject({
    name: 'UserError',
    message: expect.stringMatching(/^bad\.onnx cannot be run by ONNX Runtime: .*NoSuchOperator/),
  });
});

test('another shape of an output is found', async () => {
  const relu = build((graph) => graph.node('Relu', 'y', ['x']));
  const mean = build((graph) => graph.node('GlobalAveragePool', 'y', ['x']));
  await expect(proveEqual(relu, mean, 'it')).rejects.toThrow(/output y has the shape 1,4,300,8, .* 1,4,1,1/);
});
