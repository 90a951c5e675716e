// What stands around the virtual board: the fleet's authority and broker with TLS, an operator who listens, a server of releases.
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import type { MqttClient } from 'mqtt';
import { type AnyMessage, decode, encode, type MessageKind, type MessageOf } from '../../runtime/uplink/topics.ts';
import { enter, type FleetBroker, logOf, startFleetBroker } from '../fleet-broker.ts';
import { HOST_AS_SEEN } from './virtual-board.ts';

export const [SITE, DEVICE] = ['north', 'mill-3'];
const POLL_MS = 200;

/** A message of the device, and when it came. */
export type Heard = AnyMessage & { readonly atMs: number };

export class Surroundings {
  readonly folder: string;
  readonly broker: FleetBroker;
  readonly heard: Heard[] = [];
  readonly #client: MqttClient;
  readonly #releases: Server;
  readonly #files = new Map<string, string>();
  #version = 0;

  private constructor(folder: string, broker: FleetBroker, client: MqttClient, releases: Server) {
    this.folder = folder;
    this.broker = broker;
    this.#client = client;
    this.#releases = releases;
    releases.on('request', ({ url = '', headers }, answer) => {
      const file = this.#files.get(url);
      if (file === undefined) return answer.writeHead(404).end();
      const { size } = statSync(file);
      const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? [];
      const [start, end] = [Number(from ?? 0), Math.min(size - 1, Number(to || size - 1))];
      const part = from === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${size}` };
      answer.writeHead(from === undefined ? 200 : 206, {
        ...part,
        'content-length': end - start + 1,
        etag: `"${url}"`,
      });
      return createReadStream(file, { start, end }).pipe(answer);
    });
  }

  static async start(folder: string): Promise<Surroundings> {
    const broker = await startFleetBroker();
    const operator = await broker.operator('hub', 'hub');
    await broker.reload();
    writeFileSync(join(folder, 'hub.pem'), operator.cert);
    writeFileSync(join(folder, 'hub.key'), operator.key, { mode: 0o600 });
    writeFileSync(join(folder, 'root.pem'), broker.root);
    const client = await enter(broker.operatorsUrl, broker.root, operator);
    const releases = createServer();
    await new Promise<void>((resolve) => releases.listen(0, '127.0.0.1', resolve));
    const surroundings = new Surroundings(folder, broker, client, releases);
    client.on('message', (topic, payload) => {
      const message = decode(topic, payload);
      if (message) surroundings.heard.push({ ...message, atMs: Date.now() });
    });
    await client.subscribeAsync(`seld/v1/${SITE}/${DEVICE}/#`, { qos: 1 });
    return surroundings;
  }

  /** Settings of the device, as it sees this machine. */
  get settings(): object {
    const { port } = new URL(this.broker.devicesUrl);
    return {
      broker: `mqtts://${HOST_AS_SEEN}:${port}`,
      tls: { serverName: 'localhost' },
      healthSeconds: 5,
      // Emulated, the network takes as long as the sound itself: it looks less often.
      inference: { hopFrames: 80 },
      microphone: { recording: '/opt/earshot/current/recordings/office.flac' },
      // ... and is too slow now and then: a few good seconds must do for a release to be kept.
      update: { healthyMinutes: 0.05, limitMinutes: 20, board: 'virt-arm64' },
    };
  }

  /** Messages of a kind that came since a moment. */
  since<K extends MessageKind>(kind: K, sinceMs: number): (MessageOf<K> & { atMs: number })[] {
    return this.heard.flatMap((each) =>
      each.kind === kind && each.atMs >= sinceMs ? [{ ...(each.message as MessageOf<K>), atMs: each.atMs }] : [],
    );
  }

  /** Waits for a message that fits. @throws Error with what came in its place */
  async wait<K extends MessageKind>(
    kind: K,
    what: string,
    { sinceMs, withinMs }: { sinceMs: number; withinMs: number },
    fits: (message: MessageOf<K>) => boolean = () => true,
  ): Promise<MessageOf<K>> {
    for (const deadline = Date.now() + withinMs; Date.now() < deadline; ) {
      const found = this.since(kind, sinceMs).find(fits);
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    const last = JSON.stringify(this.since(kind, sinceMs).at(-1) ?? 'nothing').slice(0, 600);
    throw new Error(`${what} did not come within ${withinMs / 1000} s; the last ${kind} message: ${last}`);
  }

  /** Wishes a release on the device, as a rollout does. */
  async wish(file: string, name: string, sequence: number): Promise<void> {
    const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
    this.#files.set(`/releases/${sha256}`, file);
    this.#version += 1;
    const { port } = this.#releases.address() as { port: number };
    const url = `http://${HOST_AS_SEEN}:${port}/releases/${sha256}`;
    const { topic, payload } = encode('config/desired', {
      ...{ schema: 'seld/config-desired/1', site: SITE!, device: DEVICE!, version: this.#version, settings: {} },
      ...{ release: { name, sequence, sha256, url }, time: new Date().toISOString() },
    });
    await this.#client.publishAsync(topic, payload, { qos: 1, retain: true });
  }

  get brokerLog(): string {
    return logOf(this.broker);
  }

  async stop(): Promise<void> {
    this.#client.end(true);
    this.#releases.close();
    this.#releases.closeAllConnections();
    await this.broker.stop();
  }
}
