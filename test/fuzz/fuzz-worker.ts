// Runs the cases of a fuzzing in a thread that may hang or run out of memory; the main thread watches the run number.
import { parentPort, workerData } from 'node:worker_threads';
import { FUZZ_TARGETS, inputOf } from './targets.ts';

export interface FuzzWorkerData {
  readonly seed: number;
  readonly firstRun: number;
  readonly runs: number;
  readonly only: string | undefined;
  /** [place of the target, run] under way. */
  readonly place: Int32Array;
}

export type FuzzMessage =
  | { readonly kind: 'failure'; readonly target: string; readonly run: number; readonly reason: string }
  | { readonly kind: 'done'; readonly read: Record<string, number>; readonly refused: Record<string, number> };

const { seed, firstRun, runs, only, place } = workerData as FuzzWorkerData;
const [read, refused]: [Record<string, number>, Record<string, number>] = [{}, {}];
for (let run = firstRun; run < firstRun + runs; run += 1) {
  for (const [i, target] of FUZZ_TARGETS.entries()) {
    if (only !== undefined && target.name !== only) continue;
    Atomics.store(place, 1, run);
    Atomics.store(place, 0, i);
    Atomics.add(place, 2, 1);
    try {
      target.read(inputOf(target, seed, run));
      read[target.name] = (read[target.name] ?? 0) + 1;
    } catch (error) {
      refused[target.name] = (refused[target.name] ?? 0) + 1;
      if ((error as Error).name === 'UserError') continue;
      const reason = (error as Error).stack ?? String(error);
      parentPort!.postMessage({ kind: 'failure', target: target.name, run, reason } satisfies FuzzMessage);
    }
  }
}
parentPort!.postMessage({ kind: 'done', read, refused } satisfies FuzzMessage);
