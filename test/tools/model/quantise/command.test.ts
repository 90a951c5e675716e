// earshot model quantise as its users run it: the shipped model, files and manifest, reports, refusals, and memory.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readModel } from '../../../../runtime/inference/model-files.ts';
import { npyHeader } from '../../../../tools/data/npy.ts';
import { earshot, jsonLines } from '../../../earshot.ts';
import { noise } from '../golden-networks.ts';

const SHIPPED = fileURLToPath(new URL('../../../../models/office-foa', import.meta.url));
const WINDOW = 300;

let folder: string;
let model: string;
let features: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-quantise-'));
  model = join(folder, 'office');
  features = join(folder, 'features');
  await cp(SHIPPED, model, { recursive: true });
  await mkdir(features);
  for (const name of ['a', 'b', 'c', 'd']) await writeFeatures(join(features, `${name}.npy`), 8 * WINDOW);
});
afterAll(() => rm(folder, { recursive: true }));

/** Unscaled features of plausible size: the model's mean, and noise as large as its deviation. */
async function writeFeatures(file: string, frames: number): Promise<void> {
  const { manifest } = await readModel(SHIPPED);
  const { mean, std } = manifest.scaler;
  const random = noise(file.slice(-5), 7 * frames * 64);
  const values = new Float32Array(random.length);
  for (let i = 0; i < values.length; i += 1) {
    const [c, band] = [Math.floor(i / (64 * frames)), i % 64];
    values[i] = mean[c]![band]! + 1.5 * random[i]! * std[c]![band]!;
  }
  await writeFile(file, Buffer.concat([npyHeader([7, frames, 64]), Buffer.from(values.buffer)]));
}

const quantise = (...more: string[]) => earshot(['model', 'quantise', model, ...more], folder);

test('the shipped model becomes 0.4 of its size, is entered into the manifest, and again the same to the byte', async () => {
  const report = join(folder, 'layers.json');
  const first = await quantise('--calibration', features, '--windows', '32', '--sensitivity', report, '--json');
  expect(first).toMatchObject({ code: 0 });
  const [result] = jsonLines(first.stdout) as [
    { file: string; bytes: number; bytesBefore: number; variant: string; sqnrDb: Record<string, number> },
  ];
  expect(result).toMatchObject({ target: 'ort-int8', windows: 32, method: 'mse', variant: 'int8', floatLayers: [] });
  expect(result.bytes).toBeLessThanOrEqual(0.4 * result.bytesBefore);
  expect(Object.values(result.sqnrDb).every((db) => db > 20)).toBe(true);
  const { networkFile } = await readModel(model, 'int8');
  expect(networkFile).toBe(join(model, 'model-int8.onnx'));
  const bytes = await readFile(networkFile);
  expect(JSON.parse(await readFile(report, 'utf8')).layers.length).toBeGreaterThan(10);
  expect(await quantise('--calibration', features, '--windows', '32')).toMatchObject({ code: 0 });
  expect(Buffer.compare(bytes, await readFile(networkFile))).toBe(0);
});

test('mistakes are named before anything is computed or written', async () => {
  const refused = async (args: string[], message: RegExp) => {
    const { code, stderr } = await quantise(...args);
    expect(stderr).toMatch(message);
    expect(code).toBe(1);
  };
  const out = join(folder, 'never.onnx');
  await refused(['--calibration', join(folder, 'none'), '--out', out], /there is no such file or folder/);
  await refused(['--calibration', join(features, 'a.npy'), '--out', out], /8 windows of 6 s, calibration needs 32/);
  await refused(['--calibration', features, '--out', join(model, 'model.onnx')], /is a file of the model itself/);
  await refused(['--calibration', features, '--target', 'trt8', '--float', 'x', '--out', out], /not for trt8/);
  await refused(['--calibration', features, '--sensitivity', 'x.pdf', '--out', out], /\.txt, \.json, \.svg, \.png/);
  await refused(['--calibration', features, '--windows', '8'], /whole number from 32/);
  expect(existsSync(out)).toBe(false);
});

test('memory does not grow with the number of windows', async () => {
  const script = `
    const { readModel } = await import('./dist/runtime/inference/model-files.js');
    const { calibrationSources, calibrationWindows } = await import('./dist/tools/calibration-windows.js');
    const { calibrate } = await import('./dist/tools/model/quantise/calibrate.js');
    const { peakResidentBytes } = await import('./dist/runtime/memory.js');
    const { readFileSync } = await import('node:fs');
    const { networkFile, manifest } = await readModel('models/office-foa');
    const sources = await calibrationSources([process.argv[1]], manifest);
    await calibrate({ model: readFileSync(networkFile), where: 'x', frames: 300, windows: calibrationWindows(sources, manifest, Number(process.argv[2])) });
    console.log(peakResidentBytes() / 2 ** 20);`;
  const more = join(folder, 'more');
  await mkdir(more);
  for (const name of ['a', 'b', 'c']) await writeFeatures(join(more, `${name}.npy`), 32 * WINDOW);
  const peakMiB = async (windows: number) => {
    const args = ['--input-type=module', '-e', script, more, String(windows)];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: join(SHIPPED, '..', '..') });
    return Number(stdout);
  };
  const [few, many] = [await peakMiB(32), await peakMiB(96)];
  // 64 more windows leave 450 MiB of outputs behind; some of it waits for the next collection.
  expect(many).toBeLessThan(few + 100);
  expect(many).toBeLessThan(350);
});
