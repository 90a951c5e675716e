// Who may speak to whom: pinned authority, client certificates, passwords from files, access rules, on a real broker.
import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../../../runtime/config.ts';
import { readBrokerAccess } from '../../../runtime/uplink/broker-access.ts';
import { issue, makeAuthority } from '../../certificates.ts';
import { type Mosquitto, mosquittoTest, startMosquitto } from '../../mosquitto.ts';
import { event, INFO, subscriber, until, uplinkTo } from './device.ts';

let folder: string;
const stops: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-access-'));
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  await rm(folder, { recursive: true });
});

const file = (name: string) => join(folder, name);

/** A broker that knows devices by the certificates of one authority: the name in it is who they are. */
async function startTlsBroker(): Promise<Mosquitto> {
  const authority = makeAuthority(folder, 'devices');
  issue(folder, authority, 'broker', 'IP:127.0.0.1');
  issue(folder, authority, 'elsewhere', 'DNS:elsewhere.example');
  for (const name of ['ear-3', 'ear-4', 'watcher']) issue(folder, authority, name);
  return startTls('broker');
}

async function startTls(server: string): Promise<Mosquitto> {
  const settings = [
    ...[`cafile ${file('devices.pem')}`, `certfile ${file(`${server}.pem`)}`, `keyfile ${file(`${server}.key`)}`],
    ...['require_certificate true', 'use_identity_as_username true', 'max_inflight_messages 100'],
  ];
  const rules = ['pattern write seld/v1/+/%u/#', 'user watcher', 'topic read #'];
  const broker = await startMosquitto(settings.join('\n'), rules.join('\n'));
  stops.push(() => broker.stop());
  return broker;
}

function accessOf(broker: string, name: string, ca = file('devices.pem')) {
  const tls = { ca, certificate: file(`${name}.pem`), key: file(`${name}.key`) };
  return readBrokerAccess(parseConfig({ broker, tls }, 'test'));
}

mosquittoTest('a device with its own certificate is taken over TLS, and those who may read hear it', async () => {
  const { url } = await startTlsBroker();
  const listener = await subscriber(url, await accessOf(url, 'watcher'));
  stops.push(() => listener.stop());
  const uplink = uplinkTo(url, { access: await accessOf(url, 'ear-3') });
  await uplink.start(INFO);
  uplink.publish(event());
  await until(() => listener.events().length === 1);
  expect(listener.states()[0]).toMatchObject({ state: 'ready', device: 'ear-3' });
  await uplink.stop();
  expect(uplink.refusal).toBeUndefined();
});

mosquittoTest(
  'a broker whose certificate another authority signed, or for another name, hears not a word',
  async () => {
    const { url } = await startTlsBroker();
    makeAuthority(folder, 'strangers');
    const stranger = uplinkTo(url, { access: await accessOf(url, 'ear-3', file('strangers.pem')) });
    await expect(stranger.start(INFO)).rejects.toThrow(/No MQTT broker takes us at mqtts:.*check tls\.ca/);
    const { url: wrongName } = await startTls('elsewhere');
    const misled = uplinkTo(wrongName, { access: await accessOf(wrongName, 'ear-3') });
    await expect(misled.start(INFO)).rejects.toThrow(/does not match.*check tls\.ca, the certificates and the name/);
    const tls = { ca: file('devices.pem'), certificate: file('ear-3.pem'), key: file('ear-3.key') };
    const told = parseConfig({ broker: wrongName, tls: { ...tls, serverName: 'elsewhere.example' } }, 'test');
    const right = uplinkTo(wrongName, { access: await readBrokerAccess(told) });
    await right.start(INFO);
    await right.stop();
  },
);

mosquittoTest('a device without a certificate of the authority is not taken', async () => {
  const { url } = await startTlsBroker();
  const access = await readBrokerAccess(parseConfig({ broker: url, tls: { ca: file('devices.pem') } }, 'test'));
  await expect(uplinkTo(url, { access }).start(INFO)).rejects.toThrow(/No MQTT broker takes us/);
});

