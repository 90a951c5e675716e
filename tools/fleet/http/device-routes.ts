// Devices: all, one, how it was, what is wished of it, and commands to it.
import { Change, drift } from '../desired.ts';
import { ConflictError, changeDesired, type DesiredView, readDesired } from '../desired-store.ts';
import { factsOf, sorted } from '../device-facts.ts';
import { readDevices } from '../device-view.ts';
import { searchEvents } from '../event-search.ts';
import { findGaps } from '../event-store.ts';
import { readHealthHistory } from '../health-history.ts';
import type { Desired, Device, DeviceKey } from './contract.ts';
import { type FastifyInstance, HttpError } from './fastify.ts';
import type { Hub } from './hub.ts';
import { OPERATIONS } from './operations.ts';
import { answer } from './routing.ts';

const DAY_MS = 86_400_000;
const GAPS_SHOWN = 100;
const EVENTS_SHOWN = 50;

export function deviceRoutes(app: FastifyInstance, hub: Hub): void {
  const { database } = hub;

  answer(app, hub, OPERATIONS.listDevices, async ({ query }) => {
    const { site, state, search = '', sort, reverse } = query;
    const wanted = search.toLowerCase();
    const devices = (await readDevices(database)).filter(
      (each) =>
        (site === undefined || each.site === site) &&
        (state === undefined || (each.state ?? 'unknown') === state) &&
        `${each.site}/${each.device}`.includes(wanted),
    );
    if (sort === 'name' && reverse !== 'true') return { devices };
    const byName = new Map(devices.map((each) => [`${each.site}/${each.device}`, each]));
    const order = sorted(devices.map(factsOf), sort, reverse === 'true');
    return { devices: order.map((facts) => byName.get(`${facts.site}/${facts.device}`)!) };
  });

  answer(app, hub, OPERATIONS.showDevice, async ({ params }) => {
    const device = await oneDevice(hub, params);
    const [{ reported }, gaps, { events }] = await Promise.all([
      readDesired(database, params),
      findGaps(database, GAPS_SHOWN, params),
      searchEvents(database, params, { limit: EVENTS_SHOWN }),
    ]);
    return { ...device, config: reported as Desired['reported'], gaps, events };
  });

  answer(app, hub, OPERATIONS.deviceHealth, async ({ params, query }) => {
    await oneDevice(hub, params);
    const to = new Date(query.to ?? hub.now());
    const from = new Date(query.from ?? to.getTime() - DAY_MS);
    if (from >= to) throw new HttpError(400, 'In the query: from must be before to.');
    return readHealthHistory(database, params, { from, to, points: query.points });
  });

  answer(app, hub, OPERATIONS.sendCommand, async ({ params, body, reply }) => {
    await oneDevice(hub, params);
    const { name, parameters, waitSeconds } = body;
    const result = await hub.commands.ask(params, name, parameters, 1000 * waitSeconds).catch((error: Error) => {
      throw new HttpError(503, `The broker did not take the command (${error.message}): try again.`);
    });
    if (result.answer === null) reply.code(202);
    return result;
  });

  answer(app, hub, OPERATIONS.showDesired, async ({ params, reply }) => {
    const row = await readDesired(database, params).catch((error: Error) => {
      throw error.constructor.name === 'UserError' ? new HttpError(404, error.message) : error;
    });
    reply.header('etag', `"${row.version}"`);
    return desiredOf(row);
  });

  answer(app, hub, OPERATIONS.changeDesired, async ({ params, body, caller, request, reply }) => {
    const expectedVersion = versionOf(request.headers['if-match']);
    const change = Change.safeParse(body);
    if (!change.success) {
      const { path, message } = change.error.issues[0]!;
      throw new HttpError(400, `In the body: ${path.join('.') || 'it'} ${message}.`);
    }
    try {
      const row = await changeDesired(database, params, change.data, { expectedVersion, who: caller.name });
      hub.hurry();
      reply.header('etag', `"${row.version}"`);
    } catch (error) {
      if (error instanceof ConflictError) throw new HttpError(412, error.message);
      throw error;
    }
    return desiredOf(await readDesired(database, params));
  });
}

async function oneDevice(hub: Hub, key: DeviceKey): Promise<Device> {
  const [device] = await readDevices(hub.database, [key]);
  if (device) return device;
  throw new HttpError(404, `The hub has never heard of a device ${key.site}/${key.device}.`);
}

/** @returns undefined for *: whatever it is */
function versionOf(header: string | undefined): number | undefined {
  if (header === '*') return undefined;
  const version = /^"(\d{1,15})"$/.exec(header ?? '')?.[1];
  if (version !== undefined) return Number(version);
  throw new HttpError(
    428,
    'The header If-Match must hold the version that was seen, as the ETag of GET has it, or * for any.',
  );
}

function desiredOf({ tags: _tags, zone: _zone, ...row }: DesiredView): Desired {
  return {
    ...row,
    settings: { ...row.settings },
    changed: row.changed?.toISOString() ?? null,
    reported: row.reported as Desired['reported'],
    reportedTime: row.reportedTime?.toISOString() ?? null,
    drift: drift(row, row.reported),
  };
}
