// Faults of the machine that a look at it shows: clock, disk, heat.
import type { Faults } from './faults.ts';
import type { SelfReading } from './self-look.ts';

/** Below this share of the disk nothing that grows may be kept. */
const LEAST_FREE_SHARE = 0.03;

/** Sets and clears faults; what the machine does not tell is unknown and changes none. @param stateFolder whose disk was looked at */
export function judgeMachine(faults: Faults, { clock, disk, board }: SelfReading, stateFolder: string): void {
  const isUnsynced = clock.synced === null ? null : !clock.synced;
  faults.set('clock-not-synced', isUnsynced, 'The system clock is not synchronised.');
  const { totalBytes, freeBytes } = disk;
  const isFull = totalBytes === null || freeBytes === null ? null : freeBytes < LEAST_FREE_SHARE * totalBytes;
  faults.set('disk-full', isFull, `${freeBytes} bytes are free on the disk of ${stateFolder}.`);
  const { active, reasons } = board?.throttling ?? { active: null, reasons: [] };
  faults.set('throttled', active, `The board holds its clocks down: ${reasons.join(', ')}.`);
}
