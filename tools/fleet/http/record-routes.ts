// What the hub keeps besides events: gaps, quarantine, clips with their sound, sources, and figures of the hub itself.
import { listClips, readClip, readSound } from '../clip-store.ts';
import { findGaps } from '../event-store.ts';
import { listQuarantine } from '../quarantine.ts';
import { dropQuarantined, retryAll } from '../quarantine-retry.ts';
import { locateStored } from '../stored-sources.ts';
import { type FastifyInstance, HttpError } from './fastify.ts';
import { readFigures } from './figures.ts';
import type { Hub } from './hub.ts';
import { OPERATIONS } from './operations.ts';
import { answer } from './routing.ts';
import { wav } from './wav.ts';

const SOURCES_MS = 600_000;
const LONGEST_SOURCES_MS = 86_400_000;

export function recordRoutes(app: FastifyInstance, hub: Hub, viewers: () => number): void {
  const { database } = hub;

  answer(app, hub, OPERATIONS.listGaps, async ({ query: { site, device, limit } }) => {
    const isOne = site !== undefined && device !== undefined;
    const gaps = await findGaps(database, limit, isOne ? { site, device } : undefined);
    return { gaps: gaps.filter((gap) => (site ?? gap.site) === gap.site && (device ?? gap.device) === gap.device) };
  });

  answer(app, hub, OPERATIONS.listQuarantine, async ({ query: { limit } }) => ({
    messages: (await listQuarantine(database, limit)).map((row) => ({
      ...row,
      received: row.received.toISOString(),
      payload: Buffer.from(row.payload).toString('base64'),
    })),
  }));

  answer(app, hub, OPERATIONS.retryQuarantine, async ({ body: { ids } }) => ({
    retried: await retryAll(database, ids),
  }));

  answer(app, hub, OPERATIONS.dropQuarantine, async ({ body: { ids } }) => ({
    count: await dropQuarantined(database, ids),
  }));

  answer(app, hub, OPERATIONS.listSources, ({ query: { from, to, site, class: label } }) => {
    const end = new Date(to ?? hub.now());
    const begin = new Date(from ?? end.getTime() - SOURCES_MS);
    if (begin >= end || end.getTime() - begin.getTime() > LONGEST_SOURCES_MS)
      throw new HttpError(400, 'In the query: from must be before to, by a day at most.');
    return locateStored(database, { from: begin, to: end, site, class: label });
  });

  answer(app, hub, OPERATIONS.listClips, async ({ query }) => ({
    clips: (await listClips(database, query)).map(({ message, received, ...row }) => ({
      ...{ ...row, received: received.toISOString(), clip: message },
    })),
  }));

  answer(app, hub, OPERATIONS.clipAudio, async ({ params: { id }, caller, request, reply }) => {
    const clip = await readClip(database, id);
    if (!clip) throw new HttpError(404, `There is no clip ${id}.`);
    const { site, device, hasAudio, message } = clip;
    if (!hasAudio)
      throw new HttpError(
        404,
        `The sound of ${message.file} is on ${site}/${device} alone: the command clip-audio with file "${message.file}" asks for it.`,
      );
    // Who listens to what people may have said stands in the audit.
    await hub.audit({
      ...{ who: caller.name, address: request.ip, what: 'listened to a clip' },
      about: `${site}/${device}/${message.file}`,
    });
    return reply.header('content-type', 'audio/wav').send(wav(await readSound(database, clip)));
  });

  answer(app, hub, OPERATIONS.figures, () => readFigures(hub, viewers()));
}
