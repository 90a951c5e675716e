// Draws fresh layouts with the statistics of the data set's development labels (reference: 15 798 events, gaps, places).
import { type Bank, classesOf, pickGroup } from './bank.ts';
import { type Place, type PlacedSound, placeOf } from './layout.ts';
import type { Random } from './random.ts';
import { isInside, type Room } from './room.ts';
import type { SoundStore } from './sounds.ts';
import { drawTake } from './takes.ts';
import { varied } from './vary.ts';

export interface FreshLayout {
  readonly banks: readonly Bank[];
  readonly seconds: number;
  readonly sampleRate: number;
  /** Simultaneous tracks, 1 or 2. */
  readonly overlap: number;
  readonly directions: 'grid' | 'free';
  readonly vary: boolean;
}

const GAP_SECONDS = [0.5, 1.5] as const;
/** Tracks go on to the end: the data set's last events are cut off by it. */
const LAST_START_SECONDS = 1.5;
const SPARSE_GAP_SECONDS = [4, 14] as const;

/** Draws a layout with the data set's statistics; in varied ones a third, sparse track may join two. */
export async function drawLayout(
  layout: FreshLayout,
  room: Room,
  store: SoundStore,
  random: Random,
): Promise<PlacedSound[]> {
  const tracks: (readonly [number, number])[] = Array.from({ length: layout.overlap }, () => GAP_SECONDS);
  if (layout.vary && layout.overlap === 2 && random.chance(0.2)) tracks.push(SPARSE_GAP_SECONDS);
  const sounds: PlacedSound[] = [];
  for (const gap of tracks) {
    let start = random.uniform(0, gap[1] - GAP_SECONDS[0]);
    while (start < layout.seconds - LAST_START_SECONDS) {
      const sound = await drawSound(layout, room, store, random, start, sounds);
      sounds.push(sound);
      start += sound.signal.length / layout.sampleRate + random.uniform(...gap);
    }
  }
  return sounds.sort((a, b) => a.startSeconds - b.startSeconds);
}

async function drawSound(
  { banks, seconds, sampleRate, directions, vary }: FreshLayout,
  room: Room,
  store: SoundStore,
  random: Random,
  startSeconds: number,
  others: readonly PlacedSound[],
): Promise<PlacedSound> {
  const labels = classesOf(banks);
  const sounding = others.filter((o) => o.endSeconds > startSeconds && o.startSeconds < startSeconds + 1);
  let label = random.pick(labels);
  // two of one class at once are rarer in the data set than chance would have it: 451 pairs, about half
  if (sounding.some((o) => o.label === label) && random.chance(0.5)) label = random.pick(labels);
  const take = await drawTake(pickGroup(banks, label, random), label, store, random, sampleRate);
  const signal = vary ? varied(take, random, sampleRate) : take;
  const endSeconds = Math.min(seconds, startSeconds + signal.length / sampleRate);
  return { label, startSeconds, endSeconds, ...drawPlace(directions, room, random), signal };
}

const FREE = { elevation: 50, nearMetres: 0.9, farMetres: 2.3 };
/** Share of 2 m sources, and how often they stand at each elevation (development labels: 1246 at 20°, about 1600 elsewhere). */
const FAR_SHARE = 0.485;
const FAR_ELEVATIONS = [-20, -20, -20, -20, -10, -10, -10, -10, 0, 0, 0, 0, 10, 10, 10, 10, 20, 20, 20];

function drawPlace(directions: 'grid' | 'free', room: Room, random: Random): Place {
  for (;;) {
    const place = directions === 'grid' ? drawOnGrid(random) : drawFree(random);
    if (isInside(room, placeOf(place))) return place;
  }
}

function drawOnGrid(random: Random): Place {
  const azimuth = -180 + 10 * random.integer(36);
  if (random.chance(FAR_SHARE)) return { azimuth, elevation: random.pick(FAR_ELEVATIONS), distanceMetres: 2 };
  return { azimuth, elevation: -40 + 10 * random.integer(9), distanceMetres: 1 };
}

function drawFree(random: Random): Place {
  return {
    azimuth: random.uniform(-180, 180),
    elevation: random.uniform(-FREE.elevation, FREE.elevation),
    distanceMetres: random.uniform(FREE.nearMetres, FREE.farMetres),
  };
}
