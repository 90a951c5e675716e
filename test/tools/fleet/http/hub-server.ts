// A hub with its HTTP server for tests: embedded database, a broker in this process, users of every role, clock under control.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MqttLink } from '../../../../runtime/uplink/mqtt.ts';
import { type Broker, startBroker } from '../../../../tools/broker.ts';
import { type Database, openDatabase } from '../../../../tools/fleet/database.ts';
import { addAccount } from '../../../../tools/fleet/http/accounts.ts';
import { Hub } from '../../../../tools/fleet/http/hub.ts';
import { type HttpOptions, type HttpServer, startHttp } from '../../../../tools/fleet/http/server.ts';
import { migrate } from '../../../../tools/fleet/migrations.ts';

export const PASSWORD = 'correct horse battery';

export interface HubServer {
  readonly url: string;
  readonly hub: Hub;
  readonly database: Database;
  readonly broker: Broker;
  readonly server: HttpServer;
  readonly troubles: Error[];
  /** Moves the hub's clock on. */
  later(ms: number): void;
  /** Signs in as viewer, operator or admin. */
  signIn(name: string): Promise<Client>;
  stop(): Promise<void>;
}

/** Fetches as a browser that is signed in does. */
export interface Client {
  readonly csrfToken: string;
  readonly cookie: string;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
}

export async function startHubServer(options: Partial<HttpOptions> = {}, database?: Database): Promise<HubServer> {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-http-'));
  const opened = database ?? (await openDatabase(join(folder, 'data')));
  await migrate(opened);
  for (const role of ['viewer', 'operator', 'admin'] as const) {
    await addAccount(opened, { name: role, role, password: PASSWORD });
  }
  const broker = await startBroker();
  const link = new MqttLink({ url: broker.url, clientId: 'hub-http' });
  await link.start();
  const troubles: Error[] = [];
  let shiftMs = 0;
  const hub = new Hub({
    ...{ database: opened, link, onTrouble: (error) => void troubles.push(error), now: () => Date.now() + shiftMs },
    status: () => ({
      ...{ broker: broker.url, isOnline: link.isOnline, fresh: 3, duplicates: 0, quarantined: 0, received: 3 },
      ...{ reconnects: 0, lagSeconds: 0 },
    }),
  });
  await hub.start();
  const server = await startHttp(hub, { port: 0, bind: '127.0.0.1', ...options });
  return {
    ...{ url: server.url, hub, database: opened, broker, server, troubles },
    later: (ms) => {
      shiftMs += ms;
    },
    signIn: (name) => signIn(server.url, name),
    async stop() {
      await server.stop();
      hub.stop();
      await link.stop();
      await broker.stop();
      await opened.close();
      await rm(folder, { recursive: true });
    },
  };
}

export function login(url: string, name: string, password: string): Promise<Response> {
  return fetch(`${url}/api/v1/login`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name, password }) },
  });
}

async function signIn(url: string, name: string): Promise<Client> {
  const response = await login(url, name, PASSWORD);
  if (!response.ok) throw new Error(`login: ${response.status} ${await response.text()}`);
  const cookie = response.headers.get('set-cookie')!.split(';')[0]!;
  const { csrfToken } = (await response.json()) as { csrfToken: string };
  return {
    ...{ csrfToken, cookie },
    get: (path, headers) => fetch(`${url}/api/v1/${path}`, { headers: { cookie, ...headers } }),
    send: (method, path, body, headers) =>
      fetch(`${url}/api/v1/${path}`, {
        method,
        headers: {
          ...{ cookie, 'x-csrf-token': csrfToken, ...headers },
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
  };
}
