// The rewrites: where they fire, where they must not, and that results stay what they were.
import { timePooling } from '../../../models/network.ts';
import { parseGraph } from '../../../tools/model/graph/read-graph.ts';
import { buildOnnx } from '../../../tools/model/onnx/build-onnx.ts';
import type { GraphBuilder } from '../../../tools/model/onnx/graph-builder.ts';
import { openSession } from '../../../tools/model/onnx-session.ts';
import { LARGEST_DIFFERENCE } from '../../../tools/model/prove.ts';
import { REWRITES, rewriteGraph } from '../../../tools/model/rewrites/all-rewrites.ts';
import { decodeFloats, GOLDEN, goldenFeatures, goldenWeights, network } from './golden-networks.ts';
import {
  addConv,
  addNorm,
  apart,
  apply,
  build,
  EXPECTED,
  EXPORTS,
  exported,
  operators,
  values,
  window,
} from './graphs.ts';
import { largestDifference, openOnnx } from './run-onnx.ts';

const rewrite = (name: string) => REWRITES.find((each) => each.name === name)!;

/** How often each fires on torch's exports; counted by hand in make_graphs.py: norms, attentions, stages, ELUs, GRUs. */
const FIRED: Record<(typeof EXPORTS)[number], Record<string, number>> = {
  // Two blocks of three convolutions and norms, two ELUs and one mean each; the norms were kept.
  'ours-free': { 'batch-norm': 6, mean: 2, attention: 0, 'pool-elu': 0, elu: 4 },
  'ours-folded': { 'batch-norm': 0, mean: 2, attention: 0, 'pool-elu': 0, elu: 4 },
  // Two blocks of two norms, one shortcut with a norm, two products per attention, ELU before the pooling.
  literature: { 'batch-norm': 5, mean: 2, attention: 2, 'pool-elu': 2, elu: 4 },
  'literature-free': { 'batch-norm': 5, mean: 2, attention: 2, 'pool-elu': 2, elu: 4 },
};

describe.each(EXPORTS)("torch's export %s", (name) => {
  const original = exported(name);

  test('is rewritten in the places it was made with', () => {
    const graph = parseGraph(original, name);
    const fired = Object.fromEntries(rewriteGraph(graph, 'ort-fp32').map((each) => [each.name, each.fired]));
    expect(fired).toMatchObject(FIRED[name]);
    const left = operators(graph);
    for (const gone of ['BatchNormalization', 'Elu', 'ReduceMean', 'Identity', 'Constant']) {
      expect(left).not.toHaveProperty(gone);
    }
  });

  test('still gives what torch gave, run as it stands and as the runtime runs it', async () => {
    const graph = parseGraph(original, name);
    rewriteGraph(graph, 'ort-fp32');
    const { activity, direction } = EXPECTED.cases[name]!;
    for (const optimisation of ['disabled', 'all'] as const) {
      const session = await openSession(graph.encode(), name, { optimisation });
      const found = await session.run({ features: window() });
      await session.close();
      expect(largestDifference(found.activity!.values, decodeFloats(activity))).toBeLessThan(1e-5);
      expect(largestDifference(found.direction!.values, decodeFloats(direction))).toBeLessThan(1e-5);
    }
  });

  test.each(REWRITES)('is the same after $name alone: $exactness', async (each) => {
    const { model } = apply(each, original);
    for (const seed of ['one', 'two']) {
      const difference = await apart(original, model, { features: window(seed) });
      expect(difference).toBeLessThanOrEqual(each.exactness === 'equal' ? 0 : LARGEST_DIFFERENCE);
    }
  });

  test.each(REWRITES)('keeps what $name would take when it is switched off', (each) => {
    const graph = parseGraph(original, name);
    const counts = rewriteGraph(graph, 'ort-fp32', [each.name]);
    expect(counts.map((count) => count.name)).not.toContain(each.name);
    const takes = { 'batch-norm': 'BatchNormalization', mean: 'ReduceMean', elu: 'Elu', identities: 'Identity' }[
      each.name
    ];
    const before = operators(parseGraph(original, name));
    if (takes && before[takes]) expect(operators(graph)[takes]).toBe(before[takes]);
  });
});

test.each(
  GOLDEN.map((golden) => [`${golden.network} ${golden.format} ${JSON.stringify(golden.settings)}`, golden] as const),
)('our own %s still gives what PyTorch gives', async (_, golden) => {
  const description = network(golden.network, golden.format, golden.settings);
  const graph = parseGraph(buildOnnx(description, goldenWeights(description)), golden.network);
  const before = operators(graph);
  const fired = Object.fromEntries(rewriteGraph(graph, 'ort-fp32').map((each) => [each.name, each.fired]));
  expect(fired['batch-norm']).toBe(before.BatchNormalization);
  expect(fired.elu).toBe(before.Elu ?? 0);
  // Only blocks without attention end in an ELU that pooling follows.
  const plain = description.block.kind === 'residual' && description.block.attention === 'none';
  expect(fired['pool-elu']).toBe(plain ? description.stages.length : 0);
  const run = await openOnnx(graph.encode(), description);
  const { activity, direction, dims } = await run(goldenFeatures(description, golden.frames));
  expect(dims[0]![1]).toBe(golden.frames / timePooling(description));
  expect(largestDifference(activity, decodeFloats(golden.activity))).toBeLessThan(1e-4);
  expect(largestDifference(direction, decodeFloats(golden.direction))).toBeLessThan(1e-4);
});

