// The picture at the end of a run: what was found in a recording, below what is known to be in it.
import { existsSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { writePicture } from './plot/rasterise.ts';
import { drawResultDiagram } from './plot/result-diagram.ts';
import { readEvents, type SceneEvent } from './scene-csv.ts';

export interface ResultPictureOptions {
  readonly recording: string;
  readonly events: readonly SceneEvent[];
  readonly labels: readonly string[];
  readonly durationSeconds: number;
  /** Folder of the picture. */
  readonly out: string;
}

/** The metadata CSV beside a recording, with the recording's name; undefined when there is none. */
export function referenceOf(recording: string): string | undefined {
  const csv = `${recording.slice(0, -extname(recording).length)}.csv`;
  return existsSync(csv) ? csv : undefined;
}

/**
 * Draws a PNG named after the recording.
 * @returns its path
 * @throws UserError when the reference beside the recording is no metadata CSV
 */
export async function drawResult(options: ResultPictureOptions, reference?: readonly SceneEvent[]): Promise<string> {
  const { recording, events, labels, durationSeconds, out } = options;
  const name = basename(recording, extname(recording));
  const heard = reference?.filter(({ startSeconds }) => startSeconds < durationSeconds);
  const svg = drawResultDiagram({ reference: heard, prediction: events, labels, durationSeconds, title: name });
  const file = join(out, `${name}.png`);
  await writePicture(svg, file);
  return file;
}

/** Reads the reference beside a recording, if there is one, before any work is done. */
export async function readReference(recording: string, labels: readonly string[]): Promise<SceneEvent[] | undefined> {
  const file = referenceOf(recording);
  return file === undefined ? undefined : readEvents(file, labels);
}
