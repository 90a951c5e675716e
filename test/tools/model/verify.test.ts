// earshot model verify as its users run it: the shipped model is proved, a changed one and one that does not fuse are refused.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readModel } from '../../../runtime/inference/model-files.ts';
import { DEFAULT_BUDGET, isWithin } from '../../../tools/labelled-set.ts';
import { parseGraph } from '../../../tools/model/graph/read-graph.ts';
import { precisionOf, verifyFiles } from '../../../tools/model/verify-files.ts';
import { earshot, jsonLines } from '../../earshot.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SHIPPED = join(ROOT, 'models/office-foa');
const quantised = (name: string) => join(ROOT, 'test/golden/quantised', `${name}.onnx`);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-verify-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** The shipped network with its last direction weights scaled. */
async function changedNetwork(): Promise<string> {
  const graph = parseGraph(await readFile(join(SHIPPED, 'model.onnx')), 'model.onnx');
  const last = graph.initializers.find(({ name }) => name.startsWith('direction.out') && name.includes('weight'))!;
  last.rawData = new Uint8Array(graph.floats(last.name)!.map((value) => 1.3 * value).buffer);
  const file = join(folder, 'changed.onnx');
  await writeFile(file, graph.encode());
  return file;
}

test('the shipped model is proved, with report and picture', async () => {
  const report = join(folder, 'report');
  const { code, stdout, stderr } = await earshot(['model', 'verify', SHIPPED, '--report', report]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(
    /model\.onnx {2}float32, 2\.39 MiB: proved\n {2}against PyTorch {2}activity .* SQNR 1\d\d\.\d dB/,
  );
  expect(await readFile(join(report, 'verify.txt'), 'utf8')).toBe(stdout);
  const json = JSON.parse(await readFile(join(report, 'verify.json'), 'utf8'));
  expect(json).toMatchObject({
    name: 'office-foa',
    files: [
      { precision: 'float32', faults: [] },
      { precision: 'float32', faults: [] },
      { precision: 'int8', faults: [] },
    ],
  });
  expect((await readFile(join(report, 'verify.png'))).subarray(1, 4).toString()).toBe('PNG');
});

test('a file that computes something else is refused, by PyTorch and by what it hears', async () => {
  const changed = await changedNetwork();
  const labelled = join(ROOT, 'recordings');
  const words = ['model', 'verify', SHIPPED, '--against', changed, '--labelled', labelled, '--json'];
  const { code, stdout, stderr } = await earshot([...words, '--budget-de', '0.01']);
  expect([code, stderr]).toEqual([1, expect.stringContaining('changed.onnx cannot be used')]);
  const lines = jsonLines(stdout);
  const [shipped, verdict] = [lines[0], lines.at(-1)];
  const other = lines.find(({ file }) => file === changed);
  expect(shipped).toMatchObject({ type: 'file', faults: [], labelled: { scores: { F1: expect.any(Number) } } });
  expect((shipped!.labelled as { scores: { F1: number } }).scores.F1).toBeGreaterThan(0.6);
  expect(other!.faults).toEqual([
    // One output is a vector per class, the other its length: both are 1.3 times what they were, but for tanh.
    expect.stringMatching(/^activity differs from PyTorch by 0\.\d+, rounding does 0\.0001/),
    expect.stringMatching(/^direction differs from PyTorch by 0\.\d+, rounding does 0\.0001/),
    expect.stringMatching(/^on the labelled set/),
  ]);
  const { sqnrDb } = other!.labelled as { sqnrDb: { direction: number; activity: number } };
  for (const ratio of [sqnrDb.direction, sqnrDb.activity]) {
    expect(ratio).toBeGreaterThan(5);
    expect(ratio).toBeLessThan(40);
  }
  expect(verdict).toMatchObject({ type: 'verdict', files: 4, refused: expect.arrayContaining([changed]) });
});

test('an int8 file is taken when it runs in integers, and refused with the nodes that do not', async () => {
  const { golden: _, ...manifest } = (await readModel(SHIPPED)).manifest;
  const model = { ...(await readModel(SHIPPED)), manifest };
  const files = [quantised('uint8'), quantised('int8')];
  const [uint8, int8] = await verifyFiles(model, files, { budget: DEFAULT_BUDGET, threads: 1 });
  expect(uint8).toMatchObject({ precision: 'int8', faults: [], fusion: { expected: 16, islands: [] } });
  expect(int8!.faults).toEqual([expect.stringMatching(/^8 of 16 quantised operators run in float32: Conv \/stages/)]);
});

test('files for TensorRT are computed node by node and judged by their linter, not by what ONNX Runtime fuses', async () => {
  const { golden: _, ...manifest } = (await readModel(SHIPPED)).manifest;
  const model = { ...(await readModel(SHIPPED)), manifest };
  const named = join(folder, 'model-trt-int8.onnx');
  await writeFile(named, await readFile(quantised('int8')));
  const [file] = await verifyFiles(model, [named], { budget: DEFAULT_BUDGET, threads: 1 });
  expect(file).toMatchObject({ runtime: 'tensorrt', precision: 'int8', fusion: undefined });
  // Python's quantiser leaves zero points that are not 0 and int32 biases, which TensorRT does not take.
  expect(file!.faults.map((fault) => fault.split(':')[0])).toEqual(expect.arrayContaining(['q-zero-point', 'q-bias']));
});

test('the precision of a file is read from its graph', async () => {
  expect(precisionOf(await readFile(join(SHIPPED, 'model.onnx')))).toBe('float32');
  expect(precisionOf(await readFile(quantised('uint8')))).toBe('int8');
});

test('for a target the broken rule is told with its source, and the exit code is 1', async () => {
  const { code, stdout, stderr } = await earshot(['model', 'verify', SHIPPED, '--target', 'trt8', '--tensorrt', '8.2']);
  expect(stdout).toBe(
    'error: the opset must be one the target reads (opset)\n    opset 17; TensorRT 8.2 reads 7 to 13\n' +
      '    source: onnx/onnx-tensorrt docs/operators.md @8.2: "up to Opset 13"\n' +
      `${join(SHIPPED, 'model.onnx')} for trt8: 1 error, 0 warnings\n`,
  );
  expect([code, stderr]).toEqual([1, expect.stringContaining('breaks rules of trt8')]);
  const fine = await earshot(['model', 'verify', SHIPPED, '--target', 'ort-fp32', '--json']);
  expect([fine.code, jsonLines(fine.stdout)]).toEqual([0, [expect.objectContaining({ type: 'verdict', errors: 0 })]]);
});

test.each([
  [['--tensorrt', '10.3', '--target', 'ort-fp32'], '--tensorrt 10.3 is of no use to ort-fp32'],
  [['--labelled', 'nowhere'], 'nowhere holds no labelled recordings'],
  [['--against', 'nothing.onnx'], 'Cannot read nothing.onnx'],
  [['--budget-f1', '-1'], 'It must be a number from 0'],
])('%j is refused in one sentence', async (words, message) => {
  const { code, stderr } = await earshot(['model', 'verify', SHIPPED, ...words]);
  expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
});

test('half a point of F1 and 0.3 degrees may be lost, not more', () => {
  const scores = (F1: number, DE_unsnapped: number | null) => ({ F1, DE_unsnapped }) as never;
  const within = (F1: number, degrees: number | null) => isWithin(DEFAULT_BUDGET, scores(0.9, 8), scores(F1, degrees));
  expect([within(0.895, 8.3), within(0.95, 2), within(0.8949, 8), within(0.9, 8.31), within(0.9, null)]).toEqual([
    ...[true, true, false, false, false],
  ]);
});
