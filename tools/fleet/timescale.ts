// TimescaleDB where the database has it: the long tables are cut by time, so that old rows go as whole chunks.
// https://docs.timescale.com/api/latest/hypertable/ (create_hypertable, drop_chunks, approximate_row_count; TimescaleDB 2).
import type { Database, Queries } from './database.ts';

/** The tables that grow with time, and the column they are cut by. */
const LONG_TABLES = { event: 'start_time', health_history: 'time' } as const;
/** TimescaleDB's own default; with its indexes a chunk of 10 events a second takes 10 GB. */
const CHUNK = '7 days';
/** Any number of our own: hubs that start at once wait for each other on it. */
const LOCK = 7_203_118;

/** Whether the database has the extension, installed in it. */
async function hasTimescale(queries: Queries): Promise<boolean> {
  const [row] = await queries.query<{ is: boolean }>(
    "select exists (select from pg_proc where proname = 'create_hypertable') as is",
  );
  return row!.is;
}

/** Whether a table is cut into chunks. */
export async function isHypertable(queries: Queries, table: string): Promise<boolean> {
  if (!(await hasTimescale(queries))) return false;
  const [row] = await queries.query<{ is: boolean }>(
    'select exists (select from timescaledb_information.hypertables where hypertable_name = $1) as is',
    [table],
  );
  return row!.is;
}

/**
 * Cuts the long tables by time. Those that hold rows already stay as they are: moving them would hold up the collector.
 * @returns the tables that were cut now
 * @throws DatabaseError
 */
export function cutByTime(database: Database): Promise<string[]> {
  return database.transaction(async (queries) => {
    if (!(await hasTimescale(queries))) return [];
    await queries.query('select pg_advisory_xact_lock($1)', [LOCK]);
    const cut: string[] = [];
    for (const [table, column] of Object.entries(LONG_TABLES)) {
      if (await isHypertable(queries, table)) continue;
      const [row] = await queries.query<{ empty: boolean }>(`select not exists (select from ${table}) as empty`);
      if (!row!.empty) continue;
      await queries.query(
        `select create_hypertable('${table}'::regclass, '${column}'::name, chunk_time_interval => interval '${CHUNK}')`,
      );
      cut.push(table);
    }
    return cut;
  });
}

/**
 * Drops the chunks all of whose rows are older.
 * @returns about how many rows they held
 * @throws DatabaseError
 */
export async function dropChunks(database: Database, table: string, before: Date): Promise<number> {
  const held = await approximateRows(database, table);
  const chunks = await database.query(`select drop_chunks('${table}'::regclass, older_than => $1::timestamptz)`, [
    before,
  ]);
  return chunks.length === 0 ? 0 : Math.max(0, held - (await approximateRows(database, table)));
}

/** Rows of a table that is cut, from the statistics of its chunks. */
export async function approximateRows(database: Database, table: string): Promise<number> {
  const [row] = await database.query<{ rows: number }>(
    `select approximate_row_count('${table}'::regclass)::float8 as rows`,
  );
  return row!.rows;
}
