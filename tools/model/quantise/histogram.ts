// How often a tensor takes which values, counted window by window in memory that does not grow.

const BINS = 4096;
const HALF = BINS / 2;

/** Values of the middle of each bin that holds something, and how many there are. */
export interface Distribution {
  readonly lowest: number;
  readonly highest: number;
  readonly centres: Float64Array;
  readonly counts: Float64Array;
}

/**
 * Bins of equal width from -reach to reach. When a larger value comes the reach doubles, as often as needed, and bins join
 * in pairs: one pass over the data is enough, and the order of the windows does not matter but for rounding at bin edges.
 */
export class Histogram {
  #reach = 2 ** -10;
  #counts = new Float64Array(BINS);
  #lowest = Number.POSITIVE_INFINITY;
  #highest = Number.NEGATIVE_INFINITY;

  /** @param ends least and largest of all, where `values` are only a sample of them */
  add(values: Float32Array, ends: readonly [number, number] = endsOf(values)): void {
    this.#widen(...ends);
    const [counts, perBin] = [this.#counts, HALF / this.#reach];
    for (let i = 0; i < values.length; i += 1) {
      const bin = (values[i]! * perBin + HALF) | 0;
      // The largest value of all may lie on the upper edge.
      counts[bin < BINS ? bin : BINS - 1]! += 1;
    }
  }

  /** @throws Error when nothing was added */
  distribution(): Distribution {
    if (!(this.#lowest <= this.#highest)) throw new Error('an empty histogram');
    const filled = Array.from(this.#counts.keys()).filter((bin) => this.#counts[bin]! > 0);
    const width = this.#reach / HALF;
    const clamp = (value: number) => Math.min(this.#highest, Math.max(this.#lowest, value));
    return {
      lowest: this.#lowest,
      highest: this.#highest,
      centres: Float64Array.from(filled, (bin) => clamp((bin - HALF + 0.5) * width)),
      counts: Float64Array.from(filled, (bin) => this.#counts[bin]!),
    };
  }

  #widen(lowest: number, highest: number): void {
    this.#lowest = Math.min(this.#lowest, lowest);
    this.#highest = Math.max(this.#highest, highest);
    const most = Math.max(-this.#lowest, this.#highest);
    if (!Number.isFinite(most)) return;
    while (this.#reach < most) this.#double();
  }

  #double(): void {
    const joined = new Float64Array(BINS);
    this.#counts.forEach((count, bin) => {
      joined[HALF / 2 + (bin >> 1)]! += count;
    });
    this.#counts = joined;
    this.#reach *= 2;
  }
}

function endsOf(values: Float32Array): [number, number] {
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i]!;
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  return [lowest, highest];
}

/** The distribution of f(x) for an f that never falls. */
export function mapped({ lowest, highest, centres, counts }: Distribution, f: (x: number) => number): Distribution {
  return { lowest: f(lowest), highest: f(highest), centres: centres.map(f), counts };
}
