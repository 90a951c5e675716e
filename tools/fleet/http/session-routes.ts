// Sign in, sign out, who am I, change the password.
import { beginSession, endSession, readAccount, setPassword } from './accounts.ts';
import { csrfTokenOf, SESSION_COOKIE } from './caller.ts';
import { type FastifyInstance, type FastifyRequest, HttpError, tooMany } from './fastify.ts';
import type { Hub } from './hub.ts';
import { OPERATIONS } from './operations.ts';
import { isPassword } from './password.ts';
import { answer } from './routing.ts';

/** Tries to sign in: of one address, and of one name from anywhere. */
const TRIES_OF_ADDRESS = { max: 20, timeWindow: 300_000 };
const TRIES_OF_NAME = { max: 10, timeWindow: 300_000 };

export function sessionRoutes(app: FastifyInstance, hub: Hub, isSecure: boolean): void {
  const cookie = { path: '/', httpOnly: true, sameSite: 'strict', secure: isSecure } as const;
  const limits = [
    app.createRateLimit({ ...TRIES_OF_ADDRESS, keyGenerator: ({ ip }) => `address ${ip}` }),
    app.createRateLimit({ ...TRIES_OF_NAME, keyGenerator: (request) => `name ${nameOf(request)}` }),
  ];

  answer(app, hub, OPERATIONS.login, async ({ body, request, reply }) => {
    for (const limit of limits) {
      const { isAllowed, ...state } = await limit(request);
      if (!isAllowed && 'isExceeded' in state && state.isExceeded) throw tooMany(state.ttl);
    }
    const account = await readAccount(hub.database, body.name);
    const isRight = await isPassword(body.password, account?.passwordHash);
    // A password typed in the field of the name must not stand in the audit.
    const who = account?.name ?? '(unknown)';
    await hub.audit({ who, address: request.ip, what: isRight ? 'login' : 'login refused', about: '' });
    if (!account || !isRight) throw new HttpError(401, 'Name or password is wrong.');
    const token = await beginSession(hub.database, account.name, request.ip, hub.now());
    reply.setCookie(SESSION_COOKIE, token, cookie);
    return { name: account.name, role: account.role, csrfToken: csrfTokenOf(token) };
  });

  answer(app, hub, OPERATIONS.logout, async ({ request, reply }) => {
    const token = request.cookies[SESSION_COOKIE];
    if (token) await endSession(hub.database, token);
    reply.clearCookie(SESSION_COOKIE, cookie);
  });

  answer(app, hub, OPERATIONS.session, async ({ caller: { name, role, csrfToken } }) => ({ name, role, csrfToken }));

  answer(app, hub, OPERATIONS.changePassword, async ({ body, caller, request }) => {
    const limit = await limits[0]!(request);
    if (!limit.isAllowed && limit.isExceeded) throw tooMany(limit.ttl);
    const account = await readAccount(hub.database, caller.name);
    if (!(await isPassword(body.current, account?.passwordHash)))
      throw new HttpError(403, 'The current password is wrong.');
    await setPassword(hub.database, caller.name, body.password, request.cookies[SESSION_COOKIE]);
  });
}

function nameOf({ body }: FastifyRequest): string {
  const name = typeof body === 'object' && body !== null && 'name' in body ? body.name : '';
  return String(name).slice(0, 256);
}
