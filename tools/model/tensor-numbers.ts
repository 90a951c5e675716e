// Constants of every numeric type as plain numbers: what the linter compares with its rules.
import { countOf, dimsOf, readConstant } from './graph/constants.ts';
import { DataType, type TensorProto } from './onnx/codec.ts';
import { NUMBER_FORMATS, type NumberFormat } from './weights/number-formats.ts';

const FORMATS: Partial<Record<number, NumberFormat>> = {
  [DataType.DOUBLE]: NUMBER_FORMATS.F64,
  [DataType.FLOAT16]: NUMBER_FORMATS.F16,
  [DataType.BFLOAT16]: NUMBER_FORMATS.BF16,
  [DataType.INT32]: NUMBER_FORMATS.I32,
  [DataType.INT16]: NUMBER_FORMATS.I16,
  [DataType.INT8]: NUMBER_FORMATS.I8,
  [DataType.UINT8]: NUMBER_FORMATS.U8,
  [DataType.BOOL]: NUMBER_FORMATS.BOOL,
};

/** @returns undefined for types that are not read, and for tensors whose data do not fit their dims */
export function tensorNumbers(proto: TensorProto): Float64Array | undefined {
  const constant = readConstant(proto);
  if (constant) return Float64Array.from(constant.values);
  const format = FORMATS[proto.dataType];
  if (!format) return undefined;
  const count = countOf(dimsOf(proto));
  const { rawData } = proto;
  if (rawData.length === count * format.bytes) {
    const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
    return Float64Array.from({ length: count }, (_, i) => format.read(view, i * format.bytes));
  }
  if (rawData.length > 0) return undefined;
  // int32_data holds whole numbers, and the bits of half precisions.
  if (proto.dataType === DataType.DOUBLE) return Float64Array.from(proto.doubleData);
  const word = new DataView(new ArrayBuffer(4));
  return Float64Array.from(proto.int32Data, (bits) => {
    word.setInt32(0, bits, true);
    return format.read(word, 0);
  });
}
