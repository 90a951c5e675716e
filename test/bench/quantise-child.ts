// Our quantising in a process of its own, so that its time and memory are its own: MODEL.onnx WINDOWS.f32 COUNT SHAPE OUT.onnx
// Prints {"seconds": ..., "peakMiB": ...}, as quantise_peer.py does.
import { open, readFile, writeFile } from 'node:fs/promises';
import { peakResidentBytes } from '../../runtime/memory.ts';
import { calibrate, type Window } from '../../tools/model/quantise/calibrate.ts';
import { emit } from '../../tools/model/quantise/targets.ts';

const [model, windows, count, shape, out] = process.argv.slice(2) as [string, string, string, string, string];
const dims = shape.split(',').map(Number).slice(1);

async function* read(): AsyncGenerator<Window> {
  const file = await open(windows, 'r');
  const bytes = 4 * dims.reduce((product, size) => product * size, 1);
  for (let i = 0; i < Number(count); i += 1) {
    const buffer = new Uint8Array(bytes);
    await file.read(buffer, 0, bytes, i * bytes);
    yield { dims, values: new Float32Array(buffer.buffer) };
  }
  await file.close();
}

const bytes = await readFile(model);
const started = performance.now();
const calibrated = await calibrate({ model: bytes, where: model, frames: dims[1]!, windows: read() });
const file = emit('ort-int8', calibrated, { method: 'mse', floatLayers: [], release: '8.5.2' });
await writeFile(out, file.bytes);
const seconds = (performance.now() - started) / 1000;
process.stdout.write(`${JSON.stringify({ seconds, peakMiB: peakResidentBytes() / 2 ** 20 })}\n`);
