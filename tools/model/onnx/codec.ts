// ONNX models to and from bytes. onnx_pb.ts is generated from onnx.proto of ONNX 1.23.2 (Apache-2.0, see NOTICE):
//   protoc --es_out=. --es_opt=target=ts,erasable_syntax=true,import_extension=js onnx.proto   (@bufbuild/protoc-gen-es 2.17.0)
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './onnx_pb.ts';

export type { ModelProto, NodeProto, TensorProto, ValueInfoProto };
export { AttributeType, DataType };

/** Integers must be whole: 1 is an int attribute, { float: 1 } a float one. */
export type AttributeValue = number | readonly number[] | string | { readonly float: number };

export interface Graph {
  readonly name: string;
  readonly nodes: NodeProto[];
  readonly initializers: TensorProto[];
  readonly inputs: ValueInfoProto[];
  readonly outputs: ValueInfoProto[];
}

/** Opset 17 in IR 8: what ONNX Runtime and TensorRT 8.5 and later read. */
const OPSET = 17n;
const IR_VERSION = 8n;

/** @throws Error above the 2 GiB that protobuf can hold */
export function encodeModel({ name, nodes, initializers, inputs, outputs }: Graph): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: 'earshot',
    opsetImport: [{ domain: '', version: OPSET }],
    graph: { name, node: nodes, initializer: initializers, input: inputs, output: outputs },
  });
  return toBinary(ModelProtoSchema, model);
}

/** A model that was decoded, with what its writer put in and we do not know. */
export function encodeDecoded(model: ModelProto): Uint8Array {
  return toBinary(ModelProtoSchema, model);
}

/** Reads a model; nesting is limited by the library. @throws Error when the bytes are no protobuf message of this kind */
export function decodeModel(bytes: Uint8Array): ModelProto {
  return fromBinary(ModelProtoSchema, bytes);
}

export function node(
  opType: string,
  name: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
): NodeProto {
  const attribute = Object.entries(attributes).map(([key, value]) => toAttribute(key, value));
  return create(NodeProtoSchema, { opType, name, input: [...input], output: [...output], attribute });
}

function toAttribute(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === 'string')
    return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) });
  if (typeof value === 'number')
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
  if ('float' in value) return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float });
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) });
}

/** A constant; float32 from a Float32Array, int64 from plain numbers. */
export function tensor(name: string, dims: readonly number[], values: Float32Array | readonly number[]): TensorProto {
  const isFloat = values instanceof Float32Array;
  const rawData = isFloat ? floatBytes(values) : integerBytes(values);
  const dataType = isFloat ? DataType.FLOAT : DataType.INT64;
  return create(TensorProtoSchema, { name, dims: dims.map(BigInt), dataType, rawData });
}

/** A constant of 8-bit integers, or of the bits of float16 numbers. */
export function narrowTensor(
  name: string,
  dims: readonly number[],
  values: Int8Array | Uint8Array | Uint16Array,
): TensorProto {
  const dataType =
    values instanceof Int8Array ? DataType.INT8 : values instanceof Uint8Array ? DataType.UINT8 : DataType.FLOAT16;
  const rawData = new Uint8Array(values.length * values.BYTES_PER_ELEMENT);
  const view = new DataView(rawData.buffer);
  values.forEach((value, i) => {
    if (values instanceof Uint16Array) view.setUint16(2 * i, value, true);
    else rawData[i] = value;
  });
  return create(TensorProtoSchema, { name, dims: dims.map(BigInt), dataType, rawData });
}

/** ONNX stores raw data little-endian on every machine. */
function floatBytes(values: Float32Array): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  values.forEach((value, i) => {
    view.setFloat32(4 * i, value, true);
  });
  return new Uint8Array(view.buffer);
}

function integerBytes(values: readonly number[]): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(values.length * 8));
  values.forEach((value, i) => {
    view.setBigInt64(8 * i, BigInt(value), true);
  });
  return new Uint8Array(view.buffer);
}

/** A float32 input or output; a dimension that is a word is free, and without dimensions the shape is left open. */
export function floatValue(name: string, dims?: readonly (number | string)[]): ValueInfoProto {
  const dim = dims?.map((size) => ({
    value:
      typeof size === 'string'
        ? ({ case: 'dimParam', value: size } as const)
        : ({ case: 'dimValue', value: BigInt(size) } as const),
  }));
  const shape = dim && { dim };
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType: DataType.FLOAT, shape } } },
  });
}
