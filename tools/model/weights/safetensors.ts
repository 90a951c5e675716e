// Reads and writes safetensors (huggingface/safetensors, README and safetensors/src/tensor.rs), as strictly as the reference.
import { NUMBER_FORMATS, type NumberFormat } from './number-formats.ts';
import { type Json, parseStrictJson } from './strict-json.ts';
import { countOf, MOST_VALUES, type Tensor, type Weights, WeightsError } from './tensor.ts';

const LENGTH_BYTES = 8;
/** The reference reads 100 MB; a header of ours has 10 kB. */
const LONGEST_HEADER_BYTES = 8 * 2 ** 20;

interface Entry {
  readonly name: string;
  readonly format: NumberFormat;
  readonly shape: readonly number[];
  readonly count: number;
  /** From the start of the data. */
  readonly begin: number;
  readonly end: number;
}

/** @throws WeightsError for a file that breaks any rule of the format */
export function parseSafetensors(bytes: Uint8Array): Weights {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const dataStart = LENGTH_BYTES + headerLength(view);
  const entries = readHeader(bytes.subarray(LENGTH_BYTES, dataStart)).sort(
    (a, b) => a.begin - b.begin || a.end - b.end,
  );
  checkOffsets(entries, bytes.length - dataStart);
  return new Map(entries.map((entry) => [entry.name, readTensor(entry, view, dataStart)]));
}

function headerLength(view: DataView): number {
  if (view.byteLength < LENGTH_BYTES) throw new WeightsError('the file is too short for a safetensors header');
  const length = view.getBigUint64(0, true);
  if (length > BigInt(view.byteLength - LENGTH_BYTES)) {
    throw new WeightsError(`the header is said to have ${length} bytes, more than the file`);
  }
  if (length > LONGEST_HEADER_BYTES) {
    throw new WeightsError(`the header has ${length} bytes, more than ${LONGEST_HEADER_BYTES}`);
  }
  return Number(length);
}

function readHeader(bytes: Uint8Array): Entry[] {
  if (bytes[0] !== 0x7b) throw new WeightsError('the header does not begin with {');
  const header = parseStrictJson(decodeUtf8(bytes)) as ReadonlyMap<string, Json>;
  checkMetadata(header.get('__metadata__'));
  return [...header].filter(([name]) => name !== '__metadata__').map(([name, entry]) => readEntry(name, entry));
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new WeightsError('the header is no UTF-8', { cause });
  }
}

function checkMetadata(metadata: Json | undefined): void {
  if (metadata === undefined) return;
  if (metadata instanceof Map && [...metadata.values()].every((value) => typeof value === 'string')) return;
  throw new WeightsError('__metadata__ holds something else than texts');
}

function readEntry(name: string, entry: Json): Entry {
  const at = (key: string) => (entry instanceof Map ? entry.get(key) : undefined);
  const [dtype, shape, offsets] = [at('dtype'), at('shape'), at('data_offsets')];
  const known = (entry as ReadonlyMap<string, Json>).size === 3 && isIntegers(shape) && isIntegers(offsets);
  if (!known || typeof dtype !== 'string' || offsets.length !== 2) {
    throw new WeightsError(`tensor ${name} must have a dtype, a shape and two data_offsets of whole numbers from 0`);
  }
  if (!Object.hasOwn(NUMBER_FORMATS, dtype)) {
    const formats = Object.keys(NUMBER_FORMATS).join(', ');
    throw new WeightsError(`tensor ${name} has the dtype ${dtype.slice(0, 20)}; read are ${formats}`);
  }
  const format = NUMBER_FORMATS[dtype as keyof typeof NUMBER_FORMATS];
  const [begin, end] = offsets as [number, number];
  const count = countOf(shape, name);
  if (end - begin !== count * format.bytes) {
    throw new WeightsError(`tensor ${name} of shape [${shape}] has ${end - begin} bytes, not ${count * format.bytes}`);
  }
  return { name, format, shape, count, begin, end };
}

function isIntegers(value: Json | undefined): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

/** Tensors follow each other without hole or overlap and fill the file: nothing can hide in it. */
function checkOffsets(entries: readonly Entry[], dataBytes: number): void {
  let next = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== next) throw new WeightsError(`tensor ${name} begins at ${begin}, where ${next} was due`);
    next = end;
  }
  if (next !== dataBytes) throw new WeightsError(`the tensors fill ${next} bytes, the file has ${dataBytes}`);
  const total = entries.reduce((sum, { count }) => sum + count, 0);
  if (total > MOST_VALUES) throw new WeightsError(`the tensors hold ${total} values, more than ${MOST_VALUES}`);
}

function readTensor({ format, shape, count, begin }: Entry, view: DataView, dataStart: number): Tensor {
  const values = new Float32Array(count);
  const { read, bytes } = format;
  for (let i = 0; i < count; i += 1) values[i] = read(view, dataStart + begin + i * bytes);
  return { shape, values };
}

/** The file of these weights in float32, in the order given; data begin at a multiple of 8. */
export function formatSafetensors(weights: Weights): Uint8Array {
  const header: Record<string, unknown> = Object.create(null);
  let end = 0;
  for (const [name, { shape, values }] of weights) {
    header[name] = { dtype: 'F32', shape, data_offsets: [end, end + values.byteLength] };
    end += values.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(LENGTH_BYTES + headerBytes + end).fill(0x20, LENGTH_BYTES, LENGTH_BYTES + headerBytes);
  const view = new DataView(file.buffer);
  view.setBigUint64(0, BigInt(headerBytes), true);
  file.set(json, LENGTH_BYTES);
  let at = LENGTH_BYTES + headerBytes;
  for (const { values } of weights.values()) {
    for (let i = 0; i < values.length; i += 1) view.setFloat32(at + 4 * i, values[i]!, true);
    at += values.byteLength;
  }
  return file;
}
