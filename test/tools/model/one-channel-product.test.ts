// The convolution into one channel as a product: where it fires, where it must not, and that the numbers stay.
import type { GraphBuilder } from '../../../tools/model/onnx/graph-builder.ts';
import { LARGEST_DIFFERENCE, proveEqual } from '../../../tools/model/prove.ts';
import { oneChannelProduct } from '../../../tools/model/rewrites/one-channel-product.ts';
import { apart, apply, build, operators, values } from './graphs.ts';

function spatial(graph: GraphBuilder, dims = [1, 4, 1, 1], attributes = {}, bias?: number): string {
  const weight = graph.constant(
    'w',
    dims,
    values(
      'w',
      dims.reduce((a, b) => a * b, 1),
    ),
  );
  const more = bias === undefined ? [] : [graph.constant('b', [1], Float32Array.of(bias))];
  return graph.node('Conv', 'gate', ['x', weight, ...more], { kernel_shape: dims.slice(2), ...attributes });
}

const gate = (...given: [number[]?, object?, number?]) =>
  build((graph) => {
    graph.node('Sigmoid', 'y', [spatial(graph, ...given)]);
  });

test.each([undefined, 0.75])('a 1x1 convolution into one channel becomes a product, bias %s', async (bias) => {
  const original = gate(undefined, undefined, bias);
  const { fired, model, graph } = apply(oneChannelProduct, original);
  expect(fired).toBe(1);
  expect(operators(graph)).toMatchObject({ MatMul: 1, Reshape: 2, ...(bias !== undefined && { Add: 1 }) });
  expect(operators(graph).Conv).toBeUndefined();
  for (const frames of [1, 7, 30]) {
    const window = { dims: [1, 4, frames, 8], values: values(`x${frames}`, 32 * frames) };
    expect(await apart(original, model, { x: window })).toBeLessThan(1e-6);
  }
  expect((await proveEqual(original, model, 'the model')).largestDifference).toBeLessThanOrEqual(LARGEST_DIFFERENCE);
});

test.each([
  ['two channels come out', [2, 4, 1, 1], {}],
  ['it looks at neighbours', [1, 4, 3, 3], { pads: [1, 1, 1, 1] }],
  ['it leaves places out', [1, 4, 1, 1], { strides: [1, 2] }],
  ['it adds places around', [1, 4, 1, 1], { pads: [1, 1, 1, 1] }],
])('it stays when %s', (_, dims, attributes) => {
  expect(apply(oneChannelProduct, gate(dims, attributes)).fired).toBe(0);
});

test('it stays when the last size depends on the length of the window', () => {
  const turned = build((graph) => {
    const x = graph.node('Transpose', 'turned', ['x'], { perm: [0, 1, 3, 2] });
    const weight = graph.constant('w', [1, 4, 1, 1], values('w', 4));
    graph.node('Conv', 'y', [x, weight], { kernel_shape: [1, 1] });
  });
  expect(apply(oneChannelProduct, turned).fired).toBe(0);
});
