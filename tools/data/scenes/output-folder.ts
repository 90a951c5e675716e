// The folder a set of recordings is rendered into: its recipe, what is done already, space, and no half-written files.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../command.ts';
import { version } from '../../package-version.ts';
import { writeWhole } from '../../write-whole.ts';
import { PARTIAL_SUFFIX } from '../wav-writer.ts';
import { audioFolder, isDone, labelFolder } from './files.ts';
import { type Recipe, SAMPLE_RATE, type Task } from './recipe.ts';

const RECIPE_FILE = 'synth.json';

/**
 * Makes the folder ready for a recipe, new or interrupted.
 * @returns the tasks still to do
 * @throws UserError when it holds recordings of another recipe or the disk is too small
 */
export async function prepareFolder(folder: string, recipe: Recipe, tasks: readonly Task[]): Promise<Task[]> {
  const text = describe(recipe);
  const known = join(folder, RECIPE_FILE);
  if (existsSync(known)) {
    if (readFileSync(known, 'utf8') !== text)
      throw new UserError(
        `${folder} holds recordings of another recipe (${RECIPE_FILE} differs): give another --out, or remove the folder`,
      );
  } else if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new UserError(`${folder} is not empty and has no ${RECIPE_FILE}: give an --out that is new or empty`);
  }
  const remaining = tasks.filter((task) => !isDone(folder, task));
  mkdirSync(folder, { recursive: true });
  checkSpace(folder, recipe, remaining.length);
  for (const format of recipe.formats) mkdirSync(audioFolder(folder, format), { recursive: true });
  mkdirSync(labelFolder(folder), { recursive: true });
  removePartial(folder, recipe);
  await writeWhole(known, text);
  return remaining;
}

/** Removes what an interrupted run left unfinished. */
export function removePartial(folder: string, recipe: Recipe): void {
  for (const place of [labelFolder(folder), ...recipe.formats.map((format) => audioFolder(folder, format))])
    for (const file of readdirSync(place)) if (file.endsWith(PARTIAL_SUFFIX)) rmSync(join(place, file));
}

function checkSpace(folder: string, recipe: Recipe, recordings: number): void {
  const SPARE_BYTES = 200e6;
  const needed = recordings * recipe.formats.length * recipe.seconds * SAMPLE_RATE * 4 * 2;
  const { bavail, bsize } = statfsSync(folder);
  if (needed + SPARE_BYTES <= bavail * bsize) return;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new UserError(
    `${recordings} recordings need ${gigabytes(needed)} but ${folder} has ${gigabytes(bavail * bsize)} free: make space, or ask for fewer`,
  );
}

/** The recipe as it is kept: lists of sound files as their number and hash. */
function describe(recipe: Recipe): string {
  const { source, ambience } = recipe;
  const kept = source.kind === 'corpus' ? source : { ...source, banks: source.banks.map(digest) };
  const whole = {
    format: 'earshot-synth',
    version: 1,
    earshot: version,
    ...recipe,
    source: kept,
    ambience: digest(ambience),
  };
  return `${JSON.stringify(whole, null, 1)}\n`;
}

function digest(list: unknown): { sha256: string } {
  return { sha256: createHash('sha256').update(JSON.stringify(list)).digest('hex') };
}
