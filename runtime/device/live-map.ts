// Where sound comes from, as power over a grid of directions: what a person far away looks at.
import type { Normalization } from '../ambisonics.ts';
import { FIRST_ORDER_GAIN } from '../ambisonics.ts';
import { unitVector } from '../directions.ts';
import type { AudioBlock, FeatureFrame } from '../signals.ts';

const STEP_DEGREES = 15;
/** Power so far below the loudest direction is not told apart any more. */
const FLOOR_DB = -30;

/** One row of azimuths per elevation, the lowest first. */
export const AZIMUTHS: readonly number[] = Array.from({ length: 24 }, (_, i) => -180 + i * STEP_DEGREES);
export const ELEVATIONS: readonly number[] = Array.from({ length: 11 }, (_, i) => -75 + i * STEP_DEGREES);
const GRID = ELEVATIONS.flatMap((elevation) => AZIMUTHS.map((azimuth) => unitVector(azimuth, elevation)));

/** Collects what it needs between two pictures. */
export interface DirectionPower {
  pushBlock(block: AudioBlock): void;
  pushFrame(frame: FeatureFrame): void;
  /** Decibels below the loudest direction, for each point of the grid; null when nothing was heard. Begins anew. */
  take(): number[] | null;
}

const CHANNELS = 4;
/** Share of the whole power added to each channel's before the inversion: what one plane wave's peak is sharp by. */
const LOADING = 0.01;

/**
 * Ambisonics of first order: the power that the beam of least variance passes from each direction (Capon 1969), from the
 * covariance of W, Y, Z, X: sharper than fixed beams, without a rear lobe. The sound is weighted towards 0.5..6 kHz first: below,
 * hum and wind hide direction; above about 9 kHz capsules are no single point.
 */
export class AmbisonicPower implements DirectionPower {
  readonly #gain: number;
  /** (4, 4), upper half: sums of products. */
  readonly #covariance = new Float64Array(CHANNELS * CHANNELS);
  readonly #last = new Float64Array(CHANNELS);
  readonly #smooth = new Float64Array(CHANNELS);
  readonly #now = new Float64Array(CHANNELS);

  constructor(normalization: Normalization) {
    this.#gain = 1 / FIRST_ORDER_GAIN[normalization];
  }

  pushBlock({ channels, sampleRate }: AudioBlock): void {
    const keep = Math.exp((-2 * Math.PI * 6000) / sampleRate);
    const [w, y, z, x] = channels as [Float32Array, Float32Array, Float32Array, Float32Array];
    const planes = [w, y, z, x];
    const { length } = w;
    for (let i = 0; i < length; i++) {
      for (let c = 0; c < CHANNELS; c++) {
        const value = planes[c]![i]!;
        const rising = value - 0.95 * this.#last[c]!;
        this.#last[c] = value;
        this.#smooth[c] = keep * this.#smooth[c]! + (1 - keep) * rising;
        this.#now[c] = this.#smooth[c]!;
      }
      for (let a = 0; a < CHANNELS; a++)
        for (let b = a; b < CHANNELS; b++) this.#covariance[a * CHANNELS + b]! += this.#now[a]! * this.#now[b]!;
    }
  }

  pushFrame(): void {}

  take(): number[] | null {
    const power = this.#power();
    this.#covariance.fill(0);
    return belowLoudest(power);
  }

