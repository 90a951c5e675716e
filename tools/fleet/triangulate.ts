// Where bearings cross: the most likely place of one source that several devices hear, with its error ellipse.
import { type MapPoint, wrapDegrees } from './local-plane.ts';

/** What one device says about a source, on a flat map. */
export interface Bearing extends MapPoint {
  /** Compass bearing of the source as the device hears it, clockwise from north. */
  readonly bearingDegrees: number;
  /** Standard deviation of that bearing: sound, model and heading together. */
  readonly sigmaDegrees: number;
  /** Standard deviation of the device's own place, each way. */
  readonly sigmaMetres: number;
}

/** The place of a source. */
export interface Fix extends MapPoint {
  /** Holds the source with 95 % probability, when the standard deviations are true. */
  readonly ellipse: Ellipse;
  /** Sum of squared residuals, each in its standard deviations: about bearings - 2 when all heard the same source. */
  readonly chiSquare: number;
  /** Residual of each bearing in degrees: heard minus fitted. */
  readonly residualsDegrees: readonly number[];
}

export interface Ellipse {
  readonly semiMajorMetres: number;
  readonly semiMinorMetres: number;
  /** Compass bearing of the long axis, 0..180. */
  readonly axisBearingDegrees: number;
}

const RADIANS_PER_DEGREE = Math.PI / 180;
/** 95 % quantile of chi-square with two degrees of freedom: -2 ln 0.05. */
const CHI_SQUARE_95 = -2 * Math.log(0.05);
const STEPS = 30;
const DONE_METRES = 1e-4;
/** Nearer than this a device's bearing says nothing, and its variance has no bound. */
const NEAREST_METRES = 0.1;

/**
 * Maximum-likelihood position from two or more bearings: Gauss-Newton on the wrapped angle errors, begun at the least-squares
 * crossing of the lines (Gavish & Weiss 1992, Performance analysis of bearing-only target location algorithms). The covariance
 * is the inverse of the Fisher information at the solution; the devices' own places add their share of the bearing's variance.
 * @returns undefined when the bearings do not cross in front of the devices: parallel, or diverging
 */
export function triangulate(bearings: readonly Bearing[]): Fix | undefined {
  let point = crossing(bearings);
  for (let step = 0; point && step < STEPS; step += 1) {
    const { information, gradient } = normalEquations(bearings, point);
    const move = solve(information, gradient);
    if (!move) return undefined;
    point = shortened(bearings, point, move);
    if (Math.hypot(move.east, move.north) < DONE_METRES) break;
  }
  if (!point || !isInFront(bearings, point)) return undefined;
  const { information, residuals, chiSquare } = normalEquations(bearings, point);
  const ellipse = ellipseOf(information);
  if (!ellipse) return undefined;
  return { ...point, ellipse, chiSquare, residualsDegrees: residuals.map((r) => r / RADIANS_PER_DEGREE) };
}

/** Residual of a bearing against a point, in standard deviations. */
export function misfit(bearing: Bearing, point: MapPoint): number {
  const { residual, sigma } = compare(bearing, point);
  return Math.abs(residual) / sigma;
}

interface Information {
  readonly ee: number;
  readonly en: number;
  readonly nn: number;
}

/** Heard minus expected angle and its standard deviation in radians, and the derivative of the expected angle per metre. */
function compare({ east, north, bearingDegrees, sigmaDegrees, sigmaMetres }: Bearing, point: MapPoint) {
  const [dE, dN] = [point.east - east, point.north - north];
  const range = Math.max(NEAREST_METRES, Math.hypot(dE, dN));
  const residual = wrapDegrees(bearingDegrees - Math.atan2(dE, dN) / RADIANS_PER_DEGREE) * RADIANS_PER_DEGREE;
  const sigma = Math.hypot(sigmaDegrees * RADIANS_PER_DEGREE, sigmaMetres / range);
  return { residual, sigma, perEast: dN / range ** 2, perNorth: -dE / range ** 2 };
}

function normalEquations(bearings: readonly Bearing[], point: MapPoint) {
  let [ee, en, nn, east, north, chiSquare] = [0, 0, 0, 0, 0, 0];
  const residuals: number[] = [];
  for (const bearing of bearings) {
    const { residual, sigma, perEast, perNorth } = compare(bearing, point);
    const weight = 1 / sigma ** 2;
    ee += weight * perEast * perEast;
    en += weight * perEast * perNorth;
    nn += weight * perNorth * perNorth;
    east += weight * perEast * residual;
    north += weight * perNorth * residual;
    chiSquare += weight * residual ** 2;
    residuals.push(residual);
  }
  return { information: { ee, en, nn }, gradient: { east, north }, chiSquare, residuals };
}

/** The point with the least weighted distance to all lines; nearer devices are not preferred yet. */
function crossing(bearings: readonly Bearing[]): MapPoint | undefined {
  let [ee, en, nn, east, north] = [0, 0, 0, 0, 0];
  for (const bearing of bearings) {
    const angle = bearing.bearingDegrees * RADIANS_PER_DEGREE;
    const [normalEast, normalNorth] = [Math.cos(angle), -Math.sin(angle)];
    const weight = 1 / bearing.sigmaDegrees ** 2;
    const offset = normalEast * bearing.east + normalNorth * bearing.north;
    ee += weight * normalEast * normalEast;
    en += weight * normalEast * normalNorth;
    nn += weight * normalNorth * normalNorth;
    east += weight * normalEast * offset;
    north += weight * normalNorth * offset;
  }
  return solve({ ee, en, nn }, { east, north });
}

/** Halves a step until it lessens the misfit: far from the crossing the angles are anything but linear. */
function shortened(bearings: readonly Bearing[], from: MapPoint, move: MapPoint): MapPoint {
  const before = normalEquations(bearings, from).chiSquare;
  for (let share = 1; share > 1e-3; share /= 2) {
    const point = { east: from.east + share * move.east, north: from.north + share * move.north };
    if (normalEquations(bearings, point).chiSquare <= before) return point;
  }
  return from;
}

/** A fitted place must lie before each device, not behind it. */
function isInFront(bearings: readonly Bearing[], point: MapPoint): boolean {
  return bearings.every((bearing) => Math.abs(compare(bearing, point).residual) < Math.PI / 2);
}

/** Solves the symmetric 2 x 2 system; undefined when its lines are parallel within 1e-9. */
function solve({ ee, en, nn }: Information, { east, north }: MapPoint): MapPoint | undefined {
  const determinant = ee * nn - en * en;
  if (!(determinant > 1e-9 * (ee + nn) ** 2)) return undefined;
  return { east: (nn * east - en * north) / determinant, north: (ee * north - en * east) / determinant };
}

/** Eigenvalues and axis of the inverse of the information. */
function ellipseOf({ ee, en, nn }: Information): Ellipse | undefined {
  const mean = (ee + nn) / 2;
  const half = Math.hypot((ee - nn) / 2, en);
  if (!(mean - half > 0)) return undefined;
  // The long axis is where there is least information: across the eigenvector of the larger eigenvalue.
  const axis = Math.atan2(2 * en, nn - ee) / 2 / RADIANS_PER_DEGREE + 90;
  return {
    semiMajorMetres: Math.sqrt(CHI_SQUARE_95 / (mean - half)),
    semiMinorMetres: Math.sqrt(CHI_SQUARE_95 / (mean + half)),
    axisBearingDegrees: ((axis % 180) + 180) % 180,
  };
}
