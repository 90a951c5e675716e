// TensorRT as a backend: the common suite over two runners, and everything that a runner can do wrong.
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Model } from '../../../runtime/inference/model-files.ts';
import { readModel } from '../../../runtime/inference/model-files.ts';
import { OnnxEngine } from '../../../runtime/inference/onnx-engine.ts';
import { TensorRtEngine, type TensorRtOptions } from '../../../runtime/inference/tensorrt-engine.ts';
import { PACKAGE_ROOT } from '../../../runtime/worker-file.ts';
import type { OnnxRunnerEngine } from '../../fakes/onnx-runner.ts';
import { compilerMissing, type StandInEngine, standInRunner, writeStandInEngine } from '../../fakes/stand-in-runner.ts';
import { golden, goldenWindow, loudnessModel, temporaryFolder } from '../../loudness-model.ts';
import { testBackend } from './backend-suite.ts';

const ONNX_RUNNER = [process.execPath, join(PACKAGE_ROOT, 'dist/test/fakes/onnx-runner.js')] as const;
const QUICK = { windowMs: 3000, firstPauseMs: 5, longestPauseMs: 20 };
const OFFICE = fileURLToPath(new URL('../../../models/office-foa', import.meta.url));

let folder: string;
let model: Model;
const started: TensorRtEngine[] = [];
beforeAll(async () => {
  folder = await temporaryFolder();
  model = await loudnessModel();
});
afterEach(async () => {
  for (const engine of started.splice(0)) await engine.stop();
});

/** The runner that computes with onnxruntime, with a fault. */
async function onnxRunner(
  of: Model,
  fault?: OnnxRunnerEngine['fault'],
  more: Partial<TensorRtOptions> = {},
): Promise<TensorRtEngine> {
  const engineFile = join(folder, `${Math.random()}.engine`);
  const shape = (frames: number) => [1, of.manifest.features.channels.length, frames, 64];
  const [smallest, largest] = [shape(of.manifest.timePooling), shape(of.manifest.window.frames)];
  await writeFile(engineFile, JSON.stringify({ onnx: of.networkFile, smallest, largest, fault }));
  return engineWith({ model: of, engineFile, command: ONNX_RUNNER, ...more });
}

async function standIn(engine: StandInEngine, more: Partial<TensorRtOptions> = {}): Promise<TensorRtEngine> {
  const engineFile = await writeStandInEngine(join(folder, `${Math.random()}.engine`), engine);
  return engineWith({ model, engineFile, command: [standInRunner()], ...more });
}

function engineWith(options: Omit<TensorRtOptions, 'precision' | 'limits'> & Partial<TensorRtOptions>): TensorRtEngine {
  const engine = new TensorRtEngine({ precision: 'fp16', limits: QUICK, ...options });
  started.push(engine);
  return engine;
}

const window = () => goldenWindow();
const right = (activity: Float32Array) => Math.abs(activity[0]! - golden.activity[0]![0]!) < 2e-6;

describe('a runner on the processor', () => {
  let engineFile: string;
  beforeAll(async () => {
    engineFile = join(folder, 'suite.engine');
    const { networkFile: onnx } = model;
    await writeFile(engineFile, JSON.stringify({ onnx, smallest: [1, 7, 5, 64], largest: [1, 7, 100, 64] }));
  });
  testBackend('TensorRtEngine over it', (of) => {
    return new TensorRtEngine({ model: of, engineFile, precision: 'fp32', command: ONNX_RUNNER });
  });

  test('gives the flagship the scores that onnxruntime gives it in this process', async () => {
    const office = await readModel(OFFICE);
    const runner = await onnxRunner(office);
    const own = new OnnxEngine({ model: office });
    await Promise.all([runner.start(), own.start()]);
    const features = Float32Array.from({ length: 7 * 100 * 64 }, (_, i) => Math.sin(i * i));
    const [theirs, ours] = [await runner.run(features.slice(), 100), await own.run(features.slice(), 100)];
    await own.stop();
    expect([...theirs.activity]).toEqual([...ours.activity]);
    expect([...theirs.direction]).toEqual([...ours.direction]);
  });
});