  #power(): number[] {
    const inverse = inverted(this.#covariance);
    if (!inverse) return [0];
    return GRID.map(([x, y, z]) => {
      const steering = [1, y / this.#gain, z / this.#gain, x / this.#gain];
      let sum = 0;
      for (let a = 0; a < CHANNELS; a++)
        for (let b = 0; b < CHANNELS; b++) sum += steering[a]! * steering[b]! * inverse[a * CHANNELS + b]!;
      return 1 / sum;
    });
  }
}

/** Inverse of a symmetric matrix of which the upper half is given, loaded (Gauss-Jordan); undefined for one of zeros. */
function inverted(upper: Float64Array): Float64Array | undefined {
  const n = CHANNELS;
  let trace = 0;
  for (let i = 0; i < n; i++) trace += upper[i * n + i]!;
  if (!(trace > 0)) return undefined;
  const left = new Float64Array(n * n);
  const right = new Float64Array(n * n);
  for (let a = 0; a < n; a++) {
    for (let b = 0; b < n; b++) left[a * n + b] = upper[Math.min(a, b) * n + Math.max(a, b)]! / trace;
    left[a * n + a]! += LOADING;
    right[a * n + a] = 1;
  }
  // Loaded, it is positive definite: no pivot is zero.
  for (let p = 0; p < n; p++) {
    const pivot = left[p * n + p]!;
    for (let b = 0; b < n; b++) {
      left[p * n + b]! /= pivot;
      right[p * n + b]! /= pivot;
    }
    for (let a = 0; a < n; a++) {
      if (a === p) continue;
      const factor = left[a * n + p]!;
      for (let b = 0; b < n; b++) {
        left[a * n + b]! -= factor * left[p * n + b]!;
        right[a * n + b]! -= factor * right[p * n + b]!;
      }
    }
  }
  return right;
}

/** Where the capsules of an array sit. */
export interface ArrayGeometry {
  readonly mounting: 'open' | 'rigid-sphere' | 'plane';
  readonly radiusMetres: number;
  /** Degrees, from the centre. */
  readonly directions: readonly { readonly azimuth: number; readonly elevation: number }[];
}

/** The array of TAU Spatial Sound Events 2019, which the shipped MIC models were trained for (four capsules of an Eigenmike). */
export const TAU_ARRAY: ArrayGeometry = {
  ...{ mounting: 'rigid-sphere', radiusMetres: 0.042 },
  directions: [
    { azimuth: 45, elevation: 35 },
    { azimuth: -45, elevation: -35 },
    { azimuth: 135, elevation: -35 },
    { azimuth: -135, elevation: 35 },
  ],
};

const SPEED_OF_SOUND = 343;
const PAIRS = [
  [0, 1],
  [0, 2],
  [0, 3],
  [1, 2],
  [1, 3],
  [2, 3],
] as const;

/** Capsules: steered response with phase transform (DiBiase 2000), read from the GCC-PHAT features that the network hears. */
export class ArrayPower implements DirectionPower {
  readonly #lags: number;
  /** (directions, pairs) places among the lags, not whole. */
  readonly #places: Float32Array;
  readonly #correlation: Float64Array;
  #frames = 0;

  /** @param lags columns of a feature row: 64 are the lags -32..31 */
  constructor(geometry: ArrayGeometry, sampleRate: number, lags: number) {
    this.#lags = lags;
    this.#correlation = new Float64Array(PAIRS.length * lags);
    const towards = geometry.directions.map(({ azimuth, elevation }) => unitVector(azimuth, elevation));
    this.#places = Float32Array.from(
      GRID.flatMap((from) => {
        const arrivals = towards.map((capsule) => {
          const cosine = capsule[0] * from[0] + capsule[1] * from[1] + capsule[2] * from[2];
          return (sampleRate * geometry.radiusMetres * pathLength(cosine, geometry.mounting)) / SPEED_OF_SOUND;
        });
        return PAIRS.map(([m, n]) => {
          const place = lags / 2 + arrivals[n]! - arrivals[m]!;
          return Math.min(lags - 1.001, Math.max(0, place));
        });
      }),
    );
  }

  pushBlock(): void {}

  pushFrame({ values }: FeatureFrame): void {
    const size = this.#correlation.length;
    const from = values.length - size; // behind the log-mel rows
    for (let i = 0; i < size; i++) this.#correlation[i]! += values[from + i]!;
    this.#frames += 1;
  }

  take(): number[] | null {
    if (this.#frames === 0) return null;
    const power = GRID.map((_, g) => {
      let sum = 0;
      for (let p = 0; p < PAIRS.length; p++) {
        const place = this.#places[g * PAIRS.length + p]!;
        const below = Math.floor(place);
        const at = p * this.#lags + below;
        sum += this.#correlation[at]! + (place - below) * (this.#correlation[at + 1]! - this.#correlation[at]!);
      }
      return sum;
    });
    this.#correlation.fill(0);
    this.#frames = 0;
    return belowLoudest(power);
  }
}

/** Way to a capsule beyond the centre, in radii; around a sphere sound creeps along its surface (Woodworth 1938). */
function pathLength(cosine: number, mounting: ArrayGeometry['mounting']): number {
  if (mounting !== 'rigid-sphere' || cosine >= 0) return -cosine;
  return Math.acos(Math.max(-1, cosine)) - Math.PI / 2;
}

/** Whole decibels; null where there is no power at all. */
function belowLoudest(power: readonly number[]): number[] | null {
  const loudest = Math.max(...power);
  if (!(loudest > 0)) return null;
  return power.map((p) => Math.max(FLOOR_DB, Math.round(10 * Math.log10(Math.max(p, 1e-12) / loudest))) + 0);
}
