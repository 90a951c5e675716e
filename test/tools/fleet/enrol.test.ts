// A device enrols at a hub over HTTPS, renews, and speaks at a broker; strangers, thieves of tokens and false hubs get nothing.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fastify, { type FastifyInstance } from 'fastify';
import { parseConfig } from '../../../runtime/config.ts';
import { deviceKey } from '../../../runtime/device/device-key.ts';
import { enrolDevice, renewCertificate } from '../../../runtime/device/enrol.ts';
import { makeKey, makeRequest, readCertificate } from '../../../runtime/device/x509.ts';
import { readBrokerAccess } from '../../../runtime/uplink/broker-access.ts';
import { MqttLink } from '../../../runtime/uplink/mqtt.ts';
import { initAuthority } from '../../../tools/fleet/ca-init.ts';
import { readRegister } from '../../../tools/fleet/ca-register.ts';
import { revoke } from '../../../tools/fleet/ca-revoke.ts';
import { signRequest, signServer } from '../../../tools/fleet/ca-sign.ts';
import { makeToken } from '../../../tools/fleet/ca-tokens.ts';
import type { AuditWords } from '../../../tools/fleet/http/audit.ts';
import { enrolRoutes } from '../../../tools/fleet/http/routes-enrol.ts';
import { earshot } from '../../earshot.ts';
import { startFleetBroker } from '../../fleet-broker.ts';
import { mosquittoTest } from '../../mosquitto.ts';

const MILL = { site: 'north', device: 'mill-3' };
const NAME = 'north/mill-3';
const DAY_MS = 86_400_000;
let work: string;
let folder: string;
let audits: string[];
let hubs: FastifyInstance[];

beforeEach(async () => {
  work = mkdtempSync(join(tmpdir(), 'earshot-enrol-'));
  folder = join(work, 'ca');
  audits = [];
  hubs = [];
  await initAuthority(folder, 'mills', 'a passphrase of the tests');
});
afterEach(async () => {
  for (const hub of hubs) await hub.close();
  rmSync(work, { recursive: true });
});

const filesIn = (name = 'device') => ({
  key: join(work, name, 'device.key'),
  certificate: join(work, name, 'device.pem'),
  ca: join(work, name, 'root.pem'),
});

async function audit({ what, about }: AuditWords): Promise<number> {
  return audits.push(`${what} ${about}`.trim());
}

async function startHub(of = folder, certifiedBy = folder): Promise<string> {
  const { chain, key } = await signServer(certifiedBy, ['127.0.0.1']);
  const hub = fastify({ https: { cert: chain, key } }) as unknown as FastifyInstance;
  enrolRoutes(hub, { audit }, of);
  hubs.push(hub);
  return hub.listen({ port: 0, host: '127.0.0.1' });
}

/** What a hub without TLS answers. */
async function asked(of: string | undefined, path: string, body?: unknown): Promise<[number, string]> {
  const hub = fastify();
  enrolRoutes(hub, { audit }, of);
  hubs.push(hub);
  const headers = { 'content-type': 'application/json' };
  const sent = body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) };
  const answer = await fetch(`${await hub.listen({ port: 0, host: '127.0.0.1' })}${path}`, sent);
  const json = (await answer.json()) as { error: string };
  return [answer.status, json.error];
}

test('with a token a device gets the certificate of the name that the token is for', async () => {
  const hub = await startHub();
  const { token } = await makeToken(folder, NAME, 1);
  const files = filesIn();
  const facts = await enrolDevice({ hub, name: MILL, files }, token);
  expect(facts.subject.commonName).toBe(NAME);
  expect(statSync(files.key).mode & 0o777).toBe(0o600);
  expect(readFileSync(files.ca, 'utf8')).toBe(readFileSync(join(folder, 'root.pem'), 'utf8'));
  expect(audits).toEqual([`enrolled ${NAME}`]);
});

test('a token gives one key its certificate, again when the answer was lost, and nothing to another key', async () => {
  const hub = await startHub();
  const { token } = await makeToken(folder, NAME, 1);
  const first = await enrolDevice({ hub, name: MILL, files: filesIn() }, token);
  expect((await enrolDevice({ hub, name: MILL, files: filesIn() }, token)).serial).toBe(first.serial);
  await expect(enrolDevice({ hub, name: MILL, files: filesIn('thief') }, token)).rejects.toThrow(
    'unknown, used or over',
  );
  expect((await readRegister(folder)).issues.get(first.serial)?.revoked).toBeUndefined();
});

test('a token is for one name, for some hours, and kept as its hash alone', async () => {
  const hub = await startHub();
  const { token } = await makeToken(folder, NAME, 1);
  const other = { site: 'north', device: 'mill-4' };
  await expect(enrolDevice({ hub, name: other, files: filesIn() }, token)).rejects.toThrow('not of north/mill-3');
  const old = await makeToken(folder, NAME, 1, new Date(Date.now() - 3 * 3_600_000));
  await expect(enrolDevice({ hub, name: MILL, files: filesIn() }, old.token)).rejects.toThrow('unknown, used or over');
  const guess = `${'A'.repeat(43)}.${token.split('.')[1]}`;
  await expect(enrolDevice({ hub, name: MILL, files: filesIn() }, guess)).rejects.toThrow('unknown, used or over');
  expect(readFileSync(join(folder, 'index.jsonl'), 'utf8')).not.toContain(token.split('.')[0]);
});

