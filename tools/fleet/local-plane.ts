// A flat map around a place: metres east and north, exact enough within the tens of kilometres over which a sound is heard.

/** A place on earth in degrees, WGS 84. */
export interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

/** Metres east and north of the map's origin. */
export interface MapPoint {
  readonly east: number;
  readonly north: number;
}

const RADIANS_PER_DEGREE = Math.PI / 180;
/** WGS 84: equatorial radius in metres and squared eccentricity (NIMA TR8350.2). */
const EQUATORIAL_RADIUS = 6_378_137;
const ECCENTRICITY_SQUARED = 6.694_379_990_14e-3;

/**
 * A map that touches the ellipsoid at its origin, scaled by the ellipsoid's two radii of curvature there.
 * 10 km away a point is up to 10 m off at 50° latitude, less than any bearing can tell; nearer to a pole than 1° it is refused.
 */
export class LocalPlane {
  readonly #origin: Place;
  readonly #metresPerDegreeEast: number;
  readonly #metresPerDegreeNorth: number;

  /** @throws RangeError within 1° of a pole, where east and west lose their meaning */
  constructor(origin: Place) {
    if (Math.abs(origin.latitude) > 89)
      throw new RangeError(`latitude ${origin.latitude} is too near to a pole for a flat map`);
    const latitude = origin.latitude * RADIANS_PER_DEGREE;
    const w = Math.sqrt(1 - ECCENTRICITY_SQUARED * Math.sin(latitude) ** 2);
    const meridian = (EQUATORIAL_RADIUS * (1 - ECCENTRICITY_SQUARED)) / w ** 3;
    const primeVertical = EQUATORIAL_RADIUS / w;
    this.#origin = origin;
    this.#metresPerDegreeNorth = meridian * RADIANS_PER_DEGREE;
    this.#metresPerDegreeEast = primeVertical * Math.cos(latitude) * RADIANS_PER_DEGREE;
  }

  toMap({ latitude, longitude }: Place): MapPoint {
    return {
      east: wrapDegrees(longitude - this.#origin.longitude) * this.#metresPerDegreeEast,
      north: (latitude - this.#origin.latitude) * this.#metresPerDegreeNorth,
    };
  }

  toPlace({ east, north }: MapPoint): Place {
    return {
      latitude: this.#origin.latitude + north / this.#metresPerDegreeNorth,
      longitude: wrapDegrees(this.#origin.longitude + east / this.#metresPerDegreeEast),
    };
  }
}

/** The same angle within -180..180. */
export function wrapDegrees(degrees: number): number {
  return degrees - 360 * Math.round(degrees / 360);
}
