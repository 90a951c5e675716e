// Who asks: a browser by its cookie, a program by its bearer token; and the proofs that a page of ours sent what changes something.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { readSession, readToken } from './accounts.ts';
import type { Role } from './contract.ts';
import { type FastifyRequest, HttpError } from './fastify.ts';
import type { Hub } from './hub.ts';

export const SESSION_COOKIE = 'earshot_session';
const RANK: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };

export interface Caller {
  readonly name: string;
  readonly role: Role;
  /** Empty for a program: nobody can make it send its token. */
  readonly csrfToken: string;
  readonly isToken: boolean;
}

/** @throws HttpError 401 when nobody we know asks */
export async function callerOf(hub: Hub, request: FastifyRequest): Promise<Caller> {
  const { authorization } = request.headers;
  if (authorization !== undefined) {
    const token = /^Bearer ([A-Za-z0-9_-]{20,100})$/.exec(authorization)?.[1];
    const found = token && (await readToken(hub.database, token, hub.now()));
    if (found) return { ...found, csrfToken: '', isToken: true };
    throw new HttpError(401, 'The hub does not know this token, or it has expired.');
  }
  const token = request.cookies[SESSION_COOKIE];
  const found = token && (await readSession(hub.database, token, hub.now()));
  if (found) return { ...found, csrfToken: csrfTokenOf(token), isToken: false };
  throw new HttpError(401, 'Nobody is signed in here, or the session has ended: sign in.');
}

/** @throws HttpError 403 */
export function refuseLowRole({ name, role }: Caller, needed: Role): void {
  if (RANK[role] >= RANK[needed]) return;
  throw new HttpError(403, `${name} is ${role}; this needs the role ${needed}.`);
}

/**
 * Refuses what another site made the browser send.
 * @param isOpen before login there is no token: the origin alone is looked at
 * @throws HttpError 403
 */
export function refuseForgery({ headers }: FastifyRequest, caller: Caller, isOpen: boolean): void {
  const { origin, host } = headers;
  const isOurs = origin === undefined || (URL.canParse(origin) && new URL(origin).host === host);
  if (!isOurs) throw new HttpError(403, 'The request came from a page of another site.');
  if (isOpen || caller.isToken) return;
  const given = headers['x-csrf-token'];
  if (typeof given === 'string' && isSame(given, caller.csrfToken)) return;
  throw new HttpError(403, 'The header x-csrf-token is missing or of another session: GET /api/v1/session gives it.');
}

/** Belongs to one session and can be made of its cookie alone, so that nothing more is stored. */
export function csrfTokenOf(sessionToken: string): string {
  return createHmac('sha256', sessionToken).update('csrf').digest('base64url');
}

function isSame(a: string, b: string): boolean {
  const [first, second] = [Buffer.from(a), Buffer.from(b)];
  return first.length === second.length && timingSafeEqual(first, second);
}
