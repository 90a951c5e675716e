// earshot fleet backup: all that the hub keeps, of one moment, in one file that any database of earshot takes in again.
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, rename, rm, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { Command } from 'commander';
import { printJson, UserError } from '../command.ts';
import { onInterruption } from '../interruption.ts';
import { version } from '../package-version.ts';
import { duration, showProgress } from '../progress.ts';
import type { BackupHead } from './backup-file.ts';
import { type BackupTables, backupTables, quoted } from './backup-tables.ts';
import { type Database, openExistingDatabase, type Queries } from './database.ts';
import { migrate } from './migrations.ts';

interface BackupOptions {
  readonly database: string;
  readonly withSecrets?: boolean;
  readonly json?: boolean;
}

const ROWS_AT_ONCE = 2000;
/** Rows of events come to a sixth of their tables and indexes; a fifth is asked for, with something to spare. */
const SHARE_OF_DATABASE = 1 / 5;
/** Higher levels take twice the time for a tenth less. */
const GZIP_LEVEL = 4;

export function fleetBackupCommand(): Command {
  return new Command('backup')
    .summary('write all that the hub keeps into one file')
    .description(
      'Takes a picture of one moment; a hub on a PostgreSQL server goes on meanwhile. The file fits both kinds of database,\n' +
        'so that a hub on a bench can move to a server.',
    )
    .argument('<file>', 'e.g. fleet.backup; one of that name is replaced when the new one is whole')
    .requiredOption('--database <url>', 'postgres://user@host/name, or a folder no hub has open')
    .option('--with-secrets', 'with users and webhooks: password hashes, tokens and secrets are in the file then')
    .option('--json', 'print one JSON object at the end')
    .addHelpText(
      'after',
      '\nExamples:\n  earshot fleet backup fleet.backup --database earshot-fleet\n' +
        '  earshot fleet backup all.backup --database postgres://earshot@db.lan/earshot --with-secrets',
    )
    .action(backup);
}

async function backup(file: string, { database: url, withSecrets = false, json }: BackupOptions): Promise<void> {
  const interrupted = new AbortController();
  onInterruption(() => interrupted.abort());
  const database = await openExistingDatabase(url);
  try {
    await migrate(database);
    const done = await writeBackup(database, file, { withSecrets, signal: interrupted.signal });
    if (json) return printJson({ type: 'backup', file, ...done });
    const without = done.leftOut.length > 0 ? `; without ${done.leftOut.join(', ')} (--with-secrets)` : '';
    process.stdout.write(
      `${file}: ${done.rows} rows, ${megabytes(done.bytes)} in ${duration(done.seconds)}${without}.\n`,
    );
  } finally {
    await database.close();
  }
}

export interface Written {
  readonly rows: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly leftOut: readonly string[];
}

/**
 * Writes a backup by way of FILE.partial; other programs may go on writing to a server.
 * @throws UserError when there is no room, or the signal ends it; then no file is left
 */
export async function writeBackup(
  database: Database,
  file: string,
  { withSecrets, signal }: { withSecrets: boolean; signal: AbortSignal },
): Promise<Written> {
  const started = performance.now();
  const partial = `${resolve(file)}.partial`;
  try {
    const { rows, leftOut } = await database.transaction(async (queries) => {
      await queries.query('set transaction isolation level repeatable read, read only');
      await queries.query("set local datestyle = 'ISO'");
      await queries.query('set local extra_float_digits = 1');
      const tables = await backupTables(queries, withSecrets);
      const head = await headOf(queries, tables, withSecrets);
      await checkRoom(partial, head.databaseBytes);
      const lines = Readable.from(linesOf(queries, head), { objectMode: false, highWaterMark: 1 << 20 });
      await pipeline(lines, createGzip({ level: GZIP_LEVEL }), createWriteStream(partial, { mode: 0o600 }), { signal });
      return { rows: head.tables.reduce((sum, table) => sum + table.rows, 0), leftOut: head.leftOut };
    });
    const bytes = await toDisk(partial);
    await rename(partial, resolve(file));
    return { rows, bytes, seconds: (performance.now() - started) / 1000, leftOut };
  } catch (cause) {
    await rm(partial, { force: true });
    if (signal.aborted) throw new UserError('Interrupted: no backup was written.', { cause });
    const { code } = innermost(cause) as NodeJS.ErrnoException;
    if (code === 'ENOSPC') throw new UserError(`The disk of ${file} is full: nothing was written.`, { cause });
    if (code === 'ENOENT' || code === 'EACCES' || code === 'EROFS')
      throw new UserError(`${file} cannot be written (${code}): give another place.`, { cause });
    throw cause;
  }
}

function innermost(error: unknown): unknown {
  const { cause } = error as Error;
  return cause instanceof Error ? innermost(cause) : error;
}

async function headOf(queries: Queries, { kept, secret }: BackupTables, withSecrets: boolean): Promise<BackupHead> {
  const tables: BackupHead['tables'] = [];
  for (const { name, columns } of kept) {
    const [row] = await queries.query<{ count: number }>(`select count(*)::float8 as count from ${quoted(name)}`);
    tables.push({ name, columns: [...columns], rows: row!.count });
  }
  const steps = await queries.query<{ name: string }>('select name from migration order by step');
  const [facts] = await queries.query<{ now: Date; bytes: number }>(
    'select now() as now, pg_database_size(current_database())::float8 as bytes',
  );
  return {
    ...{ format: 'earshot-backup', version: 1, earshot: version, made: facts!.now.toISOString() },
    migrations: steps.map(({ name }) => name),
    databaseBytes: facts!.bytes,
    ...{ withSecrets, leftOut: [...secret], tables },
  };
}

/** @throws UserError when the disk would be full before the end */
async function checkRoom(file: string, databaseBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(file));
  const wanted = databaseBytes * SHARE_OF_DATABASE;
  if (bavail * bsize >= wanted) return;
  throw new UserError(
    `The backup may take ${megabytes(wanted)}, ${dirname(file)} has ${megabytes(bavail * bsize)}: make room or give another place.`,
  );
}

/** Text of the file in pieces. The database writes the rows as JSON itself, so that they pass through here untouched. */
async function* linesOf(queries: Queries, head: BackupHead): AsyncGenerator<string> {
  const hash = createHash('sha256');
  const hashed = (text: string) => {
    hash.update(text);
    return text;
  };
  const total = head.tables.reduce((sum, { rows }) => sum + rows, 0);
  const progress = showProgress('backup', total, 'rows');
  let done = 0;
  yield hashed(`${JSON.stringify(head)}\n`);
  for (const { name, columns } of head.tables) {
    yield hashed(`${JSON.stringify({ table: name })}\n`);
    const values = columns.map((column) => `${quoted(column.name)}::text`).join(', ');
    await queries.query(
      `declare backup no scroll cursor for select json_build_array(${values})::text as row from ${quoted(name)}`,
    );
    for (;;) {
      const rows = await queries.query<{ row: string }>(`fetch ${ROWS_AT_ONCE} from backup`);
      if (rows.length === 0) break;
      done += rows.length;
      yield hashed(`${rows.map(({ row }) => row).join('\n')}\n`);
      progress.update(done);
    }
    await queries.query('close backup');
  }
  yield `${JSON.stringify({ end: { rows: done, sha256: hash.digest('hex') } })}\n`;
  progress.finish();
}

/** A name must not stand for bytes that a power cut takes away. @returns the length */
async function toDisk(file: string): Promise<number> {
  const handle = await open(file, 'r+');
  try {
    await handle.sync();
    return (await handle.stat()).size;
  } finally {
    await handle.close();
  }
}

export function megabytes(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
