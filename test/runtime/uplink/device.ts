// What the tests of the uplink share: a device with a sound to tell, a subscriber that keeps what it hears, a wire that can be cut.
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import type { SoundEvent } from '../../../runtime/signals.ts';
import { MqttLink, type MqttLinkOptions } from '../../../runtime/uplink/mqtt.ts';
import { type AnyMessage, decode, filterOf, MESSAGES } from '../../../runtime/uplink/topics.ts';
import { Uplink } from '../../../runtime/uplink/uplink.ts';
import type { UplinkOptions } from '../../../runtime/uplink/uplink-options.ts';

export const IDENTITY = { site: 'mill', device: 'ear-3', bootId: 'c0ffee01' };
export const INFO = {
  model: { name: 'loudness', sha256: '0'.repeat(64), labels: ['low', 'high'] },
  backend: 'test',
  microphone: { format: 'foa' as const, sampleRate: 24000, channels: 4 },
};

export function event(changes: Partial<SoundEvent> = {}): SoundEvent {
  return {
    ...{ phase: 'onset', trackId: 1, label: 'low', classIndex: 0, azimuth: 30, elevation: 10 },
    ...{ direction: [1, 0, 0], spreadDegrees: 1, score: 0.9, startSeconds: 2, endSeconds: 2.2, ...changes },
  };
}

export function uplinkTo(url: string, changes: Partial<UplinkOptions> = {}): Uplink {
  return new Uplink({
    ...{ url, ...IDENTITY, version: '0.1.0', headingDegrees: null, position: null },
    clock: { source: 'system', synced: null, offsetMs: null },
    wallTimeMs: (seconds) => 1_700_000_000_000 + 1000 * seconds,
    ...changes,
  });
}

/** A subscriber that keeps what it hears. */
export async function subscriber(url: string, access?: MqttLinkOptions['access']) {
  const heard: AnyMessage[] = [];
  const link = new MqttLink({ url, access, clientId: `subscriber-${Math.random().toString(36).slice(2)}` });
  await link.start();
  const kinds = (Object.keys(MESSAGES) as (keyof typeof MESSAGES)[]).filter(
    (kind) => MESSAGES[kind].sender === 'device',
  );
  const filters = kinds.map((kind) => filterOf(kind));
  await link.subscribe(filters, (topic, payload) => heard.push(decode(topic, payload)!));
  const events = () => heard.flatMap((message) => (message.kind === 'event' ? [message.message] : []));
  const states = () => heard.flatMap((message) => (message.kind === 'state' ? [message.message] : []));
  return { heard, events, states, stop: () => link.stop() };
}

export async function until(condition: () => boolean, ms = 15_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A wire to the broker that can be cut. */
export async function cuttableWire(url: string) {
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
