// Why the runtime ended the last time: kept on disk, so that the next start can tell.
import { join } from 'node:path';
import { z } from 'zod';
import { readState, writeState } from './state-file.ts';

const FILE = 'last-exit.json';
const RECENT_MS = 3_600_000;
const KEPT_STARTS = 100;

const Stored = z.object({
  bootId: z.string(),
  machineBootId: z.string().nullable(),
  /** What ended it; null while it runs. */
  ended: z.object({ reason: z.string(), time: z.string() }).nullable(),
  startTimes: z.array(z.string()),
});
type Stored = z.infer<typeof Stored>;

export interface LastExit {
  /** 'stopped: SIGTERM', 'failed: ...', 'killed or crashed', 'power cut or restart of the machine', or null at the first start. */
  readonly reason: string | null;
  readonly time: string | null;
  /** Starts within the last hour, this one included. */
  readonly startsLastHour: number;
}

/** The record of one run of the runtime. */
export class ExitRecord {
  readonly #file: string;
  readonly #stored: Stored;
  readonly last: LastExit;

  private constructor(file: string, stored: Stored, last: LastExit) {
    this.#file = file;
    this.#stored = stored;
    this.last = last;
  }

  /** Reads how the last run ended and notes that a new one has begun. */
  static async begin(folder: string, boot: { bootId: string; machineBootId: string | null }): Promise<ExitRecord> {
    const file = join(folder, FILE);
    const before = Stored.safeParse(await readState(file)).data;
    const now = Date.now();
    const recent = (before?.startTimes ?? []).filter((time) => Math.abs(now - Date.parse(time)) < RECENT_MS);
    const startTimes = [...recent, new Date(now).toISOString()].slice(-KEPT_STARTS);
    const stored: Stored = { ...boot, ended: null, startTimes };
    await writeState(file, stored);
    const last = { ...reasonOf(before, boot.machineBootId), startsLastHour: startTimes.length };
    return new ExitRecord(file, stored, last);
  }

  /** Notes why this run ends. */
  async end(reason: string): Promise<void> {
    await writeState(this.#file, { ...this.#stored, ended: { reason, time: new Date().toISOString() } });
  }
}

function reasonOf(before: Stored | undefined, machineBootId: string | null): Pick<LastExit, 'reason' | 'time'> {
  if (!before) return { reason: null, time: null };
  if (before.ended) return before.ended;
  const restarted = machineBootId !== null && before.machineBootId !== null && before.machineBootId !== machineBootId;
  return { reason: restarted ? 'power cut or restart of the machine' : 'killed or crashed', time: null };
}
