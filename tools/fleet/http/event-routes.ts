// Events: page after page, and all of them as a file that is written as fast as it is read.
import { Readable } from 'node:stream';
import type { z } from 'zod';
import { CSV_HEAD, csvLine } from '../event-fields.ts';
import { type EventFilter, type StoredEvent, searchEvents } from '../event-search.ts';
import type * as contract from './contract.ts';
import type { FastifyInstance } from './fastify.ts';
import type { Hub } from './hub.ts';
import { OPERATIONS } from './operations.ts';
import { answer } from './routing.ts';

/** Events that are in memory at once during an export. */
const PAGE = 1000;

const FORMATS = {
  csv: { head: CSV_HEAD, line: csvLine, media: 'text/csv; charset=utf-8; header=present', file: 'events.csv' },
  json: {
    ...{ head: '', line: (event: StoredEvent) => `${JSON.stringify(event)}\n` },
    ...{ media: 'application/x-ndjson', file: 'events.jsonl' },
  },
} as const;

type Given = z.infer<typeof contract.EventFilter>;

export function eventRoutes(app: FastifyInstance, hub: Hub): void {
  answer(app, hub, OPERATIONS.listEvents, ({ query: { limit, cursor, order, ...filter } }) =>
    searchEvents(hub.database, filterOf(filter), { limit, cursor, order }),
  );

  answer(app, hub, OPERATIONS.exportEvents, async ({ query: { format, ...given }, reply }) => {
    const { media, file } = FORMATS[format];
    const filter = filterOf(given);
    return reply
      .header('content-type', media)
      .header('content-disposition', `attachment; filename="${file}"`)
      .send(Readable.from(pages(hub, filter, FORMATS[format]), { objectMode: false, highWaterMark: 65_536 }));
  });
}

/** The oldest first; the next page is asked for when the one before was taken. */
async function* pages(hub: Hub, filter: EventFilter, { head, line }: (typeof FORMATS)['csv' | 'json']) {
  if (head) yield head;
  let cursor: string | undefined;
  do {
    const { events, next } = await searchEvents(hub.database, filter, { limit: PAGE, cursor, order: 'oldest' });
    if (events.length > 0) yield events.map(line).join('');
    cursor = next ?? undefined;
  } while (cursor !== undefined);
}

function filterOf({ from, to, ...rest }: Given): EventFilter {
  return { ...rest, ...(from && { from: new Date(from) }), ...(to && { to: new Date(to) }) };
}
