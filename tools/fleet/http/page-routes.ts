// The built page: its files hold no secret, so that everybody may have them; what they show is asked for after the login.
import { existsSync } from 'node:fs';
import { type FastifyInstance, sendFolder } from './fastify.ts';

const NOT_BUILT = 'The page is not built here: npm run build makes it; the API below /api/v1 works without.';

/** @param folder of the built page */
export async function pageRoutes(app: FastifyInstance, folder: string): Promise<void> {
  if (existsSync(`${folder}/index.html`)) await sendFolder(app, folder);
  else app.get('/', (_request, reply) => reply.code(503).send({ error: NOT_BUILT }));
}
