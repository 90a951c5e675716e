// Engines built on the board: found, built with what the release takes, proved, and never lost to a build that fails.
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EngineBuild } from '../../../models/tensorrt.ts';
import type { TrtexecRelease } from '../../../models/tensorrt-releases.ts';
import { buildEngine } from '../../../runtime/inference/engine-build.ts';
import { type EngineRequest, engineFacts, engineFor } from '../../../runtime/inference/engine-cache.ts';
import { planEngine } from '../../../runtime/inference/engine-plan.ts';
import { type Model, readModel } from '../../../runtime/inference/model-files.ts';
import { recogniseProblem } from '../../../runtime/inference/tensorrt-errors.ts';
import { temporaryFolder } from '../../loudness-model.ts';

const OFFICE = fileURLToPath(new URL('../../../models/office-foa', import.meta.url));
const FAKE = fileURLToPath(new URL('../../fakes/trtexec.mjs', import.meta.url));
const ORIN = { tensorrt: '10.3.0', device: 'Orin', sm: 87 };

interface Orders {
  readonly version?: number;
  readonly release?: TrtexecRelease;
  readonly fault?: string;
  readonly milliseconds?: number;
}

let model: Model;
let folder: string;
let calls: string;
beforeAll(async () => {
  model = await readModel(OFFICE);
});
beforeEach(async () => {
  folder = await temporaryFolder();
  calls = join(folder, 'calls.txt');
});

async function trtexec(orders: Orders = {}): Promise<[string, ...string[]]> {
  const file = join(folder, `${Math.random()}.json`);
  await writeFile(file, JSON.stringify({ version: 100300, release: '10.3', log: calls, ...orders }));
  return [process.execPath, FAKE, file];
}

async function request(orders: Orders = {}, more: Partial<EngineRequest> = {}): Promise<EngineRequest> {
  const board = more.board ?? ORIN;
  return {
    ...{ folder: join(folder, 'engines'), model, board, plan: planEngine(model.variant, board, 100) },
    ...{ trtexec: await trtexec(orders), prove: async () => ({ rms: 0.001, windows: 3 }), ...more },
  };
}

const engines = async () => (await readdir(join(folder, 'engines'))).sort();
const builds = async () => (existsSync(calls) ? (await readFile(calls, 'utf8')).trim().split('\n').length : 0);

test('an engine is built once, with its record beside it, and found from then on', async () => {
  const first = await engineFor(await request());
  expect(first).toMatchObject({ problem: null, record: { builtSeconds: 280.41, proof: { rms: 0.001, windows: 3 } } });
  expect(first.record.facts).toMatchObject({ model: 'office-foa', tensorrt: '10.3.0', device: 'Orin', sm: 87 });
  expect(first.record.facts.flags).toEqual([
    ...['--fp16', '--minShapes=features:1x7x5x64', '--optShapes=features:1x7x100x64'],
    ...['--maxShapes=features:1x7x300x64', '--memPoolSize=workspace:1024', '--skipInference'],
  ]);
  const again = await engineFor(await request());
  expect(again).toEqual(first);
  expect(await builds()).toBe(1);
  expect(await engines()).toHaveLength(2);
});

test('another JetPack, GPU, board, network or precision is another engine', async () => {
  const facts = (board: typeof ORIN, variant = 'fp32', of = model) =>
    JSON.stringify(engineFacts({ model: of, board, plan: planEngine(variant, board, 100) }));
  const all = [
    facts(ORIN),
    facts({ ...ORIN, tensorrt: '10.16.2' }),
    facts({ ...ORIN, sm: 110 }),
    facts({ ...ORIN, device: 'Orin Nano' }),
    facts(ORIN, 'int8'),
    facts(ORIN, 'fp32', { ...model, networkSha256: '0'.repeat(64) }),
  ];
  expect(new Set(all).size).toBe(all.length);
});

test('when JetPack has changed the engine is built again, with the words of the new trtexec', async () => {
  await engineFor(
    await request({}, { board: { ...ORIN, tensorrt: '8.5.2' }, trtexec: await trtexec({ release: '8.5' }) }),
  );
  const renewed = await engineFor(await request());
  expect(renewed.record.facts.tensorrt).toBe('10.3.0');
  const [old, now] = (await readFile(calls, 'utf8')).trim().split('\n');
  expect(old).toContain('--buildOnly');
  expect(now).toContain('--skipInference');
});

test('a damaged engine, and one whose record is torn, is built again', async () => {
  const { file } = await engineFor(await request());
  await writeFile(file, 'damaged');
  await engineFor(await request());
  await writeFile(`${file}.json`, '{"facts":');
  await engineFor(await request());
  expect(await builds()).toBe(3);
});

test.each(['disk-full', 'killed', 'out-of-memory', 'empty'])(
  'a build that ends with "%s" leaves the engine before it in use, and nothing half-written',
  async (fault) => {
    const old = await engineFor(await request());
    const other = { ...planEngine(model.variant, ORIN, 50) };
    const found = await engineFor(await request({ fault }, { plan: other }));
    expect(found.file).toBe(old.file);
    expect(found.problem).toMatch(/built no engine/);
    expect((await engines()).filter((name) => name.includes('part'))).toEqual([]);
  },
);

