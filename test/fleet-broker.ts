// A mosquitto as earshot fleet acl sets it up, with an authority of its own: the doors for devices and for operators, both with TLS.
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { makeKey, makeRequest } from '../runtime/device/x509.ts';
import { mosquittoAccess, mosquittoSettings } from '../tools/fleet/acl-mosquitto.ts';
import { accessOf } from '../tools/fleet/acl-rules.ts';
import { initAuthority } from '../tools/fleet/ca-init.ts';
import { type Role, readRegister } from '../tools/fleet/ca-register.ts';
import { signOperator, signRequest, signServer } from '../tools/fleet/ca-sign.ts';
import { answers, freePort } from './mosquitto.ts';

/** What a client shows of itself. */
export interface Credentials {
  readonly cert: string;
  readonly key: string;
}

export interface FleetBroker {
  /** Folder of the authority. */
  readonly folder: string;
  readonly devicesUrl: string;
  readonly operatorsUrl: string;
  /** The root that devices and hubs trust. */
  readonly root: string;
  device(name: string, days?: number): Promise<Credentials>;
  operator(name: string, role: Role): Promise<Credentials>;
  /** Writes the access rules anew and lets the broker read all again. */
  reload(homeAssistant?: string): Promise<void>;
  stop(): Promise<void>;
}

/** @param more lines of mosquitto.conf(5) besides */
export async function startFleetBroker(more = ''): Promise<FleetBroker> {
  const work = mkdtempSync(join(tmpdir(), 'earshot-fleet-'));
  const folder = join(work, 'ca');
  await initAuthority(folder, 'test', 'a passphrase of the tests');
  const server = await signServer(folder, ['localhost', '127.0.0.1']);
  const place = {
    folder: join(folder, 'broker'),
    state: work,
    address: '127.0.0.1',
    devicesPort: await freePort(),
    operatorsPort: await freePort(),
  };
  const put = (name: string, text: string) => writeFileSync(join(place.folder, name), text, { mode: 0o600 });
  put('server.pem', server.chain);
  put('server.key', server.key);
  put('mosquitto.conf', `${mosquittoSettings(place)}${process.getuid?.() === 0 ? 'user root\n' : ''}${more}`);
  const writeRules = async (homeAssistant?: string) =>
    put('access', mosquittoAccess(accessOf(await readRegister(folder), homeAssistant)));
  await writeRules();
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  const child: ChildProcess = spawn('mosquitto', ['-c', join(place.folder, 'mosquitto.conf')], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr!.on('data', (bytes) => appendFileSync(join(work, 'log'), bytes));
  await answers(place.operatorsPort, child);
  return {
    ...{ folder, root: server.root },
    devicesUrl: `mqtts://127.0.0.1:${place.devicesPort}`,
    operatorsUrl: `mqtts://127.0.0.1:${place.operatorsPort}`,
    async device(name, days) {
      const [site, device] = name.split('/') as [string, string];
      const key = makeKey();
      const request = await makeRequest(key, { commonName: name, organisationalUnit: site });
      return { cert: (await signRequest({ folder, site, device, request, days, replace: true })).chain, key };
    },
    async operator(name, role) {
      const { chain, key } = await signOperator(folder, name, role);
      return { cert: chain, key };
    },
    async reload(homeAssistant) {
      await writeRules(homeAssistant);
      child.kill('SIGHUP');
      // The broker reads at its next round; it says so nowhere that a test could wait for.
      await new Promise((resolve) => setTimeout(resolve, 300));
    },
    async stop() {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await gone;
      rmSync(work, { recursive: true });
    },
  };
}

/** Connects once. @throws Error with the reason when the broker or its certificate is refused */
export function enter(
  url: string,
  root: string,
  credentials: Partial<Credentials>,
  more: IClientOptions = {},
): Promise<MqttClient> {
  const client = mqtt.connect(url, {
    ca: root,
    ...credentials,
    protocolVersion: 5,
    reconnectPeriod: 0,
    connectTimeout: 5000,
    ...more,
  });
  return new Promise((resolve, reject) => {
    let failure = new Error('the broker closed the connection');
    client.on('error', (error) => {
      failure = error;
      client.end(true);
    });
    client.once('close', () => reject(failure));
    client.once('connect', () => resolve(client));
  });
}

/** The reason code with which the broker answers a publish; 0 and 16 (nobody hears it) take it. */
export async function publish(
  client: MqttClient,
  topic: string,
  payload: string | Buffer = 'x',
  more: { retain?: boolean } = {},
): Promise<number> {
  try {
    await client.publishAsync(topic, payload, { qos: 1, ...more });
    return 0;
  } catch (error) {
    return (error as { code: number }).code;
  }
}

/** What a client hears of filters from now on. */
export async function hear(client: MqttClient, filters: string[]): Promise<string[]> {
  const topics: string[] = [];
  client.on('message', (topic) => topics.push(topic));
  await client.subscribeAsync(filters, { qos: 1 });
  return topics;
}

export function logOf({ folder }: FleetBroker): string {
  return readFileSync(join(folder, '../log'), 'utf8');
}
