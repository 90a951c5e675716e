// The linter: graphs that break one rule each, made by hand, and models of ours that keep them all.
import { lintModel } from '../../../tools/model/lint.ts';
import { buildOnnx } from '../../../tools/model/onnx/build-onnx.ts';
import {
  DataType,
  decodeModel,
  encodeDecoded,
  type ModelProto,
  type NodeProto,
  node,
  type TensorProto,
} from '../../../tools/model/onnx/codec.ts';
import type { Target } from '../../../tools/model/rewrites/all-rewrites.ts';
import type { RuleName, TensorrtRelease } from '../../../tools/model/target-rules.ts';
import { RULES } from '../../../tools/model/target-rules.ts';
import { goldenWeights, network } from './golden-networks.ts';
import { build, values } from './graphs.ts';

/** A tensor of any type from its raw bytes. */
function constant(name: string, dataType: number, dims: number[], bytes: ArrayBufferView): TensorProto {
  const rawData = new Uint8Array(bytes.buffer.slice(0) as ArrayBuffer);
  return {
    ...decodeModel(build((g) => g.node('Identity', 'y', [g.constant('c', [1], values('c', 1))]))).graph!
      .initializer[0]!,
    name,
    dataType,
    dims: dims.map(BigInt),
    rawData,
  };
}
const int8 = (name: string, numbers: number[], dims: number[] = []) =>
  constant(name, DataType.INT8, dims, Int8Array.from(numbers));
const uint8 = (name: string, numbers: number[]) => constant(name, DataType.UINT8, [], Uint8Array.from(numbers));
const floats = (name: string, numbers: number[], dims: number[] = []) =>
  constant(name, DataType.FLOAT, dims, Float32Array.from(numbers));
const halves = (name: string, bits: number[], dims: number[] = []) =>
  constant(name, DataType.FLOAT16, dims, Uint16Array.from(bits));

