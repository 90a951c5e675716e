// Simulated devices for the fleet bench, in a process of their own: real MQTT connections that publish events as fast as the broker
// acknowledges them, or at a given rate. Told by one JSON argument; says one JSON line when all is acknowledged.
import { connectAsync, type MqttClient } from 'mqtt';
import { type EventMessage, encode } from '../../runtime/uplink/topics.ts';

interface Order {
  readonly url: string;
  readonly devices: number;
  readonly messages: number;
  /** Messages per second of all devices together; 0: as fast as they are acknowledged. */
  readonly rate: number;
  readonly first: number;
  /** 5, or 4 for a broker that knows 3.1.1 only. */
  readonly protocolVersion: 4 | 5;
}

/** Messages of one device on the way at once, as the device's own window allows. */
const WINDOW = 16;
const CONNECTING_AT_ONCE = 50;

const order: Order = JSON.parse(process.argv[2]!);
const clients = await connectAll(order);
process.stdout.write(`${JSON.stringify({ connected: clients.length })}\n`);
await new Promise((resolve) => process.stdin.once('data', resolve));
const started = performance.now();
const each = Math.ceil(order.messages / order.devices);
await Promise.all(clients.map((client, i) => publishAll(client, order.first + i, each)));
process.stdout.write(
  `${JSON.stringify({ published: each * order.devices, seconds: (performance.now() - started) / 1000 })}\n`,
);
await Promise.all(clients.map((client) => client.endAsync()));
process.exit(0);

async function connectAll({ url, devices, first, protocolVersion }: Order): Promise<MqttClient[]> {
  const clients: MqttClient[] = [];
  for (let i = 0; i < devices; i += CONNECTING_AT_ONCE) {
    const some = Array.from({ length: Math.min(CONNECTING_AT_ONCE, devices - i) }, (_, k) => first + i + k);
    const options = (device: number) => ({ protocolVersion, clientId: `device-${device}`, keepalive: 120 });
    clients.push(...(await Promise.all(some.map((device) => connectAsync(url, options(device))))));
  }
  return clients;
}

async function publishAll(client: MqttClient, device: number, count: number): Promise<void> {
  let seq = 0;
  const betweenMs = order.rate > 0 ? (1000 * order.devices) / order.rate : 0;
  const begin = performance.now() + Math.random() * betweenMs;
  const lane = async () => {
    while (seq < count) {
      seq += 1;
      const due = begin + (seq - 1) * betweenMs - performance.now();
      if (betweenMs > 0 && due > 1) await new Promise((resolve) => setTimeout(resolve, due));
      const { topic, payload } = event(`d${device}`, seq);
      await client.publishAsync(topic, payload, { qos: 1 });
    }
  };
  await Promise.all(Array.from({ length: betweenMs > 0 ? 1 : WINDOW }, lane));
}

/** The size and shape of a real event, 600 bytes or so. */
function event(device: string, seq: number) {
  const now = new Date().toISOString();
  const message: EventMessage = {
    ...{ schema: 'seld/event/1', site: 'bench', device, bootId: 'b1', id: `${device}/b1/${seq}`, seq, track: seq },
    ...{ phase: 'end', class: 'keyboard', score: 0.875, frame: 'microphone', azimuth: 12.5, elevation: -3 },
    ...{ direction: [0.975, 0.216, -0.052], spreadDegrees: 2.5, bearingDegrees: 47.5, headingDegrees: 60 },
    ...{ position: { latitude: 48.85, longitude: 2.35 }, startSeconds: 12.3, endSeconds: 13.1 },
    ...{ startTime: now, endTime: now, sentTime: now, clock: { source: 'system', synced: true, offsetMs: 0.5 } },
  };
  return encode('event', message);
}
