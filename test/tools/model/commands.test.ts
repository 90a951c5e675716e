// earshot model import and build: folders that run, and what is refused before anything is written.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tensorsOf } from '../../../models/layers.ts';
import { completeNetwork, parseNetwork } from '../../../models/network.ts';
import { FEATURE_CHANNELS } from '../../../models/presets.ts';
import { readModel } from '../../../runtime/inference/model-files.ts';
import { parsePytorch } from '../../../tools/model/weights/pytorch.ts';
import { formatSafetensors } from '../../../tools/model/weights/safetensors.ts';
import type { Tensor } from '../../../tools/model/weights/tensor.ts';
import { earshot, jsonLines } from '../../earshot.ts';
import { decodeFloats, goldenFeatures } from './golden-networks.ts';
import { largestDifference, openOnnx } from './run-onnx.ts';

const GOLDEN = fileURLToPath(new URL('../../golden/weights/', import.meta.url));
const TINY = join(GOLDEN, 'tiny.pt');
const TINY_NETWORK = join(GOLDEN, 'tiny.json');
const DESCRIPTION = parseNetwork(JSON.parse(await readFile(TINY_NETWORK, 'utf8')), 'tiny');
const NETWORK = completeNetwork(DESCRIPTION, { channels: 7 });
const as = (name: string) => ['--network', TINY_NETWORK, '--format', 'foa', '--name', name];

let folder: string;
let imported: string;
beforeAll(async () => {
  imported = await mkdtemp(join(tmpdir(), 'earshot-imported-'));
  await earshot(['model', 'import', TINY, ...as('tiny')], imported);
});
afterAll(() => rm(imported, { recursive: true }));
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-model-'));
});
afterEach(() => rm(folder, { recursive: true }));

const importTiny = (...more: string[]) => earshot(['model', 'import', TINY, ...as('tiny'), ...more], folder);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Writes the tiny weights with one change. */
async function changedWeights(change: (weights: Map<string, Tensor>) => void): Promise<string> {
  const weights = new Map(parsePytorch(await readFile(TINY)));
  change(weights);
  const file = join(folder, 'changed.safetensors');
  await writeFile(file, formatSafetensors(weights));
  return file;
}

test.each(['tiny.pt', 'tiny.safetensors'])('%s becomes a folder whose model gives what PyTorch gave', async (file) => {
  const { code, stdout } = await earshot(['model', 'import', join(GOLDEN, file), ...as('tiny'), '--json'], folder);
  expect(code).toBe(0);
  expect(jsonLines(stdout)).toEqual([
    {
      folder: 'tiny',
      tensors: tensorsOf(NETWORK).length,
      parameters: 1762,
      classes: 2,
      written: ['network.json', 'weights.safetensors', 'model.onnx'],
    },
  ]);
  expect((await readdir(join(folder, 'tiny'))).sort()).toEqual(['model.onnx', 'network.json', 'weights.safetensors']);
  const { tiny } = JSON.parse(await readFile(join(GOLDEN, 'expected.json'), 'utf8'));
  const run = await openOnnx(await readFile(join(folder, 'tiny/model.onnx')), NETWORK);
  const { activity, direction } = await run(goldenFeatures(NETWORK, tiny.frames));
  expect(largestDifference(activity, decodeFloats(tiny.activity))).toBeLessThan(1e-4);
  expect(largestDifference(direction, decodeFloats(tiny.direction))).toBeLessThan(1e-4);
});

test('missing, unexpected and mis-shaped tensors are named with the shapes expected, and nothing is written', async () => {
  const file = await changedWeights((weights) => {
    const { values } = weights.get('direction.out.bias')!;
    weights.delete('stages.1.block.second.conv.bias');
    weights.set('gru.0.layer.bias_ih_l0', { shape: [3, 3], values: new Float32Array(9) });
    weights.set('extra.weight', { shape: [1, 6], values });
  });
  const { code, stderr } = await earshot(['model', 'import', file, ...as('tiny')], folder);
  expect(code).toBe(1);
  expect(stderr.split('\n').slice(0, -1)).toEqual([
    `error: ${file} does not hold the weights of the network ${TINY_NETWORK}:`,
    '  missing     stages.1.block.second.conv.bias [6]',
    '  unexpected  extra.weight [1, 6]',
    '  mis-shaped  gru.0.layer.bias_ih_l0 [3, 3], expected [9]',
    'Give the --network they were trained as, or its settings in a file.',
  ]);
  expect(existsSync(join(folder, 'tiny'))).toBe(false);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])('weights with %p are refused', async (value) => {
  const file = await changedWeights((weights) => {
    weights.get('activity.out.bias')!.values[1] = value;
  });
  const { code, stderr } = await earshot(['model', 'import', file, ...as('tiny')], folder);
  expect([code, stderr]).toEqual([
    1,
    `error: ${file}: tensor activity.out.bias holds ${value}; weights are finite numbers.\n`,
  ]);
});

