// From the outbox through a real broker to a subscriber: order, window, outages, refusals.
import { connectAsync } from 'mqtt';
import { MqttLink } from '../../../runtime/uplink/mqtt.ts';
import type { Outbox } from '../../../runtime/uplink/outbox.ts';
import { OutboxDrain, WINDOW } from '../../../runtime/uplink/outbox-drain.ts';
import { mosquittoTest, startMosquitto } from '../../mosquitto.ts';
import { fill, messages, openOutbox, withFolder } from './outbox-folder.ts';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function startBroker(...settings: Parameters<typeof startMosquitto>) {
  const broker = await startMosquitto(...settings);
  stops.push(() => broker.stop());
  return broker;
}

async function until(condition: () => boolean, ms = 30_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** All payloads a subscriber hears on any topic, for as long as its connection holds and again after it. */
async function listen(url: string) {
  const heard: string[] = [];
  const client = await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 50 });
  client.on('error', () => undefined);
  client.on('message', (_, payload) => heard.push(payload.toString()));
  await client.subscribeAsync('#', { qos: 0 });
  stops.push(() => client.endAsync());
  return { heard };
}

/** A drain with its connection, which counts how many messages are on the way. */
async function drainTo(url: string, outbox: Outbox) {
  let onTheWay = 0;
  let most = 0;
  let sent = 0;
  const link: MqttLink = new MqttLink({ url, clientId: 'drain', onConnect: () => drain.wake() });
  const drain = new OutboxDrain({
    store: outbox,
    isOnline: () => link.isOnline,
    window: () => link.receiveMaximum,
    async publish({ topic, payload }) {
      sent += 1;
      onTheWay += 1;
      most = Math.max(most, onTheWay);
      try {
        await link.publish({ topic, payload, qos: 1, retain: false });
      } finally {
        onTheWay -= 1;
      }
    },
  });
  await link.start();
  const stop = async () => {
    drain.stop();
    await link.stop();
  };
  stops.push(stop);
  return { drain, most: () => most, sent: () => sent, stop };
}

mosquittoTest('70,000 messages kept while the broker was away arrive in order, never more than 64 on the way', () =>
  withFolder(async (folder) => {
    const outbox = await openOutbox(folder);
    for (let i = 0; i < 70; i += 1) await fill(outbox, 1000 * i + 1, 1000 * i + 1000);
    const broker = await startBroker();
    const listener = await listen(broker.url);
    const { most, drain } = await drainTo(broker.url, outbox);
    await until(() => outbox.figures.queued === 0);
    await until(() => listener.heard.length >= 70_000);
    expect(listener.heard).toEqual(messages(1, 70_000));
    expect(most()).toBe(WINDOW);
    expect(drain.figures).toEqual({ acknowledged: 70_000, denied: 0, givenUp: 0, refusal: null });
    await outbox.close();
  }),
);

mosquittoTest('a broker killed twice in the middle costs nothing: all arrive, in order but for repeats', () =>
  withFolder(async (folder) => {
    const outbox = await openOutbox(folder);
    await fill(outbox, 1, 6000);
    const broker = await startBroker();
    const first = await listen(broker.url);
    const { drain } = await drainTo(broker.url, outbox);
    for (const done of [1000, 3000]) {
      await until(() => drain.figures.acknowledged >= done);
      await broker.kill();
      await new Promise((resolve) => setTimeout(resolve, 50));
      await broker.start();
    }
    await until(() => outbox.figures.queued === 0);
    // What the broker had acknowledged and not yet handed on died with it: only the drain's side can be told exactly.
    const numbers = [...new Set(first.heard)].map((payload) => Number(payload.slice(1)));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(outbox.figures).toMatchObject({ queued: 0, dropped: 0, lost: 0 });
    expect(outbox.acknowledgedIndex).toBe(6000);
    await outbox.close();
  }),
);

mosquittoTest('a device that starts again sends only what was not acknowledged', () =>
  withFolder(async (folder) => {
    const broker = await startBroker();
    const listener = await listen(broker.url);
    const before = await openOutbox(folder);
    await fill(before, 1, 500);
    const first = await drainTo(broker.url, before);
    await until(() => before.figures.queued === 0);
    await first.stop();
    await fill(before, 501, 600);
    await before.close();
    const after = await openOutbox(folder);
    await fill(after, 601, 700);
    const second = await drainTo(broker.url, after);
    await until(() => after.figures.queued === 0 && listener.heard.length >= 700);
    expect(second.sent()).toBe(200);
    expect(listener.heard).toEqual(messages(1, 700));
    await after.close();
  }),
);

mosquittoTest('a broker that does not allow the topic is told by its reason code; allowed later, all goes', () =>
  withFolder(async (folder) => {
    const broker = await startBroker('max_inflight_messages 100', 'topic read #');
    const listener = await listen(broker.url);
    const outbox = await openOutbox(folder);
    await fill(outbox, 1, 100);
    const { drain } = await drainTo(broker.url, outbox);
    await until(() => drain.figures.denied > 0);
    expect(drain.figures.refusal).toMatchObject({ reasonCode: 135, topic: 'topic' });
    expect(outbox.figures.queued).toBe(100);
    await broker.allow('topic readwrite #');
    await until(() => outbox.figures.queued === 0);
    await until(() => listener.heard.length >= 100);
    expect(listener.heard).toEqual(messages(1, 100));
    expect(drain.figures.refusal).toBeNull();
    expect(drain.figures.denied).toBeLessThan(5);
    await outbox.close();
  }),
);

mosquittoTest('a message the broker can never take is given up and counted; those behind it go', () =>
  withFolder(async (folder) => {
    const broker = await startBroker('max_inflight_messages 100\nmax_packet_size 1000');
    const listener = await listen(broker.url);
    const outbox = await openOutbox(folder);
    await fill(outbox, 1, 3);
    await outbox.append('topic', 'x'.repeat(2000));
    await fill(outbox, 4, 200);
    const { drain } = await drainTo(broker.url, outbox);
    await until(() => outbox.figures.queued === 0);
    await until(() => listener.heard.length >= 200);
    expect(listener.heard).toEqual(messages(1, 200));
    expect(drain.figures).toMatchObject({ acknowledged: 200, denied: 1 });
    await outbox.close();
  }),
);

mosquittoTest('a broker that takes few messages at once is asked for no more', () =>
  withFolder(async (folder) => {
    const broker = await startBroker('max_inflight_messages 5');
    const outbox = await openOutbox(folder);
    await fill(outbox, 1, 200);
    const { most } = await drainTo(broker.url, outbox);
    await until(() => outbox.figures.queued === 0);
    expect(most()).toBeLessThanOrEqual(5);
    await outbox.close();
  }),
);
