// Jumps of the wall clock, seen against a clock that only goes forward.

/** Slower drift is what clocks do while they are being set right. */
const JUMP_MS = 500;

export class ClockJumps {
  readonly #wallClock: () => number;
  #offsetMs: number | undefined;

  /** @param wallClock Unix time in milliseconds */
  constructor(wallClock: () => number) {
    this.#wallClock = wallClock;
  }

  /** Milliseconds that the wall clock has jumped since the last look; null when it did not. */
  look(): number | null {
    const offsetMs = this.#wallClock() - performance.now();
    const jumpMs = offsetMs - (this.#offsetMs ?? offsetMs);
    this.#offsetMs = offsetMs;
    return Math.abs(jumpMs) > JUMP_MS ? jumpMs : null;
  }
}
