// PostgreSQL compiled to WebAssembly in this process: nothing to install, one process at a time.
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import type { Database, Queries } from './database.ts';
import { DatabaseError, databaseError } from './database-error.ts';

/** PGlite itself does not notice a second process in its folder, which would ruin it. */
const LOCK = 'earshot.lock';
const FILES = 'pglite';

/** Whether a folder holds a database. */
export function isEmbedded(folder: string): boolean {
  return existsSync(join(folder, FILES));
}

/** @throws DatabaseError when another process has the folder, or it holds no database PGlite can open */
export async function openEmbedded(folder: string): Promise<Database> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const lock = join(folder, LOCK);
  await takeLock(lock, folder);
  const lite = await PGlite.create(join(folder, FILES)).catch(async (cause) => {
    await rm(lock, { force: true });
    throw databaseError(cause, `The database in ${folder} cannot be opened`);
  });
  return {
    description: `embedded PostgreSQL in ${folder}`,
    folder,
    ...queriesOf(lite),
    transaction: async (work) => {
      let failure: unknown;
      const noted = (error: unknown) => {
        failure = error;
        throw error;
      };
      try {
        return await lite.transaction((transaction) => work(queriesOf(transaction)).catch(noted));
      } catch (cause) {
        throw cause === failure ? cause : databaseError(cause, 'The database failed');
      }
    },
    close: async () => {
      await lite.close();
      await rm(lock, { force: true });
    },
  };
}

function queriesOf(lite: { query<Row>(sql: string, values?: unknown[]): Promise<{ rows: Row[] }> }): Queries {
  return {
    query: async <Row>(sql: string, values?: readonly unknown[]) => {
      try {
        return (await lite.query<Row>(sql, values && [...values])).rows;
      } catch (cause) {
        throw databaseError(cause, 'The database refused a statement');
      }
    },
  };
}

/** The lock names its process; one that no longer runs has left it behind in a crash. */
async function takeLock(lock: string, folder: string): Promise<void> {
  for (;;) {
    try {
      const file = await open(lock, 'wx', 0o600);
      await file.writeFile(`${process.pid}\n`);
      await file.close();
      return;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw databaseError(cause, `${folder} cannot be used`);
    }
    const owner = Number(await readFile(lock, 'utf8').catch(() => ''));
    if (owner > 0 && isRunning(owner)) {
      throw new DatabaseError(
        `The database in ${folder} is in use by process ${owner}: stop that one, or give another folder.`,
      );
    }
    await rm(lock, { force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
