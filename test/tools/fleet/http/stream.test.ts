// The hub's stream over real HTTP: what happens reaches all who look, live pictures only while somebody looks, the slow are dropped.
import { get as httpGet, type IncomingMessage } from 'node:http';
import { connectAsync, type MqttClient } from 'mqtt';
import { type CommandMessage, decode, encode, filterOf, type LiveMessage } from '../../../../runtime/uplink/topics.ts';
import { storeEvents } from '../../../../tools/fleet/event-store.ts';
import { StreamClient, serverSentEvent } from '../../../../tools/fleet/http/stream-client.ts';
import { fillFleet, fleetEvent } from '../fleet-data.ts';
import { type Client, type HubServer, startHubServer } from './hub-server.ts';

let hub: HubServer;
let viewer: Client;
beforeAll(async () => {
  hub = await startHubServer({ heartbeatMs: 100 });
  await fillFleet(hub.database);
  viewer = await hub.signIn('viewer');
});
afterAll(() => hub.stop());

interface Told {
  readonly event: string;
  readonly data: Record<string, unknown>;
  readonly id?: string;
}

interface Watching {
  /** What came that the condition wants; waits for it. */
  until(condition: (told: Told) => boolean): Promise<Told>;
  readonly told: Told[];
  readonly text: () => string;
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

async function watch(query = '', headers: Record<string, string> = {}, client = viewer): Promise<Watching> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { headers: { cookie: client.cookie, ...headers }, agent: false } as const;
    httpGet(`${hub.url}/api/v1/stream${query}`, options, resolve).on('error', reject);
  });
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
  expect(response.headers['content-type']).toMatch(/^text\/event-stream/);
  const told: Told[] = [];
  let [rest, all] = ['', ''];
  let wake = () => {};
  response.setEncoding('utf8').on('data', (text: string) => {
    all += text;
    const parts = (rest + text).split('\n\n');
    rest = parts.pop()!;
    for (const part of parts) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(part)?.[1];
      const event = field('event');
      if (event) told.push({ event, data: JSON.parse(field('data')!), id: field('id') });
    }
    wake();
  });
  const ended = new Promise<void>((resolve) => response.once('close', resolve));
  let seen = 0;
  return {
    ...{ told, ended, text: () => all },
    async until(condition) {
      for (const deadline = Date.now() + 10_000; Date.now() < deadline; ) {
        while (seen < told.length) {
          const next = told[seen]!;
          seen += 1;
          if (condition(next)) return next;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
          setTimeout(resolve, 100);
        });
      }
      throw new Error(`it never came; there were ${told.map(({ event }) => event).join(', ')}`);
    },
    async close() {
      response.destroy();
      await ended;
    },
  };
}

