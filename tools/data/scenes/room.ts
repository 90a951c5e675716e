// Shoebox rooms: sizes, array position, absorption of the six walls per octave band, and the reverberation time that follows.
import { AIR_DB_PER_METRE, BANDS } from './bands.ts';
import type { Random } from './random.ts';
import { SPEED_OF_SOUND } from './rigid-sphere.ts';

export interface Room {
  readonly name: string;
  /** Length (x, to the array's front), width (y), height (z) in metres. */
  readonly size: readonly [number, number, number];
  /** Where the array stands, metres from the corner at the origin. */
  readonly array: readonly [number, number, number];
  /** Absorption coefficients per band, 0..1, of the walls x=0, x=L, y=0, y=W, floor, ceiling. */
  readonly absorption: readonly (readonly number[])[];
}

/** What a room is designed from; `liveliness` is each wall's share of absorption against the mean (carpet > 1, stone < 1). */
interface Design {
  name: string;
  size: readonly [number, number, number];
  array: readonly [number, number, number];
  rt60: readonly number[];
  wallShare: readonly number[];
}

const DB_PER_NEPER_OF_ENERGY = 10 * Math.LOG10E;
const eyringFactor = (volume: number) => (24 * Math.LN10 * volume) / SPEED_OF_SOUND;
const HIGHEST_ABSORPTION = 0.95;

// In the manner of the data set's five places: language centre (carpet), Reaktori and Festia (large cafeteria, high corridor),
// Tietotalo (corridor with hard floor), Sahkotalo (large corridor, mixed floor). The true rooms were measured, not published as sizes.
const DESIGNS: readonly Design[] = [
  design('language-centre', [11.5, 9.2, 3.1], [5.1, 4.3, 1.5], 0.48, [1, 1, 1, 1, 1.6, 1.3]),
  design('cafeteria', [21, 14.5, 4.2], [8.9, 6.6, 1.5], 0.72, [1, 1, 0.9, 1, 1.4, 1.3]),
  design('high-corridor', [26, 8.4, 8.8], [11.2, 3.7, 1.5], 1.15, [1, 1.2, 0.9, 1, 0.7, 1.2]),
  design('hard-corridor', [19, 6.1, 3.4], [7.7, 2.8, 1.5], 0.83, [1, 1, 1, 1.1, 0.6, 1.5]),
  design('wide-corridor', [24, 10.5, 4.6], [10.4, 4.6, 1.5], 0.92, [1.1, 1, 1, 1, 1, 1.2]),
];

export const FIXED_ROOMS: readonly Room[] = DESIGNS.map(build);

/** Space that must be free around the array so that every source at up to this distance stands in the room. */
const CLEARANCE_METRES = 2.3;

/** A room nobody has seen: size, place of the array, walls and reverberation drawn from wide ranges. */
export function randomRoom(random: Random): Room {
  const size = [random.logUniform(5.2, 24), random.logUniform(5, 15), random.logUniform(2.6, 7)] as const;
  const place = (length: number) => random.uniform(CLEARANCE_METRES, length - CLEARANCE_METRES);
  const array = [place(size[0]), place(size[1]), random.uniform(1.1, Math.min(1.8, size[2] - 1.1))] as const;
  const volume = size[0] * size[1] * size[2];
  const rt60 = random.logUniform(0.25, 0.55 + 0.16 * Math.cbrt(volume / 60));
  const wallShare = size.concat(size).map(() => random.logUniform(0.5, 2));
  return build({ ...design('random', size, array, rt60, wallShare), rt60: colouredRt60(rt60, random) });
}

/** Reverberation time per band in seconds after Eyring, with the loss in air. */
export function eyringRt60({ size, absorption }: Room): number[] {
  const { volume, areas, total } = surfaces(size);
  return AIR_DB_PER_METRE.map((air, band) => {
    const mean = areas.reduce((sum, area, wall) => sum + area * absorption[wall]![band]!, 0) / total;
    return eyringFactor(volume) / (-total * Math.log(1 - mean) + 4 * (air / DB_PER_NEPER_OF_ENERGY) * volume);
  });
}

function design(
  name: string,
  size: readonly [number, number, number],
  array: readonly [number, number, number],
  rt60: number,
  wallShare: readonly number[],
): Design {
  // longer at low frequencies, shorter at high ones, as measured rooms are
  const shape = [1.25, 1.15, 1.05, 1, 0.95, 0.85, 0.65, 0.45];
  return { name, size, array, rt60: shape.map((s) => s * rt60), wallShare };
}

function colouredRt60(rt60: number, random: Random): number[] {
  const tilt = random.uniform(-0.12, 0.05);
  const octaves = Array.from({ length: BANDS }, (_, band) => band - 3);
  return octaves.map((o) => rt60 * Math.exp(tilt * o + 0.08 * random.gaussian()) * (o > 3 ? 0.7 : 1));
}

/** Finds the wall absorption that gives the wanted reverberation time by turning Eyring's formula round. */
function build({ name, size, array, rt60, wallShare }: Design): Room {
  const { volume, areas, total } = surfaces(size);
  const meanShare = areas.reduce((sum, area, wall) => sum + area * wallShare[wall]!, 0) / total;
  const means = rt60.map((rt, band) => {
    const air = 4 * (AIR_DB_PER_METRE[band]! / DB_PER_NEPER_OF_ENERGY) * volume;
    const wanted = Math.max(0.01, (eyringFactor(volume) / rt - air) / total);
    return 1 - Math.exp(-wanted);
  });
  const absorption = wallShare.map((share) =>
    means.map((mean) => Math.min(HIGHEST_ABSORPTION, (mean * share) / meanShare)),
  );
  return { name, size, array, absorption };
}

function surfaces([length, width, height]: Room['size']) {
  const areas = [width * height, width * height, length * height, length * height, length * width, length * width];
  return { volume: length * width * height, areas, total: areas.reduce((a, b) => a + b) };
}

/** True when a source at this place (metres from the array) stands in the room, not in or behind a wall. */
export function isInside({ size, array }: Room, offset: readonly [number, number, number]): boolean {
  const MARGIN = 0.1;
  return size.every((length, axis) => {
    const place = array[axis]! + offset[axis]!;
    return place > MARGIN && place < length - MARGIN;
  });
}
