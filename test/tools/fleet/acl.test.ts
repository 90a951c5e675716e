// Who may say and hear what, proved at Debian's mosquitto with the settings, rules and certificates that earshot writes.
import type { MqttClient } from 'mqtt';
import { makeKey, selfSigned } from '../../../runtime/device/x509.ts';
import { classLevel, MESSAGES, type MessageKind, ROOT } from '../../../runtime/uplink/topics.ts';
import { emqxAccess } from '../../../tools/fleet/acl-emqx.ts';
import { accessOf } from '../../../tools/fleet/acl-rules.ts';
import { revoke } from '../../../tools/fleet/ca-revoke.ts';
import { signServer } from '../../../tools/fleet/ca-sign.ts';
import { type Credentials, enter, type FleetBroker, hear, publish, startFleetBroker } from '../../fleet-broker.ts';
import { mosquittoTest } from '../../mosquitto.ts';

const DENIED = 135;
const OWN = 'north/mill-3';
const OTHER = 'north/mill-4';
/** The same device name in another site. */
const TWIN = 'south/mill-3';

const kinds = (sender: 'device' | 'operator') =>
  (Object.keys(MESSAGES) as MessageKind[]).filter((kind) => MESSAGES[kind].sender === sender);
const topicOf = (name: string, kind: MessageKind) =>
  `${ROOT}/${name}/${kind}${'level' in MESSAGES[kind] ? '/anything' : ''}`;
const topics = (name: string, sender: 'device' | 'operator') => kinds(sender).map((kind) => topicOf(name, kind));
const settle = () => new Promise((resolve) => setTimeout(resolve, 150));

let broker: FleetBroker;
const clients: MqttClient[] = [];

async function asDevice(
  credentials: Partial<Credentials>,
  more: Parameters<typeof enter>[3] = {},
): Promise<MqttClient> {
  const client = await enter(broker.devicesUrl, broker.root, credentials, more);
  clients.push(client);
  return client;
}

async function asOperator(
  credentials: Partial<Credentials>,
  more: Parameters<typeof enter>[3] = {},
): Promise<MqttClient> {
  const client = await enter(broker.operatorsUrl, broker.root, credentials, more);
  clients.push(client);
  return client;
}

const brokerTest = (title: string, job: () => Promise<void>) =>
  mosquittoTest(
    title,
    async () => {
      broker = await startFleetBroker();
      try {
        await job();
      } finally {
        for (const client of clients.splice(0)) client.end(true);
        await broker.stop();
      }
    },
    30_000,
  );

brokerTest('a device says all that devices say, below its own name', async () => {
  const device = await asDevice(await broker.device(OWN));
  const answers = await Promise.all(topics(OWN, 'device').map((topic) => publish(device, topic)));
  expect(answers).toEqual(topics(OWN, 'device').map(() => 0));
  expect(answers.length).toBeGreaterThan(8);
});

brokerTest('a device says nothing for another device, another site, an operator, the broker or nobody', async () => {
  const device = await asDevice(await broker.device(OWN));
  const foreign = [
    ...[
      ...topics(OTHER, 'device'),
      ...topics(TWIN, 'device'),
      ...topics(OWN, 'operator'),
      ...topics(OTHER, 'operator'),
    ],
    ...[
      `${ROOT}/north/state`,
      `${ROOT}/${OWN}`,
      `${ROOT}/${OWN}/state/more`,
      `${ROOT}/${OWN}/other`,
      'state',
      'seld/v2/north/mill-3/state',
    ],
    ...['homeassistant/device/earshot_north_mill-3/config', '$SYS/broker/version', `$share/hubs/${ROOT}/${OWN}/state`],
  ];
  const taken = [];
  for (const topic of foreign) if ((await publish(device, topic).catch(() => DENIED)) !== DENIED) taken.push(topic);
  // $share is a word for subscriptions alone; whoever publishes there is cut off.
  expect(taken).toEqual([]);
});