test('weights for one format are not taken for the other', async () => {
  const { code, stderr } = await earshot(
    ['model', 'import', TINY, '--network', TINY_NETWORK, '--format', 'mic', '--name', 'tiny'],
    folder,
  );
  expect(code).toBe(1);
  expect(stderr).toContain('stages.0.block.first.conv.weight [4, 7, 3, 3], expected [4, 10, 3, 3]');
});

test('a dry run checks all and writes nothing', async () => {
  expect((await importTiny('--dry-run')).code).toBe(0);
  expect(await readdir(folder)).toEqual([]);
});

test('a model is only replaced when told so', async () => {
  await cp(imported, folder, { recursive: true });
  const again = await importTiny();
  expect([again.code, again.stderr]).toEqual([
    1,
    'error: tiny already holds a weights.safetensors: give another --out, or --force to replace it.\n',
  ]);
  expect((await importTiny('--force')).code).toBe(0);
});

test.each([
  ['that is missing', async () => {}, 'Cannot read weights.pt: there is no such file.'],
  ['that is empty', (file: string) => writeFile(file, ''), 'neither safetensors nor a file of torch.save'],
  ['of text', (file: string) => writeFile(file, 'weights, honestly'), 'neither safetensors nor a file of torch.save'],
  [
    'of an old torch',
    async (file: string) => writeFile(file, await readFile(join(GOLDEN, 'legacy.pt'))),
    'saved by torch before 1.6',
  ],
  [
    'cut off',
    async (file: string) => writeFile(file, (await readFile(TINY)).subarray(0, 5000)),
    'is cut off, or something follows it',
  ],
  [
    'over 256 MiB',
    async (file: string) => {
      await writeFile(file, '');
      await truncate(file, 2 ** 28 + 1);
    },
    'has 257 MiB, more than the 256 that are read',
  ],
])('a weight file %s gets one sentence and exit code 1', async (_, make, message) => {
  await make(join(folder, 'weights.pt'));
  const { code, stderr } = await earshot(['model', 'import', 'weights.pt', ...as('tiny')], folder);
  expect(code).toBe(1);
  expect(stderr).toContain(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(existsSync(join(folder, 'tiny'))).toBe(false);
});

test('a mistyped network gets the nearest name', async () => {
  const args = ['model', 'import', TINY, '--network', 'res-scse-crn', '--format', 'foa', '--name', 'x'];
  const { code, stderr } = await earshot(args, folder);
  expect([code, stderr]).toEqual([1, expect.stringContaining('did you mean "res-scse-crnn"?')]);
});

test('a built model has the bytes of the imported one', async () => {
  await cp(imported, folder, { recursive: true });
  const file = join(folder, 'tiny/model.onnx');
  const bytes = await readFile(file);
  await rm(file);
  const { code, stdout } = await earshot(['model', 'build', 'tiny', '--json'], folder);
  expect(code).toBe(0);
  expect(await readFile(file)).toEqual(bytes);
  expect(jsonLines(stdout)).toMatchObject([
    { file: 'tiny/model.onnx', sha256: sha256(bytes), bytes: bytes.length, parameters: 1762 },
  ]);
});

describe('with a manifest', () => {
  async function withManifest(change: object = {}): Promise<void> {
    await cp(imported, folder, { recursive: true });
    const hash = async (name: string) => [name, sha256(await readFile(join(folder, 'tiny', name)))] as const;
    const files = Object.fromEntries(await Promise.all(['network.json', 'weights.safetensors'].map(hash)));
    await writeFile(join(folder, 'tiny/manifest.json'), JSON.stringify({ ...MANIFEST, files, ...change }));
  }
  const build = (...more: string[]) => earshot(['model', 'build', 'tiny', ...more], folder);

  test('the model is entered with its sha256, and the runtime takes the folder', async () => {
    await withManifest();
    expect((await build()).code).toBe(0);
    const { manifest } = await readModel(join(folder, 'tiny'));
    expect(manifest.files['model.onnx']).toBe(sha256(await readFile(join(folder, 'tiny/model.onnx'))));
    expect(manifest).toMatchObject(MANIFEST);
  });

  test('beside it lies a form of cheaper nodes, equal up to rounding, which ONNX Runtime takes unless told otherwise', async () => {
    await withManifest();
    const { code, stdout } = await build('--json');
    expect(code).toBe(0);
    const [{ optimised }] = jsonLines(stdout) as [{ optimised: Record<string, number> }];
    expect(optimised.nodes).toBeGreaterThan(10);
    expect(optimised.largestDifference).toBeLessThan(1e-5);
    const { networkFile } = await readModel(join(folder, 'tiny'));
    expect(networkFile).toBe(join(folder, 'tiny/model-optimised.onnx'));
    const features = goldenFeatures(NETWORK, 20);
    const [plain, fast] = await Promise.all(
      [join(folder, 'tiny/model.onnx'), networkFile].map(async (file) =>
        (await openOnnx(await readFile(file), NETWORK))(features),
      ),
    );
    expect(largestDifference(plain!.activity, fast!.activity)).toBeLessThan(1e-5);
    expect(largestDifference(plain!.direction, fast!.direction)).toBeLessThan(1e-5);
    expect((await readModel(join(folder, 'tiny'), 'fp32')).networkFile).toBe(join(folder, 'tiny/model.onnx'));
  });

  test('forms made from other weights leave the manifest when the model is built anew', async () => {
    const int8 = { 'model-int8.onnx': sha256(new Uint8Array([1])), 'model.onnx': 'b'.repeat(64) };
    await withManifest();
    const file = join(folder, 'tiny/manifest.json');
    const { files, ...rest } = JSON.parse(await readFile(file, 'utf8'));
    const variants = { fp32: 'model.onnx', int8: 'model-int8.onnx' };
    await writeFile(join(folder, 'tiny/model-int8.onnx'), new Uint8Array([1]));
    await writeFile(file, JSON.stringify({ ...rest, variants, files: { ...files, ...int8 } }));
    expect((await build()).code).toBe(0);
    const renewed = JSON.parse(await readFile(file, 'utf8'));
    expect(renewed.variants).toEqual({ fp32: 'model.onnx', 'fp32-optimised': 'model-optimised.onnx' });
    expect(Object.keys(renewed.files)).not.toContain('model-int8.onnx');
    // Built again from the same weights, a form that was made meanwhile stays.
    const again = { ...renewed, variants: { ...renewed.variants, int8: 'model-int8.onnx' } };
    await writeFile(
      file,
      JSON.stringify({ ...again, files: { ...renewed.files, 'model-int8.onnx': int8['model-int8.onnx'] } }),
    );
    expect((await build()).code).toBe(0);
    expect(JSON.parse(await readFile(file, 'utf8')).variants).toMatchObject({ int8: 'model-int8.onnx' });
  });

  test('a dry run leaves it as it is', async () => {
    await withManifest();
    const before = await readFile(join(folder, 'tiny/manifest.json'), 'utf8');
    expect((await build('--dry-run')).code).toBe(0);
    expect(await readFile(join(folder, 'tiny/manifest.json'), 'utf8')).toBe(before);
  });

  test.each([
    ['other weights', { files: { 'weights.safetensors': 'a'.repeat(64) } }, 'its manifest says aaaaaaaaaaaa'],
    ['another output', { output: 'accdoa' }, 'time pooling 2 and output sed+doa, its manifest says 2 and accdoa'],
    ['another time pooling', { timePooling: 4 }, 'its manifest says 4 and sed+doa'],
    [
      'a third class',
      { labels: ['a', 'b', 'c'], thresholds: { onset: [0, 0, 0], offset: [0, 0, 0] } },
      'classes=2, not 3',
    ],
  ])('one that was made for %s is refused, and the model stays', async (_, change, message) => {
    await withManifest(change);
    const before = await readFile(join(folder, 'tiny/model.onnx'));
    const { code, stderr } = await build();
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
    expect(await readFile(join(folder, 'tiny/model.onnx'))).toEqual(before);
  });
});

const perBand = (value: number) => Array.from({ length: 7 }, () => Array(64).fill(value));
const MANIFEST = {
  format: 'earshot-model',
  version: 1,
  name: 'tiny',
  summary: 'a network too small to hear',
  licence: 'none needed',
  labels: ['knock', 'cough'],
  features: { preset: 'edge-24k', format: 'foa', channels: [...FEATURE_CHANNELS.foa] },
  input: { order: 'acn', normalization: 'sn3d' },
  scaler: { mean: perBand(0), std: perBand(1) },
  output: 'sed+doa',
  window: { frames: 20, hopFrames: 10, lookaheadFrames: 4 },
  timePooling: 2,
  thresholds: { onset: [0.5, 0.5], offset: [0.3, 0.3] },
  data: { recipe: 'none', seed: 0, sha256: '0'.repeat(64) },
  training: {},
  scores: [],
};
