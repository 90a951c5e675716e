// One process per outbox: a lock file that names its holder and is taken over when that process is gone.
import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Another process has this outbox open. */
export class OutboxLockedError extends Error {
  override name = 'UserError';
}

/**
 * Takes the lock of a folder.
 * @returns gives it back
 * @throws OutboxLockedError naming the folder and the process that holds it
 */
export async function lockOutbox(folder: string): Promise<() => Promise<void>> {
  const file = join(folder, 'lock');
  const mine = `${process.pid} ${await startOf(process.pid)} ${Math.random().toString(36).slice(2)}\n`;
  const own = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  await writeFile(own, mine, { flag: 'wx' });
  try {
    while (!(await linked(own, file))) await removeIfStale(file, folder, `${own}.stale`);
  } finally {
    await unlink(own);
  }
  return async () => {
    if ((await contentOf(file)) === mine) await unlink(file);
  };
}

/** A link appears whole, with its content, or not at all. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function removeIfStale(file: string, folder: string, aside: string): Promise<void> {
  const holder = await contentOf(file);
  if (holder === undefined) return;
  const [pid, start] = holder.trim().split(' ');
  if (pid && (await startOf(Number(pid))) === start) {
    throw new OutboxLockedError(
      `The outbox ${folder} is in use by process ${pid}: stop that one, or give another folder.`,
    );
  }
  // Of two that found it stale one moves it away; who moved a fresh one instead puts it back.
  await rename(file, aside).catch(ignoreMissing);
  const moved = await contentOf(aside);
  if (moved !== undefined && moved !== holder) await linked(aside, file);
  await unlink(aside).catch(ignoreMissing);
}

/** When a process began, so that a number used again is no mistake; 'gone' when there is none. */
async function startOf(pid: number): Promise<string> {
  const stat = await contentOf(`/proc/${pid}/stat`);
  if (stat !== undefined) {
    // The name in brackets may hold spaces; field 22 of proc(5) is the 20th after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? 'gone' : fields[19]!;
  }
  try {
    if ((await contentOf('/proc/self/stat')) !== undefined) return 'gone';
    process.kill(pid, 0);
    return 'alive';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH') return 'gone';
    if (code === 'EPERM') return 'alive';
    throw error;
  }
}

async function contentOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
