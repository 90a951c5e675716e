// Plans of TensorRT engines: the command of each release, the file, the key, and names that nobody knows.
import { copyFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { boards } from '../../../boards/board.ts';
import { engineKey } from '../../../models/engine-key.ts';
import { accepts, trtexecRelease } from '../../../models/tensorrt.ts';
import type { TrtexecFlag } from '../../../models/tensorrt-releases.ts';
import { type Model, readModel } from '../../../runtime/inference/model-files.ts';
import { planEngine } from '../../../tools/model/engine-plan.ts';
import { earshot, jsonLines } from '../../earshot.ts';

const SHIPPED = fileURLToPath(new URL('../../../models/office-foa', import.meta.url));

let folder: string;
let model: Model;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-plan-'));
  await cp(SHIPPED, folder, { recursive: true });
  model = await readModel(folder, 'fp32');
});
afterAll(() => rm(folder, { recursive: true }));

const flags = (command: readonly string[]) => command.slice(1).map((argument) => argument.split('=')[0]!);

// NVIDIA/TensorRT samples/common/sampleOptions.cpp of the release branches: what trtexec takes there and nowhere else.
test.each([
  ['nano', '4.6.1', ['--fp16', '--workspace', '--buildOnly'], ['--memPoolSize', '--skipInference', '--stronglyTyped']],
  ['xavier-nx', '5.1.3', ['--fp16', '--memPoolSize', '--buildOnly'], ['--workspace', '--skipInference']],
  ['orin-nano', '6.0', ['--fp16', '--memPoolSize', '--skipInference'], ['--workspace', '--buildOnly']],
  [
    'orin-nano',
    '6.2',
    ['--fp16', '--memPoolSize', '--skipInference'],
    ['--workspace', '--buildOnly', '--explicitBatch'],
  ],
  ['agx-thor', '7.1', ['--fp16', '--memPoolSize', '--skipInference'], ['--workspace', '--buildOnly']],
])('%s with JetPack %s gets the flags of its trtexec', async (board, jetpack, wanted, unknown) => {
  const { command } = await planEngine(model, { board, jetpack, precision: 'fp16' });
  expect(command[0]).toBe('/usr/src/tensorrt/bin/trtexec');
  expect(flags(command)).toEqual(expect.arrayContaining(wanted));
  for (const flag of unknown) expect(flags(command)).not.toContain(flag);
  expect(command).toEqual(expect.arrayContaining(['--minShapes=features:1x7x5x64', '--maxShapes=features:1x7x300x64']));
});

test('every board with every JetPack of its own takes every flag of its command', async () => {
  for (const { name, jetpacks } of boards()) {
    for (const jetpack of jetpacks) {
      const plan = await planEngine(model, { board: name, jetpack, precision: 'fp16' });
      const release = trtexecRelease(plan.jetpack.tensorrt);
      expect(flags(plan.command).filter((flag) => !accepts(release, flag as TrtexecFlag))).toEqual([]);
    }
  }
});

test('TensorRT 8.2 is told to be unable to read the opset', async () => {
  const { findings } = await planEngine(model, { board: 'nano', jetpack: '4.6.1' });
  expect(findings.map(({ rule, message }) => [rule, message])).toEqual([
    ['opset', 'opset 17; TensorRT 8.2 reads 7 to 13'],
  ]);
  const newer = await planEngine(model, { board: 'xavier-nx', jetpack: '5.1.3' });
  expect(newer.findings).toEqual([]);
});

