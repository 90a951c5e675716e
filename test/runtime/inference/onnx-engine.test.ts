// onnxruntime-node as a backend: the common suite, and what only it can get wrong.
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EnginePool } from '../../../runtime/inference/engine-pool.ts';
import { readModel } from '../../../runtime/inference/model-files.ts';
import { OnnxEngine } from '../../../runtime/inference/onnx-engine.ts';
import { copyOfModel, golden, goldenWindow, loudnessModel } from '../../loudness-model.ts';
import { testBackend } from './backend-suite.ts';

testBackend('OnnxEngine', (model) => new OnnxEngine({ model }));
testBackend('OnnxEngine with two threads', (model) => new OnnxEngine({ model, threads: 2 }));

testBackend('three OnnxEngines as one', (model) => {
  return new EnginePool([1, 2, 3].map(() => new OnnxEngine({ model })));
});

/** A model whose network is other bytes, with a manifest that vouches for them. */
async function modelWithNetwork(network: Uint8Array, change: Record<string, unknown> = {}) {
  const folder = await copyOfModel();
  const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
  const files = { 'model.onnx': createHash('sha256').update(network).digest('hex') };
  await writeFile(join(folder, 'manifest.json'), JSON.stringify({ ...manifest, ...change, files }));
  await writeFile(join(folder, 'model.onnx'), network);
  return readModel(folder);
}

test('a network that is no ONNX is refused in one sentence', async () => {
  const engine = new OnnxEngine({ model: await modelWithNetwork(new TextEncoder().encode('not a network')) });
  await expect(engine.start()).rejects.toMatchObject({ name: 'UserError', message: /model\.onnx cannot be run/ });
});

test('a manifest that promises other classes than the network has is refused at the start', async () => {
  const network = await readFile((await loudnessModel()).networkFile);
  const labels = ['low', 'middle', 'high'];
  const thresholds = { onset: [0.5, 0.5, 0.5], offset: [0.4, 0.4, 0.4] };
  const engine = new OnnxEngine({ model: await modelWithNetwork(network, { labels, thresholds }) });
  await expect(engine.start()).rejects.toThrow(/gave 40 scores for 100 frames, its manifest promises 60/);
});

test('a network without activities is an ACCDOA one: the length of a direction is its activity', async () => {
  const bytes = Buffer.from(await readFile((await loudnessModel()).networkFile));
  const asText = bytes.toString('latin1').replaceAll('\x08activity', '\x08activitx');
  const network = Buffer.from(asText, 'latin1');
  await expect(new OnnxEngine({ model: await modelWithNetwork(network) }).start()).rejects.toThrow(
    'no output activity',
  );
  const engine = new OnnxEngine({ model: await modelWithNetwork(network, { output: 'accdoa' }) });
  await engine.start();
  const { activity } = await engine.run(goldenWindow(), golden.frames);
  expect([...activity].every((length) => Math.abs(length - 1) < 1e-5)).toBe(true);
  await engine.stop();
});

test('the event loop turns while a window is computed', async () => {
  const engine = new OnnxEngine({ model: await loudnessModel() });
  await engine.start();
  const frames = 50_000;
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 1);
  const { latencyMs } = await engine.run(new Float32Array(7 * frames * 64), frames);
  clearInterval(timer);
  await engine.stop();
  expect(latencyMs).toBeGreaterThan(20);
  // A run that blocked would allow none; on a busy machine a turn a millisecond is too much to ask.
  expect(turns).toBeGreaterThan(latencyMs / 50);
});
