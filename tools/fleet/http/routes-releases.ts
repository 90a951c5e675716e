// Releases for devices: GET /releases/SHA256 whole or in parts, GET /releases/SHA256/files/SHA256 a packed file of one, its /keys the
// list of trusted keys. Who knows the hash of a release was told it by the fleet, and may have it: 256 bits are not guessed. Devices
// need no password here, and trust the signature alone. The list of all releases is for people who are signed in.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { listReleases, storedKeys, storedPath } from '../release-store.ts';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, HttpError } from './fastify.ts';
import type { Hub } from './hub.ts';
import { OPERATIONS } from './operations.ts';
import { answer } from './routing.ts';

/** A device that fetches single files asks hundreds of times; many devices may come from one address. */
const OPTIONS = { config: { rateLimit: { max: 60_000, timeWindow: '1 minute' } } };
const A_YEAR = 'private, max-age=31536000, immutable';

type Asked = FastifyRequest<{ Params: { release: string; file?: string } }>;

/** @param store folder of "earshot fleet release --store"; undefined: this hub has no releases */
export function releaseRoutes(app: FastifyInstance, hub: Hub, store: string | undefined): void {
  answer(app, hub, OPERATIONS.listReleases, async () => ({
    releases: store === undefined ? [] : await listReleases(store),
  }));
  const send = async ({ params, headers }: Asked, reply: FastifyReply) => {
    const { release, file } = params;
    const path = store === undefined ? undefined : storedPath(store, release, file);
    if (path === undefined) throw new HttpError(404, 'This hub has no such release.');
    return sendPart(path, file ?? release, headers, reply);
  };
  app.get('/releases/:release', OPTIONS, (request, reply) => send(request as Asked, reply));
  app.get('/releases/:release/files/:file', OPTIONS, (request, reply) => send(request as Asked, reply));
  app.get('/releases/:release/keys', OPTIONS, async (request, reply) => {
    const { release } = (request as Asked).params;
    const keys = store !== undefined && storedPath(store, release) ? await storedKeys(store) : undefined;
    if (keys === undefined) throw new HttpError(404, 'This hub has no such release.');
    return reply.type('application/json').send(keys);
  });
}

/** RFC 9110, sections 13 and 14: one range of bytes; the hash is the tag, since what it names never changes. */
async function sendPart(path: string, hash: string, headers: FastifyRequest['headers'], reply: FastifyReply) {
  const { size } = await stat(path);
  const tag = `"${hash}"`;
  reply.headers({ etag: tag, 'accept-ranges': 'bytes', 'cache-control': A_YEAR }).type('application/octet-stream');
  const ifRange = headers['if-range'];
  const asked =
    ifRange === undefined || ifRange === tag ? /^bytes=(\d{1,15})-(\d{0,15})$/.exec(headers.range ?? '') : null;
  if (!asked) return reply.header('content-length', size).send(createReadStream(path));
  const start = Number(asked[1]);
  const end = asked[2] ? Math.min(size - 1, Number(asked[2])) : size - 1;
  if (start > end) return reply.code(416).header('content-range', `bytes */${size}`).send();
  reply.code(206).headers({ 'content-range': `bytes ${start}-${end}/${size}`, 'content-length': end - start + 1 });
  return reply.send(createReadStream(path, { start, end }));
}
