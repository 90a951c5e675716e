// The layers of a network in order, with their tensors and their work: what weights must hold and what a window costs.
import type { Block, Network } from './network.ts';

/** Part of a network that has weights. `places` are where it works: all of them in a window of `frames` frames. */
export type Layer =
  | {
      readonly kind: 'conv';
      readonly name: string;
      readonly inputs: number;
      readonly outputs: number;
      /** (time, bands) */
      readonly kernel: readonly [number, number];
      readonly bias: boolean;
      readonly places: Places;
    }
  | { readonly kind: 'norm'; readonly name: string; readonly width: number }
  | {
      readonly kind: 'dense';
      readonly name: string;
      readonly inputs: number;
      readonly outputs: number;
      readonly bias: boolean;
      readonly places: Places;
    }
  | {
      readonly kind: 'gru';
      readonly name: string;
      readonly inputs: number;
      readonly units: number;
      readonly places: Places;
    };

/** bands x frames / timePool places; 'once': one for the whole window. */
type Places = { readonly timePool: number; readonly bands: number } | 'once';

export interface TensorSpec {
  readonly name: string;
  readonly shape: readonly number[];
  /** Batch norm statistics are no parameters: nothing trains them by gradient. */
  readonly statistic: boolean;
}

/** All layers with weights; names are those of the PyTorch module (models/train/network.py). */
export function layersOf(network: Network): Layer[] {
  const layers: Layer[] = [];
  let width = network.channels;
  let places = { timePool: 1, bands: network.bands };
  network.stages.forEach(({ filters, timePool, bandPool }, i) => {
    layers.push(...blockLayers(network.block, `stages.${i}.block`, width, filters, places));
    width = filters;
    places = { timePool: places.timePool * timePool, bands: places.bands / bandPool };
  });
  width *= places.bands;
  places = { ...places, bands: 1 };
  const { gru, headUnits, classes } = network;
  for (let i = 0; i < (gru?.layers ?? 0); i += 1) {
    layers.push({ kind: 'gru', name: `gru.${i}.layer`, inputs: width, units: gru!.units, places });
    width = mergedWidth(gru!);
  }
  const head = (name: string, outputs: number): Layer[] => [
    { kind: 'dense', name: `${name}.hidden`, inputs: width, outputs: headUnits, bias: true, places },
    { kind: 'dense', name: `${name}.out`, inputs: headUnits, outputs, bias: true, places },
  ];
  if (network.output === 'sed+doa') layers.push(...head('activity', classes));
  return [...layers, ...head('direction', 3 * classes)];
}

/** Values per label frame that leave a merged GRU layer. */
export function mergedWidth({ units, merge }: NonNullable<Network['gru']>): number {
  return merge === 'mul' ? units : 2 * units;
}

function blockLayers(block: Block, name: string, inputs: number, filters: number, places: Places): Layer[] {
  if (block.kind === 'conv') return convNorm(`${name}.layer`, inputs, filters, [3, 3], places);
  if (block.kind === 'residual') {
    return [
      ...convNorm(`${name}.shortcut`, inputs, filters, [1, 1], places),
      ...convNorm(`${name}.first`, inputs, filters, [3, 3], places),
      ...convNorm(`${name}.second`, filters, filters, [3, 3], places),
      ...attentionLayers(block, `${name}.attention`, filters, places),
    ];
  }
  const width = filters / (block.kernels.length + 1);
  const branches = block.kernels.flatMap((n, i) => [
    ...convNorm(`${name}.branches.${i}.0`, inputs, width, [1, 1], places),
    ...convNorm(`${name}.branches.${i}.1`, width, 2 * width, [1, n], places),
    ...convNorm(`${name}.branches.${i}.2`, 2 * width, width, [n, 1], places),
  ]);
  return [...convNorm(`${name}.point`, inputs, width, [1, 1], places), ...branches];
}

function convNorm(
  name: string,
  inputs: number,
  outputs: number,
  kernel: readonly [number, number],
  places: Places,
): Layer[] {
  return [
    { kind: 'conv', name: `${name}.conv`, inputs, outputs, kernel, bias: true, places },
    { kind: 'norm', name: `${name}.norm`, width: outputs },
  ];
}

function attentionLayers(
  { attention, ratio = 1 }: Extract<Block, { kind: 'residual' }>,
  name: string,
  width: number,
  places: Places,
): Layer[] {
  const squeezed = width / ratio;
  const channels: Layer[] = [
    { kind: 'dense', name: `${name}.squeeze`, inputs: width, outputs: squeezed, bias: false, places: 'once' },
    { kind: 'dense', name: `${name}.excite`, inputs: squeezed, outputs: width, bias: false, places: 'once' },
  ];
  const spatial: Layer = {
    kind: 'conv',
    name: `${name}.spatial`,
    inputs: width,
    outputs: 1,
    kernel: [1, 1],
    bias: false,
    places,
  };
  return [
    ...(attention === 'cSE' || attention === 'scSE' ? channels : []),
    ...(attention === 'sSE' || attention === 'scSE' ? [spatial] : []),
  ];
}

/** The tensors that weights of this network hold, in PyTorch's names and shapes. */
export function tensorsOf(network: Network): TensorSpec[] {
  return layersOf(network).flatMap(layerTensors);
}

function layerTensors(layer: Layer): TensorSpec[] {
  const tensor = (name: string, shape: readonly number[], statistic = false) => ({
    name: `${layer.name}.${name}`,
    shape,
    statistic,
  });
  if (layer.kind === 'norm') {
    const shape = [layer.width];
    const statistics = ['running_mean', 'running_var'].map((name) => tensor(name, shape, true));
    return [tensor('weight', shape), tensor('bias', shape), ...statistics];
  }
  if (layer.kind === 'gru') {
    const { inputs, units } = layer;
    return ['', '_reverse'].flatMap((direction) => [
      tensor(`weight_ih_l0${direction}`, [3 * units, inputs]),
      tensor(`weight_hh_l0${direction}`, [3 * units, units]),
      tensor(`bias_ih_l0${direction}`, [3 * units]),
      tensor(`bias_hh_l0${direction}`, [3 * units]),
    ]);
  }
  const kernel = layer.kind === 'conv' ? layer.kernel : [];
  const weight = tensor('weight', [layer.outputs, layer.inputs, ...kernel]);
  return layer.bias ? [weight, tensor('bias', [layer.outputs])] : [weight];
}

/** Number of trained values; the statistics of batch norms do not count. */
export function countParameters(network: Network): number {
  return tensorsOf(network)
    .filter(({ statistic }) => !statistic)
    .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
}

/**
 * Multiply-accumulates of convolutions, dense layers and GRUs for a window; elementwise work is not counted.
 * @param frames feature frames of the window, a multiple of the time pooling
 */
export function countMacs(network: Network, frames: number): number {
  return layersOf(network).reduce((sum, layer) => {
    if (layer.kind === 'norm') return sum;
    const places = layer.places === 'once' ? 1 : (layer.places.bands * frames) / layer.places.timePool;
    return sum + places * macsPerPlace(layer);
  }, 0);
}

function macsPerPlace(layer: Exclude<Layer, { kind: 'norm' }>): number {
  if (layer.kind === 'gru') return 2 * 3 * layer.units * (layer.inputs + layer.units);
  const kernel = layer.kind === 'conv' ? layer.kernel[0] * layer.kernel[1] : 1;
  return layer.inputs * layer.outputs * kernel;
}
