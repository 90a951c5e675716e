// From the channels of a card to those a model hears: map, polarity, gain, A-format to B-format, order and normalisation, mounting.
// All of it is linear and so one matrix; where the maker gives filters in place of the matrix, one filter per pair of channels.
import type { Microphone } from '../../boards/microphones.ts';
import type { Format } from '../../models/presets.ts';
import { FIRST_ORDER_GAIN, type Normalization } from '../ambisonics.ts';
import { FilterBank, type Filters } from './filter-bank.ts';

export interface MixingOptions {
  readonly profile: Microphone;
  /** What comes out: ambisonics in ACN order, or the capsules. */
  readonly format: Format;
  /** Of the ambisonics that come out. */
  readonly normalization: Normalization;
  /** Card channels in place of the profile's, counted from 1, negative with turned polarity. */
  readonly channelMap?: readonly number[];
  /** Gain of each of them in dB. */
  readonly gainsDb?: readonly number[];
  /** Hanging upside down, turned about its front: left is right and up is down. */
  readonly inverted?: boolean;
  /** From the capsules to W Y Z X (SN3D), in place of the profile's matrix. */
  readonly filters?: Filters;
  /** Samples per channel in the longest block. */
  readonly longestBlock: number;
}

/** A conversion that does not go: a map of another length, filters of another shape. */
export class MixingError extends Error {
  override name = 'UserError';
}

/** Converts blocks; all memory is taken when it is made. */
export interface ChannelMixer {
  /** Card channels to hand in, counted from 0. */
  readonly inputs: readonly number[];
  readonly outputs: number;
  /** (outputs, inputs), what happens to low frequencies. */
  readonly matrix: readonly (readonly number[])[];
  /** @param frames samples per channel in the arrays */
  mix(input: readonly Float32Array[], frames: number, output: readonly Float32Array[]): void;
  /** Forgets the past, for a stream that begins anew. */
  reset(): void;
}

/** @throws MixingError when the map, the gains or the filters do not fit the profile */
export function channelMixer(options: MixingOptions): ChannelMixer {
  const { profile } = options;
  const map = options.channelMap ?? profile.channelMap;
  checkMap(options, map);
  const inputs = map.map((n) => Math.abs(n) - 1);
  const signs = map.map((n, i) => Math.sign(n) * 10 ** ((options.gainsDb?.[i] ?? 0) / 20));
  const shape = shaping(options);
  if (options.filters) {
    const filters = scaledFilters(options.filters, shape, signs);
    const bank = new FilterBank(filters, options.longestBlock);
    return { inputs, outputs: 4, matrix: sums(filters), mix: bank.run.bind(bank), reset: bank.reset.bind(bank) };
  }
  const base = baseMatrix(profile);
  const matrix = times(shape, base).map((row) => row.map((value, i) => value * signs[i]!));
  const run = matrixRunner(matrix);
  return { inputs, outputs: matrix.length, matrix, mix: run, reset: () => undefined };
}

function checkMap({ profile, gainsDb }: MixingOptions, map: readonly number[]): void {
  const wanted = profile.channelMap.length;
  if (map.length !== wanted)
    throw new MixingError(
      `microphone.channels names ${map.length} channels; ${profile.name} has ${wanted}: name each once.`,
    );
  if (gainsDb && gainsDb.length !== wanted)
    throw new MixingError(`microphone.gainsDb has ${gainsDb.length} values; ${profile.name} has ${wanted} channels.`);
  const beyond = map.find((n) => n === 0 || Math.abs(n) > profile.channels);
  if (beyond !== undefined)
    throw new MixingError(
      `microphone.channels names ${beyond}; ${profile.name} delivers channels 1 to ${profile.channels}.`,
    );
  if (new Set(map.map(Math.abs)).size !== map.length)
    throw new MixingError(`microphone.channels is ${map.join(', ')}: each channel may be named once.`);
}