brokerTest('a device hears what is said to it and, whatever it subscribes to, nothing else', async () => {
  const device = await asDevice(await broker.device(OWN));
  const other = await asDevice(await broker.device(OTHER));
  const hub = await broker.operator('hub', 'hub');
  await broker.reload();
  const operator = await asOperator(hub);
  const heard = await hear(device, [
    '#',
    `${ROOT}/#`,
    `${ROOT}/+/+/cmd/+`,
    `${ROOT}/${OTHER}/#`,
    `$share/hubs/${ROOT}/#`,
    '$SYS/#',
    '+/+/+/+/+',
  ]);
  for (const name of [OWN, OTHER, TWIN])
    for (const topic of topics(name, 'operator')) expect(await publish(operator, topic)).toBe(0);
  for (const topic of topics(OTHER, 'device')) await publish(other, topic);
  await settle();
  expect([...new Set(heard)].sort()).toEqual(topics(OWN, 'operator').sort());
});

brokerTest('a device leaves no message with the broker in the name of another, retained or as its will', async () => {
  const device = await asDevice(await broker.device(OWN));
  expect(await publish(device, topicOf(OTHER, 'state'), 'lost', { retain: true })).toBe(DENIED);
  const hub = await broker.operator('hub', 'hub');
  const liar = await broker.device(TWIN);
  await broker.reload();
  const heard = await hear(await asOperator(hub), [`${ROOT}/#`]);
  const will = (name: string) => ({
    topic: topicOf(name, 'state'),
    payload: Buffer.from('lost'),
    qos: 1 as const,
    retain: true,
  });
  const entered = await asDevice(liar, { will: will(OTHER) }).catch(() => undefined);
  entered?.stream.destroy();
  const honest = await asDevice(liar, { will: will(TWIN) });
  honest.stream.destroy();
  for (const deadline = Date.now() + 5000; heard.length === 0 && Date.now() < deadline; ) await settle();
  expect(heard).toEqual([topicOf(TWIN, 'state')]);
});

brokerTest('with the client id of another a device is still itself, and the other stays', async () => {
  const victim = await asDevice(await broker.device(OWN), {
    clientId: 'mill-3',
    clean: false,
    properties: { sessionExpiryInterval: 60 },
  });
  const thief = await broker.device(OTHER);
  for (const clientId of ['mill-3', OWN, '#', '+/+']) {
    const client = await asDevice(thief, { clientId, clean: false });
    expect(await publish(client, topicOf(OWN, 'state'))).toBe(DENIED);
    expect(await publish(client, topicOf(OTHER, 'state'))).toBe(0);
  }
  await settle();
  expect(victim.connected).toBe(true);
  expect(await publish(victim, topicOf(OWN, 'state'))).toBe(0);
});

brokerTest(
  'hubs and operators hear all and tell devices, viewers hear alone, and nobody speaks for a device',
  async () => {
    const [hub, ann, bob] = [
      await broker.operator('hub', 'hub'),
      await broker.operator('ann', 'operator'),
      await broker.operator('bob', 'viewer'),
    ];
    const device = await broker.device(OWN);
    await broker.reload();
    const people = await Promise.all([hub, ann, bob].map((each) => asOperator(each)));
    const heard = await Promise.all(people.map((each) => hear(each, [`${ROOT}/#`])));
    const speaker = await asDevice(device);
    for (const topic of topics(OWN, 'device')) await publish(speaker, topic);
    await settle();
    for (const each of heard) expect([...each].sort()).toEqual(topics(OWN, 'device').sort());
    const answersOf = (topic: string) => Promise.all(people.map((each) => publish(each, topic)));
    for (const topic of topics(OWN, 'operator')) expect(await answersOf(topic)).toEqual([0, 0, DENIED]);
    for (const topic of topics(OWN, 'device')) expect(await answersOf(topic)).toEqual([DENIED, DENIED, DENIED]);
  },
);

brokerTest('hubs share a subscription, and the broker’s own figures are for operators alone', async () => {
  const [hub, ann] = [await broker.operator('hub', 'hub'), await broker.operator('ann', 'operator')];
  const device = await broker.device(OWN);
  await broker.reload();
  const shared = await Promise.all(
    [1, 2].map(async () => hear(await asOperator(hub), [`$share/hubs/${ROOT}/+/+/event/+`])),
  );
  const figures = await Promise.all([hub, ann].map(async (each) => hear(await asOperator(each), ['$SYS/#'])));
  const speaker = await asDevice(device);
  for (let i = 0; i < 20; i += 1) await publish(speaker, `${ROOT}/${OWN}/event/${classLevel(`class ${i}`)}`);
  await settle();
  expect(shared[0]!.length + shared[1]!.length).toBe(20);
  expect(Math.min(shared[0]!.length, shared[1]!.length)).toBeGreaterThan(0);
  expect([figures[0]!.length, figures[1]!.length > 0]).toEqual([0, true]);
});

