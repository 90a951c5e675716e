// What a TensorRT engine depends on, as one word: an engine is used again only where all of it is the same.
import { createHash } from 'node:crypto';

export interface EngineIdentity {
  readonly onnxSha256: string;
  /** Version of the board's TensorRT: an engine of another one does not load. */
  readonly tensorrt: string;
  /** Compute capability without the dot. */
  readonly sm: number;
  /** The board: engines move badly even between boards of one architecture. */
  readonly board: string;
  /** Arguments of trtexec that change the engine: types, shapes, memory. Paths do not. */
  readonly arguments: readonly string[];
}

/** Arguments that only name files, or say what to do besides building. */
const WITHOUT_EFFECT =
  /^--(onnx|saveEngine|timingCacheFile|exportLayerInfo|profilingVerbosity|skipInference|buildOnly)\b/;

/** @returns 64 hexadecimal digits; the same for the same engine on every machine */
export function engineKey({ onnxSha256, tensorrt, sm, board, arguments: args }: EngineIdentity): string {
  const effective = args.filter((argument) => !WITHOUT_EFFECT.test(argument)).sort();
  return createHash('sha256')
    .update(JSON.stringify([onnxSha256, tensorrt, sm, board, effective]))
    .digest('hex');
}
