// Attributes of a node, with the default that the operator's definition gives.
import { AttributeType, type NodeProto, type TensorProto } from '../onnx/codec.ts';

const find = (node: NodeProto, name: string, type: number) =>
  node.attribute.find((attribute) => attribute.name === name && attribute.type === type);

export function integer(node: NodeProto, name: string, otherwise: number): number {
  const found = find(node, name, AttributeType.INT);
  return found ? Number(found.i) : otherwise;
}

export function float(node: NodeProto, name: string, otherwise: number): number {
  return find(node, name, AttributeType.FLOAT)?.f ?? otherwise;
}

/** @returns undefined when the node does not have it */
export function integers(node: NodeProto, name: string): number[] | undefined {
  return find(node, name, AttributeType.INTS)?.ints.map(Number);
}

export function floats(node: NodeProto, name: string): number[] | undefined {
  return find(node, name, AttributeType.FLOATS)?.floats;
}

export function text(node: NodeProto, name: string, otherwise: string): string {
  const found = find(node, name, AttributeType.STRING);
  return found ? new TextDecoder().decode(found.s) : otherwise;
}

export function tensorAttribute(node: NodeProto, name: string): TensorProto | undefined {
  return find(node, name, AttributeType.TENSOR)?.t;
}
