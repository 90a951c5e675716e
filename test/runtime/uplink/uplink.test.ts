// The device's messages over a real broker: order, acknowledgement, what is retained, what a lost connection leaves behind.
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import type { SoundEvent } from '../../../runtime/signals.ts';
import { MqttLink } from '../../../runtime/uplink/mqtt.ts';
import { type AnyMessage, decode, type EventMessage, filterOf, MESSAGES } from '../../../runtime/uplink/topics.ts';
import { Uplink } from '../../../runtime/uplink/uplink.ts';
import type { UplinkOptions } from '../../../runtime/uplink/uplink-options.ts';
import { type Broker, startBroker } from '../../../tools/broker.ts';

const IDENTITY = { site: 'mill', device: 'ear-3', bootId: 'c0ffee01' };
const INFO = {
  model: { name: 'loudness', sha256: '0'.repeat(64), labels: ['low', 'high'] },
  backend: 'test',
  microphone: { format: 'foa' as const, sampleRate: 24000, channels: 4 },
};

function event(changes: Partial<SoundEvent> = {}): SoundEvent {
  return {
    ...{ phase: 'onset', trackId: 1, label: 'low', classIndex: 0, azimuth: 30, elevation: 10 },
    ...{ direction: [1, 0, 0], spreadDegrees: 1, score: 0.9, startSeconds: 2, endSeconds: 2.2, ...changes },
  };
}

function uplinkTo(url: string, changes: Partial<UplinkOptions> = {}): Uplink {
  return new Uplink({
    ...{ url, ...IDENTITY, version: '0.1.0', headingDegrees: null, position: null },
    clock: { source: 'system', synced: null, offsetMs: null },
    wallTimeMs: (seconds) => 1_700_000_000_000 + 1000 * seconds,
    ...changes,
  });
}

