// One calibrated graph and what the emitters make of it, run by ONNX Runtime: close to float, fused, the same bytes every time.

import { checkFusion } from '../../../../tools/model/fusion.ts';
import { parseGraph } from '../../../../tools/model/graph/read-graph.ts';
import { lintModel } from '../../../../tools/model/lint.ts';
import { buildOnnx } from '../../../../tools/model/onnx/build-onnx.ts';
import { openSession } from '../../../../tools/model/onnx-session.ts';
import { type CalibratedGraph, calibrate, type Window } from '../../../../tools/model/quantise/calibrate.ts';
import { cacheVersion, calibrationCache } from '../../../../tools/model/quantise/calibration-cache.ts';
import { integerLayers } from '../../../../tools/model/quantise/integer-plan.ts';
import { decibels, outputNoise, referenceOutputs } from '../../../../tools/model/quantise/output-noise.ts';
import { measureSensitivity, sensitivityTable, worstFirst } from '../../../../tools/model/quantise/sensitivity.ts';
import { emit } from '../../../../tools/model/quantise/targets.ts';
import { eluFromExp } from '../../../../tools/model/rewrites/elu-from-exp.ts';
import { goldenWeights, network } from '../golden-networks.ts';
import { apart, build, exported, operators, values } from '../graphs.ts';
import { QUANTISED, windows } from './golden.ts';

const FRAMES = 150;
const OPTIONS = { method: 'mse', floatLayers: [], release: '8.5.2' } as const;

/** Large enough that integers are worth it; the bands are those of make_quantise.py. */
const NETWORK = network('res-scse-crnn', 'foa', {
  bands: QUANTISED.bands,
  stages: [
    { filters: 32, timePool: 5, bandPool: 4 },
    { filters: 32, timePool: 1, bandPool: 4 },
  ],
  gru: { units: 16, layers: 1, merge: 'mul' },
  headUnits: 16,
});
const MODEL = buildOnnx(NETWORK, goldenWeights(NETWORK));

const calibrated = (model = MODEL, count = 4, frames = FRAMES): Promise<CalibratedGraph> =>
  calibrate({ model, where: 'the model', frames, windows: windows(count, frames) });

const graph = await calibrated();
const probes: readonly Window[] = await take(windows(3, FRAMES));

async function take<T>(all: AsyncIterable<T>): Promise<T[]> {
  const taken: T[] = [];
  for await (const each of all) taken.push(each);
  return taken;
}

/** Worst signal over noise of all outputs beside the float model, in decibels. */
async function quality(bytes: Uint8Array, optimisation: 'all' | 'disabled' = 'all'): Promise<number> {
  const original = await openSession(MODEL, 'the model');
  const reference = await referenceOutputs(original, probes);
  const session = await openSession(bytes, 'the other', { optimisation });
  const noise = await outputNoise(session, probes, reference);
  await original.close();
  await session.close();
  return Math.min(...Object.values(noise).map(decibels));
}

test("the least and largest value of each tensor are those of ONNX Runtime's MinMax calibrator", async () => {
  const small = await calibrate({
    model: exported('ours-folded'),
    where: 'ours',
    frames: QUANTISED.frames,
    windows: windows(),
  });
  const shared = Object.entries(QUANTISED.ranges).filter(([tensor]) => small.knows(tensor));
  expect(shared.length).toBeGreaterThanOrEqual(10);
  for (const [tensor, [lo, hi]] of shared) {
    const { lowest, highest } = small.distribution(tensor);
    expect(Math.abs(lowest - lo)).toBeLessThan(1e-4);
    expect(Math.abs(highest - hi)).toBeLessThan(1e-4);
  }
});

test('long tensors are sampled, their ends are exact all the same', async () => {
  const long = await calibrated(MODEL, 1, 600);
  const tensor = integerLayers(parseGraph(long.bytes, 'x'), 600).find(({ op }) => op === 'Conv')!.name;
  const { lowest, highest, counts } = long.distribution(tensor);
  const session = await openSession(parseGraph(long.bytes, 'x').encode([tensor]), 'x');
  const [window] = await take(windows(1, 600));
  const whole = (await session.run({ features: { dims: [1, ...window!.dims], values: window!.values } }))[tensor]!
    .values;
  await session.close();
  expect(lowest).toBeCloseTo(Math.min(...whole.subarray(0, 1e5), ...[whole.reduce((a, b) => Math.min(a, b))]), 4);
  expect(highest).toBeCloseTo(
    whole.reduce((a, b) => Math.max(a, b)),
    4,
  );
  const counted = counts.reduce((sum, count) => sum + count, 0);
  expect(counted).toBeLessThan(whole.length / 2);
  expect(counted).toBeGreaterThan(whole.length / 8);
});

