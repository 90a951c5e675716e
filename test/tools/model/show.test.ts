// earshot model show: the numbers of seld.md §4.3, the table and the picture.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { countMacs, countParameters } from '../../../models/layers.ts';
import type { Format } from '../../../models/presets.ts';
import { parseGraph } from '../../../tools/model/graph/read-graph.ts';
import { layerTable } from '../../../tools/model/layer-table.ts';
import { buildOnnx } from '../../../tools/model/onnx/build-onnx.ts';
import { rewriteGraph } from '../../../tools/model/rewrites/all-rewrites.ts';
import { earshot, jsonLines } from '../../earshot.ts';
import { GOLDEN, goldenWeights, network } from './golden-networks.ts';
import { apart, build, exported } from './graphs.ts';

const EXPORTED = fileURLToPath(new URL('../../golden/graphs/literature-free.onnx', import.meta.url));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-show-'));
});
afterEach(() => rm(folder, { recursive: true }));

function graphOf(name: string, format: Format = 'foa', settings: object = {}) {
  const description = network(name, format, settings);
  return parseGraph(buildOnnx(description, goldenWeights(description)), name);
}

/** Published sizes, computed by hand for 11 classes (reference seld.md 4.3). */
test.each([
  ['foa', 1, 658476, 0.914],
  ['foa', 4, 640044, 0.914],
  ['foa', 16, 635436, 0.914],
  ['mic', 4, 641964, 0.951],
] as const)(
  'a Res-scSE-CRNN for %s with ratio %i has %i parameters and %f billion MACs in 300 frames',
  (format, ratio, parameters, macs) => {
    const block = { kind: 'residual', attention: 'scSE', ratio };
    const { totals, unknown } = layerTable(graphOf('res-scse-crnn', format, { block }), 300);
    expect(totals.parameters).toBe(parameters);
    expect(totals.macs / 1e9).toBeCloseTo(macs, 3);
    expect(unknown).toEqual([]);
  },
);

test('the plain CRNN with the same pools has 513 324 parameters and 0.148 billion MACs', () => {
  const stages = [4, 4, 2].map((bandPool, i) => ({ filters: 64, timePool: i === 0 ? 5 : 1, bandPool }));
  const { totals } = layerTable(graphOf('crnn', 'foa', { stages }), 300);
  expect([totals.parameters, (totals.macs / 1e9).toFixed(3)]).toEqual([513324, '0.148']);
});

test('graph and description agree on the size of every network', () => {
  for (const { network: name, format, settings } of GOLDEN) {
    const description = network(name, format, settings);
    const { totals } = layerTable(graphOf(name, format, settings), 300);
    expect([name, totals.parameters, totals.macs]).toEqual([
      name,
      countParameters(description),
      countMacs(description, 300),
    ]);
  }
});

test('rewriting folds 9 norms of 2 x 64 values away and leaves the work as it was', () => {
  const graph = graphOf('res-scse-crnn');
  const before = layerTable(graph, 300).totals;
  rewriteGraph(graph, 'ort-fp32');
  const { totals } = layerTable(graph, 300);
  expect([before.parameters - totals.parameters, before.macs - totals.macs]).toEqual([9 * 2 * 64, 0]);
});

test('the table lists every node with its output, and the totals', async () => {
  const { code, stdout } = await earshot(['model', 'show', EXPORTED, '--frames', '100']);
  expect(code).toBe(0);
  const lines = stdout.split('\n');
  expect(lines[0]).toMatch(/^operator +name +output +parameters +M MACs +bytes +format$/);
  // 8 filters of 7 x 3 x 3 over 100 x 32 places.
  expect(lines.find((line) => line.includes('/stages/stages.0/first/Conv'))).toMatch(
    /^Conv +\S+ +1 x 8 x 100 x 32 +504 +1\.61 +2 016 +float$/,
  );
  expect(lines.at(-2)).toMatch(/^total +80 nodes, 100 frames /);
});

