// Conventions of first-order ambisonics: how strong Y, Z and X are against W.
import type { AudioBlock } from './signals.ts';

export type Normalization = 'sn3d' | 'n3d';

/** First-order gain over SN3D (Daniel 2000): N3D is stronger by the square root of 3. */
export const FIRST_ORDER_GAIN = { sn3d: 1, n3d: Math.sqrt(3) } as const;

/**
 * Brings ambisonic blocks (ACN: W, Y, Z, X) from one normalisation to another.
 * @returns a function whose result is valid until its next call; undefined when there is nothing to do
 */
export function normalizer(from: Normalization, to: Normalization): ((block: AudioBlock) => AudioBlock) | undefined {
  if (from === to) return undefined;
  const gain = FIRST_ORDER_GAIN[to] / FIRST_ORDER_GAIN[from];
  let scaled: Float32Array[] = [];
  return (block) => {
    const [w, ...rest] = block.channels;
    if (scaled[0]?.length !== w!.length) scaled = rest.map((channel) => new Float32Array(channel.length));
    for (const [c, channel] of rest.entries()) {
      const out = scaled[c]!;
      for (let i = 0; i < channel.length; i += 1) out[i] = channel[i]! * gain;
    }
    return { ...block, channels: [w!, ...scaled] };
  };
}
