// How far a changed model's outputs are from the original's on the same windows, as signal over noise.
import type { OnnxSession } from '../onnx-session.ts';
import type { Window } from './calibrate.ts';

/** Outputs of the original, kept to be compared with. */
export type Reference = readonly Readonly<Record<string, Float32Array>>[];

export async function referenceOutputs(session: OnnxSession, windows: readonly Window[]): Promise<Reference> {
  const outputs: Record<string, Float32Array>[] = [];
  for (const window of windows) outputs.push(await outputsOf(session, window));
  return outputs;
}

/** Power of the difference over power of the original, for each output; 0 when nothing changed. */
export async function outputNoise(
  session: OnnxSession,
  windows: readonly Window[],
  reference: Reference,
): Promise<Record<string, number>> {
  const powers: Record<string, { signal: number; noise: number }> = {};
  for (const [i, window] of windows.entries()) {
    const found = await outputsOf(session, window);
    for (const [name, expected] of Object.entries(reference[i]!)) {
      powers[name] ??= { signal: 0, noise: 0 };
      addPower(powers[name], expected, found[name]!);
    }
  }
  return Object.fromEntries(Object.entries(powers).map(([name, { signal, noise }]) => [name, noise / signal]));
}

/** Signal-to-quantisation-noise ratio in decibels of a relative noise power; Infinity for none. */
export function decibels(noise: number): number {
  return -10 * Math.log10(noise);
}

async function outputsOf(session: OnnxSession, { dims, values }: Window): Promise<Record<string, Float32Array>> {
  const results = await session.run({ [session.inputNames[0]!]: { dims: [1, ...dims], values } });
  return Object.fromEntries(Object.entries(results).map(([name, result]) => [name, result.values]));
}

function addPower(power: { signal: number; noise: number }, expected: Float32Array, found: Float32Array): void {
  for (let i = 0; i < expected.length; i += 1) {
    power.signal += expected[i]! ** 2;
    power.noise += (expected[i]! - found[i]!) ** 2;
  }
}