/** A subscriber that keeps what it hears. */
async function subscriber(url: string) {
  const heard: AnyMessage[] = [];
  const link = new MqttLink({ url, clientId: `subscriber-${Math.random().toString(36).slice(2)}` });
  await link.start();
  const filters = (Object.keys(MESSAGES) as (keyof typeof MESSAGES)[]).map((kind) => filterOf(kind));
  await link.subscribe(filters, (topic, payload) => heard.push(decode(topic, payload)!));
  const events = () => heard.flatMap((message) => (message.kind === 'event' ? [message.message] : []));
  const states = () => heard.flatMap((message) => (message.kind === 'state' ? [message.message] : []));
  return { heard, events, states, stop: () => link.stop() };
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 8000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A wire to the broker that can be cut. */
async function cuttableWire(url: string) {
  const port = Number(new URL(url).port);
  const sockets = new Set<Socket>();
  let open = true;
  const server: Server = createServer((socket) => {
    if (!open) return void socket.destroy();
    const upstream = dial(port, '127.0.0.1');
    for (const end of [socket, upstream]) {
      sockets.add(end);
      end.on('error', () => end.destroy());
      end.on('close', () => {
        sockets.delete(end);
        socket.destroy();
        upstream.destroy();
      });
    }
    socket.pipe(upstream).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: own } = server.address() as { port: number };
  const cut = () => {
    open = false;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `mqtt://127.0.0.1:${own}`,
    cut,
    mend() {
      open = true;
    },
    async stop() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

let broker: Broker;
beforeEach(async () => {
  broker = await startBroker();
});
afterEach(() => broker.stop());

test('events arrive in order, numbered without holes, with times and phases a stranger can read', async () => {
  const listener = await subscriber(broker.url);
  const uplink = uplinkTo(broker.url, { headingDegrees: 10 });
  await uplink.start(INFO);
  for (const phase of ['onset', 'update', 'offset'] as const) uplink.publish(event({ phase }));
  for (let i = 0; i < 200; i += 1) uplink.publish(event({ trackId: 2 + i }));
  await uplink.stop();
  await until(() => listener.events().length === 203);
  const events = listener.events();
  expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 203 }, (_, i) => i + 1));
  expect(events.slice(0, 3).map(({ phase }) => phase)).toEqual(['new', 'update', 'end']);
  expect(events[0]).toMatchObject({
    ...{ id: 'ear-3/c0ffee01/1', class: 'low', azimuth: 30, bearingDegrees: 340 },
    ...{ startTime: '2023-11-14T22:13:22.000Z', endTime: '2023-11-14T22:13:22.200Z' },
  } satisfies Partial<EventMessage>);
  expect(uplink.figures).toMatchObject({ queued: 0, acknowledged: 203, dropped: 0 });
  await listener.stop();
});

test('who comes late finds state, info and health, but no event', async () => {
  const uplink = uplinkTo(broker.url);
  await uplink.start(INFO);
  uplink.publish(event());
  await uplink.publishHealth({
    ...{ uptimeSeconds: 1, streamSeconds: 1, levelsDbfs: [-40, -41, -42, -43], lostSamples: 0, discontinuities: 0 },
    ...{ stages: { features: 0.01 }, inference: { backend: 'test', medianMs: 1, p95Ms: 2 }, memoryBytes: 1 },
  });
  await uplink.stop();
  const late = await subscriber(broker.url);
  await until(() => late.heard.length === 3);
  expect(late.heard.map(({ kind }) => kind).sort()).toEqual(['health', 'info', 'state']);
  expect(late.states()[0]).toMatchObject({ state: 'disconnected', sessionSeq: 1, bootId: 'c0ffee01' });
  await late.stop();
});

test('a device whose connection breaks is said to be lost, and comes back as a later session with all its events', async () => {
  const wire = await cuttableWire(broker.url);
  const listener = await subscriber(broker.url);
  const uplink = uplinkTo(wire.url);
  await uplink.start(INFO);
  uplink.publish(event());
  await until(() => listener.events().length === 1);
  wire.cut();
  await until(() => listener.states().some(({ state }) => state === 'lost'));
  for (let i = 0; i < 40; i += 1) uplink.publish(event({ trackId: 2 + i }));
  expect(uplink.figures.queued).toBe(40);
  wire.mend();
  await until(() => listener.events().length === 41);
  await uplink.stop();
  await until(() => listener.states().at(-1)?.state === 'disconnected');
  expect(listener.states().map(({ state, sessionSeq }) => `${state} ${sessionSeq}`)).toEqual([
    'ready 1',
    'lost 1',
    'ready 2',
    'disconnected 2',
  ]);
  expect(listener.events().map(({ seq }) => seq)).toEqual(Array.from({ length: 41 }, (_, i) => i + 1));
  await listener.stop();
  await wire.stop();
}, 20_000);

test('a queue that is full loses its oldest events and counts them', async () => {
  const wire = await cuttableWire(broker.url);
  const listener = await subscriber(broker.url);
  const uplink = uplinkTo(wire.url, { queueLimit: 5 });
  await uplink.start(INFO);
  wire.cut();
  await until(() => listener.states().some(({ state }) => state === 'lost'));
  for (let i = 0; i < 8; i += 1) uplink.publish(event());
  expect(uplink.figures).toMatchObject({ queued: 5, acknowledged: 0, dropped: 3 });
  wire.mend();
  await until(() => listener.events().length === 5);
  expect(listener.events().map(({ seq }) => seq)).toEqual([4, 5, 6, 7, 8]);
  await uplink.stop();
  await listener.stop();
  await wire.stop();
}, 20_000);

test('a broker that is not there is said in one sentence, without the password', async () => {
  const uplink = uplinkTo('mqtt://joe:secret@127.0.0.1:9');
  const error = await uplink.start(INFO).catch((caught: Error) => caught);
  expect(error).toMatchObject({
    name: 'UserError',
    message: expect.stringMatching(/No MQTT broker takes us at mqtt:/),
  });
  expect((error as Error).message).not.toContain('secret');
});
