// The hub's database: PostgreSQL inside this process (PGlite) or a server, behind the few calls that both have.

import { isEmbedded, openEmbedded } from './database-embedded.ts';
import { DatabaseError } from './database-error.ts';
import { openServer } from './database-server.ts';

/** What statements run on: a database, or a transaction of one. */
export interface Queries {
  /**
   * Runs one statement with $1, $2 ... for its values.
   * Numbers of 64 bit come as text from a server: cast them to float8 in the statement. Times come as Date.
   * @throws DatabaseError
   */
  query<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
}

export interface Database extends Queries {
  /** What it is, for people: without password. */
  readonly description: string;
  /** Where an embedded one lies; a server has none here. */
  readonly folder?: string;
  /** Runs statements of which all or none take effect. @throws DatabaseError; what the work throws passes as it is */
  transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/**
 * Opens a database by its URL.
 * @param url postgres://user@host/name for a server, or a folder for the embedded one, made when it is not there
 * @throws DatabaseError when the server does not answer or refuses us, or the folder is in use or broken
 */
export async function openDatabase(url: string): Promise<Database> {
  if (/^postgres(ql)?:\/\//.test(url)) return openServer(url);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) {
    const scheme = url.slice(0, url.indexOf(':'));
    throw new DatabaseError(`${scheme}:// is no database earshot knows: give postgres://user@host/name or a folder.`);
  }
  return openEmbedded(url);
}

/**
 * The same for those who read or change what a hub keeps: a folder without a database is a mistake, and is not made one.
 * @throws DatabaseError
 */
export async function openExistingDatabase(url: string): Promise<Database> {
  if (!url.includes('://') && !isEmbedded(url)) {
    throw new DatabaseError(
      `There is no database in ${url}: name the folder of a hub ("earshot fleet serve" makes one), or postgres://user@host/name.`,
    );
  }
  return openDatabase(url);
}
