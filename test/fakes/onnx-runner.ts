// A runner that speaks trt-runner's protocol and computes with onnxruntime on the processor: an "engine" names an ONNX file.
// Faults can be ordered. Run as a program: node dist/test/fakes/onnx-runner.js
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { type Frame, FrameReader, frameHeader, REPLY, REQUEST } from '../../runtime/inference/runner-protocol.ts';

/** What stands in an engine file of this runner. */
export interface OnnxRunnerEngine {
  readonly onnx: string;
  readonly smallest: readonly number[];
  readonly largest: readonly number[];
  /** In which of its windows, from 1 (the warm-up is one), what goes wrong. */
  readonly fault?: { readonly kind: FaultKind; readonly window: number; readonly once?: string };
}

export type FaultKind =
  | 'crash'
  | 'hang'
  | 'garbage'
  | 'short'
  | 'wrong-sequence'
  | 'wrong-type'
  | 'refuse'
  | 'bad-shape'
  | 'off';

let engine: OnnxRunnerEngine | undefined;
let session: InferenceSession | undefined;
let windows = 0;
let previous = Promise.resolve();

const reader = new FrameReader((frame) => {
  previous = previous.then(() => answer(frame)).catch((error) => refuse(frame.sequence, 3, (error as Error).message));
});
process.stdin.on('data', (bytes) => reader.push(bytes as Buffer));
process.stdin.on('end', () => void previous.then(() => process.exit(0)));

function reply(type: number, sequence: number, payload: Uint8Array): void {
  process.stdout.write(frameHeader(type, sequence, payload.length));
  process.stdout.write(payload);
}

function json(type: number, sequence: number, value: unknown): void {
  reply(type, sequence, new TextEncoder().encode(JSON.stringify(value)));
}

function refuse(sequence: number, code: number, message: string): void {
  reply(REPLY.error, sequence, Buffer.concat([words(code), new TextEncoder().encode(message)]));
}

function words(...values: number[]): Uint8Array {
  return new Uint8Array(new Uint32Array(values).buffer);
}

async function answer({ type, sequence, payload }: Frame): Promise<void> {
  if (type === REQUEST.hello) {
    json(REPLY.hello, sequence, { protocol: 1, library: 'onnxruntime', version: 100300, device: 'cpu', sm: 0 });
  } else if (type === REQUEST.load) {
    engine = JSON.parse(readFileSync(Buffer.from(payload).toString(), 'utf8')) as OnnxRunnerEngine;
    session = await InferenceSession.create(engine.onnx, { intraOpNumThreads: 1 });
    const { smallest, largest } = engine;
    json(REPLY.info, sequence, { input: 'features', smallest, largest, outputs: session.outputNames });
  } else if (type === REQUEST.infer) await infer(sequence, payload);
  else if (type === REQUEST.ping) reply(REPLY.pong, sequence, words());
  else if (type === REQUEST.stop) process.exit(0);
}

async function infer(sequence: number, payload: Uint8Array): Promise<void> {
  windows += 1;
  const fault = dueFault();
  if (fault === 'crash') process.abort();
  if (fault === 'hang') return void (await new Promise(() => setInterval(() => undefined, 1000)));
  if (fault === 'refuse') return refuse(sequence, 6, 'ordered: an illegal memory access was encountered');
  if (fault === 'bad-shape') return refuse(sequence, 5, 'ordered: outside the profile');
  if (fault === 'garbage') process.stdout.write('Loading plugins, please wait ...\n');
  const scores = await score(payload);
  if (fault === 'short') reply(REPLY.scores, sequence, scores.subarray(0, scores.length - 8));
  else if (fault === 'wrong-type') reply(REPLY.pong, sequence, scores);
  else reply(REPLY.scores, fault === 'wrong-sequence' ? sequence + 1 : sequence, scores);
}

async function score(payload: Uint8Array): Promise<Uint8Array> {
  const copy = Uint8Array.from(payload);
  const dims = [...new Uint32Array(copy.buffer, 4, new Uint32Array(copy.buffer, 0, 1)[0])];
  const values = new Float32Array(copy.buffer, 4 + 4 * dims.length);
  const started = performance.now();
  const outputs = await session!.run({ features: new Tensor('float32', values, dims) });
  const off = engine?.fault?.kind === 'off';
  const parts: Uint8Array[] = [words(Math.max(1, Math.round(1000 * (performance.now() - started))))];
  for (const name of session!.outputNames) {
    const { data, dims: shape } = outputs[name]!;
    parts.push(
      words(shape.length, ...shape),
      new Uint8Array(Float32Array.from(data as Float32Array, (v) => (off ? v / 2 : v)).buffer),
    );
  }
  return Buffer.concat(parts);
}

function dueFault(): FaultKind | undefined {
  const fault = engine?.fault;
  if (!fault || fault.window !== windows) return undefined;
  if (fault.once && existsSync(fault.once)) return undefined;
  if (fault.once) writeFileSync(fault.once, '');
  return fault.kind;
}
