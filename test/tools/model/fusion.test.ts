// The check of fusion on files of ONNX Runtime's own quantiser: one that x86 fuses, one that it does not.
import { readFileSync } from 'node:fs';
import { checkFusion } from '../../../tools/model/fusion.ts';
import { lintModel } from '../../../tools/model/lint.ts';
import { exported } from './graphs.ts';

const quantised = (name: string) => readFileSync(new URL(`../../golden/quantised/${name}.onnx`, import.meta.url));

test('with uint8 activations every convolution and product becomes an integer kernel', async () => {
  const { expected, islands, kernels } = await checkFusion(quantised('uint8'), 'uint8.onnx');
  expect(expected).toBe(16);
  expect(islands).toEqual([]);
  expect([kernels.QLinearConv, kernels.QLinearMatMul, kernels.Conv]).toEqual([8, 8, undefined]);
});

test('operators that stay float between two conversions are named', async () => {
  const { conversions } = await checkFusion(quantised('uint8'), 'uint8.onnx');
  expect(conversions.map(({ operator }) => operator)).toContain('Elu');
  expect(conversions.map(({ operator }) => operator)).not.toContain('QLinearConv');
});

test('with int8 activations the convolutions that stay float are named, and the linter says why', async () => {
  const { expected, islands } = await checkFusion(quantised('int8'), 'int8.onnx');
  expect(expected).toBe(16);
  expect(islands.map(({ node }) => node)).toEqual(
    expect.arrayContaining(['/stages/stages.0/block/first/conv/Conv', '/stages/stages.1/block/shortcut/conv/Conv']),
  );
  expect(islands.length).toBeGreaterThanOrEqual(6);
  const rules = new Set(lintModel(quantised('int8'), 'int8.onnx', 'ort-int8').map(({ rule }) => rule));
  expect([...rules]).toContain('u8-activations');
});

test('a float model asks for no integer kernel', async () => {
  expect(await checkFusion(exported('ours-free'), 'float')).toMatchObject({
    expected: 0,
    islands: [],
    conversions: [],
  });
});

test('what cannot be run is refused by name', async () => {
  await expect(checkFusion(new Uint8Array([1, 2, 3]), 'noise.onnx')).rejects.toMatchObject({ name: 'UserError' });
});
