// Whom a device takes for its broker: to any other it says nothing, not even its name.
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { parseConfig } from '../../../runtime/config.ts';
import { makeKey, makeRequest } from '../../../runtime/device/x509.ts';
import { readBrokerAccess } from '../../../runtime/uplink/broker-access.ts';
import { MqttLink } from '../../../runtime/uplink/mqtt.ts';
import { initAuthority } from '../../../tools/fleet/ca-init.ts';
import { signRequest, signServer } from '../../../tools/fleet/ca-sign.ts';

let work: string;
const authority = (name: string) => join(work, name);

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'earshot-trust-'));
  for (const name of ['own', 'foreign']) await initAuthority(authority(name), name, 'a passphrase of the tests');
});
afterAll(() => rmSync(work, { recursive: true }));

/** Bytes that a broker with this certificate hears of a device that trusts the own authority. */
async function bytesHeard(server: { chain: string; key: string }, version?: 'TLSv1.1'): Promise<number> {
  let bytes = 0;
  const limits = version ? { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' } : {};
  const broker = createServer({ cert: server.chain, key: server.key, ...limits }, (socket) => {
    socket.on('data', (data) => {
      bytes += data.length;
      socket.destroy();
    });
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => broker.listen(0, '127.0.0.1', resolve));
  const url = `mqtts://127.0.0.1:${(broker.address() as AddressInfo).port}`;
  const config = parseConfig({ broker: url, tls: { ca: join(authority('own'), 'root.pem') } }, 'test');
  const link = new MqttLink({ url, access: await readBrokerAccess(config), clientId: 'mill-3' });
  await expect(link.start()).rejects.toThrow('No MQTT broker takes us');
  await link.stop();
  await new Promise((resolve) => broker.close(resolve));
  return bytes;
}

test('a broker with a certificate of the fleet for its address is told who the device is', async () => {
  expect(await bytesHeard(await signServer(authority('own'), ['127.0.0.1']))).toBeGreaterThan(0);
});

test('to a broker of another authority, another name, an ended certificate or an old TLS a device says nothing', async () => {
  const own = authority('own');
  const device = makeKey();
  const request = await makeRequest(device, { commonName: 'north/mill-3', organisationalUnit: 'north' });
  const { chain } = await signRequest({ folder: own, site: 'north', device: 'mill-3', request });
  expect(await bytesHeard(await signServer(authority('foreign'), ['127.0.0.1']))).toBe(0);
  expect(await bytesHeard(await signServer(own, ['127.0.0.2', 'broker.lan']))).toBe(0);
  expect(await bytesHeard(await signServer(own, ['127.0.0.1'], 1, new Date(Date.now() - 3 * 86_400_000)))).toBe(0);
  expect(await bytesHeard(await signServer(own, ['127.0.0.1'], 1, new Date(Date.now() + 3 * 86_400_000)))).toBe(0);
  // A device that plays the broker has a certificate of the fleet, and not for this.
  expect(await bytesHeard({ chain, key: device })).toBe(0);
  expect(await bytesHeard(await signServer(own, ['127.0.0.1']), 'TLSv1.1')).toBe(0);
});