/** Rows W Y Z X in SN3D, or one row per capsule. */
function baseMatrix({ signal, channelMap }: Microphone): number[][] {
  if (signal.kind === 'a-format') return signal.matrix;
  const identity = channelMap.map((_, row) => channelMap.map((_, column) => (row === column ? 1 : 0)));
  if (signal.kind === 'capsules') return identity;
  const rows = signal.order === 'acn' ? identity : [0, 2, 3, 1].map((row) => identity[row]!);
  // FuMa weighs W by 1/sqrt 2 (Malham 1999); N3D makes Y, Z, X stronger by sqrt 3.
  const [w, first] =
    signal.normalization === 'fuma' ? [Math.SQRT2, 1] : [1, 1 / FIRST_ORDER_GAIN[signal.normalization]];
  return rows.map((row, i) => row.map((value) => value * (i === 0 ? w : first)));
}

/** What is done to W Y Z X (SN3D) or to the capsules before they leave. */
function shaping({ profile, format, normalization, inverted }: MixingOptions): number[][] {
  const count = profile.signal.kind === 'capsules' ? profile.channelMap.length : 4;
  if (format === 'foa') {
    const gain = FIRST_ORDER_GAIN[normalization];
    const turn = inverted ? -1 : 1;
    return diagonal([1, turn * gain, turn * gain, gain]);
  }
  const order = inverted ? invertedOrder(profile) : Array.from({ length: count }, (_, i) => i);
  return order.map((from) => Array.from({ length: count }, (_, i) => (i === from ? 1 : 0)));
}

/** Which capsule hangs where another one stood. @throws MixingError when the array looks different upside down */
function invertedOrder({ name, capsules }: Microphone): number[] {
  const places = capsules?.directions ?? [];
  const same = (a: number, b: number) => Math.abs(((((a - b) % 360) + 540) % 360) - 180) < 1;
  const order = places.map((place) =>
    places.findIndex((other) => same(other.azimuth, -place.azimuth) && same(other.elevation, -place.elevation)),
  );
  if (places.length === 0 || order.includes(-1))
    throw new MixingError(
      `${name} cannot be used upside down: its capsules are then in other places. Stand it upright.`,
    );
  return order;
}

function scaledFilters(filters: Filters, shape: readonly (readonly number[])[], signs: readonly number[]): Filters {
  const { inputs, outputs, taps } = filters;
  const values = filters.values.slice();
  for (let o = 0; o < outputs; o += 1)
    for (let i = 0; i < inputs; i += 1)
      for (let t = 0; t < taps; t += 1) values[(o * inputs + i) * taps + t]! *= shape[o]![o]! * signs[i]!;
  return { ...filters, values };
}

/** Gain of each pair at 0 Hz. */
function sums({ inputs, outputs, taps, values }: Filters): number[][] {
  const sum = (pair: number) => values.subarray(pair * taps, (pair + 1) * taps).reduce((total, v) => total + v, 0);
  return Array.from({ length: outputs }, (_, o) => Array.from({ length: inputs }, (_, i) => sum(o * inputs + i)));
}

function diagonal(values: readonly number[]): number[][] {
  return values.map((value, row) => values.map((_, column) => (row === column ? value : 0)));
}

function times(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number[][] {
  return a.map((row) => b[0]!.map((_, column) => row.reduce((sum, value, k) => sum + value * b[k]![column]!, 0)));
}

/** Plain loops per pair of channels; a zero costs nothing, so that a map alone is a copy. */
function matrixRunner(matrix: readonly (readonly number[])[]): ChannelMixer['mix'] {
  const rows = matrix.map((row) => Float64Array.from(row));
  return (input, frames, output) => {
    for (let o = 0; o < rows.length; o += 1) {
      const row = rows[o]!;
      const out = output[o]!;
      out.fill(0, 0, frames);
      for (let c = 0; c < row.length; c += 1) {
        const gain = row[c]!;
        if (gain === 0) continue;
        const samples = input[c]!;
        for (let i = 0; i < frames; i += 1) out[i]! += gain * samples[i]!;
      }
    }
  };
}
