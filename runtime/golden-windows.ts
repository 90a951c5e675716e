// The golden windows of a model: features as the network gets them, and what PyTorch gave for them. They prove an engine.
import { z } from 'zod';

/** Ours have a megabyte; a longer header or file is none of ours. */
const LONGEST_HEADER_BYTES = 4096;
const LENGTH_BYTES = 8;

const Header = z.strictObject({
  __metadata__: z.record(z.string(), z.string()).optional(),
  features: tensor('F16', 4),
  activity: tensor('F32', 3),
  direction: tensor('F32', 3),
});

function tensor(dtype: 'F16' | 'F32', rank: number) {
  const count = z.int().min(1).max(1e6);
  return z.strictObject({
    dtype: z.literal(dtype),
    shape: z.array(count).length(rank),
    data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
  });
}

export interface GoldenWindow {
  /** (feature channels, frames, bands), scaled */
  readonly features: Float32Array<ArrayBuffer>;
  /** By the names of the network's outputs: activity (label frames, classes), direction (label frames, 3 x classes). */
  readonly outputs: Readonly<Record<string, Float32Array>>;
}

export interface GoldenWindows {
  /** Of one window: feature channels, frames, bands. */
  readonly dims: readonly [number, number, number];
  readonly windows: readonly GoldenWindow[];
  /** How they were made. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A file that is none, or is damaged. */
export class GoldenError extends Error {
  override name = 'UserError';
}

/**
 * Reads golden windows.
 * @param bytes of a safetensors file with features, activity and direction; its sha256 stands in the manifest
 * @throws GoldenError when it holds anything else
 */
export function readGoldenWindows(bytes: Uint8Array, where: string): GoldenWindows {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { header, dataStart } = readHeader(view, where);
  const { features, activity, direction } = header;
  const outputs = { activity, direction };
  const [windows, channels, frames, bands] = features.shape as [number, number, number, number];
  let end = 0;
  for (const [name, { dtype, shape, data_offsets }] of Object.entries({ ...outputs, features }).sort(byOffset)) {
    const length = shape.reduce((a, b) => a * b, dtype === 'F16' ? 2 : 4);
    const [begin, finish] = data_offsets;
    if (begin !== end || finish !== end + length || shape[0] !== windows) throw damaged(where, `tensor ${name}`);
    end = finish;
  }
  if (dataStart + end !== bytes.length) throw damaged(where, 'its length');
  const size = channels * frames * bands;
  const halves = (i: number) => {
    const at = dataStart + features.data_offsets[0] + 2 * i * size;
    return Float32Array.from({ length: size }, (_, k) => halfToNumber(view.getUint16(at + 2 * k, true)));
  };
  const floats = ({ shape, data_offsets }: { shape: number[]; data_offsets: [number, number] }, i: number) => {
    const count = shape[1]! * shape[2]!;
    const at = dataStart + data_offsets[0] + 4 * i * count;
    return Float32Array.from({ length: count }, (_, k) => view.getFloat32(at + 4 * k, true));
  };
  return {
    dims: [channels, frames, bands],
    windows: Array.from({ length: windows }, (_, i) => ({
      features: halves(i),
      outputs: Object.fromEntries(Object.entries(outputs).map(([name, entry]) => [name, floats(entry, i)])),
    })),
    metadata: header.__metadata__ ?? {},
  };
}

type Named = [string, { data_offsets: [number, number] }];
const byOffset = ([, a]: Named, [, b]: Named) => a.data_offsets[0] - b.data_offsets[0];

function readHeader(view: DataView, where: string): { header: z.infer<typeof Header>; dataStart: number } {
  const length = view.byteLength > LENGTH_BYTES ? view.getBigUint64(0, true) : 0n;
  if (length < 2n || length > LONGEST_HEADER_BYTES || Number(length) > view.byteLength - LENGTH_BYTES) {
    throw damaged(where, 'its header');
  }
  const dataStart = LENGTH_BYTES + Number(length);
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(
      new Uint8Array(view.buffer, view.byteOffset + LENGTH_BYTES, Number(length)),
    );
    return { header: Header.parse(JSON.parse(text)), dataStart };
  } catch (cause) {
    throw damaged(where, 'its header', cause);
  }
}

function damaged(where: string, what: string, cause?: unknown): GoldenError {
  const wayOut = 'make it again with "earshot model golden"';
  return new GoldenError(`${where} holds no golden windows: ${what} is not as it must be; ${wayOut}.`, { cause });
}

/** Root mean square difference of two outputs, infinite where either is no number or their lengths differ. */
export function rmsDifference(expected: Float32Array, found: Float32Array): number {
  if (expected.length !== found.length) return Number.POSITIVE_INFINITY;
  let sum = 0;
  for (let i = 0; i < expected.length; i += 1) sum += (expected[i]! - found[i]!) ** 2;
  return Number.isFinite(sum) ? Math.sqrt(sum / Math.max(1, expected.length)) : Number.POSITIVE_INFINITY;
}

/** IEEE 754 binary16. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