/** x -> Q -> DQ -> Conv (int8 weights per channel) -> y, as TensorRT 10 wants it. */
function quantised(): ModelProto {
  const model = decodeModel(build((g) => g.node('Identity', 'y', ['x'])));
  const graph = model.graph!;
  graph.node = [
    node('QuantizeLinear', 'q', ['x', 'sx', 'zx'], ['xq']),
    node('DequantizeLinear', 'dq', ['xq', 'sx', 'zx'], ['xd']),
    node('DequantizeLinear', 'dqw', ['w', 'sw', 'zw'], ['wd'], { axis: 0 }),
    node('Conv', 'conv', ['xd', 'wd', 'b'], ['y'], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
  ];
  graph.initializer = [
    floats('sx', [0.02]),
    int8('zx', [0]),
    int8(
      'w',
      Array.from(values('w', 144), (v) => Math.round(100 * v)),
      [4, 4, 3, 3],
    ),
    floats('sw', [0.01, 0.01, 0.02, 0.01], [4]),
    int8('zw', [0, 0, 0, 0], [4]),
    floats('b', [0, 0, 0, 0], [4]),
  ];
  return model;
}

type GraphProto = NonNullable<ModelProto['graph']>;
type Change = (graph: GraphProto, model: ModelProto) => void;

/** What the convolution makes becomes c, and these nodes follow. */
function addBehind(graph: GraphProto, ...nodes: NodeProto[]): void {
  graph.node[3]!.output = ['c'];
  graph.node.push(...nodes);
}
function withConstant(graph: GraphProto, tensor: TensorProto): GraphProto {
  graph.initializer.push(tensor);
  return graph;
}
function changed(change: Change, base = quantised()): Uint8Array {
  change(base.graph!, base);
  return encodeDecoded(base);
}
const replace =
  (tensor: TensorProto): Change =>
  (graph) => {
    graph.initializer = graph.initializer.map((each) => (each.name === tensor.name ? tensor : each));
  };

const rulesOf = (bytes: Uint8Array, target: Target, release?: TensorrtRelease) =>
  lintModel(bytes, 'the model', target, release).map(({ rule, node: name }) => (name ? `${rule} ${name}` : rule));

test('well placed pairs break no rule, and a convolution left in float32 is pointed at', () => {
  expect(
    rulesOf(
      changed(() => {}),
      'trt-int8',
    ),
  ).toEqual([]);
  const left = changed(
    (graph) =>
      withConstant(graph, floats('w2', Array(16).fill(0.1), [4, 4, 1, 1])) &&
      addBehind(graph, node('Conv', 'last', ['c', 'w2'], ['y'])),
  );
  expect(rulesOf(left, 'trt-int8')).toEqual(['float32-left last']);
  expect(
    rulesOf(
      changed(() => {}),
      'trt8',
      '8.6',
    ),
  ).toEqual([]);
});

const BROKEN: [string, Change, string, Target?, TensorrtRelease?][] = [
  ['a uint8 zero point', replace(uint8('zx', [0])), 'q-zero-point q'],
  ['a zero point of 3', replace(int8('zx', [3])), 'q-zero-point q'],
  ['no zero point', (graph) => graph.node[0]!.input.pop(), 'q-zero-point q'],
  ['a scale of 0', replace(floats('sx', [0])), 'q-scale q'],
  ['a negative scale', replace(floats('sw', [0.1, -0.1, 0.1, 0.1], [4])), 'q-scale dqw'],
  ['a scale that is no number', replace(floats('sx', [Number.NaN])), 'q-scale q'],
  [
    'a computed scale',
    (graph) => {
      graph.node.unshift(node('ReduceMax', 'max', ['x'], ['sx2'], { keepdims: 0 }));
      graph.node[1]!.input[1] = 'sx2';
    },
    'q-scale q',
  ],
  ['scales per channel of an activation', replace(floats('sx', [0.1, 0.1, 0.1, 0.1], [4])), 'q-activation q'],
  [
    'weights scaled along the input channels',
    (graph) => {
      graph.node[2]!.attribute[0]!.i = 1n;
    },
    'q-weight-axis dqw',
  ],
  ['int8 constants before 8.6', () => {}, 'q-int8-constant dqw', 'trt8', '8.5'],
  [
    'an int32 bias',
    (graph) => {
      graph.initializer.push(
        constant('bq', DataType.INT32, [4], new Int32Array(4)),
        constant('bz', DataType.INT8, [], new Int8Array(1)),
      );
      graph.node.unshift(node('DequantizeLinear', 'dqb', ['bq', 'sx', 'bz'], ['bd']));
      graph.node[4]!.input[2] = 'bd';
    },
    'q-bias conv',
  ],
  [
    'a pair between convolution and Add',
    (graph) => {
      graph.node[3]!.output = ['c'];
      graph.node.push(
        node('QuantizeLinear', 'q2', ['c', 'sx', 'zx'], ['cq']),
        node('DequantizeLinear', 'dq2', ['cq', 'sx', 'zx'], ['cd']),
        node('Add', 'add', ['cd', 'x'], ['y']),
      );
    },
    'q-before-add q2',
  ],
  [
    'a quantised input of Elu',
    (graph) => addBehind(graph, node('Elu', 'elu', ['xd'], ['e']), node('Add', 'add', ['c', 'e'], ['y'])),
    'q-no-int8 elu',
  ],
  [
    'float weights under a quantised input',
    (graph) => {
      withConstant(graph, floats('wf', Array(144).fill(0.1), [4, 4, 3, 3])).node[3]!.input[1] = 'wf';
    },
    'q-weights conv',
  ],
  [
    'an opset too new',
    (_, model) => {
      model.opsetImport[0]!.version = 21n;
    },
    'opset',
  ],
  ['an opset too new for 8.2', () => {}, 'opset', 'trt8', '8.2'],
  [
    'an opset nobody knows here',
    (_, model) => {
      model.opsetImport[0]!.version = 99n;
    },
    'readable',
  ],
  [
    'a LayerNormalization before 8.6',
    (graph) => addBehind(graph, node('LayerNormalization', 'norm', ['c', 'b'], ['y'])),
    'operator norm',
    'trt8',
    '8.5',
  ],
  ['an STFT', (graph) => addBehind(graph, node('STFT', 'stft', ['c', 'sx'], ['y'])), 'operator stft'],
  [
    'a QLinearConv',
    (graph) => {
      graph.node[3]!.opType = 'QLinearConv';
    },
    'operator conv',
  ],
  [
    'an operator of another domain',
    (graph) => {
      graph.node[3]!.domain = 'com.microsoft';
    },
    'domain conv',
  ],
  [
    'axes that are computed',
    (graph) => addBehind(graph, node('Shape', 'shape', ['x'], ['s']), node('Squeeze', 'squeeze', ['c', 's'], ['y'])),
    'constant-input squeeze',
  ],
  [
    'the indices of MaxPool',
    (graph) => addBehind(graph, node('MaxPool', 'pool', ['c'], ['y', 'i'], { kernel_shape: [1, 2] })),
    'pool-indices pool',
  ],
  [
    'Einsum with an ellipsis on 8',
    (graph) => addBehind(graph, node('Einsum', 'sum', ['c'], ['y'], { equation: '...ij->...ji' })),
    'einsum sum',
    'trt8',
    '8.6',
  ],
  [
    'an infinite float16',
    (graph) => addBehind(withConstant(graph, halves('h', [0x7c00])), node('Mul', 'mul', ['c', 'h'], ['y'])),
    'float16-finite mul',
    'trt-fp16',
  ],
  [
    'float32 and float16 in one operator',
    (graph) => addBehind(withConstant(graph, halves('h', [0x3c00])), node('Mul', 'mul', ['c', 'h'], ['y'])),
    'mixed-types mul',
    'trt-fp16',
  ],
  ['a float16 scale of 1e-5', replace(halves('sx', [0x00a8])), 'float16-scale q'],
  ['float16 in a weakly typed model', replace(halves('sx', [0x3c00])), 'float16-in-weak q', 'trt8', '8.6'],
  ['int8 activations on x86', () => {}, 'u8-activations q', 'ort-int8'],
  ['a convolution without a QuantizeLinear behind it', () => {}, 'needs-output-q conv', 'ort-int8'],
  [
    'uint8 weights',
    (graph) => {
      withConstant(graph, uint8('zu', [128])).node[2]!.input[2] = 'zu';
    },
    's8-weights conv',
    'ort-int8',
  ],
  ['16-bit activations', replace(constant('zx', DataType.UINT16, [], new Uint16Array(1))), '16-bit q', 'ort-int8'],
  [
    'an operator without an integer form between two pairs',
    (graph) => {
      graph.node[3]!.output = ['c'];
      graph.node.push(node('Elu', 'elu', ['xd'], ['e']), node('QuantizeLinear', 'q2', ['e', 'sx', 'zx'], ['eq']));
      graph.node.push(
        node('DequantizeLinear', 'dq2', ['eq', 'sx', 'zx'], ['ed']),
        node('Add', 'add', ['c', 'ed'], ['y']),
      );
    },
    'float-island elu',
    'ort-int8',
  ],
  [
    'an IR version nobody reads',
    (_, model) => {
      model.irVersion = 14n;
    },
    'ir-version',
    'ort-fp32',
  ],
  [
    'a domain of somebody',
    (graph) => {
      graph.node[3]!.domain = 'org.somebody';
    },
    'domain conv',
    'ort-fp32',
  ],
];

test.each(BROKEN)('%s is named with node and rule', (_, change, expected, target = 'trt-int8', release?) => {
  expect(rulesOf(changed(change), target, release)).toContain(expected);
});

test('a plain model is no int8 model, for either runtime', () => {
  const plain = build((g) => g.node('Identity', 'y', ['x']));
  expect(rulesOf(plain, 'ort-int8')).toEqual(['not-quantised']);
  expect(rulesOf(plain, 'trt-int8')).toContain('not-quantised');
});

const GRU_ATTRIBUTES = { direction: 'bidirectional', hidden_size: 2, linear_before_reset: 1 };
const gru = (change: Change) =>
  changed((graph, model) => {
    const shape = (name: string, dims: number[]) => floats(name, Array(dims.reduce((a, b) => a * b)).fill(0.1), dims);
    graph.node = [node('GRU', 'gru', ['x', 'w', 'r'], ['y'], GRU_ATTRIBUTES)];
    graph.initializer = [shape('w', [2, 6, 8]), shape('r', [2, 6, 2])];
    change(graph, model);
  });

test('recurrent layers: layout, activations of the two directions, weights that are computed', () => {
  const attribute =
    (name: string, extra: object): Change =>
    (graph) => {
      const like = graph.node[0]!.attribute[0]!;
      graph.node[0]!.attribute.push({ ...like, name, ...extra });
    };
  const words = ['Sigmoid', 'Tanh', 'Sigmoid', 'Relu'].map((word) => new TextEncoder().encode(word));
  expect(rulesOf(gru(attribute('layout', { type: 2, i: 1n })), 'trt8')).toEqual(['gru-layout gru']);
  expect(rulesOf(gru(attribute('activations', { type: 8, strings: words })), 'trt8')).toEqual(['gru-directions gru']);
  expect(
    rulesOf(
      gru((graph) => {
        graph.node[0]!.input[1] = 'x';
      }),
      'trt8',
    ),
  ).toEqual(['constant-input gru']);
  expect(
    rulesOf(
      gru(() => {}),
      'trt8',
    ),
  ).toEqual([]);
});

test('every network of ours suits ONNX Runtime and TensorRT 8.5 as it is, and says that it is not float16', () => {
  for (const name of ['cnn', 'crnn', 'm-crnn', 'res-crnn', 'res-scse-crnn', 'res-scse-crnn-accdoa']) {
    const model = buildOnnx(network(name), goldenWeights(network(name)));
    expect([name, rulesOf(model, 'ort-fp32'), rulesOf(model, 'trt8', '8.5')]).toEqual([name, [], []]);
    expect(rulesOf(model, 'trt-fp16')[0]).toBe('not-float16');
  }
});

test('every rule has a source, and every rule is broken by a test here', () => {
  const broken = [
    ...BROKEN.map(([, , expected]) => expected.split(' ')[0]),
    'not-quantised',
    'not-float16',
    'float32-left',
  ];
  const elsewhere = ['gru-layout', 'gru-directions', 'gru-state'];
  expect(Object.keys(RULES).filter((rule) => ![...broken, ...elsewhere].includes(rule))).toEqual([]);
  expect(Object.values(RULES).every(({ source }) => source.length > 8)).toBe(true);
});

test('a float16 recurrent layer without its initial state is pointed at', () => {
  const model = gru((graph) => {
    graph.initializer = [
      halves('w', Array(96).fill(0x2e66), [2, 6, 8]),
      halves('r', Array(24).fill(0x2e66), [2, 6, 2]),
    ];
    graph.node.unshift(node('Cast', 'cast', ['x'], ['xh'], { to: 10 }));
    graph.node[1]!.input[0] = 'xh';
  });
  expect(rulesOf(model, 'trt-fp16')).toEqual(['gru-state gru']);
  const rule: RuleName = 'gru-state';
  expect(RULES[rule].level).toBe('warning');
});
