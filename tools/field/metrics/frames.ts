// Scenes cut into frames as the scorers want them: 20 ms frames for 2019's metrics, 100 ms frames for the joint ones.
import type { Scene, SceneFrame } from '../../scene-csv.ts';

/** One sound in one frame; angles in degrees as written, whole or not. */
export interface Row {
  readonly classIndex: number;
  readonly azimuth: number;
  readonly elevation: number;
}

/** The rows of each frame, in file order. */
export type Frames = readonly (readonly Row[])[];

/** 20 ms frames in a 100 ms frame. */
const RATIO = 5;

/**
 * 20 ms frames of a scene. An event fills floor(start*50) .. ceil(end*50), both included: back-to-back events overlap by a
 * frame, as in the official labels (seld-dcase2019, cls_feature_class.py). Frames of 100 ms are repeated five times.
 */
export function frames20ms(scene: Scene, seconds: number): Frames {
  const frames = emptyFrames(seconds * 50);
  if (scene.kind === 'events')
    for (const event of scene.events)
      fill(frames, event, Math.floor(event.startSeconds * 50), Math.ceil(event.endSeconds * 50));
  else if (scene.frameSeconds === 0.02) for (const row of scene.frames) fill(frames, row, row.frame, row.frame);
  else for (const row of scene.frames) fill(frames, row, row.frame * RATIO, row.frame * RATIO + RATIO - 1);
  return frames;
}

/**
 * 100 ms frames of a scene. An event fills floor(start*10) .. ceil(end*10)-1. Of five 20 ms frames the one with the most
 * rows of a class stands for that class (the first of several).
 */
export function frames100ms(scene: Scene, seconds: number): Frames {
  const frames = emptyFrames(seconds * 10);
  if (scene.kind === 'events')
    for (const event of scene.events)
      fill(frames, event, Math.floor(event.startSeconds * 10), Math.ceil(event.endSeconds * 10) - 1);
  else if (scene.frameSeconds === 0.1) for (const row of scene.frames) fill(frames, row, row.frame, row.frame);
  else
    for (const row of fullestFrames(scene.frames))
      fill(frames, row, Math.floor(row.frame / RATIO), Math.floor(row.frame / RATIO));
  return frames;
}

/** Only the rows of one class, in place of class 0. */
export function ofClass(frames: Frames, classIndex: number): Frames {
  return frames.map((rows) =>
    rows.filter((row) => row.classIndex === classIndex).map((row) => ({ ...row, classIndex: 0 })),
  );
}

function emptyFrames(count: number): Row[][] {
  return Array.from({ length: count }, () => []);
}

/** Adds a row to the frames first..last that exist. */
function fill(frames: Row[][], row: Row, first: number, last: number): void {
  for (let f = first; f <= last && f < frames.length; f++) frames[f]!.push(row);
}

/** Rows of 20 ms frames, of which only the fullest frame per class and 100 ms is kept, in file order. */
function fullestFrames(rows: readonly SceneFrame[]): SceneFrame[] {
  const perFrame = new Map<string, SceneFrame[]>();
  for (const row of rows) {
    const key = `${row.frame} ${row.classIndex}`;
    perFrame.set(key, [...(perFrame.get(key) ?? []), row]);
  }
  const fullest = new Map<string, SceneFrame[]>();
  for (const candidates of perFrame.values()) {
    const { frame, classIndex } = candidates[0]!;
    const key = `${Math.floor(frame / RATIO)} ${classIndex}`;
    const best = fullest.get(key);
    const better =
      !best || candidates.length > best.length || (candidates.length === best.length && frame < best[0]!.frame);
    if (better) fullest.set(key, candidates);
  }
  return [...fullest.values()].flat();
}
