// A hub without users: the first admin is made with a password that is shown once, to the person at the terminal alone.
import { randomInt } from 'node:crypto';
import type { Queries } from './database.ts';
import { addAccount, listAccounts } from './http/accounts.ts';

const NAME = 'admin';
/** No letter that looks like another; 20 of 31 are 99 bits. */
const LETTERS = '23456789abcdefghjkmnpqrstuvwxyz';
const GROUPS = 4;
const GROUP_LETTERS = 5;

/** What to tell the person, or undefined when somebody can sign in already. @param mayShow whether a person alone reads it */
export async function firstAdmin(queries: Queries, mayShow: boolean): Promise<string | undefined> {
  if ((await listAccounts(queries)).length > 0) return undefined;
  if (!mayShow)
    return 'Nobody can sign in yet: "earshot fleet user add NAME --role admin --database ..." lets somebody in; stop a hub with an embedded database before.';
  const password = randomPassword();
  await addAccount(queries, { name: NAME, role: 'admin', password });
  return `Sign in as ${NAME} with the password ${password}\nIt is shown this once; "earshot fleet user password ${NAME}" sets another.`;
}

function randomPassword(): string {
  const group = () => Array.from({ length: GROUP_LETTERS }, () => LETTERS[randomInt(LETTERS.length)]).join('');
  return Array.from({ length: GROUPS }, group).join('-');
}
