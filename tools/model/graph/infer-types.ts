// Number format of every tensor: what flows along the wires.
import { DataType, type NodeProto } from '../onnx/codec.ts';
import { integer, tensorAttribute } from './attributes.ts';
import { typeName } from './constants.ts';
import type { ModelGraph } from './model-graph.ts';

/** @returns names of ONNX types (float, int8 ...) by tensor; absent where they cannot be told */
export function inferTypes(graph: ModelGraph): ReadonlyMap<string, string> {
  const types = new Map<string, string>(graph.initializers.map(({ name, dataType }) => [name, typeName(dataType)]));
  for (const { name, type } of graph.inputs) {
    if (type?.value.case === 'tensorType') types.set(name, typeName(type.value.value.elemType));
  }
  for (const node of graph.sorted()) {
    const type = outputType(node, types);
    for (const name of node.output) if (type) types.set(name, type);
  }
  return types;
}

/** Most operators give what they get; the others say what they make. */
function outputType(node: NodeProto, types: ReadonlyMap<string, string>): string | undefined {
  const { opType, input } = node;
  if (opType === 'Shape') return typeName(DataType.INT64);
  if (opType === 'Cast') return typeName(integer(node, 'to', 0));
  if (opType === 'QuantizeLinear') return types.get(input[2] ?? '') ?? typeName(DataType.UINT8);
  if (opType === 'DequantizeLinear') return types.get(input[1]!);
  if (opType === 'Constant' || opType === 'ConstantOfShape') {
    return typeName(tensorAttribute(node, 'value')?.dataType ?? DataType.FLOAT);
  }
  return types.get(input[0] ?? '');
}
