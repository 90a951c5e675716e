// Directions: azimuth counter-clockwise from the front, elevation up, in degrees; unit vectors x front, y left, z up.

export type Vector = readonly [x: number, y: number, z: number];

const RADIANS_PER_DEGREE = Math.PI / 180;

/** Unit vector of a direction given in degrees. */
export function unitVector(azimuth: number, elevation: number): Vector {
  const a = azimuth * RADIANS_PER_DEGREE;
  const e = elevation * RADIANS_PER_DEGREE;
  return [Math.cos(e) * Math.cos(a), Math.cos(e) * Math.sin(a), Math.sin(e)];
}

/** Azimuth (-180..180) and elevation (-90..90) in degrees of a vector of any length > 0; the zero vector gives 0, 0. */
export function anglesOf([x, y, z]: Vector): { azimuth: number; elevation: number } {
  return {
    azimuth: Math.atan2(y, x) / RADIANS_PER_DEGREE,
    elevation: Math.atan2(z, Math.hypot(x, y)) / RADIANS_PER_DEGREE,
  };
}

/** Great-circle angle in degrees between two directions given in degrees. */
export function angleBetween(azimuth1: number, elevation1: number, azimuth2: number, elevation2: number): number {
  const e1 = elevation1 * RADIANS_PER_DEGREE;
  const e2 = elevation2 * RADIANS_PER_DEGREE;
  const cosine =
    Math.sin(e1) * Math.sin(e2) +
    Math.cos(e1) * Math.cos(e2) * Math.cos(Math.abs(azimuth1 - azimuth2) * RADIANS_PER_DEGREE);
  return Math.acos(Math.min(1, Math.max(-1, cosine))) / RADIANS_PER_DEGREE;
}