test('int8 needs a file of its own, which is then built with the types in it; it is the default where it was made', async () => {
  const orin = { board: 'orin-nx', jetpack: '6.2' };
  await expect(planEngine(model, { ...orin, precision: 'int8' })).rejects.toThrow(
    /model-trt-int8\.onnx is missing, .* --target trt-int8/,
  );
  await copyFile(join(folder, 'model.onnx'), join(folder, 'model-trt-int8.onnx'));
  const { precision, typing, command, onnx, golden, findings } = await planEngine(model, orin);
  expect([precision, typing, onnx]).toEqual(['int8', 'strong', join(folder, 'model-trt-int8.onnx')]);
  expect(command).toContain('--stronglyTyped');
  expect(command).not.toContain('--int8');
  expect(golden).toMatchObject({ windows: 3, tolerance: model.manifest.golden!.tolerance.int8 });
  // It is a plain copy: the linter notices.
  expect(findings.map(({ rule }) => rule)).toContain('not-quantised');
  // A GPU without int8 is not offered it.
  expect((await planEngine(model, { board: 'tx2', jetpack: '4.6' })).precision).toBe('fp16');
  await rm(join(folder, 'model-trt-int8.onnx'));
});

test('the key follows everything an engine depends on, and nothing else', async () => {
  const keyOf = async (board: string, jetpack: string) => (await planEngine(model, { board, jetpack })).cacheKey;
  const key = await keyOf('orin-nano', '6.2');
  expect(key).toMatch(/^[0-9a-f]{64}$/);
  expect(await keyOf('orin-nano', '6.1')).toBe(key); // the same TensorRT
  const others = [await keyOf('orin-nx', '6.2'), await keyOf('orin-nano', '6.0'), await keyOf('xavier-nx', '5.1.2')];
  expect(new Set([key, ...others]).size).toBe(4);
  const identity = {
    onnxSha256: 'a',
    tensorrt: '10.3.0',
    sm: 87,
    board: 'orin-nano',
    arguments: ['--fp16', '--onnx=a'],
  };
  expect(engineKey({ ...identity, arguments: ['--onnx=/other/place', '--fp16'] })).toBe(engineKey(identity));
  expect(engineKey({ ...identity, arguments: ['--onnx=a'] })).not.toBe(engineKey(identity));
  expect(engineKey({ ...identity, onnxSha256: 'b' })).not.toBe(engineKey(identity));
});

test('the same weights give the same key on every machine', async () => {
  const copy = await mkdtemp(join(tmpdir(), 'earshot-plan-'));
  await cp(folder, copy, { recursive: true });
  const elsewhere = await readModel(copy, 'fp32');
  const target = { board: 'orin-nano', jetpack: '6.2' };
  expect((await planEngine(elsewhere, target)).cacheKey).toBe((await planEngine(model, target)).cacheKey);
  await writeFile(join(copy, 'model-trt-fp16.onnx'), await readFile(join(copy, 'model-optimised.onnx')));
  expect((await planEngine(elsewhere, target)).cacheKey).not.toBe((await planEngine(model, target)).cacheKey);
  await rm(copy, { recursive: true });
});

test.each([
  [{ board: 'orin-nanno', jetpack: '6.2' }, 'did you mean "orin-nano"'],
  [{ board: 'orin-nano', jetpack: '6.3' }, 'no JetPack "6.3" that we know, the nearest is 6.2'],
  [{ board: 'orin-nano', jetpack: '4.5' }, 'the nearest is 4.6'],
  [{ board: 'orin-nano', jetpack: '7.1' }, 'JetPack 7.1 does not run on orin-nano'],
  [
    { board: 'tx2', jetpack: '4.6', precision: 'int8' as const },
    '(sm_62) does not compute in int8: choose fp32 or fp16',
  ],
])('%j is refused with the way out', async (options, message) => {
  await expect(planEngine(model, options)).rejects.toMatchObject({
    name: 'UserError',
    message: expect.stringContaining(message),
  });
});

test('the command prints what to type on the board', async () => {
  const { code, stdout } = await earshot(['model', 'plan', folder, '--board', 'orin-nano', '--jetpack', '6.2']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/TensorRT 10\.3\.0, sm_87\n.*--saveEngine=engines\/office-foa-fp16-[0-9a-f]{12}\.engine/s);
  expect(stdout).toContain('No board has run this command yet');
  const json = await earshot(['model', 'plan', folder, '--board', 'nano', '--jetpack', '4.6.1', '--json']);
  expect([json.code, jsonLines(json.stdout)]).toMatchObject([1, [{ jetpack: { tensorrt: '8.2.1' }, typing: 'weak' }]]);
});