const patience = async (condition: () => boolean) => {
  for (const deadline = Date.now() + 10_000; !condition(); ) {
    if (Date.now() > deadline) throw new Error('it never came to be');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

test('events and devices reach every viewer as they are stored, with signs of life between', async () => {
  const viewers = await Promise.all([watch(), watch()]);
  await patience(() => viewers.every(({ text }) => text().includes(': here')));
  hub.hub.bus.tell('events', [fleetEvent('yard', 'north', 200)]);
  hub.hub.bus.tell('devices', [{ site: 'yard', device: 'north' }]);
  hub.hub.bus.tell('devices', [{ site: 'yard', device: 'north' }]);
  for (const each of viewers) {
    const { data, id } = await each.until(({ event }) => event === 'event');
    expect(data).toMatchObject({ id: 'north/b1/200', received: expect.stringMatching(/Z$/) });
    expect(Number(id)).toBeGreaterThan(1e12);
    const device = await each.until(({ event }) => event === 'device');
    expect(device.data).toMatchObject({ site: 'yard', device: 'north', state: 'ready', missing: 0 });
    await each.close();
  }
  expect(viewers[0]!.told.filter(({ event }) => event === 'device')).toHaveLength(1);
});

test('who was away for a moment is told the events that came meanwhile', async () => {
  const since = Date.now();
  await storeEvents(hub.database, [fleetEvent('yard', 'late', 1)]);
  const watching = await watch('', { 'last-event-id': `${since}` });
  const { data } = await watching.until(({ event, data }) => event === 'event' && data.device === 'late');
  expect(data).toMatchObject({ site: 'yard', seq: 1 });
  await watching.close();
});

test('a stream ends with the session that opened it', async () => {
  const other = await hub.signIn('viewer');
  const watching = await watch('', {}, other);
  await other.send('POST', 'logout');
  await watching.ended;
});

describe('live pictures', () => {
  let device: MqttClient;
  const asked: CommandMessage[] = [];
  beforeAll(async () => {
    device = await connectAsync(hub.broker.url);
    device.on('message', (topic, payload) => {
      const heard = decode(topic, payload);
      if (heard?.kind === 'cmd') asked.push(heard.message);
    });
    await device.subscribeAsync(filterOf('cmd', 'yard', 'north'), { qos: 1 });
  });
  afterAll(() => device.endAsync());

  const show = (seq: number) => {
    const picture: LiveMessage = {
      ...{
        schema: 'seld/live/1',
        site: 'yard',
        device: 'north',
        bootId: 'b1',
        seq,
        leaseSeconds: 20,
        streamSeconds: seq,
      },
      ...{ levelsDbfs: [-30, -31, -32, -33], map: null, spectrogram: null, time: new Date().toISOString() },
    };
    const { topic, payload } = encode('live', picture);
    return device.publishAsync(topic, payload);
  };

  test('a device is asked once for all who look at it, shown to them alone, and told when nobody looks', async () => {
    const [first, second, other] = [await watch('?live=yard/north'), await watch('?live=yard/north'), await watch()];
    await patience(() => asked.length > 0);
    expect(asked.map(({ name, arguments: given }) => [name, given.seconds])).toEqual([['live', 30]]);
    await show(1);
    expect((await first.until(({ event }) => event === 'live')).data).toMatchObject({
      seq: 1,
      levelsDbfs: [-30, -31, -32, -33],
    });
    await second.until(({ event }) => event === 'live');
    expect(other.told.filter(({ event }) => event === 'live')).toEqual([]);
    await first.close();
    await show(2);
    await second.until(({ event, data }) => event === 'live' && data.seq === 2);
    expect(asked).toHaveLength(1);
    await second.close();
    await patience(() => asked.length > 1);
    expect(asked[1]).toMatchObject({ name: 'live', arguments: { seconds: 0 } });
    expect(hub.hub.live.devices).toEqual([]);
    await other.close();
    const admin = await hub.signIn('admin');
    const { entries } = (await (await admin.get('audit?limit=10')).json()) as { entries: object[] };
    expect(entries).toContainEqual(
      expect.objectContaining({ who: 'viewer', what: 'looked at the live picture', about: 'yard/north' }),
    );
  });
});

test('a viewer who reads too slowly is told that it lags and dropped, and holds no more than its share of memory', async () => {
  const client = new StreamClient(10_000);
  const word = serverSentEvent('event', { text: 'x'.repeat(90) });
  for (let i = 0; i < 10_000; i++) client.say(word);
  expect(client.readableLength).toBeLessThan(10_200);
  let text = '';
  for await (const bytes of client) text += bytes;
  expect(text).toMatch(/event: lagged\ndata: {"dropped":1}\n\n$/);
  expect(text.length).toBeLessThan(10_200);
});

test('over a real connection too: the slow one is closed, the others hear everything', async () => {
  const quick = await watch();
  const slow = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { headers: { cookie: viewer.cookie }, agent: false } as const;
    httpGet(`${hub.url}/api/v1/stream`, options, resolve).on('error', reject);
  });
  slow.pause(); // its socket fills, then the hub's share for it
  const words = 400;
  const many = Array.from({ length: 50 }, (_, i) => fleetEvent('yard', 'north', 5000 + i));
  for (let i = 1; i <= words; i++) {
    hub.hub.bus.tell('events', many);
    if (i % 20 === 0) await patience(() => quick.told.filter(({ event }) => event === 'event').length === 50 * i);
  }
  const closed = new Promise<void>((resolve) => slow.once('close', resolve));
  let tail = '';
  slow.on('data', (bytes) => {
    tail = (tail + bytes).slice(-200);
  });
  slow.resume();
  await closed;
  expect(tail).toContain('event: lagged');
  await quick.close();
  expect(hub.troubles).toEqual([]);
});
