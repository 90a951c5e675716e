// Two made-up sites for tests and pictures of the hub's page: where devices stand, what sounds there, and what each device hears of it.
import { anglesOf, unitVector } from '../../../runtime/directions.ts';
import { LocalPlane, type MapPoint } from '../../../tools/fleet/local-plane.ts';

/** Where one simulated device stands; metres from the origin of its site. */
export interface Post extends MapPoint {
  readonly site: string;
  readonly device: string;
  readonly headingDegrees: number;
  readonly heightMetres: number;
  readonly board: string;
  readonly backend: string;
  readonly model: string;
  readonly labels: readonly string[];
}

export const OFFICE_LABELS = [
  ...['knock', 'drawer', 'clearthroat', 'phone', 'keysDrop', 'speech', 'keyboard', 'pageturn', 'cough'],
  ...['doorslam', 'laughter'],
];
export const FOREST_LABELS = ['chainsaw', 'vehicle', 'speech', 'dog', 'woodpecker', 'gunshot', 'rain'];

const ORIGIN = { forest: { latitude: 48.0156, longitude: 8.2011 }, office: { latitude: 48.0171, longitude: 8.2048 } };
const planes = { forest: new LocalPlane(ORIGIN.forest), office: new LocalPlane(ORIGIN.office) };

const forest = (device: string, east: number, north: number, headingDegrees: number): Post => ({
  ...{ site: 'forest', device, east, north, headingDegrees, heightMetres: 3, labels: FOREST_LABELS },
  ...{ board: 'NVIDIA Jetson Orin Nano', backend: 'tensorrt fp16', model: 'forest-foa' },
});
const office = (device: string, east: number, north: number, headingDegrees: number): Post => ({
  ...{ site: 'office', device, east, north, headingDegrees, heightMetres: 2.4, labels: OFFICE_LABELS },
  ...{ board: 'Raspberry Pi 5', backend: 'onnxruntime cpu', model: 'office-foa' },
});

export const POSTS: readonly Post[] = [
  forest('clearing', -20, 15, 40),
  forest('creek', -150, -95, 60),
  forest('east-gate', 165, 40, 280),
  forest('hide', 60, -140, 345),
  forest('north-ridge', -70, 150, 165),
  forest('sawmill-road', 130, 165, 220),
  office('kitchen', 12, -9, 310),
  office('lobby', -14, -11, 20),
  office('open-plan-1', -8, 7, 135),
  office('open-plan-2', 9, 8, 225),
];

export function placeOf({ site, east, north, heightMetres }: Post) {
  const { latitude, longitude } = planes[site as keyof typeof planes].toPlace({ east, north });
  return { latitude, longitude, altitudeMetres: heightMetres };
}

/** A sound somewhere at a site. */
export interface Sound extends MapPoint {
  readonly site: string;
  readonly label: string;
  readonly heightMetres: number;
  readonly seconds: number;
  /** Metres over which devices still hear it. */
  readonly reachMetres: number;
}

const sound = (
  site: string,
  label: string,
  at: readonly [number, number, number],
  seconds: number,
  reachMetres: number,
) => ({
  ...{ site, label, east: at[0], north: at[1], heightMetres: at[2], seconds, reachMetres },
});

/** What sounds, one after the other, again and again. */
export const SOUNDS: readonly Sound[] = [
  sound('forest', 'woodpecker', [-45, 70, 14], 2.4, 160),
  sound('office', 'keyboard', [-3, 9, 0.8], 3.5, 14),
  sound('forest', 'chainsaw', [95, 95, 1.2], 9, 320),
  sound('office', 'speech', [2, 3, 1.5], 4.5, 22),
  sound('forest', 'dog', [30, -60, 0.5], 1.8, 170),
  sound('office', 'phone', [11, 5, 0.9], 2.8, 25),
  sound('forest', 'vehicle', [190, 110, 0.7], 7, 190),
  sound('office', 'doorslam', [-17, -4, 1], 0.7, 30),
  sound('forest', 'speech', [-80, -50, 1.6], 4, 110),
  sound('office', 'cough', [10, -6, 1.4], 0.8, 16),
  sound('office', 'laughter', [6, 6, 1.5], 2.2, 22),
  sound('forest', 'gunshot', [-60, -190, 1.3], 0.5, 420),
];

/** A sound as one device hears it. */
export interface Heard {
  readonly label: string;
  /** Degrees from the microphone's front, counter-clockwise. */
  readonly azimuth: number;
  readonly elevation: number;
  readonly score: number;
  readonly spreadDegrees: number;
  readonly metres: number;
}

/** @param random numbers 0..1; undefined when the device is too far or stands elsewhere */
export function hear(post: Post, source: Sound, random: () => number): Heard | undefined {
  const [east, north] = [source.east - post.east, source.north - post.north];
  const metres = Math.hypot(east, north);
  if (post.site !== source.site || metres > source.reachMetres) return undefined;
  const bearing = (Math.atan2(east, north) * 180) / Math.PI;
  const elevation = (Math.atan2(source.heightMetres - post.heightMetres, metres) * 180) / Math.PI;
  const noise = () => 4 * (random() + random() - 1);
  const direction = unitVector(post.headingDegrees - bearing + noise(), elevation + noise() / 2);
  const loudness = 1 - metres / source.reachMetres;
  return {
    ...{ label: source.label, metres, ...anglesOf(direction) },
    score: Math.min(0.99, 0.45 + 0.5 * loudness + 0.05 * random()),
    spreadDegrees: 2 + 5 * (1 - loudness),
  };
}

/** Numbers 0..1, the same for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
