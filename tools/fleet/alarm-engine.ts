// From a condition that comes and goes to an alarm that is raised once: how long it must hold, how long it must be over, and what flaps.
import type { Condition } from './alarm-conditions.ts';

/** Of one rule and one device; times in ms. */
export interface Watch {
  readonly isRaised: boolean;
  /** Since when the condition is other than the alarm. */
  readonly otherSinceMs: number | null;
  /** When it was raised of late. */
  readonly raisesMs: readonly number[];
  readonly isFlapping: boolean;
}

export interface Verdict {
  readonly watch: Watch;
  /** flap: raised once more, and from now on held until it is quiet for long. */
  readonly change: 'raise' | 'flap' | 'clear' | null;
}

export const QUIET: Watch = { isRaised: false, otherSinceMs: null, raisesMs: [], isFlapping: false };

/** Raised more often than this within an hour, an alarm stays until it was quiet for longer. */
const MOST_RAISES = 3;
const FLAP_WINDOW_MS = 3_600_000;
const FLAP_CLEAR_MS = 30 * 60_000;

export function advance(
  watch: Watch,
  { isMet }: Pick<Condition, 'isMet'>,
  { forSeconds, clearSeconds }: { readonly forSeconds: number; readonly clearSeconds: number },
  nowMs: number,
): Verdict {
  if (isMet === null) return { watch, change: null };
  if (isMet === watch.isRaised) {
    return { watch: watch.otherSinceMs === null ? watch : { ...watch, otherSinceMs: null }, change: null };
  }
  const otherSinceMs = watch.otherSinceMs ?? nowMs;
  const clearMs = watch.isFlapping ? Math.max(FLAP_CLEAR_MS, 1000 * clearSeconds) : 1000 * clearSeconds;
  if (nowMs - otherSinceMs < (isMet ? 1000 * forSeconds : clearMs))
    return { watch: { ...watch, otherSinceMs }, change: null };
  if (!isMet) return { watch: { ...watch, isRaised: false, otherSinceMs: null, isFlapping: false }, change: 'clear' };
  const raisesMs = [...watch.raisesMs.filter((ms) => nowMs - ms < FLAP_WINDOW_MS), nowMs];
  const isFlapping = raisesMs.length > MOST_RAISES;
  return { watch: { isRaised: true, otherSinceMs: null, raisesMs, isFlapping }, change: isFlapping ? 'flap' : 'raise' };
}
