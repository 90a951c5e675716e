// Reading models for editing: what comes back, and what is refused by name.
import fc from 'fast-check';
import { inferShapes } from '../../../../tools/model/graph/infer-shapes.ts';
import { parseGraph } from '../../../../tools/model/graph/read-graph.ts';
import { decodeModel, encodeDecoded, type ModelProto } from '../../../../tools/model/onnx/codec.ts';
import { rewriteGraph } from '../../../../tools/model/rewrites/all-rewrites.ts';
import { apart, build, EXPORTS, exported, window } from '../graphs.ts';

/** A model with one change, as bytes. */
function changed(change: (model: ModelProto) => void, bytes = exported('literature')): Uint8Array {
  const model = decodeModel(bytes);
  change(model);
  return encodeDecoded(model);
}

test.each(EXPORTS)('%s is the same model after reading and writing', async (name) => {
  const original = exported(name);
  expect(await apart(original, parseGraph(original, name).encode(), { features: window() })).toBe(0);
});

test('what a newer exporter put into a file is still in it', () => {
  const original = changed((model) => {
    model.$unknown = [{ no: 999, wireType: 2, data: new Uint8Array([3, 1, 2, 3]) }];
    model.docString = 'made by somebody';
  });
  const { docString, $unknown } = decodeModel(parseGraph(original, 'the model').encode());
  expect([docString, $unknown?.[0]?.no]).toEqual(['made by somebody', 999]);
});

test('nodes in any order are written in one that runs', async () => {
  const original = exported('literature');
  const shuffled = changed((model) => model.graph!.node.reverse());
  expect(await apart(original, parseGraph(shuffled, 'shuffled').encode(), { features: window() })).toBe(0);
});

const REFUSED: [string, (model: ModelProto) => void, RegExp][] = [
  ['an opset too new', (model) => (model.opsetImport[0]!.version = 26n), /opset 26; opsets 13 to 21/],
  ['an opset too old', (model) => (model.opsetImport[0]!.version = 9n), /opset 9/],
  ['no opset', (model) => (model.opsetImport = []), /no version of the standard operators/],
  ['no graph', (model) => (model.graph = undefined), /holds no graph/],
  ['a tensor made twice', ({ graph }) => (graph!.node[1]!.output = graph!.node[0]!.output), /is made twice/],
  ['a tensor nobody makes', ({ graph }) => (graph!.node[3]!.input[0] = 'nothing'), /nothing makes the tensor nothing/],
  ['an output nobody makes', ({ graph }) => (graph!.output[0]!.name = 'more'), /nothing makes the tensor more/],
  ['a circle', ({ graph }) => (graph!.node[0]!.input[0] = graph!.node[2]!.output[0]!), /circle/],
  ['a constant shorter than its dims', ({ graph }) => (graph!.initializer[0]!.dims[0] = 99n), /bytes for 99 x/],
  [
    'a constant of gigantic dims',
    ({ graph }) => (graph!.initializer[0]!.dims = [2n ** 40n, 2n ** 40n]),
    /has \d+ bytes/,
  ],
  ['a constant of negative dims', ({ graph }) => (graph!.initializer[0]!.dims = [-4n]), /dims -4/],
  ['data in another file', ({ graph }) => (graph!.initializer[0]!.dataLocation = 1), /lies in another file/],
  ['two constants of one name', ({ graph }) => graph!.initializer.push(graph!.initializer[0]!), /one name/],
  [
    'a node with a graph of its own',
    ({ graph }) => {
      graph!.node[0]!.attribute.push({ ...graph!.node[0]!.attribute[0]!, name: 'body', type: 5, g: graph });
    },
    /graph of its own/,
  ],
];

test.each(REFUSED)('%s is refused', (_, change, message) => {
  const nested = decodeModel(exported('literature'));
  change(nested);
  // A graph inside itself cannot be written: the inner one is a copy.
  const body = nested.graph?.node[0]?.attribute.find(({ name }) => name === 'body');
  if (body) body.g = decodeModel(exported('ours-folded')).graph;
  expect(() => parseGraph(encodeDecoded(nested), 'bad.onnx')).toThrow(message);
  expect(() => parseGraph(encodeDecoded(nested), 'bad.onnx')).toThrow(
    expect.objectContaining({ name: 'UserError', message: expect.stringMatching(/^bad\.onnx /) }),
  );
});

test('damaged files are refused by name or rewritten, and never crash', () => {
  const original = exported('literature');
  const damage = fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(damage, fc.option(fc.nat(original.length)), (changes, length) => {
      const bytes = Uint8Array.from(original);
      for (const [at, value] of changes) bytes[at] = value;
      try {
        const graph = parseGraph(length === null ? bytes : bytes.subarray(0, length), 'damaged');
        rewriteGraph(graph, 'ort-fp32');
        inferShapes(graph, 300);
        graph.encode();
      } catch (error) {
        expect(error).toMatchObject({ name: 'UserError' });
      }
    }),
    { numRuns: 400 },
  );
});

test('shapes are told for every tensor of our exports, for any number of frames', () => {
  for (const name of ['ours-free', 'literature-free']) {
    const graph = parseGraph(exported(name), name);
    const shapes = inferShapes(graph, 100);
    const unknown = graph.nodes.flatMap(({ output }) => output).filter((tensor) => tensor && !shapes.dims(tensor));
    expect(unknown).toEqual([]);
    const labels = name === 'ours-free' ? 20 : 100;
    expect(['activity', 'direction'].map((output) => shapes.dims(output))).toEqual([
      [1, labels, 3],
      [1, labels, 9],
    ]);
  }
});

test('without the number of frames, what depends on it stays unknown and the rest is told', () => {
  const graph = parseGraph(
    build((builder) => {
      builder.constant('weight', [2, 3], new Float32Array(6));
      builder.node('Transpose', 'turned', ['weight']);
      builder.node('Relu', 'y', ['x']);
    }),
    'small',
  );
  const shapes = inferShapes(graph);
  expect([shapes.dims('turned'), shapes.dims('y')]).toEqual([[3, 2], undefined]);
});
