// When the signal of a microphone is at fault: every threshold with its reason, in seconds that must agree before it is told.

/** How many of the last seconds that could be judged must be bad to tell a fault, and how few to take it back. */
export interface Persistence {
  /** Seconds looked back on, at most 60. */
  readonly of: number;
  readonly raise: number;
  /** Taken back when so few are bad. */
  readonly clear: number;
}

export const RULES = {
  /** Below any converter's own noise: 24-bit USB microphones idle at -95 dBFS and louder. 16 bits have nothing but zeros below -96. */
  dead: { belowDbfs: -100, belowOthersDb: 40, of: 10, raise: 8, clear: 2 },
  /** One value for a whole second: no analogue signal does that. */
  stuck: { of: 5, raise: 2, clear: 0 },
  /** Three samples in a row at 99 % of full scale: a sound that only just touches it has one or two. */
  clipped: { level: 0.99, run: 3, samplesPerSecond: 10, of: 60, raise: 3, clear: 0 },
  /** -40 dBFS: a hundred times what converters with a blocking capacitor leave. */
  dc: { level: 0.01, clearLevel: 0.005, of: 10, raise: 8, clear: 2 },
  /** The fundamental of the mains stands out of its neighbours by 15 dB, and is loud enough to be heard in a pause. */
  hum: { aboveNeighboursDb: 15, aboveDbfs: -78, of: 12, raise: 9, clear: 3 },
  /** Omnidirectional capsules on a sphere of 4.2 cm differ by less than 3 dB below 1 kHz (TAU-SRIR array response). */
  imbalance: { capsuleDb: 6, dipoleDb: 8, of: 60, raise: 24, clear: 8 },
  /** Pressure and velocity carry equal energy in plane waves and in diffuse fields: (X2 + Y2 + Z2) / W2 = 1 in SN3D. */
  energy: { offDb: 4, mendedDb: 2, capsuleDb: 1.5, of: 60, raise: 24, clear: 8 },
  /** W in the place of a dipole: exchanged with it, energies agree again. */
  swapped: { of: 60, raise: 24, clear: 8 },
  /** Capsules that have no negative lobe hear everything below 1 kHz with one sign, whatever the field. */
  flipped: { correlation: 0.25, of: 20, raise: 10, clear: 3 },
  /** One channel that has nothing in common with the others though it is as loud: another microphone, a broken capsule. */
  incoherent: {
    correlation: 0.1,
    othersCorrelation: 0.5,
    levelWithinDb: 10,
    aboveFloorDb: 15,
    of: 30,
    raise: 15,
    clear: 5,
  },
  /** Two channels that differ by less than a millionth: a stereo card sold as four channels, a mono copy. */
  duplicated: { residual: 1e-6, of: 30, raise: 20, clear: 2 },
  /** Sound arrives later than the size of the array allows; noise alone correlates by less than 0.15 in a piece of 20 ms (measured). */
  delayed: { correlation: 0.35, of: 20, raise: 10, clear: 3 },
} as const;

export type FaultCode = keyof typeof RULES;

/** Least level in dBFS at which channels are compared: the noise of capsules has no direction. */
export const JUDGED_ABOVE_DBFS = -85;
/** Band in which channels are compared: above wind and rumble, below where the capsules' distance matters. */
export const BAND_HZ = { low: 250, high: 1000 } as const;
/** Seconds of field from all around: 1 - 2 |I| / (W2 + V2) above this (Merimaa and Pulkki 2005). */
export const DIFFUSE_ABOVE = 0.6;

/** Counts bad seconds among the last ones that could be judged. */
export class Persistent {
  readonly #rule: Persistence;
  readonly #seconds: Uint8Array;
  #next = 0;
  #bad = 0;
  #known = 0;
  #raised = false;

  constructor(rule: Persistence) {
    this.#rule = rule;
    this.#seconds = new Uint8Array(rule.of);
  }

  get raised(): boolean {
    return this.#raised;
  }

  /** @param bad undefined: this second says nothing */
  add(bad: boolean | undefined): void {
    if (bad === undefined) return;
    const { of, raise, clear } = this.#rule;
    this.#bad += Number(bad) - this.#seconds[this.#next]!;
    this.#seconds[this.#next] = Number(bad);
    this.#next = (this.#next + 1) % of;
    this.#known = Math.min(of, this.#known + 1);
    if (this.#bad >= raise) this.#raised = true;
    else if (this.#bad <= clear && this.#known === of) this.#raised = false;
  }
}