test('with --json each layer is one object, and what could not be told is listed', async () => {
  const file = join(folder, 'odd.onnx');
  await writeFile(
    file,
    build((graph) => {
      graph.node('DepthToSpace', 'odd', ['x'], { blocksize: 2 });
      graph.node('Relu', 'y', ['odd']);
    }),
  );
  const { code, stdout } = await earshot(['model', 'show', file, '--json']);
  expect(code).toBe(0);
  const [odd, relu, totals] = jsonLines(stdout);
  expect(odd).toMatchObject({ type: 'layer', op: 'DepthToSpace', name: 'odd', parameters: 0, reads: [] });
  expect(relu).toMatchObject({ op: 'Relu', dtype: 'float', reads: [0] });
  expect(totals).toMatchObject({ type: 'totals', nodes: 2, opset: 17, frames: 300, unknown: ['odd', 'y'] });
});

test('the picture names every operator, and is written as SVG or PNG', async () => {
  const svg = join(folder, 'net.svg');
  await earshot(['model', 'show', EXPORTED, '--graph', svg]);
  const drawn = await readFile(svg, 'utf8');
  const labels = [...drawn.matchAll(/aria-label="([^"]+)"/g)].map((match) => match[1]);
  const graph = parseGraph(exported('literature-free'), 'it');
  for (const { opType } of graph.nodes) expect(labels).toContain(opType);
  expect(labels.filter((label) => label === 'Conv')).toHaveLength(11);
  expect(labels).toEqual(expect.arrayContaining(['features', 'activity', 'direction']));
  const png = join(folder, 'net.png');
  expect((await earshot(['model', 'show', EXPORTED, '--graph', png])).code).toBe(0);
  expect((await readFile(png)).subarray(1, 4).toString()).toBe('PNG');
});

test.each([
  [['model', 'show', EXPORTED, '--graph', 'net.pdf'], /net\.pdf must end in \.svg or \.png/],
  [['model', 'show', 'nowhere.onnx'], /Cannot read nowhere\.onnx: there is no such file/],
  [['model', 'show', fileURLToPath(import.meta.url)], /is no ONNX model/],
  [['model', 'show', EXPORTED, '--frames', '0'], /whole number from 1/],
  [['model', 'optimise', EXPORTED, '--out', 'x.onnx', '--without', 'elo'], /no rewrite "elo", did you mean "elu"/],
  [['model', 'optimise', EXPORTED, '--out', EXPORTED], /is the model itself/],
  [['model', 'optimise', EXPORTED, '--out', 'x.onnx', '--target', 'tpu'], /Allowed choices are ort-fp32/],
])('%j says what is wrong', async (args, message) => {
  const { code, stderr } = await earshot(args, folder);
  expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
});

test('optimise writes a proved model and says what it did', async () => {
  const { code, stdout } = await earshot(['model', 'optimise', EXPORTED, '--out', 'fast.onnx', '--json'], folder);
  expect(code).toBe(0);
  const [result] = jsonLines(stdout) as [
    { nodesBefore: number; nodesAfter: number; proof: { largestDifference: number } },
  ];
  expect(result).toMatchObject({ file: 'fast.onnx', written: true, target: 'ort-fp32', nodesBefore: 80 });
  const fast = await readFile(join(folder, 'fast.onnx'));
  expect(parseGraph(fast, 'fast').size).toBe(result.nodesAfter);
  expect(result.proof.largestDifference).toBeLessThan(1e-5);
  const features = { dims: [1, 7, 40, 32], values: Float32Array.from({ length: 8960 }, (_, i) => Math.sin(i * i)) };
  expect(await apart(exported('literature-free'), fast, { features })).toBeLessThan(1e-5);
});

test('optimise --dry-run proves and writes nothing', async () => {
  const { code, stdout } = await earshot(['model', 'optimise', EXPORTED, '--out', 'fast.onnx', '--dry-run'], folder);
  expect([code, stdout]).toEqual([0, expect.stringMatching(/nothing written[\s\S]*Proved on 4 windows/)]);
  await expect(readFile(join(folder, 'fast.onnx'))).rejects.toThrow('ENOENT');
});
