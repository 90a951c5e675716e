// earshot fleet restore: a backup into an empty database, all of it or nothing.
import { statfs } from 'node:fs/promises';
import { Command } from 'commander';
import { printJson, UserError } from '../command.ts';
import { onInterruption } from '../interruption.ts';
import { duration, type Progress, showProgress } from '../progress.ts';
import { megabytes } from './backup.ts';
import { type BackupHead, type BackupRows, backupRows, readHead, verifyBackup } from './backup-file.ts';
import { quoted } from './backup-tables.ts';
import { type Database, openDatabase, type Queries } from './database.ts';
import { checkSteps, migrate } from './migrations.ts';

interface RestoreOptions {
  readonly database: string;
  readonly check?: boolean;
  readonly json?: boolean;
}

export function fleetRestoreCommand(): Command {
  return new Command('restore')
    .summary('bring a backup into an empty database')
    .argument('<file>', 'written by "earshot fleet backup"')
    .requiredOption(
      '--database <url>',
      'an empty one: postgres://user@host/name, or a folder that need not be there yet',
    )
    .option('--check', 'only read the file to its end and see whether the database is empty')
    .option('--json', 'print one JSON object at the end')
    .addHelpText(
      'after',
      '\nExamples:\n  earshot fleet restore fleet.backup --database postgres://earshot@db.lan/earshot\n' +
        '  earshot fleet restore fleet.backup --database earshot-fleet --check',
    )
    .action(restore);
}

async function restore(file: string, { database: url, check = false, json }: RestoreOptions): Promise<void> {
  const interrupted = new AbortController();
  onInterruption(() => interrupted.abort());
  const started = performance.now();
  await readHead(file); // what is no backup is told before a database is opened or made
  const database = await openDatabase(url);
  try {
    const rows = await readBackup(database, file, { check, signal: interrupted.signal });
    const seconds = (performance.now() - started) / 1000;
    if (json) return printJson({ type: 'restore', file, rows, seconds, isCheck: check });
    process.stdout.write(
      check
        ? `${file} is whole: ${rows} rows; the database is empty.\n`
        : `${rows} rows in ${duration(seconds)} into ${database.description}.\n`,
    );
  } finally {
    await database.close();
  }
}

/**
 * Checks a backup to its end, then takes it in, in one transaction.
 * @returns number of rows
 * @throws UserError when the file is broken or of a newer earshot, the database is not empty, or the signal ends it
 */
export async function readBackup(
  database: Database,
  file: string,
  { check, signal }: { check: boolean; signal: AbortSignal },
): Promise<number> {
  const head = await readHead(file);
  checkSteps(head.migrations);
  await checkEmpty(database, head);
  await checkRoom(database, head);
  const rows = head.tables.reduce((sum, table) => sum + table.rows, 0);
  await withProgress('checking', rows, (progress) => verifyBackup(file, stoppable(progress, signal)));
  if (check) return rows;
  await migrate(database, head.migrations.length);
  await withProgress('restoring', rows, (progress) =>
    database.transaction(async (queries) => {
      await checkEmpty(queries, head);
      let done = 0;
      const step = stoppable(progress, signal);
      for await (const batch of backupRows(file)) {
        await insert(queries, batch);
        done += batch.rows.length;
        step(done);
      }
      await setNumbering(queries, head);
    }),
  );
  await migrate(database);
  return rows;
}

async function withProgress<T>(title: string, rows: number, work: (progress: Progress) => Promise<T>): Promise<T> {
  const progress = showProgress(title, rows, 'rows');
  const result = await work(progress);
  progress.finish();
  return result;
}

function stoppable(progress: Progress, signal: AbortSignal): (done: number) => void {
  return (done) => {
    if (signal.aborted) throw new UserError('Interrupted: the database is as empty as it was.');
    progress.update(done);
  };
}

/** @throws UserError when one of the tables holds something */
async function checkEmpty(queries: Queries, { tables }: BackupHead): Promise<void> {
  for (const { name } of tables) {
    const [there] = await queries.query<{ is: boolean }>('select to_regclass($1) is not null as is', [quoted(name)]);
    if (!there!.is) continue;
    const rows = await queries.query(`select 1 from ${quoted(name)} limit 1`);
    if (rows.length === 0) continue;
    throw new UserError(
      `The database is not empty (there are rows of ${name}): restore into a new one; nothing was changed.`,
    );
  }
}

/** The folder of an embedded database must hold all of it; how full a server's disk is, it does not say. */
async function checkRoom({ folder }: Database, { databaseBytes }: BackupHead): Promise<void> {
  if (folder === undefined) return;
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= databaseBytes) return;
  throw new UserError(
    `The database may take ${megabytes(databaseBytes)}, ${folder} has ${megabytes(bavail * bsize)}: make room first.`,
  );
}

async function insert(queries: Queries, { table: { name, columns }, rows }: BackupRows): Promise<void> {
  const names = columns.map((column) => quoted(column.name)).join(', ');
  const values = columns.map(({ type }, i) => `(row ->> ${i})::${type}`).join(', ');
  await queries.query(
    `insert into ${quoted(name)} (${names}) overriding system value
     select ${values} from jsonb_array_elements($1::jsonb) as row`,
    [`[${rows.join(',')}]`],
  );
}

/** What is numbered by the database goes on behind the highest number. */
async function setNumbering(queries: Queries, { tables }: BackupHead): Promise<void> {
  for (const { name, columns } of tables) {
    for (const { name: column } of columns.filter(({ isIdentity }) => isIdentity)) {
      await queries.query(
        `select setval(pg_get_serial_sequence($1, $2), coalesce(max(${quoted(column)}), 0) + 1, false) from ${quoted(name)}`,
        [quoted(name), column],
      );
    }
  }
}
