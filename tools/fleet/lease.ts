// Whose turn it is: of several hubs on one database one does the work that must be done once, and another takes over when it is gone.
import type { Queries } from './database.ts';

/**
 * Takes or renews a lease, by the database's clock: the clocks of hubs may differ.
 * @returns whether it is ours until then
 */
export async function holdLease(queries: Queries, name: string, holder: string, seconds: number): Promise<boolean> {
  const rows = await queries.query(
    `insert into lease as l (name, holder, until) values ($1, $2, clock_timestamp() + $3 * interval '1 second')
     on conflict (name) do update set holder = excluded.holder, until = excluded.until
     where l.holder = excluded.holder or l.until < clock_timestamp() returning 1`,
    [name, holder, seconds],
  );
  return rows.length > 0;
}

/** Within a transaction: is it ours now, and stays so until the transaction ends? */
export async function hasLease(queries: Queries, name: string, holder: string): Promise<boolean> {
  const rows = await queries.query(
    'select 1 from lease where name = $1 and holder = $2 and until > clock_timestamp() for share',
    [name, holder],
  );
  return rows.length > 0;
}

/** Gives it back, so that another hub need not wait. */
export async function giveLease(queries: Queries, name: string, holder: string): Promise<void> {
  await queries.query('delete from lease where name = $1 and holder = $2', [name, holder]);
}
