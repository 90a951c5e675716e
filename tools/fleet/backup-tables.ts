// Which tables a backup holds, in which order, and which it leaves out because they hold secrets.
import type { Queries } from './database.ts';

export interface BackupColumn {
  readonly name: string;
  /** As PostgreSQL writes it, e.g. timestamp with time zone. */
  readonly type: string;
  /** Numbered by the database itself. */
  readonly isIdentity: boolean;
}

export interface BackupTable {
  readonly name: string;
  readonly columns: readonly BackupColumn[];
}

export interface BackupTables {
  /** A table comes after those it refers to. */
  readonly kept: readonly BackupTable[];
  /** Names of tables with secrets, and of those that cannot stand without them. */
  readonly secret: readonly string[];
}

/** What stands in such a column opens a door: password hashes, webhook secrets, tokens. */
const SECRET_COLUMN = /secret|password|passphrase|token|hash|private/;
/** Of the hub that runs now, not of the fleet. */
const PASSING = new Set(['migration', 'lease', 'session', 'login_attempt']);

/** @param withSecrets whether tables with secrets are kept. @throws DatabaseError */
export async function backupTables(queries: Queries, withSecrets: boolean): Promise<BackupTables> {
  const tables = await allTables(queries);
  const references = await allReferences(queries);
  const secret = new Set(withSecrets ? [] : tables.filter(holdsSecret).map(({ name }) => name));
  const isOut = (name: string): boolean =>
    secret.has(name) || references.some(({ from, to }) => from === name && to !== name && isOut(to));
  const left = tables.filter(({ name }) => isOut(name)).map(({ name }) => name);
  return {
    kept: inOrder(
      tables.filter(({ name }) => !isOut(name)),
      references,
    ),
    secret: left,
  };
}

export function holdsSecret({ columns }: BackupTable): boolean {
  return columns.some(({ name }) => SECRET_COLUMN.test(name));
}

/** Tables of ours; parts of a partitioned table are in the whole. */
async function allTables(queries: Queries): Promise<BackupTable[]> {
  const rows = await queries.query<{ table: string; column: string; type: string; identity: boolean }>(
    `select c.relname as table, a.attname as column, format_type(a.atttypid, a.atttypmod) as type, a.attidentity <> '' as identity
     from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
     order by c.relname, a.attnum`,
  );
  const tables = new Map<string, BackupColumn[]>();
  for (const { table, column: name, type, identity } of rows) {
    if (PASSING.has(table)) continue;
    tables.set(table, [...(tables.get(table) ?? []), { name, type, isIdentity: identity }]);
  }
  return [...tables].map(([name, columns]) => ({ name, columns }));
}

interface Reference {
  readonly from: string;
  readonly to: string;
}

function allReferences(queries: Queries): Promise<Reference[]> {
  return queries.query<Reference>(
    `select distinct f.relname as from, t.relname as to from pg_constraint k
     join pg_class f on f.oid = k.conrelid join pg_class t on t.oid = k.confrelid
     where k.contype = 'f' and f.relnamespace = 'public'::regnamespace`,
  );
}

function inOrder(tables: readonly BackupTable[], references: readonly Reference[]): BackupTable[] {
  const ordered: BackupTable[] = [];
  const place = (table: BackupTable) => {
    if (ordered.includes(table)) return;
    for (const { from, to } of references) {
      const other = tables.find(({ name }) => name === to);
      if (from === table.name && other && other !== table) place(other);
    }
    ordered.push(table);
  };
  tables.forEach(place);
  return ordered;
}

/** A name as PostgreSQL reads it in a statement, whatever is in it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
