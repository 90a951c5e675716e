// What is wrong with the device now: each fault once, with its beginning, until it is over.
import type { Log } from './log.ts';

export interface Fault {
  /** The same for the same kind of fault, in kebab-case. */
  readonly code: string;
  readonly message: string;
  readonly since: string;
  /** Times it was raised since the runtime began. */
  readonly count: number;
}

/** The list that health, metrics and log share. */
export class Faults {
  readonly #log: Log;
  readonly #open = new Map<string, Fault & { readonly untilMs: number }>();
  readonly #counts = new Map<string, number>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Begins a fault that lasts until clear(); raised again it keeps its beginning and takes the newer message. */
  raise(code: string, message: string): void {
    this.#raise(code, message, Number.POSITIVE_INFINITY);
  }

  /** Tells a fault that is over when it is noticed (a jump of the clock), and shows it for a while. */
  note(code: string, message: string, showMs: number): void {
    this.#open.delete(code);
    this.#raise(code, message, performance.now() + showMs);
  }

  clear(code: string): void {
    if (this.#open.delete(code)) this.#log.info(`${code}-over`, `${code} is over.`);
  }

  /** Raises or clears, as the condition says; a condition that is not known changes nothing. */
  set(code: string, present: boolean | null, message: string): void {
    if (present) this.raise(code, message);
    else if (present === false) this.clear(code);
  }

  has(code: string): boolean {
    return this.list.some((fault) => fault.code === code);
  }

  /** Oldest first. */
  get list(): Fault[] {
    const now = performance.now();
    for (const [code, { untilMs }] of this.#open) if (untilMs <= now) this.clear(code);
    return [...this.#open.values()].map(({ untilMs, ...fault }) => fault);
  }

  /** How often each fault was raised since the runtime began. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  #raise(code: string, message: string, untilMs: number): void {
    const before = this.#open.get(code);
    if (before?.message === message) return;
    const count = (this.#counts.get(code) ?? 0) + (before ? 0 : 1);
    this.#counts.set(code, count);
    this.#open.set(code, { code, message, since: before?.since ?? new Date().toISOString(), count, untilMs });
    this.#log.warn(code, message);
  }
}
