// Many boards at once: each with its own log, none held up by another's failure, and a run that was stopped goes on where it was.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../write-whole.ts';
import { nameOf, type Plan } from './provision-plan.ts';
import { folderOf, type Means, provision } from './provision-run.ts';
import type { StepEvent } from './provision-step.ts';

export interface BoardRun {
  readonly plan: Plan;
  /** undefined: not begun. */
  event: StepEvent | undefined;
  outcome: 'waits' | 'runs' | 'done' | 'done before' | 'failed';
  failure: string | undefined;
  beganMs: number;
  endedMs: number | undefined;
}

const DONE_FILE = 'done.json';

export function boardRun(plan: Plan): BoardRun {
  return { plan, event: undefined, outcome: 'waits', failure: undefined, beganMs: 0, endedMs: undefined };
}

export interface BatchOptions {
  readonly jobs: number;
  /** Leaves out what an earlier run has finished with the same plan. */
  readonly resume: boolean;
  readonly signal: AbortSignal;
  /** Called whenever a board is further. */
  readonly onChange: (run: BoardRun) => void;
}

/** Provisions all, so many at once; what fails is told in its run, and the others go on. */
export async function provisionAll(runs: readonly BoardRun[], means: Means, options: BatchOptions): Promise<void> {
  const waiting = [...runs];
  const worker = async () => {
    for (let run = waiting.shift(); run && !options.signal.aborted; run = waiting.shift())
      await one(run, means, options);
  };
  await Promise.all(Array.from({ length: Math.min(options.jobs, runs.length) }, worker));
}

async function one(run: BoardRun, means: Means, { resume, signal, onChange }: BatchOptions): Promise<void> {
  const file = join(folderOf(means, run.plan), DONE_FILE);
  const fingerprint = { name: nameOf(run.plan), plan: run.plan, release: means.release?.head.id ?? null };
  run.beganMs = performance.now();
  try {
    if (resume && (await textOf(file)) === JSON.stringify(fingerprint)) run.outcome = 'done before';
    else {
      run.outcome = 'runs';
      onChange(run);
      await provision(run.plan, means, signal, (event) => {
        run.event = event;
        onChange(run);
      });
      await writeWhole(file, JSON.stringify(fingerprint));
      run.outcome = 'done';
    }
  } catch (error) {
    if ((error as Error).name !== 'UserError') throw error;
    run.outcome = 'failed';
    run.failure = (error as Error).message;
  } finally {
    run.endedMs = performance.now();
    onChange(run);
  }
}

async function textOf(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
