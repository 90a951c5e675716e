// The frames of the runner's protocol: cut anywhere, joined anyhow, and what is none.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fc from 'fast-check';
import {
  type Frame,
  FrameReader,
  frameHeader,
  ProtocolError,
  REPLY,
  REQUEST,
  readError,
  readScores,
  tensorHeader,
} from '../../../runtime/inference/runner-protocol.ts';
import { compilerMissing, standInRunner } from '../../fakes/stand-in-runner.ts';

const bytesOf = (frames: readonly Frame[]) =>
  Buffer.concat(
    frames.flatMap(({ type, sequence, payload }) => [frameHeader(type, sequence, payload.length), payload]),
  );

test('frames are found whatever pieces they arrive in', () => {
  const frame = fc.record({ type: fc.nat(255), sequence: fc.nat(), payload: fc.uint8Array({ maxLength: 40 }) });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 20 })), (frames, cuts) => {
      const [bytes, found]: [Buffer, Frame[]] = [bytesOf(frames), []];
      const reader = new FrameReader((f) => found.push({ ...f, payload: Uint8Array.from(f.payload) }));
      let at = 0;
      for (const cut of [...cuts, bytes.length]) {
        if (at < bytes.length) reader.push(bytes.subarray(at, at + cut));
        at += cut;
      }
      if (at < bytes.length) reader.push(bytes.subarray(at));
      expect(found).toEqual(frames);
    }),
  );
});

test('what is no frame, or longer than any may be, is refused at once', () => {
  const reader = () => new FrameReader(() => undefined);
  expect(() => reader().push(Buffer.from('[I] Loading engine ...'))).toThrow('it printed "[I] Loading engi');
  expect(() => reader().push(Buffer.from(frameHeader(131, 1, 2 ** 31)))).toThrow(/frame of 2147483648 bytes/);
});

test('scores shorter than their tensors, or of absurd shapes, are refused', () => {
  const words = (...values: number[]) => new Uint8Array(new Uint32Array(values).buffer);
  expect(readScores(words(1500, 2, 1, 2, 0x3f800000, 0x40000000))).toEqual({
    micros: 1500,
    tensors: [{ dims: [1, 2], values: Float32Array.of(1, 2) }],
  });
  for (const bad of [words(), words(1, 2, 1), words(1, 1, 5, 0), words(1, 9), words(1, 2, 0xffffffff, 0xffffffff)]) {
    expect(() => readScores(bad)).toThrow(ProtocolError);
  }
  expect(readError(words(4))).toEqual({ code: 'out of memory', message: '' });
  expect(readError(new Uint8Array(2)).code).toBe('code 0');
});

if (compilerMissing) test.skip(`bytes to trt-runner itself: left out, ${compilerMissing}`, () => undefined);
else {
  let child: ChildProcess;
  let replies: Frame[];
  beforeAll(() => void standInRunner(), 120_000);
  beforeEach(() => {
    replies = [];
    child = spawn(standInRunner(), { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin!.on('error', () => undefined);
    const reader = new FrameReader((frame) => replies.push(frame));
    child.stdout!.on('data', (bytes: Buffer) => reader.push(bytes));
  });

  afterEach(() => void child.kill('SIGKILL'));

  async function exitCode(...pieces: Uint8Array[]): Promise<number | null> {
    for (const piece of pieces) child.stdin!.write(piece);
    child.stdin!.end();
    const [code] = (await once(child, 'close')) as [number | null];
    return code;
  }
  const hello = Buffer.concat([frameHeader(REQUEST.hello, 1, 4), Uint8Array.of(1, 0, 0, 0)]);

  test('the runner ends by itself when its input does, or when it is told to', async () => {
    expect(await exitCode()).toBe(0);
  });

  test('it answers pings and says goodbye', async () => {
    expect(await exitCode(hello, frameHeader(REQUEST.ping, 2, 0), frameHeader(REQUEST.stop, 3, 0))).toBe(0);
    expect(replies.map(({ type, sequence }) => [type, sequence])).toEqual([
      [REPLY.hello, 1],
      [REPLY.pong, 2],
      [REPLY.stopped, 3],
    ]);
  });

  test('it refuses another protocol, windows without an engine and unknown frames, and goes on', async () => {
    const other = Buffer.concat([frameHeader(REQUEST.hello, 1, 4), Uint8Array.of(9, 0, 0, 0)]);
    const early = frameHeader(REQUEST.ping, 2, 0);
    const inference = Buffer.concat([frameHeader(REQUEST.infer, 4, 8), tensorHeader([3])]);
    expect(await exitCode(other, early, hello, inference, frameHeader(77, 5, 0))).toBe(0);
    expect(replies.map(({ type }) => type)).toEqual([255, 255, REPLY.hello, 255, 255]);
    expect(replies.filter(({ type }) => type === 255).map(({ payload }) => readError(payload))).toEqual([
      { code: 'bad request', message: 'protocol 9 is asked for, this runner speaks 1' },
      { code: 'bad request', message: 'the first frame must be hello' },
      { code: 'bad request', message: 'no engine is loaded' },
      { code: 'bad request', message: 'a frame of this type is not known' },
    ]);
  });

  test('bytes that are no frame, a frame too long and one cut short end it with an error, not a crash', async () => {
    for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), frameHeader(5, 1, 2 ** 31), hello.subarray(0, 18)]) {
      child.kill('SIGKILL');
      child = spawn(standInRunner(), { stdio: ['pipe', 'ignore', 'ignore'] });
      child.stdin!.on('error', () => undefined);
      expect(await exitCode(bytes)).toBe(1);
    }
  });

  test('random requests never make it read or write outside its memory', async () => {
    const random = fc.sample(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.uint8Array({ maxLength: 64 })), {
      numRuns: 300,
      seed: 5,
    });
    const frames = random.map(([type, payload], i) => ({ type: type === 5 ? 3 : type, sequence: i + 2, payload }));
    expect(await exitCode(hello, bytesOf(frames))).toBe(0);
    expect(replies).toHaveLength(frames.length + 1);
  });
}
