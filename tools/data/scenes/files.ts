// Where the files of a set lie, as in TAU Spatial Sound Events 2019.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Format } from '../../../models/presets.ts';
import type { Task } from './recipe.ts';

export const audioFolder = (folder: string, format: Format) => join(folder, `${format}_dev`);
export const labelFolder = (folder: string) => join(folder, 'metadata_dev');
export const audioFile = (folder: string, format: Format, name: string) =>
  join(audioFolder(folder, format), `${name}.wav`);
export const labelFile = (folder: string, name: string) => join(labelFolder(folder), `${name}.csv`);

/** True when a recording is complete: its label file is written last. */
export const isDone = (folder: string, { name }: Task) => existsSync(labelFile(folder, name));
