// Who asks for the live picture gets it for some seconds, then it ends by itself; nobody pays for what nobody watches.
import type { CommandHandler } from './commands.ts';

/** Longest time for which one request lasts. */
export const LONGEST_LEASE_SECONDS = 600;
/** Pictures that come faster are left out. */
const SHORTEST_GAP_MS = 90;

/** Makes pictures between start() and stop(). */
export interface LiveSource<Picture> {
  start(show: (picture: Picture) => void): void;
  stop(): void;
}

/** The time that remains of what was asked for. */
export class LiveLease<Picture> {
  readonly #source: LiveSource<Picture>;
  readonly #show: (picture: Picture, leaseSeconds: number) => void;
  #endMs = 0;
  #shownMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** @param show sends a picture; called at most eleven times a second, and never without a lease */
  constructor(source: LiveSource<Picture>, show: (picture: Picture, leaseSeconds: number) => void) {
    this.#source = source;
    this.#show = show;
  }

  get isOn(): boolean {
    return this.#timer !== undefined;
  }

  /**
   * Lasts from now on for so many seconds, whatever was asked for before: the latest request holds; 0 ends it.
   * @throws RangeError naming the bounds
   */
  ask(seconds: number): void {
    if (!(seconds >= 0 && seconds <= LONGEST_LEASE_SECONDS)) {
      throw new RangeError(`seconds must be 0 to ${LONGEST_LEASE_SECONDS}, not ${seconds}`);
    }
    if (seconds === 0) {
      this.end();
      return;
    }
    const wasOn = this.isOn;
    clearTimeout(this.#timer);
    this.#endMs = performance.now() + 1000 * seconds;
    this.#timer = setTimeout(() => this.end(), 1000 * seconds).unref();
    if (!wasOn) this.#source.start((picture) => this.#pass(picture));
  }

  end(): void {
    if (!this.isOn) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#source.stop();
  }

  #pass(picture: Picture): void {
    const nowMs = performance.now();
    if (!this.isOn || nowMs - this.#shownMs < SHORTEST_GAP_MS) return;
    this.#shownMs = nowMs;
    this.#show(picture, Math.max(0, this.#endMs - nowMs) / 1000);
  }
}

/** The command live: {seconds} asks for pictures, the answer says for how long. */
export function liveCommand<Picture>(lease: LiveLease<Picture>): CommandHandler {
  return ({ seconds }) => {
    if (typeof seconds !== 'number') throw new TypeError('seconds must be a number');
    lease.ask(seconds);
    return { seconds };
  };
}
