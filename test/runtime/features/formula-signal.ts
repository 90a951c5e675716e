// The signal of test/golden/features/make_features.py, formula_signal(): three tones from azimuth 30, elevation 20 plus noise.
import type { AudioBlock } from '../../../runtime/signals.ts';

/** Four channels (W, Y, Z, X) of one second at `sampleRate`. */
export function formulaSignal(sampleRate: number): Float32Array[] {
  const gains = directionGains(Math.PI / 6, Math.PI / 9);
  let state = 12345;
  return gains.map((gain) =>
    Float32Array.from({ length: sampleRate }, (_, n) => {
      state = (Math.imul(1664525, state) + 1013904223) >>> 0;
      const noise = 0.01 * (state / 2 ** 32 - 0.5);
      const t = (2 * Math.PI * n) / sampleRate;
      return noise + gain * (0.3 * Math.sin(440 * t) + 0.2 * Math.sin(2500 * t) + 0.1 * Math.sin(6000 * t));
    }),
  );
}

function directionGains(azimuth: number, elevation: number): number[] {
  const level = Math.cos(elevation);
  return [1, Math.sin(azimuth) * level, Math.sin(elevation), Math.cos(azimuth) * level];
}

/** A block of the stream that the channels hold, `from` to `to`, at sample index `at` of the stream. */
export function block(
  channels: readonly Float32Array[],
  sampleRate: number,
  place: { from?: number; to?: number; at?: number; discontinuity?: number } = {},
): AudioBlock {
  const { from = 0, to = channels[0]!.length, at = from, discontinuity = 0 } = place;
  const part = channels.map((channel) => channel.subarray(from, to));
  return { channels: part, sampleRate, sampleIndex: at, wallTimeMs: (1000 * at) / sampleRate, discontinuity };
}
