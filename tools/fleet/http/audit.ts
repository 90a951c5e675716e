// Who did what, when and from where: written before it is done, so that nothing is done unwritten.
import type { Queries } from '../database.ts';
import type { AuditEntry } from './contract.ts';

export interface AuditWords {
  /** Name of the user or token, or of a part of the hub. */
  readonly who: string;
  /** From where; null: from this machine's own commands. */
  readonly address: string | null;
  readonly what: string;
  /** What it is about: site/device, name of a user. */
  readonly about: string;
  /** Without secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Details longer than this as JSON are left out: the audit is no store. */
const LONGEST_DETAILS = 16_384;

/** @returns its id. @throws DatabaseError */
export async function writeAudit(
  queries: Queries,
  { who, address, what, about, details }: AuditWords,
): Promise<number> {
  const json = details && JSON.stringify(details).replaceAll('\\u0000', '\\uFFFD');
  const kept = json && json.length > LONGEST_DETAILS ? JSON.stringify({ leftOut: `${json.length} characters` }) : json;
  const [row] = await queries.query<{ id: number }>(
    'insert into audit (who, address, what, about, details) values ($1, $2, $3, $4, $5) returning id::float8 as id',
    [clean(who), address, what, clean(about), kept ?? null],
  );
  return row!.id;
}

/** Adds how it ended to an entry. @throws DatabaseError */
export async function noteOutcome(queries: Queries, id: number, outcome: string): Promise<void> {
  await queries.query(
    "update audit set details = coalesce(details, '{}'::jsonb) || jsonb_build_object('outcome', $2::text) where id = $1",
    [id, clean(outcome)],
  );
}

/** Newest first. @throws DatabaseError */
export async function readAudit(queries: Queries, limit: number, before?: number): Promise<AuditEntry[]> {
  const rows = await queries.query<Omit<AuditEntry, 'time'> & { time: Date }>(
    `select id::float8 as id, time, who, address, what, about, details from audit
     where $2::int8 is null or id < $2 order by id desc limit $1`,
    [limit, before ?? null],
  );
  return rows.map((row) => ({ ...row, time: row.time.toISOString() }));
}

/** PostgreSQL text holds no NUL. */
function clean(text: string): string {
  return text.slice(0, 500).replaceAll('\0', '\uFFFD');
}
