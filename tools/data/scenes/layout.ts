// Layouts: what sounds when and where. Names and reads the data set's 400; writes label files.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { unitVector, type Vector } from '../../../runtime/directions.ts';
import { UserError } from '../../command.ts';
import { formatEvents, readEvents } from '../../scene-csv.ts';
import type { SoundStore } from './sounds.ts';

/** One sound in its place. */
export interface PlacedSound {
  readonly label: string;
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** Degrees. */
  readonly azimuth: number;
  readonly elevation: number;
  readonly distanceMetres: number;
  /** Mono at the recording's rate; its first sample is heard at startSeconds. */
  readonly signal: Float32Array;
}

export type Place = Pick<PlacedSound, 'azimuth' | 'elevation' | 'distanceMetres'>;

/** Vector in metres from the array. */
export function placeOf({ azimuth, elevation, distanceMetres }: Place): Vector {
  const [x, y, z] = unitVector(azimuth, elevation);
  return [x * distanceMetres, y * distanceMetres, z * distanceMetres];
}

/** Names of the corpus's layouts (without .csv) of the given splits, sorted by split, room, number. */
export function listLayouts(corpus: string, splits: readonly number[]): string[] {
  const order = (name: string) => {
    const parts = parseName(name);
    return parts ? ((parts.split * 10 + parts.room) * 10 + parts.overlap) * 1000 + parts.number : 0;
  };
  const names = filesIn(join(corpus, 'scenes'))
    .filter((file) => file.endsWith('.csv'))
    .map((file) => file.slice(0, -4))
    .filter((name) => splits.includes(parseName(name)?.split ?? -1));
  if (names.length === 0) throw new UserError(`${corpus}/scenes has no layout of split ${splits.join(', ')}`);
  return names.sort((a, b) => order(a) - order(b));
}

/** Parts of a recording's name such as split1_ir0_ov2_11. */
export function parseName(name: string) {
  const match = /^split(\d)_ir(\d)_ov(\d)_(\d+)$/.exec(name);
  if (!match) return undefined;
  const [split, room, overlap, number] = match.slice(1).map(Number) as [number, number, number, number];
  return { split, room, overlap, number };
}

/** Finds out before hours of work that a sample is missing. @throws UserError naming it and its layout */
export async function checkSamples(corpus: string, names: readonly string[]): Promise<void> {
  const known = new Set(filesIn(join(corpus, 'events')));
  for (const name of names) {
    for (const { sample, startSeconds } of await readEvents(layoutFile(corpus, name))) {
      if (sample === undefined)
        throw new UserError(
          `${layoutFile(corpus, name)} names no sample at ${startSeconds} s: its column sample must say which sound to place`,
        );
      if (!known.has(`${sample}.wav`))
        throw new UserError(
          `${layoutFile(corpus, name)} needs ${sampleFile(corpus, sample)}, which is missing: copy it there`,
        );
    }
  }
}

/** Reads one of the corpus's layouts with its exact samples; labels are clipped at the recording's end. */
export async function readLayout(
  corpus: string,
  name: string,
  store: SoundStore,
  seconds: number,
): Promise<PlacedSound[]> {
  const events = (await readEvents(layoutFile(corpus, name))).filter(({ startSeconds }) => startSeconds < seconds);
  return Promise.all(
    events.map(async ({ label, startSeconds, endSeconds, azimuth, elevation, distance = 1, sample }) => ({
      label,
      startSeconds,
      endSeconds: Math.min(seconds, endSeconds),
      azimuth,
      elevation,
      distanceMetres: distance,
      signal: await store.load(sampleFile(corpus, sample!)),
    })),
  );
}

const layoutFile = (corpus: string, name: string) => join(corpus, 'scenes', `${name}.csv`);
const sampleFile = (corpus: string, sample: string) => join(corpus, 'events', `${sample}.wav`);

/** The label file in the metadata format: whole degrees, azimuth -180..179, and whole metres from 1. */
export function formatLabels(sounds: readonly PlacedSound[]): string {
  return formatEvents(
    sounds.map(({ label, startSeconds, endSeconds, azimuth, elevation, distanceMetres }) => ({
      label,
      startSeconds,
      endSeconds,
      azimuth: Math.round(azimuth) === 180 ? -180 : azimuth,
      elevation,
      distance: Math.max(1, Math.round(distanceMetres)),
    })),
  );
}

function filesIn(folder: string): string[] {
  if (!existsSync(folder)) throw new UserError(`There is no folder ${folder}: give the corpus that has it`);
  return readdirSync(folder);
}
