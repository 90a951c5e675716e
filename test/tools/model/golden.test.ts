// Golden windows: what PyTorch gave stays with the model, proves what is built, and a damaged or foreign file is refused.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { readGoldenWindows, rmsDifference } from '../../../runtime/golden-windows.ts';
import { readModel } from '../../../runtime/inference/model-files.ts';
import { complaintOf } from '../../../tools/child.ts';
import { compareWithGolden, LARGEST_FLOAT32_DIFFERENCE, proveGolden } from '../../../tools/model/prove-golden.ts';
import { earshot, jsonLines } from '../../earshot.ts';

const SHIPPED = fileURLToPath(new URL('../../../models/office-foa', import.meta.url));
const bytes = await readFile(join(SHIPPED, 'golden.safetensors'));
const network = await readFile(join(SHIPPED, 'model.onnx'));
const PYTHON = process.env.EARSHOT_PYTHON ?? 'python3';
const hasTorch = (await complaintOf(PYTHON, ['-c', 'import numpy, safetensors, torch'])) === undefined;
const withTorch = hasTorch ? test : test.skip;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-golden-'));
  await cp(SHIPPED, folder, { recursive: true });
});
afterEach(() => rm(folder, { recursive: true }));

test('the shipped model gives what PyTorch gave on its golden windows', async () => {
  const { manifest } = await readModel(SHIPPED);
  const golden = readGoldenWindows(bytes, 'golden');
  expect(golden.windows).toHaveLength(manifest.golden!.windows);
  expect(golden.dims).toEqual([manifest.features.channels.length, manifest.window.frames, 64]);
  expect(golden.metadata['made by']).toMatch(/^PyTorch \d/);
  expect(golden.metadata.weights).toBe(manifest.files['weights.safetensors']);
  const differences = await compareWithGolden(network, 'the model', golden);
  expect(differences.map(({ output }) => output)).toEqual(['activity', 'direction']);
  for (const { largest, rms, sqnrDb } of differences) {
    expect(largest).toBeLessThan(LARGEST_FLOAT32_DIFFERENCE);
    expect(rms).toBeLessThan(manifest.golden!.tolerance.float32);
    expect(sqnrDb).toBeGreaterThan(100);
  }
  // Something sounds in them: silence would prove little.
  const most = golden.windows.map(({ outputs }) => Math.max(...outputs.activity!));
  expect(Math.max(...most)).toBeGreaterThan(0.5);
});

test('a model built from other weights is refused on the windows', async () => {
  const file = join(folder, 'weights.safetensors');
  const weights = await readFile(file);
  weights.writeFloatLE(weights.readFloatLE(weights.length - 4) + 0.5, weights.length - 4);
  await writeFile(file, weights);
  const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
  delete manifest.files['weights.safetensors'];
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
  const { code, stderr } = await earshot(['model', 'build', folder]);
  expect([code, stderr]).toEqual([1, expect.stringMatching(/differs from PyTorch by 0\.\d+ in (activity|direction)/)]);
  expect(network.equals(await readFile(join(folder, 'model.onnx')))).toBe(true);
});

withTorch(
  'one command makes them anew and enters them into the manifest (needs PyTorch; EARSHOT_PYTHON names it)',
  async () => {
    await rm(join(folder, 'golden.safetensors'));
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
    const { golden } = manifest;
    delete manifest.golden;
    delete manifest.files['golden.safetensors'];
    await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
    const { code, stdout } = await earshot(['model', 'golden', folder, '--python', PYTHON, '--json']);
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toMatchObject([{ windows: 3, bytes: bytes.length }]);
    const renewed = await readModel(folder);
    expect(renewed.manifest.golden).toEqual(golden);
    const [before, after] = [bytes, await readFile(join(folder, 'golden.safetensors'))].map((b) =>
      readGoldenWindows(b, 'golden'),
    );
    before!.windows.forEach((window, i) => {
      expect(rmsDifference(window.features, after!.windows[i]!.features)).toBe(0);
      for (const [name, values] of Object.entries(window.outputs)) {
        // Another version of PyTorch may add up in another order.
        expect(rmsDifference(values, after!.windows[i]!.outputs[name]!)).toBeLessThan(1e-6);
      }
    });
  },
);

test('a Python without PyTorch, and a recording too short, are said in one sentence', async () => {
  const { code, stderr } = await earshot(['model', 'golden', folder, '--python', 'no-python-here']);
  expect([code, stderr]).toEqual([
    1,
    expect.stringContaining('no-python-here cannot run the network (it was not found)'),
  ]);
  await writeFile(join(folder, 'short.wav'), silence(2));
  const short = await earshot(['model', 'golden', folder, '--recording', join(folder, 'short.wav')]);
  expect([short.code, short.stderr]).toEqual([1, expect.stringContaining('gives 0 windows of 6 s, 3 are wanted')]);
});

/** Four channels of 16 bit at 48 kHz. */
function silence(seconds: number): Buffer {
  const data = Buffer.alloc(seconds * 48_000 * 8);
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + data.length, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(4, 22);
  header.writeUInt32LE(48_000, 24);
  header.writeUInt32LE(48_000 * 8, 28);
  header.writeUInt16LE(8, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(data.length, 40);
  return Buffer.concat([header, data]);
}

const refused = (changed: Uint8Array) => () => readGoldenWindows(changed, 'golden.safetensors');

test('what is no file of golden windows is refused by name', () => {
  const headerEnd = 8 + Number(bytes.readBigUInt64LE(0));
  const header = bytes.toString('utf8', 8, headerEnd);
  const withHeader = (text: string) => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    return Buffer.concat([length, Buffer.from(text), bytes.subarray(headerEnd)]);
  };
  const cases: [Uint8Array, string][] = [
    [new Uint8Array(0), 'header'],
    [bytes.subarray(0, 100), 'header'],
    [bytes.subarray(0, bytes.length - 4), 'its length'],
    [Buffer.concat([bytes, Buffer.alloc(4)]), 'its length'],
    [withHeader(header.replace('"F16"', '"F32"')), 'header'],
    [withHeader(header.replace('features', 'futures')), 'header'],
    [withHeader(header.replace('"shape":[3,7', '"shape":[2,7')), 'tensor'],
    [withHeader(header.replace('"shape":[3,7', '"shape":[99999999,7')), 'header'],
    [withHeader('{}'), 'header'],
  ];
  for (const [changed, what] of cases) {
    expect(refused(changed)).toThrow(
      expect.objectContaining({ name: 'UserError', message: expect.stringContaining(what) }),
    );
  }
});

test('damaged bytes are read or refused, never anything else', () => {
  const small = bytes.subarray(0, 8 + Number(bytes.readBigUInt64LE(0)) + 64);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(small.length - 1), fc.nat(255)), { maxLength: 6 }), (changes) => {
      const changed = Buffer.from(small);
      for (const [at, value] of changes) changed[at] = value;
      expect(refused(changed)).toThrow(expect.objectContaining({ name: 'UserError' }));
    }),
    { seed: 4, numRuns: 300 },
  );
});

test('numbers that are none make no proof', async () => {
  const golden = readGoldenWindows(bytes, 'golden');
  const broken = structuredClone(golden) as typeof golden;
  (broken.windows[0]!.outputs.direction as Float32Array)[5] = Number.NaN;
  await expect(proveGolden(network, 'the model', broken)).rejects.toThrow(
    'differs from PyTorch by Infinity in direction',
  );
});
