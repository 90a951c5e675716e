// Reading a model: what is refused, and that every refusal names the file and the rule.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findModel, readModel } from '../../../runtime/inference/model-files.ts';
import { copyOfModel, LOUDNESS_FOLDER } from '../../loudness-model.ts';

interface Spoilable {
  window: { hopFrames: number };
  features: { channels: string[] };
  files: Record<string, string>;
  colour?: string;
}

async function spoiled(change: (manifest: Spoilable) => void): Promise<string> {
  const folder = await copyOfModel();
  const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
  change(manifest);
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
  return folder;
}

test('a whole model is read, with the length of its label frames', async () => {
  const { manifest, frameSeconds, networkFile } = await findModel(LOUDNESS_FOLDER, 'foa');
  expect(manifest.name).toBe('loudness');
  expect(frameSeconds).toBeCloseTo(0.1, 12);
  expect(networkFile).toBe(join(LOUDNESS_FOLDER, 'model.onnx'));
});

test('weights that were changed by one bit are refused', async () => {
  const folder = await copyOfModel();
  const bytes = await readFile(join(folder, 'model.onnx'));
  bytes[1000]! ^= 1;
  await writeFile(join(folder, 'model.onnx'), bytes);
  await expect(readModel(folder)).rejects.toMatchObject({
    name: 'UserError',
    message: /model\.onnx has sha256 [0-9a-f]{12}…, its manifest says [0-9a-f]{12}…: .* fetch the model again/,
  });
});

test('a file that the manifest names and nobody has is missed by name', async () => {
  const folder = await copyOfModel();
  await rm(join(folder, 'model.onnx'));
  await expect(readModel(folder)).rejects.toThrow(/model\.onnx is missing though the manifest names it/);
});

test('a manifest may not name files outside its folder', async () => {
  const folder = await spoiled((manifest) => {
    manifest.files['../../etc/passwd'] = '0'.repeat(64);
  });
  await expect(readModel(folder)).rejects.toThrow(/must lie beside its manifest/);
});

test('a manifest that breaks a rule is refused with the key', async () => {
  const windowless = await spoiled((manifest) => {
    manifest.window.hopFrames = 33;
  });
  await expect(readModel(windowless)).rejects.toThrow('window.hopFrames=33 must be a multiple of timePooling=5');
  const unknown = await spoiled((manifest) => {
    manifest.colour = 'green';
  });
  await expect(readModel(unknown)).rejects.toThrow(/colour/);
  const swapped = await spoiled((manifest) => {
    manifest.features.channels.reverse();
  });
  await expect(readModel(swapped)).rejects.toThrow(/features.channels=IV Z, .* must be logmel W/);
});

test('a manifest that is no JSON, and a model that does not exist, are told apart', async () => {
  const folder = await copyOfModel();
  await writeFile(join(folder, 'manifest.json'), '{');
  await expect(readModel(folder)).rejects.toThrow(/manifest.json cannot be read as JSON/);
  await expect(findModel('no-such-model', 'foa')).rejects.toThrow(/No model named no-such-model/);
});

test('a model may hold its network in several forms; one that it has not is refused with those it has', async () => {
  const folder = await copyOfModel();
  const network = await readFile(join(folder, 'model.onnx'));
  await writeFile(join(folder, 'model-int8.onnx'), network);
  const file = join(folder, 'manifest.json');
  const manifest = JSON.parse(await readFile(file, 'utf8'));
  const variants = { fp32: 'model.onnx', int8: 'model-int8.onnx' };
  await writeFile(file, JSON.stringify({ ...manifest, variants }));
  await expect(readModel(folder, 'int8')).rejects.toThrow(/variants: must name files whose sha256 stands in files/);
  const files = { ...manifest.files, 'model-int8.onnx': manifest.files['model.onnx'] };
  await writeFile(file, JSON.stringify({ ...manifest, files, variants }));
  expect((await readModel(folder, 'int8')).networkFile).toBe(join(folder, 'model-int8.onnx'));
  expect((await readModel(folder)).networkFile).toBe(join(folder, 'model.onnx'));
  await expect(readModel(folder, 'fp16')).rejects.toThrow(/has no variant fp16: choose one of fp32, int8/);
});
