// In which precision a variant of a network is built for a board.
import { precisionOf } from '../../models/manifest.ts';
import { accepts, precisionsOf, trtexecRelease } from '../../models/tensorrt.ts';
import type { Precision } from '../../models/tensorrt-releases.ts';
import { InferenceError } from './engine.ts';

export interface EnginePlan {
  readonly precision: Precision;
  readonly typing: 'weak' | 'strong';
  /** Frames of the window that the builder makes fast. */
  readonly usualFrames: number;
}

/**
 * Weakly typed float32 networks are built in float16, which the golden windows then have to prove; from TensorRT 11 on the
 * file's own types hold.
 * @throws InferenceError when the GPU has no such precision
 */
export function planEngine(variant: string, board: { tensorrt: string; sm: number }, usualFrames: number): EnginePlan {
  const wanted = precisionOf(variant);
  const release = trtexecRelease(board.tensorrt);
  if (!precisionsOf(board.sm).includes(wanted)) {
    throw new InferenceError(`The GPU (sm_${board.sm}) does not compute in ${wanted}: choose inference.variant fp32.`);
  }
  if (!accepts(release, '--fp16')) return { precision: wanted, typing: 'strong', usualFrames };
  if (wanted === 'fp16' && accepts(release, '--stronglyTyped'))
    return { precision: 'fp16', typing: 'strong', usualFrames };
  return { precision: wanted === 'fp32' ? 'fp16' : wanted, typing: 'weak', usualFrames };
}