test('TensorRT keeps its Elu, which it fuses', () => {
  const graph = parseGraph(exported('literature'), 'literature');
  expect(rewriteGraph(graph, 'trt-fp16').map(({ name }) => name)).not.toContain('elu');
  expect(operators(graph).Elu).toBe(4);
});

/** A graph by hand, the rewrite that is tried, and how often it may fire. */
const CASES: [string, string, number, (graph: GraphBuilder) => void][] = [
  [
    'folds a norm behind a convolution with a bias',
    'batch-norm',
    1,
    (graph) => {
      const weight = graph.constant('w', [4, 2, 1, 1], values('w', 8));
      const conv = graph.node('Conv', 'conv', ['x', weight, graph.constant('b', [4], values('b', 4))], { group: 2 });
      graph.node('Relu', 'y', [addNorm(graph, conv)]);
    },
  ],
  [
    'folds two norms behind each other',
    'batch-norm',
    2,
    (graph) => {
      graph.node('Relu', 'y', [addNorm(graph, addNorm(graph, addConv(graph)), 'second')]);
    },
  ],
  ['folds a norm that is the output', 'batch-norm', 1, (graph) => addNorm(graph, addConv(graph), 'y')],
  [
    'leaves a norm behind a pooling',
    'batch-norm',
    0,
    (graph) => {
      addNorm(graph, graph.node('MaxPool', 'pool', ['x'], { kernel_shape: [1, 2] }), 'y');
    },
  ],
  ['leaves a norm behind the input', 'batch-norm', 0, (graph) => addNorm(graph, 'x', 'y')],
  [
    'leaves a norm whose convolution another node reads',
    'batch-norm',
    0,
    (graph) => {
      const conv = addConv(graph);
      graph.node('Add', 'y', [addNorm(graph, conv), conv]);
    },
  ],
  [
    'leaves a norm whose convolution is an output too',
    'batch-norm',
    0,
    (graph) => {
      graph.output('conv', [1, 4, 'frames', 8]);
      addNorm(graph, addConv(graph), 'y');
    },
  ],
  ['leaves a norm with a variance below zero', 'batch-norm', 0, (graph) => addNorm(graph, addConv(graph), 'y', -1)],
  [
    'leaves a norm whose values the caller may replace',
    'batch-norm',
    0,
    (graph) => {
      graph.input('y.gamma', [4]);
      addNorm(graph, addConv(graph), 'y');
    },
  ],
  [
    'pools before ELU',
    'pool-elu',
    1,
    (graph) => {
      graph.node('MaxPool', 'y', [graph.node('Elu', 'elu', ['x'])], {
        kernel_shape: [3, 3],
        strides: [2, 2],
        pads: [1, 1, 1, 1],
      });
    },
  ],
  [
    'leaves an ELU that another node reads',
    'pool-elu',
    0,
    (graph) => {
      const elu = graph.node('Elu', 'elu', ['x']);
      graph.node('Add', 'y', [graph.node('MaxPool', 'pool', [elu], { kernel_shape: [1, 1] }), elu]);
    },
  ],
  [
    'leaves an ELU that is an output too',
    'pool-elu',
    0,
    (graph) => {
      graph.output('elu', [1, 4, 'frames', 8]);
      graph.node('MaxPool', 'y', [graph.node('Elu', 'elu', ['x'])], { kernel_shape: [1, 2], strides: [1, 2] });
    },
  ],
  [
    'leaves an ELU that falls below zero',
    'pool-elu',
    0,
    (graph) => {
      graph.node('MaxPool', 'y', [graph.node('Elu', 'elu', ['x'], { alpha: { float: -1 } })], { kernel_shape: [1, 2] });
    },
  ],
  [
    'leaves a pooling that tells its places',
    'pool-elu',
    0,
    (graph) => {
      graph.nodeWithOutputs('MaxPool', 'pool', [graph.node('Elu', 'elu', ['x'])], ['y', 'places'], {
        kernel_shape: [1, 2],
      });
    },
  ],
  [
    'leaves an average behind ELU',
    'pool-elu',
    0,
    (graph) => {
      graph.node('AveragePool', 'y', [graph.node('Elu', 'elu', ['x'])], { kernel_shape: [1, 2] });
    },
  ],
  [
    'shares the product of two gates in any order',
    'attention',
    1,
    (graph) => {
      const [c, p] = ['c', 'p'].map((name, i) =>
        graph.constant(name, i ? [1, 1, 1, 8] : [1, 4, 1, 1], values(name, i ? 8 : 4)),
      );
      graph.node('Add', 'y', [graph.node('Mul', 'a', ['x', c!]), graph.node('Mul', 'b', [p!, 'x'])]);
    },
  ],
  [
    'leaves products of two tensors',
    'attention',
    0,
    (graph) => {
      const c = graph.constant('c', [1, 4, 1, 1], values('c', 4));
      const p = graph.constant('p', [1, 4, 1, 1], values('p', 4));
      graph.node('Add', 'y', [
        graph.node('Mul', 'a', ['x', c]),
        graph.node('Mul', 'b', [graph.node('Relu', 'r', ['x']), p]),
      ]);
    },
  ],
  [
    'leaves a product that another node reads',
    'attention',
    0,
    (graph) => {
      const c = graph.constant('c', [1, 4, 1, 1], values('c', 4));
      const a = graph.node('Mul', 'a', ['x', c]);
      const sum = graph.node('Add', 'sum', [a, graph.node('Mul', 'b', ['x', 'x'])]);
      graph.node('Add', 'y', [sum, a]);
    },
  ],
  [
    'leaves one product added to itself',
    'attention',
    0,
    (graph) => {
      const a = graph.node('Mul', 'a', ['x', 'x']);
      graph.node('Add', 'y', [a, a]);
    },
  ],
  ['pools a mean over both last axes', 'mean', 1, (graph) => graph.node('ReduceMean', 'y', ['x'], { axes: [-1, 2] })],
  [
    'pools a mean that drops its axes',
    'mean',
    1,
    (graph) => graph.node('ReduceMean', 'y', ['x'], { axes: [2, 3], keepdims: 0 }),
  ],
  ['leaves a mean over bands only', 'mean', 0, (graph) => graph.node('ReduceMean', 'y', ['x'], { axes: [3] })],
  ['leaves a mean over channels', 'mean', 0, (graph) => graph.node('ReduceMean', 'y', ['x'], { axes: [1, 2] })],
  ['leaves a mean over everything', 'mean', 0, (graph) => graph.node('ReduceMean', 'y', ['x'])],
  [
    'leaves a mean over the last axes of three',
    'mean',
    0,
    (graph) => {
      const flat = graph.node('Reshape', 'flat', ['x', graph.constant('shape', [3], [4, -1, 8])]);
      graph.node('ReduceMean', 'y', [flat], { axes: [1, 2] });
    },
  ],
  ['takes ELU apart', 'elu', 1, (graph) => graph.node('Elu', 'y', ['x'])],
  ['leaves an ELU of another alpha', 'elu', 0, (graph) => graph.node('Elu', 'y', ['x'], { alpha: { float: 2 } })],
  [
    'computes what depends on constants',
    'constants',
    2,
    (graph) => {
      const sum = graph.node('Add', 'sum', [
        graph.constant('a', [1, 4, 1, 1], values('a', 4)),
        graph.constant('b', [], values('b', 1)),
      ]);
      graph.node('Mul', 'y', ['x', graph.node('Transpose', 'turned', [sum], { perm: [0, 1, 3, 2] })]);
    },
  ],
  [
    'leaves the shape of a window of any length',
    'constants',
    0,
    (graph) => {
      graph.node('Reshape', 'y', ['x', graph.node('Shape', 'shape', ['x'])]);
    },
  ],
  [
    'removes what hands on its input',
    'identities',
    3,
    (graph) => {
      const same = graph.node('Transpose', 'same', [graph.node('Identity', 'first', ['x'])], { perm: [0, 1, 2, 3] });
      graph.node('Relu', 'y', [graph.node('Concat', 'one', [same], { axis: 1 })]);
    },
  ],
  [
    'keeps the name of an output behind an Identity',
    'identities',
    1,
    (graph) => {
      graph.node('Identity', 'y', [graph.node('Relu', 'relu', ['x'])]);
    },
  ],
  ['leaves an Identity between input and output', 'identities', 0, (graph) => graph.node('Identity', 'y', ['x'])],
  [
    'leaves a Transpose that turns',
    'identities',
    0,
    (graph) => graph.node('Transpose', 'y', ['x'], { perm: [0, 1, 3, 2] }),
  ],
  [
    'removes a chain that nobody reads, and its constants',
    'dead',
    3,
    (graph) => {
      graph.node('Exp', 'unread', [graph.node('Add', 'sum', ['x', graph.constant('a', [], values('a', 1))])]);
      graph.node('Relu', 'y', ['x']);
    },
  ],
  [
    'leaves a node of which one output is read',
    'dead',
    0,
    (graph) => {
      graph.nodeWithOutputs('Split', 'split', ['x'], ['y', 'unread'], { axis: 1 });
    },
  ],
];

test.each(CASES)('%s', async (_, name, fires, make) => {
  const original = build(make);
  const { fired, model } = apply(rewrite(name), original);
  expect(fired).toBe(fires);
  if (fires === 0) {
    expect(Buffer.compare(model, parseGraph(original, 'the model').encode())).toBe(0);
    return;
  }
  const x = { dims: [1, 4, 10, 8], values: values('input', 320).map((value) => 3 * value) };
  expect(await apart(original, model, { x })).toBeLessThanOrEqual(rewrite(name).exactness === 'equal' ? 0 : 1e-5);
});
