// Input channels of very different size on one grid: each is stretched to the same reach, and the first convolutions take it back.
import { dimsOf } from '../graph/constants.ts';
import type { ModelGraph } from '../graph/model-graph.ts';
import type { NodeProto } from '../onnx/codec.ts';
import type { Distribution } from './histogram.ts';
import { int8GridFor } from './ranges.ts';

/** Channels closer together than this gain nothing that the multiplication is worth. */
const LEAST_STRETCH = 1.5;

/** The stretched input: its tensor, and the distribution of all its channels together. */
export interface Equalised {
  readonly tensor: string;
  readonly distribution: Distribution;
}

/**
 * Multiplies each channel of the input by a factor and divides the weights of its readers by it: the same numbers but for
 * rounding, and all channels use the whole grid (input-channel equalisation; for a scaler that standardises every channel
 * nothing is left to do).
 * @param channels distribution of each input channel
 * @returns undefined when nothing was changed: channels are alike, or something else than convolutions reads the input
 */
export function equaliseInput(
  graph: ModelGraph,
  input: string,
  channels: readonly Distribution[],
): Equalised | undefined {
  const readers = graph.consumers(input);
  if (graph.isOutput(input) || readers.length === 0 || !readers.every((node) => isConv(graph, node, channels.length)))
    return undefined;
  const reaches = channels.map((each) => int8GridFor(each, { method: 'mse' }).scale);
  const largest = Math.max(...reaches);
  const factors = Float32Array.from(reaches, (reach) => largest / reach);
  if (!factors.some((factor) => factor >= LEAST_STRETCH)) return undefined;
  const name = graph.addConstant(`${input}.factors`, { dims: [1, factors.length, 1, 1], values: factors });
  const tensor = graph.add('Mul', `${input}.stretched`, [input, name]);
  for (const reader of readers) shrinkWeights(graph, reader, tensor, factors);
  return { tensor, distribution: together(channels, factors) };
}

function isConv(graph: ModelGraph, { opType, domain, input }: NodeProto, channels: number): boolean {
  const weight = opType === 'Conv' && domain === '' ? graph.initializer(input[1]!) : undefined;
  // Groups have fewer weights than input channels.
  return weight !== undefined && graph.floats(input[1]!) !== undefined && dimsOf(weight)[1] === channels;
}

function shrinkWeights(graph: ModelGraph, conv: NodeProto, tensor: string, factors: Float32Array): void {
  const [, weight, ...bias] = conv.input as [string, string, ...string[]];
  const { dims, values } = graph.constant(weight)!;
  const perChannel = dims.slice(2).reduce((product, size) => product * size, 1);
  const shrunk = Float32Array.from(values, (value, i) => value / factors[Math.floor(i / perChannel) % factors.length]!);
  graph.rewire(conv, [tensor, graph.addConstant(`${weight}.shrunk`, { dims, values: shrunk }), ...bias]);
  if (graph.consumers(weight).length === 0) graph.removeInitializer(weight);
}

function together(channels: readonly Distribution[], factors: Float32Array): Distribution {
  const all = channels.map((channel, c) => ({ channel, factor: factors[c]! }));
  return {
    lowest: Math.min(...all.map(({ channel, factor }) => channel.lowest * factor)),
    highest: Math.max(...all.map(({ channel, factor }) => channel.highest * factor)),
    centres: Float64Array.from(
      all.flatMap(({ channel, factor }) => Array.from(channel.centres, (centre) => centre * factor)),
    ),
    counts: Float64Array.from(all.flatMap(({ channel }) => Array.from(channel.counts))),
  };
}
