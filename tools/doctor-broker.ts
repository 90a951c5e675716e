// The way of a device's messages to its broker, step by step as they travel: name, port, certificate, MQTT, a message.
import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Config } from '../runtime/config.ts';
import { readBrokerAccess } from '../runtime/uplink/broker-access.ts';
import { MqttLink } from '../runtime/uplink/mqtt.ts';
import { encode } from '../runtime/uplink/topics.ts';
import type { Check } from './doctor-checks.ts';

const TIMEOUT_MS = 5000;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'mqtt:': 1883, 'mqtts:': 8883, 'ws:': 80, 'wss:': 443 };
const ENCRYPTED = ['mqtts:', 'wss:'];

/** None when the settings name no broker but the one of the machine itself. */
export function brokerChecks(config: Config): Check[] {
  if (!config.broker) return [];
  const url = new URL(config.broker);
  const port = Number(url.port) || (DEFAULT_PORTS[url.protocol] ?? 1883);
  const target = { host: url.hostname, port };
  const tls: Check = {
    name: 'broker TLS',
    missing: 'fail',
    needs: ['broker TCP'],
    wayOut: 'give the CA of the broker as tls.ca, the name in its certificate as tls.serverName, and mend the clock',
    look: () => handshake(config, target),
  };
  return [
    {
      name: 'broker DNS',
      missing: 'fail',
      wayOut: `mend the name server, or give the broker's address in place of ${target.host}`,
      look: () => resolve(target.host),
    },
    {
      name: 'broker TCP',
      missing: 'fail',
      needs: ['broker DNS'],
      wayOut: `start a broker there, and let port ${port} through every firewall on the way`,
      look: () => reach(target),
    },
    ...(ENCRYPTED.includes(url.protocol) ? [tls] : []),
    {
      name: 'broker MQTT',
      missing: 'fail',
      needs: ['broker TCP', 'broker TLS'],
      wayOut: 'give credentials or a certificate that the broker knows for this device',
      look: () =>
        withLink(
          config,
          async (link) => `it takes ${config.device}, MQTT ${link.protocolVersion === 5 ? '5' : '3.1.1'}`,
        ),
    },
    {
      name: 'broker publish',
      missing: 'fail',
      needs: ['broker MQTT'],
      wayOut: `let ${config.device} write below seld/v1/${config.site}/${config.device} in the broker's access list`,
      look: () => withLink(config, (link) => publish(config, link)),
    },
  ];
}

async function resolve(host: string): Promise<string> {
  if (isIP(host) !== 0) return `${host} is an address`;
  const addresses = await lookup(host, { all: true });
  return `${host} is ${addresses.map(({ address }) => address).join(', ')}`;
}

async function reach(target: { host: string; port: number }): Promise<string> {
  const socket = connect(target);
  await opened(socket, 'connect');
  return `${target.host}:${target.port} answers`;
}

async function handshake(config: Config, target: { host: string; port: number }): Promise<string> {
  const { tls } = await readBrokerAccess(config);
  const socket = connectTls({ servername: isIP(target.host) === 0 ? target.host : undefined, ...target, ...tls });
  return opened(socket, 'secureConnect', () => {
    const { subject, valid_to } = socket.getPeerCertificate();
    return `${socket.getProtocol()}, certificate of ${subject.CN ?? 'no name'} valid to ${valid_to}`;
  });
}

/** Waits for a socket to open, and closes it. */
async function opened<S extends Socket>(socket: S, event: string, look: () => string = () => ''): Promise<string> {
  try {
    return await new Promise<string>((resolve, reject) => {
      socket.setTimeout(TIMEOUT_MS, () => reject(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
      socket.once('error', reject).once(event, () => resolve(look()));
    });
  } finally {
    socket.destroy();
  }
}

async function withLink(config: Config, use: (link: MqttLink) => Promise<string>): Promise<string> {
  const access = await readBrokerAccess(config);
  const clientId = `earshot-doctor-${config.device}-${randomBytes(3).toString('hex')}`;
  const link = new MqttLink({ url: config.broker!, access, clientId });
  try {
    await link.start();
    return await use(link);
  } finally {
    await link.stop();
  }
}

/** Publishes an answer that nobody has asked for: kept by no one, and within what a device may write. */
async function publish({ site, device }: Config, link: MqttLink): Promise<string> {
  const message = encode('res', {
    ...{ schema: 'seld/res/1', site, device, bootId: 'doctor', id: `doctor-${randomBytes(3).toString('hex')}` },
    ...{ name: 'doctor', status: 'ok', error: null, result: {}, time: new Date().toISOString() },
  });
  await link.publish(message);
  return `${message.topic} was acknowledged`;
}
