// The mean direction of a sound on the sphere, weighted by activity, with its spread.
import { anglesOf, type Vector } from '../directions.ts';

const DEGREES_PER_RADIAN = 180 / Math.PI;
/** Of a vector's length: 4 gave the least direction error on validation recordings (1: 9.6°, 2: 9.5°, 4: 9.4°). */
const SURENESS_POWER = 4;

/** Sums weighted unit vectors; older ones fade, so that the direction of a source that moves stays current. */
export class DirectionMean {
  readonly #keep: number;
  #x = 0;
  #y = 0;
  #z = 0;
  #weight = 0;

  /** @param fadeFrames frames after which a direction counts 1/e */
  constructor(fadeFrames: number) {
    this.#keep = Math.exp(-1 / fadeFrames);
  }

  /**
   * Adds a frame's vector.
   * A vector shorter than 1 is an unsure one and counts much less; the zero vector says nothing.
   * @param share 0..1, how much the frame counts beside others of its kind
   */
  add([x, y, z]: Vector, share: number): void {
    const length = Math.hypot(x, y, z);
    if (length === 0) return;
    const weight = share * Math.min(1, length) ** SURENESS_POWER;
    const perLength = weight / length;
    this.#x = this.#x * this.#keep + x * perLength;
    this.#y = this.#y * this.#keep + y * perLength;
    this.#z = this.#z * this.#keep + z * perLength;
    this.#weight = this.#weight * this.#keep + weight;
  }

  /** Unit vector of the mean; straight ahead while nothing is known. */
  get vector(): Vector {
    const length = Math.hypot(this.#x, this.#y, this.#z);
    return length > 0 ? [this.#x / length, this.#y / length, this.#z / length] : [1, 0, 0];
  }

  /** In degrees. */
  get angles(): { azimuth: number; elevation: number } {
    return anglesOf(this.vector);
  }

  /** Root mean square angle to the mean in degrees, from the resultant length R: 2 (1 - R) (Mardia & Jupp, Directional Statistics). */
  get spreadDegrees(): number {
    if (this.#weight === 0) return 0;
    const resultant = Math.min(1, Math.hypot(this.#x, this.#y, this.#z) / this.#weight);
    return Math.sqrt(2 * (1 - resultant)) * DEGREES_PER_RADIAN;
  }

  /** Angle in degrees between the mean and a vector of any length; 0 while either is unknown. */
  angleTo([x, y, z]: Vector): number {
    const length = Math.hypot(x, y, z);
    if (length === 0 || this.#weight === 0) return 0;
    const [mx, my, mz] = this.vector;
    return Math.acos(Math.min(1, Math.max(-1, (mx * x + my * y + mz * z) / length))) * DEGREES_PER_RADIAN;
  }
}
