// How far off directions are, and where the sounds were: angles between reference and prediction by the direction of the reference.
import { angleBetween } from '../../runtime/directions.ts';
import type { FramedPair } from './metrics/scores.ts';

/** Frames of 20 ms in which a sound at one direction was heard as its class, and how far off. */
export interface DirectionError {
  /** Of the reference, degrees. */
  readonly azimuth: number;
  readonly elevation: number;
  /** Mean angle of a sound, degrees. */
  readonly error: number;
  /** Frames of 20 ms. */
  readonly weight: number;
}

/**
 * One entry for each run of frames in which a class sounds from one direction and is heard; of several predictions of the
 * class the nearest counts. What is not heard as its class has no error here: it is missing, which F1 and the recall show.
 */
export function directionErrors(pairs: readonly FramedPair[]): DirectionError[] {
  return pairs.flatMap(errorsOf);
}

interface Run {
  readonly azimuth: number;
  readonly elevation: number;
  sum: number;
  frames: number;
  last: number;
}

function errorsOf({ reference20ms, prediction20ms }: FramedPair): DirectionError[] {
  const open = new Map<string, Run>();
  const done: Run[] = [];
  for (const [f, reference] of reference20ms.entries())
    for (const { classIndex, azimuth, elevation } of reference) {
      const angles = prediction20ms[f]!.filter((row) => row.classIndex === classIndex).map((row) =>
        angleBetween(azimuth, elevation, row.azimuth, row.elevation),
      );
      if (angles.length === 0) continue;
      const key = `${classIndex} ${azimuth} ${elevation}`;
      const before = open.get(key);
      const run = before && before.last >= f - 1 ? before : { azimuth, elevation, sum: 0, frames: 0, last: f };
      if (run !== before) {
        open.set(key, run);
        done.push(run);
      }
      run.sum += Math.min(...angles);
      run.frames += 1;
      run.last = f;
    }
  return done.map(({ azimuth, elevation, sum, frames }) => ({
    azimuth,
    elevation,
    error: sum / frames,
    weight: frames,
  }));
}
