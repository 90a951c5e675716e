// Is the system clock right? Asked of chrony or systemd, whichever keeps it; unknown where neither does.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface ClockSync {
  /** null: nobody who knows could be asked. */
  readonly synced: boolean | null;
  /** Clock minus reference in milliseconds; null: not known. */
  readonly offsetMs: number | null;
}

const TIMEOUT_MS = 2000;
/** Field of `chronyc -c tracking`: 'Normal' or a leap second to come means synchronised. See chronyc(1). */
const CHRONY = { offsetSeconds: 4, leapStatus: 13 } as const;

/** Runs a program and resolves to what it printed; rejects when it is missing, fails or takes too long. */
export type Ask = (program: string, args: readonly string[]) => Promise<string>;

/** JetPack has systemd-timesyncd, many people install chrony in its place: chrony is asked first, since it also knows the offset. */
export async function clockSync(ask: Ask = askProgram): Promise<ClockSync> {
  const unknown = () => undefined;
  const chrony = chronyTracking(await ask('chronyc', ['-c', 'tracking']).catch(unknown));
  if (chrony) return chrony;
  const said = await ask('timedatectl', ['show', '--property=NTPSynchronized', '--value']).catch(unknown);
  const word = said?.trim();
  return { synced: word === 'yes' ? true : word === 'no' ? false : null, offsetMs: null };
}

function chronyTracking(said: string | undefined): ClockSync | undefined {
  const fields = said?.trim().split(',') ?? [];
  if (fields.length <= CHRONY.leapStatus) return undefined;
  const synced = fields[CHRONY.leapStatus] !== 'Not synchronised';
  const offsetMs = 1000 * Number(fields[CHRONY.offsetSeconds]);
  return { synced, offsetMs: synced && Number.isFinite(offsetMs) ? offsetMs : null };
}

async function askProgram(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { timeout: TIMEOUT_MS, killSignal: 'SIGKILL' });
  return stdout;
}
