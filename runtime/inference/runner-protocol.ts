// The frames between earshot and a runner process, as trt-runner/README.md describes them.

export const PROTOCOL_VERSION = 1;
const MAGIC = 0x52545245;
const HEADER_BYTES = 16;
/** Of one frame; a longer one is none. */
const LONGEST_PAYLOAD = 64 * 2 ** 20;

export const REQUEST = { hello: 1, load: 2, infer: 3, ping: 4, stop: 5 } as const;
export const REPLY = { hello: 129, info: 130, scores: 131, pong: 132, stopped: 133, error: 255 } as const;
export const ERROR_CODES = ['bad request', 'no GPU', 'bad engine', 'out of memory', 'bad shape', 'failed'] as const;

export interface Frame {
  readonly type: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** What came is no frame: the other side is not to be trusted any more. */
export class ProtocolError extends Error {}

/** What stands before a payload of so many bytes. */
export function frameHeader(type: number, sequence: number, length: number): Uint8Array {
  const header = new DataView(new ArrayBuffer(HEADER_BYTES));
  for (const [i, value] of [MAGIC, type, sequence, length].entries()) header.setUint32(4 * i, value, true);
  return new Uint8Array(header.buffer);
}

/** Finds frames in a stream of bytes that arrives in pieces of any size. */
export class FrameReader {
  readonly #onFrame: (frame: Frame) => void;
  #pieces: Uint8Array[] = [];
  #held = 0;
  /** Bytes the frame under way needs before it can be looked at again. */
  #needed = HEADER_BYTES;

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame;
  }

  /** @throws ProtocolError when the bytes are no frames */
  push(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.#held += bytes.length;
    while (this.#held >= this.#needed) {
      const joined = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
      const { type, sequence, length } = readHeader(joined);
      const end = HEADER_BYTES + length;
      this.#pieces = [joined];
      this.#needed = end;
      if (joined.length < end) return;
      this.#pieces = [joined.subarray(end)];
      this.#held = joined.length - end;
      this.#needed = HEADER_BYTES;
      this.#onFrame({ type, sequence, payload: joined.subarray(HEADER_BYTES, end) });
    }
  }
}

function readHeader(bytes: Uint8Array): { type: number; sequence: number; length: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const [magic, type, sequence, length] = [0, 4, 8, 12].map((at) => view.getUint32(at, true)) as [
    number,
    number,
    number,
    number,
  ];
  if (magic !== MAGIC) throw new ProtocolError(`it printed ${JSON.stringify(printable(bytes))} where a frame belongs`);
  if (length > LONGEST_PAYLOAD) throw new ProtocolError(`it announced a frame of ${length} bytes`);
  return { type, sequence, length };
}

function printable(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, 40))
    .toString('latin1')
    .replace(/[^ -~]/g, '.');
}

/** The payload of an infer request: the shape of the one input, then its values, which are not copied. */
export function tensorHeader(dims: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 + 4 * dims.length));
  for (const [i, value] of [dims.length, ...dims].entries()) view.setUint32(4 * i, value, true);
  return new Uint8Array(view.buffer);
}

export interface Tensor {
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

/**
 * The payload of a scores reply.
 * @throws ProtocolError when it is shorter or longer than its tensors
 */
export function readScores(payload: Uint8Array): { micros: number; tensors: Tensor[] } {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  let at = 0;
  const u32 = () => {
    if (at + 4 > payload.length) throw new ProtocolError('its scores end too early');
    at += 4;
    return view.getUint32(at - 4, true);
  };
  const micros = u32();
  const tensors: Tensor[] = [];
  while (at < payload.length) {
    const rank = u32();
    if (rank > 8) throw new ProtocolError(`its scores have a tensor of ${rank} dimensions`);
    const dims = Array.from({ length: rank }, u32);
    const count = dims.reduce((a, b) => a * b, 1);
    if (at + 4 * count > payload.length) throw new ProtocolError('its scores end too early');
    const values = new Float32Array(count);
    new Uint8Array(values.buffer).set(payload.subarray(at, at + 4 * count));
    tensors.push({ dims, values });
    at += 4 * count;
  }
  return { micros, tensors };
}

/** The payload of an error reply. */
export function readError(payload: Uint8Array): { code: string; message: string } {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const code = payload.length >= 4 ? view.getUint32(0, true) : 0;
  const message = new TextDecoder().decode(payload.subarray(4));
  return { code: ERROR_CODES[code - 1] ?? `code ${code}`, message };
}
