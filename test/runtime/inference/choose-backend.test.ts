// Which backend runs, proved before it is used, and what people are told when it is not the one they wanted.
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_INFERENCE, type InferenceConfig } from '../../../runtime/config.ts';
import { BoardEngine } from '../../../runtime/inference/board-engine.ts';
import { chooseBackend } from '../../../runtime/inference/choose-backend.ts';
import { type InferenceBackend, InferenceError } from '../../../runtime/inference/engine.ts';
import { FallbackBackend } from '../../../runtime/inference/fallback-backend.ts';
import { type Model, readModel } from '../../../runtime/inference/model-files.ts';
import { OnnxEngine } from '../../../runtime/inference/onnx-engine.ts';
import { PACKAGE_ROOT } from '../../../runtime/worker-file.ts';
import { golden, goldenWindow, loudnessModel, temporaryFolder } from '../../loudness-model.ts';
import { testBackend } from './backend-suite.ts';

const OFFICE = fileURLToPath(new URL('../../../models/office-foa', import.meta.url));
const FAKE_TRTEXEC = fileURLToPath(new URL('../../fakes/trtexec.mjs', import.meta.url));
const RUNNER = [process.execPath, join(PACKAGE_ROOT, 'dist/test/fakes/onnx-runner.js')] as const;

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

async function board(model: Model, fault?: string): Promise<BoardEngine> {
  const orders = join(folder, 'orders.json');
  await writeFile(orders, JSON.stringify({ version: 100300, release: '10.3', fault }));
  const trtexec = [process.execPath, FAKE_TRTEXEC, orders] as const;
  return new BoardEngine({ model, runner: RUNNER, trtexec: [...trtexec], folder, usualFrames: 100 });
}

/** A backend whose start or runs fail by order. */
function failing(when: 'start' | 'run'): InferenceBackend & { stopped: number } {
  const fail = async () => {
    throw new InferenceError('ordered: the GPU is gone');
  };
  return {
    ...{ description: 'first', concurrency: 1, stopped: 0 },
    start: when === 'start' ? fail : async () => undefined,
    run: async (features) => {
      structuredClone(features, { transfer: [features.buffer] });
      return fail();
    },
    async stop() {
      this.stopped += 1;
    },
  };
}

test('an engine of the flagship is built, proved by its golden windows, and found at the next start', async () => {
  const model = await readModel(OFFICE);
  for (let start = 0; start < 2; start += 1) {
    const engine = await board(model, start === 0 ? undefined : 'out-of-memory');
    await engine.start();
    expect(engine.description).toBe('tensorrt 10.3.0, fp16, cpu (sm_0)');
    expect(engine.status).toMatchObject({ library: 'tensorrt', precision: 'fp16', fallback: null });
    await engine.stop();
  }
});

test('an engine that computes something else is refused with how far off it is, and not kept', async () => {
  const engine = await board(await readModel(OFFICE), 'off');
  await expect(engine.start()).rejects.toThrow(
    /computes office-foa wrongly: .* off by 0\.\d+ \(root mean square\), fp16 may be by 0\.01/,
  );
  await engine.stop();
  expect((await readdir(folder)).filter((name) => name.includes('.engine'))).toEqual([]);
});

describe('falling back', () => {
  testBackend(
    'after a first one that does not start',
    (model) => new FallbackBackend(failing('start'), new OnnxEngine({ model })),
  );
  testBackend(
    'after a first one that gives up',
    (model) => new FallbackBackend(failing('run'), new OnnxEngine({ model })),
  );

  test('the reason is kept, and the first one is stopped', async () => {
    const first = failing('run');
    const backend = new FallbackBackend(first, new OnnxEngine({ model: await loudnessModel() }));
    await backend.start();
    expect(backend.description).toBe('first');
    const runs = await Promise.all([1, 2, 3].map(() => backend.run(goldenWindow(), golden.frames)));
    expect(runs.map(({ activity }) => activity.length)).toEqual([8, 8, 8]);
    expect(first.stopped).toBe(1);
    expect(backend.description).toMatch(/^onnxruntime-node/);
    expect(backend.status).toMatchObject({ library: 'onnxruntime', fallback: 'ordered: the GPU is gone' });
    await backend.stop();
  });

  test('a backend that was stopped does not take over', async () => {
    const backend = new FallbackBackend(failing('run'), new OnnxEngine({ model: await loudnessModel() }));
    await backend.start();
    await backend.stop();
    await expect(backend.run(goldenWindow(), golden.frames)).rejects.toThrow('the GPU is gone');
  });
});

describe('by the settings', () => {
  async function chosen(settings: Partial<InferenceConfig>, root = folder): Promise<InferenceBackend> {
    const model = await loudnessModel();
    return chooseBackend({
      inference: { ...DEFAULT_INFERENCE, ...settings },
      model,
      threads: 1,
      stateFolder: folder,
      root,
    });
  }

  test('a machine that is no Jetson computes on its processor, and nothing is wrong with that', async () => {
    const backend = await chosen({});
    await backend.start();
    expect(backend.status).toMatchObject({ library: 'onnxruntime', precision: 'fp32', device: 'cpu', fallback: null });
    await backend.stop();
  });

  test('a Jetson without trt-runner computes on its processor and says why', async () => {
    await mkdir(join(folder, 'etc'), { recursive: true });
    await writeFile(join(folder, 'etc/nv_tegra_release'), '# R36 (release), REVISION: 4.3');
    const backend = await chosen({});
    await backend.start();
    expect(backend.status?.fallback).toMatch(/trt-runner is missing: the GPU of this board is not used; build it/);
    await backend.stop();
    expect((await chosen({ backend: 'onnx' })).status?.fallback).toBeNull();
  });

  test('auto falls back with the reason, "tensorrt" refuses to start', async () => {
    const runner = '/bin/false';
    const backend = await chosen({ runner });
    await backend.start();
    expect(backend.status?.fallback).toMatch(/\/bin\/false does not run here: ended \(exit code 1\)/);
    await backend.stop();
    const strict = await chosen({ backend: 'tensorrt', runner });
    await expect(strict.start()).rejects.toThrow(/\/bin\/false does not run here/);
    await strict.stop();
  });
});
