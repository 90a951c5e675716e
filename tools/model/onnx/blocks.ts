// The convolutional blocks of a network as ONNX nodes; the counterpart of Stage and the blocks in models/train/network.py.
import type { Block, Network } from '../../../models/network.ts';
import type { GraphBuilder } from './graph-builder.ts';

/** Block and pooling of stage i: (1, inputs, frames, bands) to (1, filters, frames / timePool, bands / bandPool). */
export function addStage(graph: GraphBuilder, network: Network, i: number, x: string): string {
  const { timePool, bandPool } = network.stages[i]!;
  const pool = [timePool, bandPool];
  const y = addBlock(graph, network, `stages.${i}.block`, x);
  if (timePool * bandPool === 1) return y;
  return graph.node('MaxPool', `stages.${i}.pool`, [y], { kernel_shape: pool, strides: pool });
}

function addBlock(graph: GraphBuilder, network: Network, name: string, x: string): string {
  const { block, norm } = network;
  const layer = (part: string, from: string) => addConvNorm(graph, `${name}.${part}`, from, norm.epsilon);
  if (block.kind === 'conv') return graph.node('Relu', `${name}.relu`, [layer('layer', x)]);
  if (block.kind === 'residual') {
    const shortcut = layer('shortcut', x);
    const first = graph.node('Elu', `${name}.first.elu`, [layer('first', x)], { alpha: { float: 1 } });
    const sum = graph.node('Add', `${name}.sum`, [layer('second', first), shortcut]);
    const y = graph.node('Elu', `${name}.elu`, [sum], { alpha: { float: 1 } });
    if (block.attention === 'none') return y;
    return graph.node('Add', `${name}.post`, [addAttention(graph, block, `${name}.attention`, y), shortcut]);
  }
  const relu = (part: string, from: string) => graph.node('Relu', `${name}.${part}.relu`, [layer(part, from)]);
  const branches = block.kernels.map((_, k) => [0, 1, 2].reduce((y, step) => relu(`branches.${k}.${step}`, y), x));
  return graph.node('Concat', `${name}.concat`, [relu('point', x), ...branches], { axis: 1 });
}

/** Convolution with "same" padding, its batch norm left as it is. */
function addConvNorm(graph: GraphBuilder, name: string, x: string, epsilon: number): string {
  const norm = ['weight', 'bias', 'running_mean', 'running_var'].map((part) => graph.weight(`${name}.norm.${part}`));
  return graph.node('BatchNormalization', `${name}.norm`, [addConv(graph, `${name}.conv`, x, true), ...norm], {
    epsilon: { float: epsilon },
  });
}

function addConv(graph: GraphBuilder, name: string, x: string, bias: boolean): string {
  const kernel = graph.tensor(`${name}.weight`).shape.slice(2);
  const margin = kernel.map((size) => (size - 1) / 2);
  const inputs = [x, graph.weight(`${name}.weight`), ...(bias ? [graph.weight(`${name}.bias`)] : [])];
  return graph.node('Conv', name, inputs, { kernel_shape: kernel, pads: [...margin, ...margin] });
}

/** x times the sum of the gates over channels (cSE) and over places (sSE). */
function addAttention(
  graph: GraphBuilder,
  { attention }: Extract<Block, { kind: 'residual' }>,
  name: string,
  x: string,
): string {
  const gates: string[] = [];
  if (attention === 'cSE' || attention === 'scSE') gates.push(addChannelGate(graph, name, x));
  if (attention === 'sSE' || attention === 'scSE') {
    const spatial = addConv(graph, `${name}.spatial`, x, false);
    gates.push(graph.node('Sigmoid', `${name}.spatial.gate`, [spatial]));
  }
  const gate = gates.length > 1 ? graph.node('Add', `${name}.gate`, gates) : gates[0]!;
  return graph.node('Mul', `${name}.gated`, [x, gate]);
}

/** (1, filters, 1, 1). The dense layers are convolutions over one place, which quantise and fuse like the others. */
function addChannelGate(graph: GraphBuilder, name: string, x: string): string {
  const dense = (part: string, from: string) => {
    const weight = `${name}.${part}.weight`;
    return graph.node('Conv', `${name}.${part}`, [from, graph.weight(weight, [...graph.tensor(weight).shape, 1, 1])]);
  };
  const mean = graph.node('GlobalAveragePool', `${name}.mean`, [x]);
  const squeezed = graph.node('Relu', `${name}.squeeze.relu`, [dense('squeeze', mean)]);
  return graph.node('Sigmoid', `${name}.excite.gate`, [dense('excite', squeezed)]);
}
