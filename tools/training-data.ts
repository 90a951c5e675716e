// The data folders of a training run: every recording has its labels, and features are computed where they are missing.
import { existsSync, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { Format, PresetName } from '../models/presets.ts';
import { UserError } from './command.ts';

const SOUND_ENDINGS = ['.wav', '.flac'];

/** Work for `earshot data features`: a folder of recordings and the folder of their features. */
export interface FeatureTask {
  readonly recordings: string;
  readonly features: string;
}

/** Whether a data folder has recordings in a format, or features of them. */
export function holdsFormat(folder: string, format: Format, preset: PresetName): boolean {
  return [`${format}_dev`, `features-${format}-${preset}`].some((name) => existsSync(join(folder, name)));
}

/**
 * Checks one data folder: FORMAT_dev (recordings, may be gone once features-FORMAT-PRESET is there) and metadata_dev.
 * @returns the features to compute, undefined where there are no recordings to compute them from
 * @throws UserError naming the first recording without labels, or labels without recording
 */
export function checkDataFolder(folder: string, format: Format, preset: PresetName): FeatureTask | undefined {
  const metadata = join(folder, 'metadata_dev');
  const recordings = join(folder, `${format}_dev`);
  const features = join(folder, `features-${format}-${preset}`);
  if (!existsSync(metadata)) {
    throw new UserError(
      `${metadata} is missing: a data folder holds metadata_dev and ${format}_dev (make one with "earshot data synth").`,
    );
  }
  if (!existsSync(recordings)) {
    if (existsSync(features)) return undefined;
    throw new UserError(
      `${folder} holds neither ${format}_dev nor features-${format}-${preset}: there is nothing to train on.`,
    );
  }
  const labels = names(metadata, ['.csv']);
  const sounds = names(recordings, SOUND_ENDINGS);
  for (const [name, file] of sounds) {
    if (!labels.has(name))
      throw new UserError(
        `${join(recordings, file)} has no labels: add ${join(metadata, `${name}.csv`)} or remove it.`,
      );
  }
  for (const [name, file] of labels) {
    if (!sounds.has(name))
      throw new UserError(`${join(metadata, file)} has no recording in ${recordings}: add it or remove the labels.`);
  }
  if (sounds.size === 0)
    throw new UserError(`${recordings} holds no recordings: files must end in ${SOUND_ENDINGS.join(' or ')}.`);
  return { recordings, features };
}

/** File names by their stem. */
function names(folder: string, endings: readonly string[]): Map<string, string> {
  const files = readdirSync(folder).filter((file) => endings.includes(extname(file).toLowerCase()));
  return new Map(files.sort().map((file) => [file.slice(0, -extname(file).length), file]));
}