mosquittoTest('who speaks in the name of another device is refused by the broker, and people see it', async () => {
  const { url } = await startTlsBroker();
  const listener = await subscriber(url, await accessOf(url, 'watcher'));
  stops.push(() => listener.stop());
  const problems: string[] = [];
  const onProblem = (code: string, problem: string | null) => {
    if (problem !== null) problems.push(`${code}: ${problem}`);
  };
  const rogue = uplinkTo(url, { access: await accessOf(url, 'ear-4'), onProblem });
  stops.push(() => rogue.stop());
  await rogue.start(INFO);
  rogue.publish(event());
  await until(() => rogue.figures.denied > 0);
  expect(rogue.figures.denial).toMatchObject({
    reasonCode: 135,
    topic: expect.stringMatching(/^seld\/v1\/mill\/ear-3\//),
  });
  expect(rogue.refusal?.message).toMatch(/does not take seld\/v1\/mill\/ear-3\/.*reason code 135.*access rules/);
  expect(problems.join('\n')).toMatch(/^broker-refuses: The broker does not take seld/m);
  expect(rogue.figures).toMatchObject({ queued: 1, acknowledged: 0 });
  expect(listener.heard).toEqual([]);
});

mosquittoTest('user name and password come from a file; a wrong one is said with the way out', async () => {
  await writeFile(file('users'), '');
  execFileSync('mosquitto_passwd', ['-b', file('users'), 'ear-3', 'open sesame'], { stdio: 'ignore' });
  const broker = await startMosquitto(`allow_anonymous false\npassword_file ${file('users')}`);
  stops.push(() => broker.stop());
  const accessWith = async (password: string) => {
    await writeFile(file('password'), `${password}\n`, { mode: 0o600 });
    const credentials = { username: 'ear-3', passwordFile: file('password') };
    return readBrokerAccess(parseConfig({ broker: broker.url, credentials }, 'test'));
  };
  const uplink = uplinkTo(broker.url, { access: await accessWith('open sesame') });
  await uplink.start(INFO);
  await uplink.stop();
  const wrong = uplinkTo(broker.url, { access: await accessWith('open barley') });
  await expect(wrong.start(INFO)).rejects.toThrow(/Not authorized.*check user name, password/);
});

test('a key or password that others can read is refused, with the command that mends it', async () => {
  for (const name of ['ca.pem', 'own.pem', 'own.key', 'password']) await writeFile(file(name), 'x', { mode: 0o600 });
  const tls = { ca: file('ca.pem'), certificate: file('own.pem'), key: file('own.key') };
  const credentials = { username: 'ear-3', passwordFile: file('password') };
  const read = (more: object) => readBrokerAccess(parseConfig({ broker: 'mqtts://broker:8883', ...more }, 'test'));
  await read({ tls, credentials });
  for (const mode of [0o660, 0o604, 0o666]) {
    await chmod(file('own.key'), mode);
    await expect(read({ tls })).rejects.toThrow(`tls.key: ${file('own.key')} can be read by others`);
  }
  await chmod(file('password'), 0o644);
  await expect(read({ credentials })).rejects.toThrow(`(mode 0644): run chmod 600 ${file('password')}.`);
});

test('settings of the connection that contradict each other are refused in one sentence', async () => {
  const read = (settings: object) => readBrokerAccess(parseConfig(settings, 'test'));
  await expect(read({ broker: 'mqtt://joe:secret@broker' })).rejects.toThrow(/credentials\.passwordFile/);
  await expect(read({ broker: 'mqtt://joe:secret@broker' })).rejects.not.toThrow(/secret@|joe/);
  await expect(read({ broker: 'mqtt://broker', tls: { ca: 'ca.pem' } })).rejects.toThrow(/mqtts:\/\/HOST:8883/);
  await expect(read({ broker: 'mqtts://broker', tls: { key: 'k' } })).rejects.toThrow(/give both or neither/);
  await expect(read({ broker: 'mqtts://broker', tls: { ca: file('none.pem') } })).rejects.toThrow(
    /tls\.ca: .*none\.pem/,
  );
});
