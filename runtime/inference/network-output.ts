// What a network's outputs must be before anything is made of them: as many as the manifest promises, and numbers.
import { InferenceError, type WindowScores } from './engine.ts';
import type { Model } from './model-files.ts';

interface NetworkOutput {
  /** Absent when the network speaks ACCDOA. */
  readonly activity?: Float32Array;
  readonly direction: Float32Array;
}

/**
 * Scores of a window of so many feature frames.
 * @throws InferenceError when there are more or fewer than the manifest promises, or one is no number
 */
export function checkedScores(
  { manifest, networkFile }: Pick<Model, 'manifest' | 'networkFile'>,
  frames: number,
  output: NetworkOutput,
): Pick<WindowScores, 'activity' | 'direction'> {
  const { direction } = output;
  const activity = output.activity ?? lengths(direction, manifest.labels.length);
  const expected = (frames / manifest.timePooling) * manifest.labels.length;
  if (activity.length !== expected || direction.length !== 3 * expected) {
    throw new InferenceError(
      `${networkFile} gave ${activity.length} scores for ${frames} frames, its manifest promises ${expected}.`,
    );
  }
  if (!activity.every(Number.isFinite) || !direction.every(Number.isFinite)) {
    throw new InferenceError(`${networkFile} gave scores that are no numbers: the precision it runs in is too low.`);
  }
  return { activity, direction };
}

/** ACCDOA (Shimada et al. 2021): the length of a class's vector is its activity, clipped to 1. */
function lengths(direction: Float32Array, classes: number): Float32Array {
  const activity = new Float32Array(direction.length / 3);
  for (let i = 0; i < activity.length; i += 1) {
    const x = Math.floor(i / classes) * 3 * classes + (i % classes);
    const [dx, dy, dz] = [direction[x]!, direction[x + classes]!, direction[x + 2 * classes]!];
    activity[i] = Math.min(1, Math.hypot(dx, dy, dz));
  }
  return activity;
}

/** Outputs that the manifest's form of output needs. */
export function neededOutputs({ manifest }: Pick<Model, 'manifest'>): readonly string[] {
  return manifest.output === 'accdoa' ? ['direction'] : ['activity', 'direction'];
}
