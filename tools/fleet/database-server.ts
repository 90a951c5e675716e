// A PostgreSQL server as the hub's database, through a small pool of connections.
import pg from 'pg';
import type { Database, Queries } from './database.ts';
import { databaseError } from './database-error.ts';

const CONNECTIONS = 8;
const CONNECT_TIMEOUT_MS = 5000;

/** @throws DatabaseError when the server does not answer within 5 seconds or refuses us */
export async function openServer(url: string): Promise<Database> {
  const pool = new pg.Pool({
    ...{ connectionString: url, max: CONNECTIONS, connectionTimeoutMillis: CONNECT_TIMEOUT_MS },
    application_name: 'earshot',
  });
  // A connection that breaks while idle is replaced at the next use; without a listener it would end the process.
  pool.on('error', () => undefined);
  const shown = url.replace(/\/\/([^:@/]*):[^@/]*@/, '//$1@').replace(/\?.*/, '');
  try {
    await pool.query('select 1');
  } catch (cause) {
    await pool.end();
    throw databaseError(cause, `No PostgreSQL takes us at ${shown}`);
  }
  return {
    description: shown,
    ...queriesOf(pool),
    transaction: (work) => inTransaction(pool, work),
    close: () => pool.end(),
  };
}

function queriesOf(client: pg.Pool | pg.PoolClient): Queries {
  return {
    query: async <Row>(sql: string, values?: readonly unknown[]) => {
      try {
        return (await client.query(sql, values && [...values])).rows as Row[];
      } catch (cause) {
        throw databaseError(cause, 'The database refused a statement');
      }
    },
  };
}

async function inTransaction<T>(pool: pg.Pool, work: (queries: Queries) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((cause) => {
    throw databaseError(cause, 'The database does not answer');
  });
  let broken: Error | undefined;
  try {
    const queries = queriesOf(client);
    await queries.query('begin');
    const result = await work(queries);
    await queries.query('commit');
    return result;
  } catch (cause) {
    // A connection that cannot even roll back is thrown away; the server rolls back by itself.
    await client.query('rollback').catch((error: Error) => {
      broken = error;
    });
    throw cause;
  } finally {
    client.release(broken);
  }
}
