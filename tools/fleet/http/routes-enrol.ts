// Enrolment over HTTP: POST /enrol with a token, POST /enrol/renew with a certificate that holds, GET /enrol/authority for the root.
// Devices have no session: no cookie is read here, so none can be misused, and no CSRF token is wanted.
import type { Issued } from '../ca-sign.ts';
import { answerOf, authorityAnswer, enrol, renew } from '../enrol-desk.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from './fastify.ts';
import type { Hub } from './hub.ts';

const LONGEST_BODY = 40_000;
/** A device asks once in years; who tries more often is slowed (@fastify/rate-limit, by address). */
const RATE = { max: 20, timeWindow: '1 minute' };

/** @param folder of the authority; undefined: this hub signs nothing */
export function enrolRoutes(app: FastifyInstance, hub: Pick<Hub, 'audit'>, folder: string | undefined): void {
  const options = { bodyLimit: LONGEST_BODY, config: { rateLimit: RATE } };
  const closed = (reply: FastifyReply) =>
    reply.code(404).send({ error: 'This hub signs no certificates: ask the operator which one does.' });
  const giving =
    (what: 'enrolled' | 'renewed', give: (folder: string, body: unknown) => Promise<Issued>) =>
    async (request: FastifyRequest, reply: FastifyReply) => {
      if (folder === undefined) return closed(reply);
      try {
        const issued = await give(folder, request.body);
        const { name, serial } = issued;
        await hub.audit({ who: name, address: request.ip, what, about: name, details: { serial } });
        return answerOf(issued);
      } catch (error) {
        if ((error as Error).name !== 'UserError') throw error;
        const details = { error: (error as Error).message };
        await hub.audit({ who: 'device', address: request.ip, what: 'enrolment refused', about: '', details });
        return reply.code(403).send({ error: (error as Error).message });
      }
    };
  app.get('/enrol/authority', options, async (_request, reply) =>
    folder === undefined ? closed(reply) : authorityAnswer(folder),
  );
  app.post('/enrol', options, giving('enrolled', enrol));
  app.post('/enrol/renew', options, giving('renewed', renew));
}