describe('when the runner fails', () => {
  const faults = ['crash', 'garbage', 'short', 'wrong-sequence', 'wrong-type', 'refuse'] as const;
  test.each(faults)('%s: it is begun anew and the window under way is answered all the same', async (kind) => {
    const lines: string[] = [];
    const once = join(folder, `${kind}.once`);
    const engine = await onnxRunner(model, { kind, window: 3, once }, { log: (line) => lines.push(line) });
    await engine.start();
    const runs = await Promise.all([1, 2, 3].map(() => engine.run(window(), golden.frames)));
    expect(runs.every(({ activity }) => right(activity))).toBe(true);
    expect(existsSync(once)).toBe(true);
    expect(engine.status.restarts).toBe(1);
    expect(lines.join('\n')).toMatch(/trt-runner .*; it is begun anew/);
  });

  test('a runner that hangs is ended after the time a window may take', async () => {
    const once = join(folder, 'hang.once');
    const engine = await onnxRunner(model, { kind: 'hang', window: 2, once }, { limits: { ...QUICK, windowMs: 700 } });
    await engine.start();
    const { activity } = await engine.run(window(), golden.frames);
    expect(right(activity)).toBe(true);
    expect(engine.status.restarts).toBe(1);
  });

  test('a window that breaks the runner twice is given up, and so is the next one that does', async () => {
    const engine = await onnxRunner(model, { kind: 'crash', window: 2 });
    await engine.start();
    await expect(engine.run(window(), golden.frames)).rejects.toMatchObject({
      name: 'UserError',
      message: /was lost twice in this window: ended \(SIGABRT\)/,
    });
    await expect(engine.run(window(), golden.frames)).rejects.toThrow(/twice/);
  });

  test('a runner that is lost again and again is given up, with every window that waits', async () => {
    const engine = await onnxRunner(model, { kind: 'crash', window: 2 });
    await engine.start();
    const all = await Promise.allSettled(Array.from({ length: 6 }, () => engine.run(window(), golden.frames)));
    expect(all.map(({ status }) => status)).toEqual(Array(6).fill('rejected'));
    const reasons = all.map((result) => (result as PromiseRejectedResult).reason.message);
    expect(reasons.at(-1)).toMatch(/was lost 5 times in a row: ended \(SIGABRT\)/);
    await expect(engine.run(window(), golden.frames)).rejects.toThrow(/5 times in a row/);
  });

  test('a shape the engine does not take is refused without a new beginning', async () => {
    const engine = await onnxRunner(model, { kind: 'bad-shape', window: 2 });
    await engine.start();
    await expect(engine.run(window(), golden.frames)).rejects.toThrow(/refused a window: ordered: outside the profile/);
    expect(right((await engine.run(window(), golden.frames)).activity)).toBe(true);
    expect(engine.status.restarts).toBe(0);
  });

  test('stopping it while it hangs answers what waits and leaves no process', async () => {
    const engine = await onnxRunner(model, { kind: 'hang', window: 2 }, { limits: { windowMs: 60_000 } });
    await engine.start();
    const running = engine.run(window(), golden.frames);
    const refused = expect(running).rejects.toThrow('the inference engine was stopped');
    await new Promise((resolve) => setTimeout(resolve, 50));
    await engine.stop();
    await refused;
  });

  test('a runner that is not there, and one that is none, are refused with the program', async () => {
    const engineFile = join(folder, 'none.engine');
    const missing = engineWith({ model, engineFile, command: ['/no/such/trt-runner'] });
    await expect(missing.start()).rejects.toThrow(
      /\/no\/such\/trt-runner .* cannot be used: cannot be started: .*ENOENT/,
    );
    const chatty = engineWith({ model, engineFile, command: ['/bin/echo', 'hello, what would you like?'] });
    await expect(chatty.start()).rejects.toThrow(/it printed "hello, what wo.*" where a frame belongs/);
    const mute = engineWith({ model, engineFile, command: ['/bin/sleep', '60'], limits: { helloMs: 100 } });
    await expect(mute.start()).rejects.toThrow(/did not answer within 0.1 s/);
  });

  test('secrets of the environment do not reach it', async () => {
    process.env.EARSHOT_SECRET_OF_TEST = 'hunter2';
    const lines: string[] = [];
    const command = ['/bin/sh', '-c', 'env >&2'] as const;
    const engine = engineWith({ model, engineFile: 'x', command, log: (line) => lines.push(line) });
    await expect(engine.start()).rejects.toThrow(/ended/);
    delete process.env.EARSHOT_SECRET_OF_TEST;
    expect(lines.some((line) => line.startsWith('PATH='))).toBe(true);
    expect(lines.join('\n')).not.toContain('hunter2');
  });
});