test('without an engine before it a build that fails is told with its reason and the way out', async () => {
  const failing = async (fault: string) => engineFor(await request({ fault }));
  await expect(failing('disk-full')).rejects.toMatchObject({
    name: 'UserError',
    message: /No space left on device; make room on the disk/,
  });
  await expect(failing('out-of-memory')).rejects.toThrow(/OutOfMemory.*; stop other programs/);
  await expect(failing('killed')).rejects.toThrow(/built no engine \(SIGKILL\)/);
  await expect(failing('empty')).rejects.toThrow(/built no engine/);
  expect(await engines()).toEqual([]);
});

test('an engine that the golden windows refute is not kept', async () => {
  const { InferenceError } = await import('../../../runtime/inference/engine.ts');
  const prove = async () => {
    throw new InferenceError('computes office-foa wrongly');
  };
  await expect(engineFor(await request({}, { prove }))).rejects.toThrow('computes office-foa wrongly');
  expect(await engines()).toEqual([]);
});

test('a trtexec that is not there, and one of another release, are refused with what is wrong', async () => {
  await expect(engineFor(await request({}, { trtexec: ['/no/such/trtexec'] }))).rejects.toThrow(/spawn .*ENOENT/);
  await expect(engineFor(await request({ release: '8.5' }))).rejects.toThrow(
    /Unknown option: --skipInference; this trtexec/,
  );
});

test('only the engine in use and the one before it stay, and what a killed process left goes', async () => {
  await engineFor(await request());
  await writeFile(join(folder, 'engines', 'office-foa-0.engine.999999999.part'), 'half');
  for (const frames of [50, 60, 70]) await engineFor(await request({}, { plan: planEngine('fp32', ORIN, frames) }));
  const names = await engines();
  expect(names.filter((name) => name.endsWith('.engine'))).toHaveLength(2);
  expect(names.filter((name) => name.endsWith('.part'))).toEqual([]);
});

test('progress is told while trtexec says nothing, and stopping ends it', async () => {
  const seen: string[] = [];
  const onProgress = ({ stage, elapsedSeconds }: { stage: string; elapsedSeconds: number }) => {
    expect(elapsedSeconds).toBeGreaterThanOrEqual(0);
    if (seen.at(-1) !== stage) seen.push(stage);
  };
  await engineFor(await request({ milliseconds: 50 }, { onProgress }));
  expect(seen).toEqual(['starting', 'building', 'saving', 'done']);
  const build: EngineBuild = {
    ...{ onnx: model.networkFile, engine: join(folder, 'x'), tensorrt: '10.3' },
    ...{ precision: 'fp16', typing: 'weak' },
    input: { name: 'features', min: [1, 7, 5, 64], opt: [1, 7, 100, 64], max: [1, 7, 300, 64] },
  };
  const program = await trtexec({ milliseconds: 30_000 });
  await expect(buildEngine({ build, program, signal: AbortSignal.timeout(300) })).rejects.toThrow(/\(it was stopped\)/);
  await expect(buildEngine({ build, program, limitMs: 300 })).rejects.toThrow(/\(it was stopped\)/);
});

test('a network is built in float16 where flags allow it, and in its own types from TensorRT 11 on', () => {
  expect(planEngine('fp32', ORIN, 100)).toMatchObject({ precision: 'fp16', typing: 'weak' });
  expect(planEngine('int8', { tensorrt: '8.5', sm: 72 }, 100)).toMatchObject({ precision: 'int8', typing: 'weak' });
  expect(planEngine('fp16', ORIN, 100)).toMatchObject({ precision: 'fp16', typing: 'strong' });
  expect(planEngine('fp32', { tensorrt: '11.4.1', sm: 87 }, 100)).toMatchObject({
    precision: 'fp32',
    typing: 'strong',
  });
  expect(() => planEngine('int8', { tensorrt: '8.2', sm: 62 }, 100)).toThrow(/does not compute in int8/);
});

test('what TensorRT of any age prints is recognised, and harmless lines are not', async () => {
  const problem = async (name: string) => {
    const file = fileURLToPath(new URL(`../../fixtures/trtexec/${name}.txt`, import.meta.url));
    return recogniseProblem((await readFile(file, 'utf8')).split('\n'))?.problem;
  };
  const expected = {
    ...{ 'version-mismatch-8': 'version', 'version-mismatch-10': 'version', 'unknown-option': 'option' },
    ...{
      'out-of-memory': 'memory',
      'disk-full': 'disk',
      'no-int8': 'precision',
      harmless: undefined,
      build: undefined,
    },
  };
  for (const [name, kind] of Object.entries(expected)) expect([name, await problem(name)]).toEqual([name, kind]);
  const loader = 'trt-runner: error while loading shared libraries: libnvinfer.so.10: cannot open shared object file';
  expect(recogniseProblem([loader])).toMatchObject({ problem: 'library', wayOut: /nvidia-jetpack/ });
});