test('a device tells its token to nobody but a hub that the root of the token stands for', async () => {
  const stranger = join(work, 'stranger');
  await initAuthority(stranger, 'strangers', 'a passphrase of the tests');
  const { token } = await makeToken(folder, NAME, 1);
  await expect(
    enrolDevice({ hub: await startHub(stranger, stranger), name: MILL, files: filesIn() }, token),
  ).rejects.toThrow('shows another root than the token names');
  // It shows the right root and has a certificate of its own making.
  await expect(
    enrolDevice({ hub: await startHub(folder, stranger), name: MILL, files: filesIn() }, token),
  ).rejects.toThrow('cannot be asked');
  expect(audits).toEqual([]);
  await expect(enrolDevice({ hub: 'http://hub.lan', name: MILL, files: filesIn() }, token)).rejects.toThrow(
    'would travel in the clear',
  );
});

test('a certificate is renewed for its own key when a third of its time is left, without a token', async () => {
  const hub = await startHub();
  const files = filesIn();
  const request = await makeRequest(await deviceKey(files.key), { commonName: NAME, organisationalUnit: 'north' });
  const start = new Date(Date.now() - 70 * DAY_MS);
  const old = await signRequest({ folder, ...MILL, request, days: 100, now: start });
  writeFileSync(files.certificate, old.chain);
  writeFileSync(files.ca, old.root);
  expect(await renewCertificate({ hub, name: MILL, files }, new Date(Date.now() - 10 * DAY_MS))).toBeUndefined();
  const facts = await renewCertificate({ hub, name: MILL, files });
  expect(facts!.notAfter.getTime()).toBeGreaterThan(Date.now() + 700 * DAY_MS);
  expect(readCertificate(readFileSync(files.certificate, 'utf8')).serial).toBe(facts!.serial);
  expect(audits).toEqual([`renewed ${NAME}`]);
});

test('who is revoked, over, or has another key is not renewed', async () => {
  const post = (body: unknown) => asked(folder, '/enrol/renew', body);
  const key = makeKey();
  const request = await makeRequest(key, { commonName: NAME, organisationalUnit: 'north' });
  const { chain } = await signRequest({ folder, ...MILL, request });
  const foreign = await makeRequest(makeKey(), { commonName: NAME, organisationalUnit: 'north' });
  expect(await post({ certificate: chain, request: foreign })).toEqual([403, expect.stringContaining('another key')]);
  await revoke(folder, NAME, 'keyCompromise');
  expect(await post({ certificate: chain, request })).toEqual([403, expect.stringContaining('revoked')]);
  expect(await post({ certificate: 'x', request })).toEqual([403, expect.stringContaining('not in PEM')]);
  expect(await post({ token: 1 })).toEqual([403, expect.stringContaining('is not understood')]);
  expect(await post({ certificate: 'x'.repeat(50_000), request })).toEqual([413, expect.anything()]);
});

test('a hub without an authority signs nothing', async () => {
  expect((await asked(undefined, '/enrol/authority'))[0]).toBe(404);
  expect((await asked(undefined, '/enrol', {}))[0]).toBe(404);
  expect((await asked(undefined, '/enrol/renew', {}))[0]).toBe(404);
});

test('a device that belongs to another fleet does not change over by itself', async () => {
  const hub = await startHub();
  const { token } = await makeToken(folder, NAME, 1);
  const files = filesIn();
  await deviceKey(files.key);
  writeFileSync(files.ca, 'the root of others');
  await expect(enrolDevice({ hub, name: MILL, files }, token)).rejects.toThrow(
    'trusts another root than the token names',
  );
});

mosquittoTest(
  'from the command line to the broker: request, signature, certificate, and the device is heard',
  async () => {
    const broker = await startFleetBroker();
    try {
      const files = filesIn();
      const settings = { ...MILL, broker: broker.devicesUrl, stateFolder: work, tls: files };
      const config = join(work, 'device.json');
      writeFileSync(config, JSON.stringify(settings));
      const { stdout: request } = await earshot(['enrol', '--config', config, '--request']);
      writeFileSync(join(work, 'mill.csr'), request);
      const sign = [
        'fleet',
        'ca',
        'sign',
        join(work, 'mill.csr'),
        '--ca',
        broker.folder,
        '--site',
        'north',
        '--device',
        'mill-3',
      ];
      await earshot([...sign, '--out', join(work, 'mill.pem')]);
      const { stdout } = await earshot(['enrol', '--config', config, '--certificate', join(work, 'mill.pem')]);
      expect(stdout).toContain('north/mill-3 has a certificate until');
      writeFileSync(files.ca, broker.root);
      const link = new MqttLink({
        url: broker.devicesUrl,
        access: await readBrokerAccess(parseConfig(settings, 'test')),
        clientId: 'any',
      });
      await link.start();
      await link.publish({ topic: 'seld/v1/north/mill-3/state', payload: '{}', qos: 1, retain: false });
      await expect(
        link.publish({ topic: 'seld/v1/north/mill-4/state', payload: '{}', qos: 1, retain: false }),
      ).rejects.toMatchObject({ code: 135 });
      await link.stop();
    } finally {
      await broker.stop();
    }
  },
  30_000,
);
