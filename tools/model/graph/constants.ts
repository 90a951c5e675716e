// Values of constant tensors: float32 as they are, int64 as plain numbers; other types are carried along unread.
import { DataType, type TensorProto, tensor } from '../onnx/codec.ts';

/** A constant that rewrites and shape inference can compute with. */
export interface Constant {
  readonly dims: readonly number[];
  /** Float32Array for float32, plain numbers for int64. */
  readonly values: Float32Array | readonly number[];
}

/** Bytes of one element in raw data, by ONNX data type; absent where elements are no whole bytes, or strings. */
const ELEMENT_BYTES: Partial<Record<number, number>> = {
  [DataType.FLOAT]: 4,
  [DataType.UINT8]: 1,
  [DataType.INT8]: 1,
  [DataType.UINT16]: 2,
  [DataType.INT16]: 2,
  [DataType.INT32]: 4,
  [DataType.INT64]: 8,
  [DataType.BOOL]: 1,
  [DataType.FLOAT16]: 2,
  [DataType.DOUBLE]: 8,
  [DataType.UINT32]: 4,
  [DataType.UINT64]: 8,
  [DataType.BFLOAT16]: 2,
};

const TYPE_NAMES = new Map(Object.entries(DataType).map(([name, code]) => [code as number, name.toLowerCase()]));

/** float, int64, uint8 ... */
export function typeName(dataType: number): string {
  return TYPE_NAMES.get(dataType) ?? `type ${dataType}`;
}

export function dimsOf({ dims }: TensorProto): number[] {
  return dims.map(Number);
}

export function countOf(dims: readonly number[]): number {
  return dims.reduce((product, size) => product * size, 1);
}

/** Bytes that the values take; 0 for strings and types with less than a byte per element. */
export function byteLength(proto: TensorProto): number {
  return countOf(dimsOf(proto)) * (ELEMENT_BYTES[proto.dataType] ?? 0);
}

/** What is wrong with a tensor whose dims and data do not fit together, or undefined. */
export function tensorFault(proto: TensorProto): string | undefined {
  const dims = dimsOf(proto);
  if (dims.some((size) => !Number.isSafeInteger(size) || size < 0)) return `has the dims ${dims.join(' x ')}`;
  const count = countOf(dims);
  const width = ELEMENT_BYTES[proto.dataType];
  if (width === undefined) return undefined;
  if (proto.rawData.length > 0 || count === 0) {
    return proto.rawData.length === count * width
      ? undefined
      : `has ${proto.rawData.length} bytes for ${dims.join(' x ')} values of ${typeName(proto.dataType)}`;
  }
  const { floatData, int32Data, int64Data, doubleData, uint64Data } = proto;
  const held = Math.max(floatData.length, int32Data.length, int64Data.length, doubleData.length, uint64Data.length);
  return held === count ? undefined : `holds ${held} values, its dims ${dims.join(' x ')} say ${count}`;
}

/** Reads float32 and int64; undefined for other types. Integers past 2^53 are rounded, as the "to the end" of Slice may be. */
export function readConstant(proto: TensorProto): Constant | undefined {
  const dims = dimsOf(proto);
  const { rawData } = proto;
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
  if (proto.dataType === DataType.FLOAT) {
    const raw = () => Float32Array.from({ length: view.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
    return { dims, values: rawData.length > 0 ? raw() : Float32Array.from(proto.floatData) };
  }
  if (proto.dataType !== DataType.INT64) return undefined;
  const raw = () => Array.from({ length: view.byteLength / 8 }, (_, i) => Number(view.getBigInt64(8 * i, true)));
  return { dims, values: rawData.length > 0 ? raw() : proto.int64Data.map(Number) };
}

/** @returns undefined for integers that are not exact in a double, which is how we compute with them */
export function writeConstant(name: string, { dims, values }: Constant): TensorProto | undefined {
  if (!(values instanceof Float32Array) && !values.every(Number.isSafeInteger)) return undefined;
  return tensor(name, dims, values);
}