brokerTest(
  'nobody enters without a certificate, with one of his own making, or through the door of others',
  async () => {
    const key = makeKey();
    const day = { notBefore: new Date(Date.now() - 3_600_000), notAfter: new Date(Date.now() + 86_400_000) };
    const own = await selfSigned(
      { subject: { commonName: OWN, organisationalUnit: 'north' }, purpose: 'client', ...day },
      key,
    );
    await expect(asDevice({})).rejects.toThrow();
    await expect(asDevice({}, { username: OWN, password: 'guess' })).rejects.toThrow();
    await expect(asDevice({ cert: own, key })).rejects.toThrow();
    const [device, hub] = [await broker.device(OWN), await broker.operator('hub', 'hub')];
    await expect(asOperator(device)).rejects.toThrow();
    await expect(asDevice(hub)).rejects.toThrow();
    expect((await asDevice(device)).connected).toBe(true);
    expect((await asOperator(hub)).connected).toBe(true);
  },
);

brokerTest('a certificate that is over, or that is a server’s, is none of a device', async () => {
  const server = await signServer(broker.folder, ['north-mill-3.lan']);
  await expect(asDevice({ cert: server.chain, key: server.key })).rejects.toThrow();
  const past = await broker.device(OWN, -1);
  await expect(asDevice(past)).rejects.toThrow(/expired/);
});

brokerTest('who is revoked is silent at once and cannot come back, others go on', async () => {
  const [bad, good] = [await broker.device(OWN), await broker.device(OTHER)];
  const inside = await asDevice(bad);
  const other = await asDevice(good);
  expect(await publish(inside, topicOf(OWN, 'state'))).toBe(0);
  await revoke(broker.folder, OWN, 'keyCompromise');
  await broker.reload();
  expect(await publish(inside, topicOf(OWN, 'state'))).toBe(DENIED);
  await expect(asDevice(bad)).rejects.toThrow(/revoked/);
  expect(await publish(other, topicOf(OTHER, 'state'))).toBe(0);
  expect((await asDevice(good)).connected).toBe(true);
  const again = await broker.device(OWN);
  await broker.reload();
  expect(await publish(await asDevice(again), topicOf(OWN, 'state'))).toBe(0);
});

brokerTest('a payload larger than any message of ours is refused', async () => {
  const device = await asDevice(await broker.device(OWN), { properties: { sessionExpiryInterval: 0 } });
  expect(await publish(device, topicOf(OWN, 'live'), Buffer.alloc(200_000, 'x'))).toBe(0);
  const hub = await broker.operator('hub', 'hub');
  await broker.reload();
  const heard = await hear(await asOperator(hub), [`${ROOT}/#`]);
  const answer = await Promise.race([
    publish(device, topicOf(OWN, 'live'), Buffer.alloc(265_000, 'x')),
    new Promise((resolve) => device.once('close', () => resolve('cut off'))),
  ]);
  await settle();
  expect(answer).not.toBe(0);
  expect(heard).toEqual([]);
});

brokerTest('a device introduces itself to Home Assistant under its own name alone', async () => {
  const device = await asDevice(await broker.device(OWN));
  await broker.reload('homeassistant');
  expect(await publish(device, 'homeassistant/device/earshot_north_mill-3/config')).toBe(0);
  expect(await publish(device, 'homeassistant/device/earshot_north_mill-4/config')).toBe(DENIED);
});

test('the rules for EMQX are those of the contract, and what is never retained may not be', () => {
  const text = emqxAccess(accessOf(undefined));
  for (const kind of kinds('device'))
    expect(text).toContain(`"${ROOT}/\${username}/${kind}${'level' in MESSAGES[kind] ? '/+' : ''}"`);
  expect(text).toMatch(/\{publish, \[\{retain, false\}\]\}, \["seld\/v1\/\$\{username\}\/event\/\+"/);
  expect(text.trimEnd().endsWith('{deny, all}.')).toBe(true);
});