if (compilerMissing) test.skip(`trt-runner is compiled and run: left out, ${compilerMissing}`, () => undefined);
else {
  describe('trt-runner over the stand-in for TensorRT, with sanitizers', () => {
    let engineFile: string;
    beforeAll(async () => {
      engineFile = await writeStandInEngine(join(folder, 'stand-in.engine'));
      standInRunner();
    }, 120_000);
    testBackend('TensorRtEngine over it', (of) => {
      return new TensorRtEngine({ model: of, engineFile, precision: 'fp16', command: [standInRunner()] });
    });

    test('says which TensorRT and which GPU compute', async () => {
      const engine = await standIn({});
      await engine.start();
      expect(engine.description).toBe('tensorrt 10.3.0, fp16, stand-in "GPU" (sm_87)');
      expect(engine.status).toEqual({
        ...{ library: 'tensorrt', precision: 'fp16', device: 'stand-in "GPU" (sm_87)', restarts: 0, fallback: null },
      });
    });

    test.each(['crash 3', 'exit 3', 'fail 3', 'wrong-size 3'])(
      '%s: the window is answered by a new runner',
      async (fault) => {
        const engine = await standIn({ fault, once: join(folder, `${fault}.once`) });
        await engine.start();
        const runs = await Promise.all([1, 2, 3].map(() => engine.run(window(), golden.frames)));
        expect(runs.every(({ activity }) => right(activity))).toBe(true);
        expect(engine.status.restarts).toBe(1);
      },
    );

    test('a library that prints to standard output does not break the frames', async () => {
      const lines: string[] = [];
      const engine = await standIn({ fault: 'noise 2' }, { log: (line) => lines.push(line) });
      await engine.start();
      expect(right((await engine.run(window(), golden.frames)).activity)).toBe(true);
      expect(engine.status.restarts).toBe(0);
      await engine.stop();
      expect(lines).toContain('a library that prints what it likes');
    });

    test('scores that are no numbers are refused, not told as silence', async () => {
      const engine = await standIn({ fault: 'nan 2' });
      await engine.start();
      await expect(engine.run(window(), golden.frames)).rejects.toThrow(/scores that are no numbers/);
    });

    test('an engine of another TensorRT is refused with what helps', async () => {
      const engine = await standIn({ version: 100800 });
      await expect(engine.start()).rejects.toMatchObject({
        name: 'UserError',
        message: /Version tag does not match.*; the engine was built by another TensorRT and is built again/,
      });
    });

    test('a file that is no engine, a missing one, half precision and a board without memory are told apart', async () => {
      const none = join(folder, 'text.engine');
      await writeFile(none, 'not an engine');
      const start = (file: string) => engineWith({ model, engineFile: file, command: [standInRunner()] }).start();
      await expect(start(none)).rejects.toThrow(/of another GPU or damaged/);
      await expect(start('/no/such.engine')).rejects.toThrow(/cannot open \/no\/such.engine/);
      await expect((await standIn({ fault: 'half' })).start()).rejects.toThrow(/tensor activity is not float32/);
      await expect((await standIn({ fault: 'out-of-memory' })).start()).rejects.toThrow(
        /out of memory; stop other programs/,
      );
      await expect((await standIn({}, { environment: { STAND_IN_GPUS: '0' } })).start()).rejects.toThrow(
        /no CUDA-capable device.*run it on the Jetson itself/,
      );
    });

    test('an engine whose windows are shorter than the model needs is refused before it runs', async () => {
      await expect((await standIn({ longest: 50 })).start()).rejects.toThrow(
        /takes 1 x 7 x 50 x 64 .* needs 1 x 7 x 100 x 64/,
      );
    });

    test('compiles and runs also with the 32-bit dimensions of TensorRT 8', async () => {
      const engine = await standIn({}, { command: [standInRunner(8)] });
      await engine.start();
      expect(right((await engine.run(window(), golden.frames)).activity)).toBe(true);
    }, 120_000);
  });
}
