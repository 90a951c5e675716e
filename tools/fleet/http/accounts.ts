// Users, sessions and tokens in the database. A token's hash alone is kept, so that who reads the database cannot sign in.
import { createHash, randomBytes } from 'node:crypto';
import { UserError } from '../../command.ts';
import type { Queries } from '../database.ts';
import { Password, type Role, type User, UserName } from './contract.ts';
import { hashPassword } from './password.ts';

/** A session ends after so long without a request, and after so long whatever happens. */
export const IDLE_MS = 12 * 3_600_000;
export const LONGEST_MS = 7 * 24 * 3_600_000;
/** How often its use is written down. */
const NOTE_MS = 60_000;

export interface Known {
  readonly name: string;
  readonly role: Role;
}

/** @throws UserError when name or password break a rule, or there is one of that name */
export async function addAccount(queries: Queries, { name, role, password }: Known & { password: string }) {
  check(UserName.safeParse(name), `The name "${name.slice(0, 80)}"`);
  check(Password.safeParse(password), 'The password');
  const [row] = await queries.query<{ created: Date }>(
    'insert into account (name, role, password_hash) values ($1, $2, $3) on conflict do nothing returning created',
    [name, role, await hashPassword(password)],
  );
  if (!row) throw new UserError(`There is a user ${name} already: give another name, or change that one's password.`);
  return { name, role, created: row.created.toISOString() };
}

export async function listAccounts(queries: Queries): Promise<User[]> {
  const rows = await queries.query<Known & { created: Date }>('select name, role, created from account order by name');
  return rows.map((row) => ({ ...row, created: row.created.toISOString() }));
}

/** With all sessions and tokens. @throws UserError when there is none, or nobody could rule the hub any more */
export async function removeAccount(queries: Queries, name: string): Promise<void> {
  const accounts = await listAccounts(queries);
  const found = accounts.find((each) => each.name === name);
  if (!found) throw new UserError(`There is no user ${name}.`);
  const isLast = found.role === 'admin' && accounts.filter(({ role }) => role === 'admin').length === 1;
  if (isLast) throw new UserError(`${name} is the last admin: add another before.`);
  await queries.query('delete from account where name = $1', [name]);
}

/** Ends the sessions of that user, but for one. @throws UserError when there is no such user or the password breaks a rule */
export async function setPassword(queries: Queries, name: string, password: string, keep?: string): Promise<void> {
  check(Password.safeParse(password), 'The password');
  const rows = await queries.query('update account set password_hash = $2 where name = $1 returning 1', [
    name,
    await hashPassword(password),
  ]);
  if (rows.length === 0) throw new UserError(`There is no user ${name}.`);
  await queries.query('delete from session where account = $1 and token_hash <> $2', [name, keep ? hashOf(keep) : '']);
}

export async function readAccount(
  queries: Queries,
  name: string,
): Promise<(Known & { passwordHash: string }) | undefined> {
  if (!UserName.safeParse(name).success) return undefined;
  const [row] = await queries.query<Known & { passwordHash: string }>(
    'select name, role, password_hash as "passwordHash" from account where name = $1',
    [name],
  );
  return row;
}

/** @returns the token, which is kept nowhere */
export async function beginSession(queries: Queries, name: string, address: string, nowMs: number): Promise<string> {
  const token = randomBytes(32).toString('base64url');
  const now = new Date(nowMs);
  await queries.query('delete from session where expires < $1 or used < $2', [now, new Date(nowMs - IDLE_MS)]);
  await queries.query(
    'insert into session (token_hash, account, address, created, used, expires) values ($1, $2, $3, $4, $4, $5)',
    [hashOf(token), name, address, now, new Date(nowMs + LONGEST_MS)],
  );
  return token;
}

export async function endSession(queries: Queries, token: string): Promise<void> {
  await queries.query('delete from session where token_hash = $1', [hashOf(token)]);
}

/** Whose session it is; undefined when there is none, or it has ended. */
export async function readSession(queries: Queries, token: string, nowMs: number): Promise<Known | undefined> {
  const [row] = await queries.query<Known & { used: Date }>(
    `select a.name, a.role, s.used from session s join account a on a.name = s.account
     where s.token_hash = $1 and s.expires > $2 and s.used > $3`,
    [hashOf(token), new Date(nowMs), new Date(nowMs - IDLE_MS)],
  );
  if (!row) return undefined;
  if (nowMs - row.used.getTime() > NOTE_MS)
    await queries.query('update session set used = $2 where token_hash = $1', [hashOf(token), new Date(nowMs)]);
  return { name: row.name, role: row.role };
}

/** A token for a program, of at most the user's role. @returns the token, which is kept nowhere. @throws UserError */
export async function addToken(
  queries: Queries,
  { name, role, days }: { name: string; role?: Role; days: number },
  nowMs: number,
): Promise<string> {
  const account = await readAccount(queries, name);
  if (!account) throw new UserError(`There is no user ${name}: a token belongs to a user; add one before.`);
  const token = randomBytes(32).toString('base64url');
  await queries.query('insert into api_token (token_hash, account, role, expires) values ($1, $2, $3, $4)', [
    ...[hashOf(token), name, role ?? account.role, new Date(nowMs + days * 86_400_000)],
  ]);
  return token;
}

const RANKS = "array['viewer', 'operator', 'admin']";

/** Whose token it is: its role, or the user's where that is lower. */
export async function readToken(queries: Queries, token: string, nowMs: number): Promise<Known | undefined> {
  const [row] = await queries.query<Known & { used: Date | null }>(
    `select a.name, t.used, case when array_position(${RANKS}, t.role) < array_position(${RANKS}, a.role) then t.role else a.role end as role
     from api_token t join account a on a.name = t.account where t.token_hash = $1 and t.expires > $2`,
    [hashOf(token), new Date(nowMs)],
  );
  if (!row) return undefined;
  if (nowMs - (row.used?.getTime() ?? 0) > NOTE_MS)
    await queries.query('update api_token set used = $2 where token_hash = $1', [hashOf(token), new Date(nowMs)]);
  return { name: row.name, role: row.role };
}

/** 256 random bits need no salt and no slow hash; looking a hash up tells nothing of the token by its time. */
function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

function check(result: { success: boolean; error?: { issues: { message: string }[] } }, what: string): void {
  if (!result.success) throw new UserError(`${what} ${result.error?.issues[0]?.message}.`);
}
