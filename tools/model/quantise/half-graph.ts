// A whole graph in float16, as strongly typed TensorRT wants it: what the file says is what is computed.
import { UserError } from '../../command.ts';
import { typeName } from '../graph/constants.ts';
import { isFloat } from '../graph/infer-shapes.ts';
import type { ModelGraph } from '../graph/model-graph.ts';
import { DataType, type NodeProto, narrowTensor } from '../onnx/codec.ts';
import { halfBits } from './weights.ts';

/**
 * Stay float32 between casts: the importer of TensorRT 10 writes float32 constants into the loop it makes of them, which strong
 * typing refuses in float16 (onnx-tensorrt 10.1, onnxOpImporters.cpp 2224-2527), and they are a tenth of the work.
 */
const RECURRENT = ['GRU', 'LSTM', 'RNN'];

/**
 * Turns float32 constants and tensors into float16. Inputs and outputs of the model stay float32, with a Cast behind and before.
 * @throws UserError when a constant has a type this cannot judge
 */
export function halveGraph(graph: ModelGraph): void {
  const nodes = graph.nodes;
  refuseHidden(nodes);
  const recurrent = nodes.filter(({ opType }) => RECURRENT.includes(opType));
  const kept = new Set(recurrent.flatMap(({ input }) => input));
  for (const { name, dataType } of graph.initializers) {
    if (dataType === DataType.FLOAT && !kept.has(name)) halve(graph, name);
  }
  for (const node of recurrent) surround(graph, node);
  for (const { name } of graph.inputs.filter(isFloat)) {
    const half = graph.add('Cast', `${name}.half`, [name], { to: DataType.FLOAT16 });
    for (const reader of graph.consumers(name)) if (reader.output[0] !== half) replaceInput(graph, reader, name, half);
  }
  for (const { name } of graph.outputs.filter(isFloat)) widenOutput(graph, name);
}

/** Float constants inside nodes would stay float32 unseen. */
function refuseHidden(nodes: readonly NodeProto[]): void {
  for (const { name, opType, attribute } of nodes) {
    const hidden = attribute.find(({ t }) => t && t.dataType === DataType.FLOAT);
    const widens =
      opType === 'Cast' && attribute.some(({ name: key, i }) => key === 'to' && Number(i) === DataType.FLOAT);
    if (hidden || widens)
      throw new UserError(
        `The node ${name} (${opType}) makes ${typeName(DataType.FLOAT)} by itself: only graphs whose constants are initializers become float16.`,
      );
  }
}

function halve(graph: ModelGraph, name: string): void {
  const { dims, values } = graph.constant(name)!;
  const half = graph.addInitializer(`${name}.half`, narrowTensor('', dims, halfBits(Float32Array.from(values))));
  for (const reader of graph.consumers(name)) replaceInput(graph, reader, name, half);
  graph.removeInitializer(name);
}

/** Casts before and behind a node that stays float32, and an initial state that is written out. */
function surround(graph: ModelGraph, node: NodeProto): void {
  const [x, ...rest] = node.input as [string, ...string[]];
  const wide = graph.add('Cast', `${x}.single`, [x], { to: DataType.FLOAT });
  const single = node.output[0]!;
  const inputs = [wide, ...rest];
  if (!inputs[5]) {
    const r = graph.initializer(node.input[2]!)!;
    const [directions, , units] = r.dims.map(Number) as [number, number, number];
    while (inputs.length < 5) inputs.push('');
    inputs[5] = graph.addConstant(`${single}.start`, {
      dims: [directions, 1, units],
      values: new Float32Array(directions * units),
    });
  }
  const fresh = graph.freshName(`${single}.single`);
  graph.rewire(node, inputs, [fresh, ...node.output.slice(1)]);
  const back = graph.add('Cast', `${single}.cast`, [fresh], { to: DataType.FLOAT16 });
  graph.rewire(graph.producer(back)!, [fresh], [single]);
}

/** The model still gives float32: what made the output gets another name, a Cast the old one. */
function widenOutput(graph: ModelGraph, name: string): void {
  const maker = graph.producer(name)!;
  const half = graph.freshName(`${name}.half`);
  for (const reader of graph.consumers(name)) replaceInput(graph, reader, name, half);
  graph.rewire(
    maker,
    maker.input,
    maker.output.map((each) => (each === name ? half : each)),
  );
  const cast = graph.add('Cast', `${name}.single`, [half], { to: DataType.FLOAT });
  graph.rewire(graph.producer(cast)!, [half], [name]);
}

function replaceInput(graph: ModelGraph, reader: NodeProto, from: string, to: string): void {
  graph.rewire(
    reader,
    reader.input.map((name) => (name === from ? to : name)),
  );
}
