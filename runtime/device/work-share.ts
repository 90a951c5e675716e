// Computing per sound since the last look: a mean over months would hide that the network has become slow.

/** Sums since the start. */
export interface Work {
  readonly streamSeconds: number;
  readonly busySeconds: number;
}

export class WorkShare {
  #before: Work = { streamSeconds: 0, busySeconds: 0 };
  #latest: number | null = null;

  /** Seconds of computing per second of sound since the last call; null when nothing was heard. */
  since(now: Work): number | null {
    const heard = now.streamSeconds - this.#before.streamSeconds;
    const share = heard > 0 ? (now.busySeconds - this.#before.busySeconds) / heard : null;
    this.#before = now;
    this.#latest = share ?? this.#latest;
    return share;
  }

  /** The newest that is known; null before anything was heard. */
  get latest(): number | null {
    return this.#latest;
  }
}
