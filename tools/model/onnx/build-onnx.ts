// A network with its weights as an ONNX model, from the same description as the PyTorch module (models/train/network.py).
import { type Network, timePooling } from '../../../models/network.ts';
import type { Weights } from '../weights/tensor.ts';
import { addStage } from './blocks.ts';
import { GraphBuilder } from './graph-builder.ts';
import { addGru } from './recurrent.ts';

/**
 * Model bytes. Input `features` (1, channels, frames, bands), scaled, any number of frames that the time pooling divides.
 * Outputs over label frames: `activity` (1, labels, classes), 0..1, and `direction` (1, labels, 3 * classes), -1..1, blocks
 * x, y, z. With ACCDOA the activity is the length of a class's vector, cut at 1.
 * @param weights all tensors of the network, checked (weights/match.ts)
 */
export function buildOnnx(network: Network, weights: Weights): Uint8Array {
  const graph = new GraphBuilder(weights);
  let x = graph.input('features', [1, network.channels, 'frames', network.bands]);
  for (const i of network.stages.keys()) x = addStage(graph, network, i, x);
  x = addSequence(graph, network, x);
  const labels = timePooling(network) === 1 ? 'frames' : 'labels';
  const { classes } = network;
  graph.node('Tanh', 'direction', [addHead(graph, 'direction', x)]);
  if (network.output === 'accdoa') addLength(graph, classes);
  else graph.node('Sigmoid', 'activity', [addHead(graph, 'activity', x)]);
  graph.output('activity', [1, labels, classes]);
  graph.output('direction', [1, labels, 3 * classes]);
  return graph.finish(network.name);
}

/** (1, filters, labels, bands left) to (1, labels, width), through the GRUs where there are some. */
function addSequence(graph: GraphBuilder, network: Network, x: string): string {
  const bandsLeft = network.stages.reduce((bands, { bandPool }) => bands / bandPool, network.bands);
  const shape = graph.constant('sequence.shape', [3], [0, 0, network.stages.at(-1)!.filters * bandsLeft]);
  const { gru } = network;
  // ONNX GRUs take the sequence axis first.
  const turned = graph.node('Transpose', 'sequence.turned', [x], { perm: gru ? [2, 0, 1, 3] : [0, 2, 1, 3] });
  let y = graph.node('Reshape', 'sequence', [turned, shape]);
  if (!gru) return y;
  for (let i = 0; i < gru.layers; i += 1) y = addGru(graph, gru, i, y);
  return graph.node('Transpose', 'gru', [y], { perm: [1, 0, 2] });
}

function addHead(graph: GraphBuilder, name: string, x: string): string {
  const dense = (part: string, from: string) => {
    const product = graph.node('MatMul', `${name}.${part}.product`, [
      from,
      addTransposed(graph, `${name}.${part}.weight`),
    ]);
    return graph.node('Add', `${name}.${part}`, [product, graph.weight(`${name}.${part}.bias`)]);
  };
  return dense('out', dense('hidden', x));
}

/** PyTorch's dense weights are (outputs, inputs), a matrix product wants (inputs, outputs). */
function addTransposed(graph: GraphBuilder, name: string): string {
  const { shape, values } = graph.tensor(name);
  const [rows, columns] = shape as [number, number];
  const turned = new Float32Array(values.length);
  for (let i = 0; i < values.length; i += 1) turned[(i % columns) * rows + Math.floor(i / columns)] = values[i]!;
  return graph.constant(name, [columns, rows], turned);
}

function addLength(graph: GraphBuilder, classes: number): void {
  const shape = graph.constant('vectors.shape', [4], [0, 0, 3, classes]);
  const vectors = graph.node('Reshape', 'vectors', ['direction', shape]);
  const length = graph.node('ReduceL2', 'vectors.length', [vectors], { axes: [2], keepdims: 0 });
  const limit = graph.constant('vectors.limit', [], new Float32Array([1]));
  graph.node('Clip', 'activity', [length, '', limit]);
}
