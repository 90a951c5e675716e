// The device's messages over a real broker: order, acknowledgement, what is retained, what a lost connection leaves behind.
import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import { MqttLink } from '../../../runtime/uplink/mqtt.ts';
import type { EventMessage } from '../../../runtime/uplink/topics.ts';
import { type Broker, startBroker } from '../../../tools/broker.ts';
import { cuttableWire, event, INFO, subscriber, until, uplinkTo } from './device.ts';

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

/** A broker in this process whose rules the test makes. */
async function startRuled(rules: Parameters<typeof Aedes.createBroker>[0]) {
  const ruled = await Aedes.createBroker(rules);
  const server = createServer(ruled.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `mqtt://127.0.0.1:${(server.address() as { port: number }).port}`,
    async stop() {
      await new Promise<void>((resolve) => ruled.close(resolve));
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('a device that may not hear commands is told so, and still speaks', async () => {
  const strict = await startRuled({
    authorizeSubscribe: (_, subscription, callback) =>
      callback(null, subscription.topic.includes('/cmd/') ? null : subscription),
  });
  const problems: (string | null)[] = [];
  const onProblem = (_: string, problem: string | null) => problems.push(problem);
  const uplink = uplinkTo(strict.url, { commands: { mark: () => ({}) }, onProblem });
  await uplink.start(INFO);
  expect(problems.at(-1)).toMatch(/does not let us hear seld\/v1\/mill\/ear-3\/cmd\/\+ .*access rules/);
  uplink.publish(event());
  await until(() => uplink.figures.acknowledged === 1);
  await uplink.stop();
  await strict.stop();
});

test("a link to a broker that never answers stops within a second or two, and what was sent is the caller's again", async () => {
  const silent = await startRuled({ authorizePublish: () => undefined });
  const link = new MqttLink({ url: silent.url, clientId: 'patient' });
  await link.start();
  const sent = link.publish({ topic: 'a', payload: 'b', qos: 1, retain: false }).catch((error: Error) => error.message);
  const started = performance.now();
  await link.stop();
  expect(performance.now() - started).toBeLessThan(2500);
  expect(await sent).toBe('the link was stopped');
  await silent.stop();
});
