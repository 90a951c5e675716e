// Enrolment over HTTP: POST /enrol with a token, POST /enrol/renew with a certificate that holds, GET /enrol/authority for the root.
// Devices have no session: no cookie is read here, so none can be misused, and no CSRF token is wanted.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Issued } from '../ca-sign.ts';
import { answerOf, authorityAnswer, enrol, renew } from '../enrol-desk.ts';

const LONGEST_BODY = 40_000;
/** A device asks once in years; who tries more often is slowed (@fastify/rate-limit, by address). */
const RATE = { max: 20, timeWindow: '1 minute' };

export interface EnrolDesk {
  /** Folder of the authority; without one devices cannot enrol here. */
  readonly folder: string | undefined;
  /** Told of each certificate given and each refusal. */
  readonly audit: (
    what: 'enrolled' | 'renewed' | 'enrolment refused',
    detail: Readonly<Record<string, string>>,
  ) => void | Promise<void>;
}

export function enrolRoutes(app: FastifyInstance, { folder, audit }: EnrolDesk): void {
  const options = { bodyLimit: LONGEST_BODY, config: { rateLimit: RATE } };
  const closed = (reply: FastifyReply) =>
    reply.code(404).send({ error: 'This hub signs no certificates: ask the operator which one does.' });
  const giving =
    (what: 'enrolled' | 'renewed', give: (folder: string, body: unknown) => Promise<Issued>) =>
    async (request: FastifyRequest, reply: FastifyReply) => {
      if (folder === undefined) return closed(reply);
      try {
        const issued = await give(folder, request.body);
        await audit(what, { name: issued.name, serial: issued.serial, address: request.ip });
        return answerOf(issued);
      } catch (error) {
        if ((error as Error).name !== 'UserError') throw error;
        await audit('enrolment refused', { error: (error as Error).message, address: request.ip });
        return reply.code(403).send({ error: (error as Error).message });
      }
    };
  app.get('/enrol/authority', options, async (_request, reply) =>
    folder === undefined ? closed(reply) : authorityAnswer(folder),
  );
  app.post('/enrol', options, giving('enrolled', enrol));
  app.post('/enrol/renew', options, giving('renewed', renew));
}
