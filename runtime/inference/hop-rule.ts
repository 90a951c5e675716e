// How often a window is due when the network may be too slow: the hop grows while windows are dropped, and shrinks when there is time.

/** Windows that are looked back at before the hop changes. */
const LOOKED_AT = 10;
/** Share of them that may be dropped. */
const DROPS_BORNE = 0.2;
/** With the shorter hop the network would be busy for this share of the time at most. */
const BUSY_ALLOWED = 0.7;
/** Changes to a shorter hop come so many times slower, so that the hop does not swing. */
const PATIENCE = 3;

export interface HopRuleOptions {
  readonly hopFrames: number;
  /** The longest that leaves no label frame unseen. */
  readonly longestFrames: number;
  readonly frameMs: number;
}

export class HopRule {
  readonly #options: HopRuleOptions;
  #hop: number;
  #due = 0;
  #drops = 0;
  #busyMs: number[] = [];

  constructor(options: HopRuleOptions) {
    this.#options = options;
    this.#hop = options.hopFrames;
  }

  get hopFrames(): number {
    return this.#hop;
  }

  /** A window was due; an older one may have been dropped for it. */
  due(dropped: boolean): void {
    this.#due += 1;
    if (dropped) this.#drops += 1;
    if (this.#due >= LOOKED_AT && this.#drops / this.#due > DROPS_BORNE)
      this.#set(Math.min(2 * this.#hop, this.#longest));
    else if (this.#due >= PATIENCE * LOOKED_AT) this.#shorten();
  }

  /** A window was scored; the time it took, from its start to its scores. */
  scored(milliseconds: number): void {
    this.#busyMs.push(milliseconds);
  }

  get #longest(): number {
    const { hopFrames, longestFrames } = this.#options;
    return Math.max(hopFrames, Math.floor(longestFrames / hopFrames) * hopFrames);
  }

  #shorten(): void {
    const { hopFrames, frameMs } = this.#options;
    const shorter = Math.max(hopFrames, Math.floor(this.#hop / 2 / hopFrames) * hopFrames);
    const slowest = Math.max(0, ...this.#busyMs);
    this.#set(slowest <= BUSY_ALLOWED * shorter * frameMs ? shorter : this.#hop);
  }

  #set(hop: number): void {
    this.#hop = hop;
    this.#due = 0;
    this.#drops = 0;
    this.#busyMs = [];
  }
}
