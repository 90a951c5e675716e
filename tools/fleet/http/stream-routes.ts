// GET stream: devices, events, live pictures, answers, alarms and rollouts as they happen, to every viewer at once.
import type { EventMessage } from '../../../runtime/uplink/topics.ts';
import type { Queries } from '../database.ts';
import { readDevices } from '../device-view.ts';
import { callerOf } from './caller.ts';
import type { DeviceKey } from './contract.ts';
import { type FastifyInstance, type FastifyRequest, HttpError } from './fastify.ts';
import type { Hub } from './hub.ts';
import { OPERATIONS } from './operations.ts';
import { answer } from './routing.ts';
import { StreamClient, serverSentEvent } from './stream-client.ts';

const HEARTBEAT_MS = 15_000;
/** Devices that spoke are told together, so that a busy one costs no more than a quiet one. */
const GATHER_MS = 500;
const MOST_VIEWERS = 500;
/** Events of a short absence that are told again: those beyond are in the list. */
const MOST_REPLAYED = 1000;
/** A transaction's rows bear the time of its begin. */
const OVERLAP_MS = 5000;

interface Viewer {
  readonly client: StreamClient;
  readonly live: string | undefined;
}

/** @returns what the server needs of it: how many look, and how to end it */
export function streamRoutes(
  app: FastifyInstance,
  hub: Hub,
  heartbeatMs = HEARTBEAT_MS,
): { viewers: () => number; stop: () => void } {
  const viewers = new Set<Viewer>();
  const stop = broadcast(hub, viewers);

  answer(app, hub, OPERATIONS.stream, async ({ query: { live }, caller, request, reply }) => {
    if (viewers.size >= MOST_VIEWERS) throw new HttpError(503, `${MOST_VIEWERS} streams are open: close some.`);
    const client = new StreamClient();
    const viewer = { client, live };
    const lastId = request.headers['last-event-id'];
    if (typeof lastId === 'string' && /^\d{12,14}$/.test(lastId)) await replay(hub.database, client, Number(lastId));
    const [site, device] = live?.split('/') ?? [];
    if (site && device) {
      const words = { who: caller.name, address: request.ip, about: `${site}/${device}` };
      await hub.audit({ ...words, what: 'looked at the live picture' });
    }
    const stopLooking = site && device ? hub.live.look({ site, device }) : undefined;
    const beat = setInterval(() => void stillKnown(hub, request, client), heartbeatMs);
    viewers.add(viewer);
    client.once('close', () => {
      clearInterval(beat);
      stopLooking?.();
      viewers.delete(viewer);
    });
    reply.header('content-type', 'text/event-stream').header('x-accel-buffering', 'no');
    return reply.send(client);
  });

  return {
    viewers: () => viewers.size,
    stop: () => {
      stop();
      for (const { client } of viewers) client.destroy();
    },
  };
}

/** A sign of life for proxies; a stream ends with the session or token that opened it. */
async function stillKnown(hub: Hub, request: FastifyRequest, client: StreamClient): Promise<void> {
  try {
    await callerOf(hub, request);
    client.say(': here\n\n');
  } catch (error) {
    if (error instanceof HttpError) client.destroy();
    else hub.onTrouble(error as Error);
  }
}

/** Tells all viewers what the bus tells; each word is made once. @returns how to stop */
function broadcast(hub: Hub, viewers: ReadonlySet<Viewer>): () => void {
  const say = (event: string, data: unknown, id?: string) => {
    if (viewers.size === 0) return;
    const text = serverSentEvent(event, data, id);
    for (const { client } of viewers) client.say(text);
  };
  const spoke = new Map<string, DeviceKey>();
  let timer: NodeJS.Timeout | undefined;
  const tellDevices = async () => {
    timer = undefined;
    const keys = [...spoke.values()];
    spoke.clear();
    for (const device of await readDevices(hub.database, keys)) say('device', device);
  };
  const stops = [
    hub.bus.on('events', (events) => {
      const now = hub.now();
      const received = new Date(now).toISOString();
      for (const event of events) say('event', { ...event, received }, `${now}`);
    }),
    hub.bus.on('devices', (keys) => {
      if (viewers.size === 0) return;
      for (const key of keys) spoke.set(`${key.site}/${key.device}`, key);
      timer ??= setTimeout(() => tellDevices().catch(hub.onTrouble), GATHER_MS);
    }),
    hub.bus.on('live', (picture) => {
      const name = `${picture.site}/${picture.device}`;
      const lookers = [...viewers].filter(({ live }) => live === name);
      if (lookers.length === 0) return;
      const text = serverSentEvent('live', picture);
      for (const { client } of lookers) client.say(text);
    }),
    hub.bus.on('response', (response) => say('response', response)),
    hub.bus.on('alarm', (alarm) => say('alarm', alarm)),
    hub.bus.on('rollout', (rollout) => say('rollout', rollout)),
  ];
  return () => {
    clearTimeout(timer);
    for (const stop of stops) stop();
  };
}

/** Events stored since a viewer was here; some that it has are among them, known by their ids. */
async function replay(queries: Queries, client: StreamClient, sinceMs: number): Promise<void> {
  const rows = await queries.query<{ message: EventMessage; received: Date }>(
    'select message, received from event where received > $1 order by received, site, device, boot_id, seq limit $2',
    [new Date(sinceMs - OVERLAP_MS), MOST_REPLAYED],
  );
  for (const { message, received } of rows) {
    client.say(serverSentEvent('event', { ...message, received: received.toISOString() }, `${received.getTime()}`));
  }
}
