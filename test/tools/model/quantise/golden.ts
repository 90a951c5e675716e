// What numpy and ONNX Runtime's Python tools gave (test/golden/quantise), and the windows they gave it for.
import { readFileSync } from 'node:fs';
import type { Window } from '../../../../tools/model/quantise/calibrate.ts';
import { noise } from '../golden-networks.ts';

export const QUANTISED: {
  frames: number;
  bands: number;
  windows: number;
  ranges: Record<string, [number, number]>;
  integers: { type: 'uint8' | 'int8'; scale: number; zeroPoint: number; values: number[]; integers: number[] }[];
  halves: { values: number[]; bits: number[] };
  weights: { values: number[]; rows: number; minMaxError: number[] };
  cache: [number, string][];
} = JSON.parse(readFileSync(new URL('../../../golden/quantise/quantise.json', import.meta.url), 'utf8'));

/** The windows of make_quantise.py; more of the same kind after them. */
export async function* windows(count = QUANTISED.windows, frames = QUANTISED.frames): AsyncGenerator<Window> {
  const { bands } = QUANTISED;
  for (let i = 0; i < count; i += 1) {
    const values = Float32Array.from(noise(`window ${i}`, 7 * frames * bands), (value) => 1.7 * value);
    yield { dims: [7, frames, bands], values };
  }
}
