// What an outbox is told, and what it says of itself.
import type { MachineClock } from './outbox-clock.ts';

export const DEFAULTS = { maximumBytes: 64 * 2 ** 20, maximumAgeHours: 168, commitMs: 5, cursorMs: 250 } as const;

export interface OutboxOptions {
  readonly folder: string;
  /** Most that lies on disk, in bytes: what is queued and, in the room it leaves, what was delivered; the oldest go first. Default 64 MiB. */
  readonly maximumBytes?: number;
  /** Messages older than this go, counted in hours the machine ran; kept to a sixteenth. Default 168: a week. */
  readonly maximumAgeHours?: number;
  /** An append waits this long at most for others to be synced with it, in milliseconds. Default 5. */
  readonly commitMs?: number;
  /** After an acknowledgement this long at most until it is on disk, in milliseconds. Default 250. */
  readonly cursorMs?: number;
  readonly machine?: MachineClock;
}

/** What the outbox says of itself. */
export interface OutboxFigures {
  /** Messages on disk and not done with. */
  readonly queued: number;
  readonly bytes: number;
  /** Of the oldest message queued, in seconds the machine ran; null when there is none. */
  readonly oldestSeconds: number | null;
  /** Messages the bounds of bytes and age threw out, over all starts. */
  readonly dropped: number;
  /** Messages that damage on the disk took, over all starts. */
  readonly lost: number;
  /** Half-written ends cut off when it was opened. */
  readonly torn: number;
  /** Messages it could not take because the disk did not, since it was opened. */
  readonly refused: number;
  /** Why the newest write failed, e.g. ENOSPC; null while the disk takes what it is given. */
  readonly fault: string | null;
}
