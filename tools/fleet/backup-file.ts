// The form of a backup: lines of JSON, compressed; a head, rows table by table, and an end with the checksum of all before it.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { z } from 'zod';
import { UserError } from '../command.ts';

const Name = z.string().regex(/^[a-z_][a-z0-9_]*$/, 'must be the name of a table or column');

export const BackupHead = z.strictObject({
  format: z.literal('earshot-backup'),
  version: z.literal(1),
  earshot: z.string().describe('version that made it'),
  made: z.iso.datetime().describe('moment of which it is the picture, UTC'),
  migrations: z.array(z.string()).describe('names of the steps that made the tables'),
  databaseBytes: z.int().min(0).describe('what the tables took on disk'),
  withSecrets: z.boolean(),
  leftOut: z.array(Name).describe('tables with secrets that are not in it'),
  tables: z.array(
    z.strictObject({
      name: Name,
      columns: z.array(
        z.strictObject({ name: Name, type: z.string().regex(/^[a-z0-9 ,()[\]]+$/), isIdentity: z.boolean() }),
      ),
      rows: z.int().min(0),
    }),
  ),
});
export type BackupHead = z.infer<typeof BackupHead>;

/** Follows the head and each table's rows. A row is a JSON array of its values as PostgreSQL writes them, or null. */
const TableLine = z.strictObject({ table: Name });
const EndLine = z.strictObject({ end: z.strictObject({ rows: z.int().min(0), sha256: z.string() }) });

/** The rows of one table that follow each other. */
export interface BackupRows {
  readonly table: BackupHead['tables'][number];
  /** Each a JSON array as text. */
  readonly rows: readonly string[];
}

const ROWS_AT_ONCE = 1000;

/** A file's head, without reading the rest. @throws UserError when it is no backup of ours */
export async function readHead(file: string): Promise<BackupHead> {
  for await (const { head } of checkedLines(file, false)) if (head) return head;
  throw new UserError(`${file} is empty: no backup of earshot.`);
}

/** Reads the whole file and checks its form, its counts and its checksum. @param onRows told how many rows were read */
export async function verifyBackup(file: string, onRows: (rows: number) => void): Promise<BackupHead> {
  let head: BackupHead | undefined;
  let rows = 0;
  for await (const part of checkedLines(file, true)) {
    if (part.head) head = part.head;
    rows += part.batch?.rows.length ?? 0;
    onRows(rows);
  }
  return head!;
}

/** The rows in batches of one table each; of a file that verifyBackup has read. */
export async function* backupRows(file: string): AsyncGenerator<BackupRows> {
  for await (const { batch } of checkedLines(file, true)) if (batch) yield batch;
}

interface Part {
  readonly head?: BackupHead;
  readonly batch?: BackupRows;
}

async function* checkedLines(file: string, toTheEnd: boolean): AsyncGenerator<Part> {
  const hash = createHash('sha256');
  let head: BackupHead | undefined;
  let table: BackupRows['table'] | undefined;
  let rows: string[] = [];
  const counts = new Map<string, number>();
  const batch = (): Part[] => {
    if (!table || rows.length === 0) return [];
    const full = { batch: { table, rows } };
    counts.set(table.name, (counts.get(table.name) ?? 0) + rows.length);
    rows = [];
    return [full];
  };
  let isWhole = false;
  for await (const line of linesOf(file)) {
    if (isWhole) throw broken(file, 'lines after its end');
    if (line.startsWith('[')) {
      if (!table) throw broken(file, 'rows of no table');
      rows.push(line);
      if (rows.length >= ROWS_AT_ONCE) yield* batch();
    } else if (!head) {
      head = parsed(BackupHead, line, file);
      yield { head };
      if (!toTheEnd) return;
    } else if (line.startsWith('{"end"')) {
      yield* batch();
      const { end } = parsed(EndLine, line, file);
      if (end.sha256 !== hash.digest('hex')) throw broken(file, 'its checksum is wrong');
      for (const { name, rows: said } of head.tables)
        if ((counts.get(name) ?? 0) !== said) throw broken(file, `${counts.get(name) ?? 0} of ${said} rows of ${name}`);
      isWhole = true;
    } else {
      yield* batch();
      const { table: name } = parsed(TableLine, line, file);
      table = head.tables.find((each) => each.name === name);
      if (!table) throw broken(file, `rows of ${name}, which its head does not name`);
    }
    if (!isWhole) hash.update(line).update('\n');
  }
  if (toTheEnd && !isWhole) throw broken(file, 'its end is missing');
}

async function* linesOf(file: string): AsyncGenerator<string> {
  const source = createReadStream(file);
  const unpacked = createGunzip();
  // A broken source would leave the reader waiting for ever.
  source.on('error', (error) => unpacked.destroy(error));
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const bytes of source.pipe(unpacked)) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
      rest = lines.pop()!;
      yield* lines;
    }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code?.startsWith('Z_')) throw broken(file, message);
    if (code) throw new UserError(`${file} cannot be read (${message}).`, { cause });
    throw cause;
  } finally {
    source.destroy();
  }
  if (rest !== '') yield rest;
}

function parsed<Schema extends z.ZodType>(schema: Schema, line: string, file: string): z.infer<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw broken(file, 'a line is no JSON');
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw broken(file, `${issue?.path.join('.') || 'line'}: ${issue?.message}`);
}

function broken(file: string, reason: string): UserError {
  return new UserError(`${file} is no whole backup of earshot (${reason}): take another one; nothing was changed.`);
}
