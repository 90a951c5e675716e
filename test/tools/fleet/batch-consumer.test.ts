// The consumer against a real mosquitto, over a wire on which the broker's grant of the subscription is late.
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { connectAsync } from 'mqtt';
import mqtt from 'mqtt-packet';
import { BatchConsumer } from '../../../tools/fleet/batch-consumer.ts';
import { mosquittoTest, startMosquitto } from '../../mosquitto.ts';
import { until } from '../../runtime/uplink/device.ts';

const TOPIC = 'yard/words';
const BATCH = 20;
const GRANT_LATE_MS = 1000;

/** Hands everything on but the grants of subscriptions, which come late. */
async function wireWithLateGrants(url: string) {
  const sockets = new Set<Socket>();
  const server: Server = createServer((near) => {
    const far = dial(Number(new URL(url).port), '127.0.0.1');
    const parser = mqtt.parser({ protocolVersion: 5 });
    parser.on('packet', (packet) => {
      const bytes = mqtt.generate(packet, { protocolVersion: 5 });
      if (packet.cmd !== 'suback') near.write(bytes);
      else setTimeout(() => near.write(bytes), GRANT_LATE_MS);
    });
    near.on('data', (bytes) => far.write(bytes)).on('close', () => far.destroy());
    far.on('data', (bytes) => void parser.parse(bytes)).on('close', () => near.destroy());
    for (const socket of [near, far]) sockets.add(socket.on('error', () => socket.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `mqtt://127.0.0.1:${port}`,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

mosquittoTest('what a kept session brings before its subscription is granted is acknowledged too', async () => {
  const broker = await startMosquitto('max_inflight_messages 1000');
  const wire = await wireWithLateGrants(broker.url);
  const device = await connectAsync(broker.url, { protocolVersion: 5 });
  const heard: string[] = [];
  const consumer = (url: string) =>
    new BatchConsumer({
      ...{ url, clientId: 'hub', filters: [TOPIC], batchLimit: BATCH },
      store: async (batch) => void heard.push(...batch.map(({ payload }) => Buffer.from(payload).toString())),
    });
  const before = consumer(broker.url);
  await before.start();
  await before.stop();
  const words = Array.from({ length: 10 * BATCH }, (_, i) => `word ${i}`);
  for (const word of words) await device.publishAsync(TOPIC, word, { qos: 1 });
  const after = consumer(wire.url);
  try {
    await after.start();
    await until(() => heard.length >= words.length, 10_000);
    expect(heard).toEqual(words);
  } finally {
    await after.stop();
    await device.endAsync(true);
    await wire.stop();
    await broker.stop();
  }
});
