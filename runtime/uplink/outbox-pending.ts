// Messages that wait for the disk, and how many of them go there with one sync.
import { recordBytes } from './outbox-record.ts';

export interface Pending {
  readonly topic: string;
  readonly payload: string;
  readonly resolve: (index: number) => void;
  readonly reject: (error: Error) => void;
}

/** Takes the oldest from the list: as many as fit into so many bytes, at least one. */
export function takeBatch(pending: Pending[], limitBytes: number): Pending[] {
  let bytes = 0;
  let count = 0;
  while (count < pending.length) {
    bytes += recordBytes(pending[count]!);
    if (count > 0 && bytes > limitBytes) break;
    count += 1;
  }
  return pending.splice(0, count);
}
