// Ideal first-order ambisonics: what channels W, Y, Z, X (ACN) make of a plane wave (AmbiX, Nachbar et al. 2011).
import { FIRST_ORDER_GAIN, type Normalization } from '../../../runtime/ambisonics.ts';
import type { Vector } from '../../../runtime/directions.ts';

/** Gains of W, Y, Z, X for a plane wave from a unit vector. */
export function foaGains(
  [x, y, z]: Vector,
  normalization: Normalization,
): [w: number, y: number, z: number, x: number] {
  const scale = FIRST_ORDER_GAIN[normalization];
  return [1, y * scale, z * scale, x * scale];
}
