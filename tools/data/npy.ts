// NumPy's .npy files, format version 1.0, float32 in C order: written in pieces, read whole.
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { UserError } from '../command.ts';

const MAGIC = Buffer.from('\x93NUMPY\x01\x00', 'latin1');
const LENGTH_BYTES = 2;
/** The values begin at a multiple of this, so that they can be mapped into memory. */
const ALIGNMENT = 64;

/** What stands before the values of an array of this shape. */
export function npyHeader(shape: readonly number[]): Buffer {
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
  const before = MAGIC.length + LENGTH_BYTES;
  const length = Math.ceil((before + dictionary.length + 1) / ALIGNMENT) * ALIGNMENT - before;
  const header = Buffer.alloc(before + length, ' ');
  MAGIC.copy(header);
  header.writeUInt16LE(length, MAGIC.length);
  header.write(dictionary, before, 'latin1');
  header.write('\n', header.length - 1, 'latin1');
  return header;
}

export interface NpyArray {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Float32Array;
}

/** @throws UserError when the file is not a float32 .npy of version 1.0, or shorter than its shape says */
export async function readNpy(path: string): Promise<NpyArray> {
  const bytes = await readFile(path);
  const { shape, dataStart } = parseHeader(path, bytes);
  const count = elements(shape);
  if (bytes.length - dataStart !== 4 * count)
    throw new UserError(
      `${path} has ${bytes.length - dataStart} bytes of values, its shape (${shape}) asks for ${4 * count}: make it again`,
    );
  return { shape, values: new Float32Array(Uint8Array.from(bytes.subarray(dataStart)).buffer) };
}

/** Shape of an .npy file, of which only the header is read. */
export async function readNpyShape(path: string): Promise<readonly number[]> {
  const file = await open(path, 'r');
  try {
    return parseHeader(path, await beginning(file)).shape;
  } finally {
    await file.close();
  }
}

/** Consecutive values from the middle of a file, so that long ones need not be held. @throws UserError when they are not there */
export async function readNpyValues(path: string, first: number, count: number): Promise<Float32Array> {
  const file = await open(path, 'r');
  try {
    const { dataStart } = parseHeader(path, await beginning(file));
    const bytes = new Uint8Array(4 * count);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, dataStart + 4 * first);
    if (bytesRead < bytes.length) throw new UserError(`${path} ends before its value ${first + count}: make it again`);
    return new Float32Array(bytes.buffer);
  } finally {
    await file.close();
  }
}

/** Values in an array of this shape. */
export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

async function beginning(file: FileHandle): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(1024), 0, 1024, 0);
  return buffer.subarray(0, bytesRead);
}

function parseHeader(path: string, bytes: Buffer): { shape: number[]; dataStart: number } {
  const before = MAGIC.length + LENGTH_BYTES;
  if (bytes.length < before || !bytes.subarray(0, MAGIC.length).equals(MAGIC))
    throw new UserError(`${path} is no .npy file of version 1.0: give one written by earshot data features`);
  const dataStart = before + bytes.readUInt16LE(MAGIC.length);
  const header = bytes.toString('latin1', before, dataStart);
  const shape = /'shape': \(([\d, ]*)\)/.exec(header)?.[1];
  if (shape === undefined || !header.includes("'<f4'") || !header.includes("'fortran_order': False"))
    throw new UserError(`${path} holds ${header.trim()}; expected float32 ('<f4') in C order`);
  return {
    shape: shape
      .split(',')
      .filter((size) => size.trim() !== '')
      .map(Number),
    dataStart,
  };
}