test('INT8 for ONNX Runtime keeps 20 dB of a network that was never trained, mse more than min-max, and half of the bytes', async () => {
  const { bytes } = emit('ort-int8', graph, OPTIONS);
  const found = await quality(bytes);
  expect(found).toBeGreaterThan(20);
  expect(found).toBeGreaterThan(await quality(emit('ort-int8', graph, { ...OPTIONS, method: 'min-max' }).bytes));
  expect(bytes.length).toBeLessThan(0.6 * MODEL.length);
});

test('INT8 computes the same integers whether ONNX Runtime fuses them or not', async () => {
  const { bytes } = emit('ort-int8', graph, OPTIONS);
  const [fused, plain] = [await quality(bytes), await quality(bytes, 'disabled')];
  expect(Math.abs(fused - plain)).toBeLessThan(1);
});

test('every operator that was meant to be integer runs in integers, ELU as a table among them', async () => {
  const { bytes } = emit('ort-int8', graph, OPTIONS);
  const { islands, expected } = await checkFusion(bytes, 'the model');
  expect(islands).toEqual([]);
  expect(expected).toBeGreaterThanOrEqual(5);
  const names = integerLayers(parseGraph(graph.bytes, 'x'), FRAMES).map(({ op }) => op);
  expect(names).toEqual(expect.arrayContaining(['Conv', 'Elu', 'Add', 'Mul', 'MaxPool', 'GlobalAveragePool']));
  const emitted = operators(parseGraph(bytes, 'x'));
  expect(emitted.Elu).toBeUndefined();
  expect(lintModel(bytes, 'the model', 'ort-int8').filter(({ level }) => level === 'error')).toEqual([]);
});

test('the same inputs give the same bytes, for every target', async () => {
  const again = await calibrated();
  for (const target of ['ort-int8', 'trt-int8', 'trt-fp16', 'trt8', 'ort-fp32', 'calibration-cache'] as const) {
    expect(Buffer.compare(emit(target, graph, OPTIONS).bytes, emit(target, again, OPTIONS).bytes)).toBe(0);
  }
});

test('layers that are to stay float do, and an unknown one is named with those that there are', () => {
  const [first] = integerLayers(parseGraph(graph.bytes, 'x'), FRAMES);
  const integers = (floatLayers: string[]) =>
    operators(parseGraph(emit('ort-int8', graph, { ...OPTIONS, floatLayers }).bytes, 'x'));
  expect(integers([first!.name]).DequantizeLinear!).toBeLessThan(integers([]).DequantizeLinear!);
  expect(() => emit('ort-int8', graph, { ...OPTIONS, floatLayers: ['stages.9'] })).toThrow(
    /"stages.9".*Known: stages\.0/,
  );
});

test.each(['trt-fp16', 'trt-int8', 'trt8'] as const)(
  '%s keeps the rules of its target and the outputs',
  async (target) => {
    const { bytes } = emit(target, graph, OPTIONS);
    expect(lintModel(bytes, target, target).filter(({ level }) => level === 'error')).toEqual([]);
    expect(await quality(bytes, 'disabled')).toBeGreaterThan(target === 'trt-fp16' ? 45 : 20);
  },
);

test('strongly typed int8 is float16 between its integers, its GRU float32 with its state written out', () => {
  const { bytes } = emit('trt-int8', graph, OPTIONS);
  const made = parseGraph(bytes, 'x');
  expect(made.opset).toBe(19);
  expect(made.inputs.map(({ name }) => name)).toEqual(['features']);
  const gru = made.nodes.find(({ opType }) => opType === 'GRU')!;
  expect(made.producer(gru.input[0]!)!.opType).toBe('Cast');
  expect(made.floats(gru.input[5]!)).toEqual(new Float32Array(2 * 16));
  const pairs = made.nodes.filter(({ opType }) => opType === 'QuantizeLinear');
  // One pair for a tensor, however many read it, and none in front of squeeze and excitation.
  expect(new Set(pairs.map(({ input }) => input[0])).size).toBe(pairs.length);
  expect(pairs.some(({ input }) => input[0]!.includes('attention.mean'))).toBe(false);
});

