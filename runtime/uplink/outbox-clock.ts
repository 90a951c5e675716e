// How old a message is, without trusting the wall clock: a device may start in 1970 and jump to the present.
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

/** Time since this machine started, and which start that was. */
export interface MachineClock {
  /** Another at each start of the machine. */
  readonly boot: string;
  /** Milliseconds since that start, sleep included; never goes back. */
  uptimeMs(): number;
}

/** A moment of the outbox's clock next to the machine's, as the cursor file keeps it. */
export interface ClockMark {
  readonly boot: string;
  readonly uptimeMs: number;
  readonly outboxMs: number;
}

/** The kernel's boot id and uptime; where there is no boot id, each process counts as a start of its own. */
export function machineClock(): MachineClock {
  return { boot: machineBoot(), uptimeMs: () => Math.round(uptime() * 1000) };
}

function machineBoot(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return `process-${process.pid}-${Math.random()}`;
  }
}

/**
 * Counts the time the machine ran since the outbox was made. It goes on over restarts of the service; while the machine is
 * off it stands still, because how long that was only a wall clock could say. So no clock setting ever expires a message.
 */
export class OutboxClock {
  readonly #machine: MachineClock;
  readonly #offsetMs: number;

  /** @param newestMs the newest time in the records, for when the mark is older than they or lost */
  constructor(machine: MachineClock, mark: ClockMark | undefined, newestMs: number) {
    this.#machine = machine;
    const nowMs = machine.uptimeMs();
    const sinceMark = mark && mark.boot === machine.boot ? Math.max(0, nowMs - mark.uptimeMs) : 0;
    this.#offsetMs = Math.max(newestMs, (mark?.outboxMs ?? 0) + sinceMark) - nowMs;
  }

  nowMs(): number {
    return this.#machine.uptimeMs() + this.#offsetMs;
  }

  mark(): ClockMark {
    return { boot: this.#machine.boot, uptimeMs: this.#machine.uptimeMs(), outboxMs: this.nowMs() };
  }
}
