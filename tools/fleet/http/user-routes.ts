// Users, and the book of who did what: for admins.
import { addAccount, listAccounts, removeAccount } from './accounts.ts';
import { readAudit } from './audit.ts';
import type { FastifyInstance } from './fastify.ts';
import type { Hub } from './hub.ts';
import { OPERATIONS } from './operations.ts';
import { answer } from './routing.ts';

export function userRoutes(app: FastifyInstance, hub: Hub): void {
  const { database } = hub;
  answer(app, hub, OPERATIONS.listUsers, async () => ({ users: await listAccounts(database) }));
  answer(app, hub, OPERATIONS.addUser, ({ body }) => addAccount(database, body));
  answer(app, hub, OPERATIONS.removeUser, ({ params }) => removeAccount(database, params.name));
  answer(app, hub, OPERATIONS.listAudit, async ({ query: { limit, before } }) => ({
    entries: await readAudit(database, limit, before),
  }));
}