test('weakly typed int8 keeps float32 weights behind Q and DQ, which TensorRT 8.0 to 8.5 fold', () => {
  const made = parseGraph(emit('trt8', graph, OPTIONS).bytes, 'x');
  const conv = made.nodes.find(({ opType, input }) => opType === 'Conv' && made.producer(input[1]!))!;
  const dequantise = made.producer(conv.input[1]!)!;
  const quantise = made.producer(dequantise.input[0]!)!;
  expect([quantise.opType, dequantise.opType]).toEqual(['QuantizeLinear', 'DequantizeLinear']);
  expect(made.floats(quantise.input[0]!)).toBeDefined();
  expect(made.opset).toBeLessThanOrEqual(17);
});

test('a calibration cache has the header of its release and a scale for each tensor of the model beside it', () => {
  const { bytes, model } = emit('calibration-cache', graph, { ...OPTIONS, method: 'min-max', release: '8.2.1' });
  const [header, ...lines] = Buffer.from(bytes).toString().trim().split('\n');
  expect(header).toBe('TRT-8201-EntropyCalibration2');
  const made = parseGraph(model!, 'x');
  const tensors = new Set([...made.inputs.map(({ name }) => name), ...made.nodes.flatMap(({ output }) => output)]);
  expect(lines.length).toBeGreaterThan(20);
  for (const line of lines) {
    const [, tensor, scale] = /^(.+): ([0-9a-f]{8})$/.exec(line)!;
    expect(tensors).toContain(tensor);
    const { lowest, highest } = graph.distribution(tensor!);
    expect(Buffer.from(scale!, 'hex').readFloatBE() * 127).toBeCloseTo(Math.max(-lowest, highest, 127 * 6.2e-5), 3);
  }
  expect(['7.1.3', '8.2.1', '8.5.2', '8.6.0', '10.3.0'].map(cacheVersion)).toEqual([7103, 8201, 8502, 8600, 100300]);
  expect(() => calibrationCache(graph, 'mse', '11.0.0')).toThrow(/7 to 10/);
});

test.each(QUANTISED.cache)('a largest value of %d is written as numpy writes its scale', async (amax, hex) => {
  const flat = build((builder) => {
    const one = builder.constant(
      'one',
      [4, 4, 1, 1],
      Float32Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 1 : 0)),
    );
    builder.node('Conv', 'y', ['x', one], { kernel_shape: [1, 1] });
  });
  const loudest = async function* () {
    yield { dims: [4, 2, 8], values: Float32Array.from({ length: 64 }, (_, i) => (i === 5 ? amax : 0.1)) };
  };
  const found = await calibrate({ model: flat, where: 'x', frames: 2, windows: loudest() });
  expect(calibrationCache(found, 'min-max', '8.5.2')).toContain(`x: ${hex}\n`);
});

test('sensitivity names every layer, its shares add up, and the worst for its work comes first', async () => {
  const found = await measureSensitivity(graph, 'mse', probes);
  const layers = integerLayers(parseGraph(graph.bytes, 'x'), FRAMES);
  expect(found.layers.map(({ name }) => name)).toEqual(layers.map(({ name }) => name));
  const sum = (key: 'noiseShare' | 'workShare') => found.layers.reduce((all, layer) => all + layer[key], 0);
  expect(sum('noiseShare')).toBeCloseTo(1, 9);
  expect(sum('workShare')).toBeCloseTo(1, 9);
  for (const layer of found.layers) {
    for (const [name, db] of Object.entries(layer.sqnrDb)) expect(db).toBeGreaterThan(found.sqnrDb[name]! - 1.5);
  }
  const order = worstFirst(found);
  expect([...order].sort()).toEqual(layers.map(({ name }) => name).sort());
  const worth = (name: string) => found.layers.find((layer) => layer.name === name)!;
  const gain = (name: string) => worth(name).noiseShare / worth(name).workShare;
  expect(gain(order[0]!)).toBeGreaterThanOrEqual(gain(order.at(-1)!));
  expect(sensitivityTable(found)).toContain('all together');
});

