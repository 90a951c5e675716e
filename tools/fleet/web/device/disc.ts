// Directions on a disc: zenith in the middle, the horizon half way, straight down at the rim (azimuthal equidistant). The front is up, left is left.

/** Radius of the horizon as a share of the whole. */
export const HORIZON = 0.5;

export interface DiscPoint {
  readonly x: number;
  readonly y: number;
}

/**
 * @param azimuth degrees counter-clockwise from what is up on the disc
 * @returns within the unit circle, y down
 */
export function onDisc(azimuth: number, elevation: number): DiscPoint {
  const radius = (90 - elevation) / 180;
  const angle = (azimuth * Math.PI) / 180;
  return { x: -radius * Math.sin(angle), y: -radius * Math.cos(angle) };
}

/** The direction of a point of the disc; undefined outside. */
export function directionAt(x: number, y: number): { azimuth: number; elevation: number } | undefined {
  const radius = Math.hypot(x, y);
  if (radius > 1) return undefined;
  return { azimuth: (Math.atan2(-x, -y) * 180) / Math.PI, elevation: 90 - 180 * radius };
}

/** A grid of decibels over directions, as live messages carry it. */
export interface DirectionGrid {
  readonly azimuths: readonly number[];
  readonly elevations: readonly number[];
  readonly decibels: readonly number[];
}

/** Decibels at a direction between the points of the grid; azimuths go round, elevations end. */
export function decibelsAt(grid: DirectionGrid, azimuth: number, elevation: number): number {
  const { azimuths, elevations, decibels } = grid;
  const columns = azimuths.length;
  const stepAzimuth = 360 / columns;
  const stepElevation = elevations.length > 1 ? elevations[1]! - elevations[0]! : 1;
  const across = ((((azimuth - azimuths[0]!) / stepAzimuth) % columns) + columns) % columns;
  const up = Math.min(elevations.length - 1, Math.max(0, (elevation - elevations[0]!) / stepElevation));
  const [left, low] = [Math.floor(across), Math.min(Math.floor(up), Math.max(0, elevations.length - 2))];
  const right = (left + 1) % columns;
  const high = Math.min(low + 1, elevations.length - 1);
  const at = (row: number, column: number) => decibels[row * columns + (column % columns)] ?? 0;
  const [shareX, shareY] = [across - left, up - low];
  const below = at(low, left) + shareX * (at(low, right) - at(low, left));
  const above = at(high, left) + shareX * (at(high, right) - at(high, left));
  return below + shareY * (above - below);
}