test('a model whose ELUs were put together from other operators gives the same INT8 file', async () => {
  const together = parseGraph(graph.bytes, 'x');
  eluFromExp.apply(together);
  const optimised = together.encode();
  expect(operators(parseGraph(optimised, 'x')).Elu).toBeUndefined();
  expect(
    await apart(MODEL, optimised, { features: { dims: [1, ...probes[0]!.dims], values: probes[0]!.values } }),
  ).toBeLessThan(1e-4);
  const from = emit('ort-int8', await calibrated(optimised), OPTIONS).bytes;
  expect(operators(parseGraph(from, 'x'))).toEqual(operators(parseGraph(emit('ort-int8', graph, OPTIONS).bytes, 'x')));
});

test('input channels of very different size are stretched to one reach, which costs nothing and saves the small ones', async () => {
  const shrink = 1 / 16;
  const small = await take(windows(4, FRAMES));
  for (const { values: all } of small) for (let i = (all.length / 7) * 4; i < all.length; i += 1) all[i]! *= shrink;
  const uneven = await calibrate({
    model: MODEL,
    where: 'the model',
    frames: FRAMES,
    windows: (async function* () {
      yield* small;
    })(),
  });
  const stretched = parseGraph(uneven.bytes, 'x').nodes.find(
    ({ opType, input }) => opType === 'Mul' && input[0] === 'features',
  )!;
  const factors = parseGraph(uneven.bytes, 'x').floats(stretched.input[1]!)!;
  expect(Math.max(...factors.subarray(0, 4))).toBeLessThan(1.2);
  for (const factor of factors.subarray(4)) expect(factor * shrink).toBeCloseTo(1, 1);
  const session = await openSession(MODEL, 'the model');
  const reference = await referenceOutputs(session, small);
  await session.close();
  const worst = async (bytes: Uint8Array) => {
    const opened = await openSession(bytes, 'x');
    const noise = await outputNoise(opened, small, reference);
    await opened.close();
    return Math.min(...Object.values(noise).map(decibels));
  };
  expect(await worst(uneven.bytes)).toBeGreaterThan(90);
  // Only what reads the input in integers, so that nothing else drowns the difference.
  const layers = integerLayers(parseGraph(uneven.bytes, 'x'), FRAMES).map(({ name }) => name);
  const others = layers.filter((name) => !/stages.0.block.(first|shortcut).conv$/.test(name));
  const even = await worst(emit('ort-int8', uneven, { ...OPTIONS, floatLayers: others }).bytes);
  // As if nothing had been stretched: the same grids over the graph as it was.
  const plain = { ...uneven, bytes: graph.bytes };
  expect(even).toBeGreaterThan((await worst(emit('ort-int8', plain, { ...OPTIONS, floatLayers: others }).bytes)) + 0.5);
});

test('channels that are alike are left alone', () => {
  expect(
    parseGraph(graph.bytes, 'x')
      .consumers('features')
      .map(({ opType }) => opType),
  ).toEqual(['Conv', 'Conv']);
});

test('a convolution network without ELU is quantised too: ReLUs become part of the convolutions', async () => {
  const cnn = network('cnn', 'foa', { bands: QUANTISED.bands });
  const model = buildOnnx(cnn, goldenWeights(cnn));
  const found = await calibrate({ model, where: 'cnn', frames: FRAMES, windows: windows(2, FRAMES) });
  const { bytes } = emit('ort-int8', found, OPTIONS);
  expect((await checkFusion(bytes, 'cnn')).islands).toEqual([]);
});

test('a network too small for integers is refused by name', async () => {
  const small = build((builder) => {
    builder.node('Conv', 'y', ['x', builder.constant('w', [2, 4, 1, 1], values('w', 8))], { kernel_shape: [1, 1] });
  });
  const one = async function* () {
    yield { dims: [4, 2, 8], values: values('one', 64) };
  };
  const found = await calibrate({ model: small, where: 'small.onnx', frames: 2, windows: one() });
  expect(() => emit('ort-int8', found, OPTIONS)).toThrow('small.onnx has no layer that integers would make faster');
});

test('a network that gives no numbers is not calibrated', async () => {
  const broken = build((builder) => {
    builder.node('Sqrt', 'y', ['x']);
  });
  const negative = async function* () {
    yield { dims: [4, 2, 8], values: new Float32Array(64).fill(-1) };
  };
  await expect(calibrate({ model: broken, where: 'broken.onnx', frames: 2, windows: negative() })).rejects.toThrow(
    /broken\.onnx gives NaN as y/,
  );
});
