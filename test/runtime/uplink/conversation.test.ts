// What is said to the device and what it answers, and how others know that it is gone: MQTT 5 on a real broker.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MqttLink } from '../../../runtime/uplink/mqtt.ts';
import { type AnyMessage, type CommandMessage, encode, type MessageKind } from '../../../runtime/uplink/topics.ts';
import type { LivePicture } from '../../../runtime/uplink/uplink-options.ts';
import { mosquittoTest, startMosquitto } from '../../mosquitto.ts';
import { cuttableWire, event, IDENTITY, INFO, subscriber, until, uplinkTo } from './device.ts';

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function startBroker() {
  const broker = await startMosquitto();
  stops.push(() => broker.stop());
  const listener = await subscriber(broker.url);
  stops.push(() => listener.stop());
  const operator = new MqttLink({ url: broker.url, clientId: 'operator' });
  stops.push(() => operator.stop());
  await operator.start();
  return { url: broker.url, listener, operator };
}

async function startUplink(...settings: Parameters<typeof uplinkTo>) {
  const uplink = uplinkTo(...settings);
  stops.push(() => uplink.stop());
  await uplink.start(INFO);
  return uplink;
}

function ofKind<K extends MessageKind>(heard: readonly AnyMessage[], kind: K) {
  return heard.flatMap((message) => (message.kind === kind ? [message.message] : [])) as Extract<
    AnyMessage,
    { kind: K }
  >['message'][];
}

const inSeconds = (seconds: number) => new Date(Date.now() + 1000 * seconds).toISOString();
const { site, device } = IDENTITY;

function command(id: string, name: string, given: Record<string, unknown>, expiresAt = inSeconds(60)) {
  const message: CommandMessage = {
    schema: 'seld/cmd/1',
    site,
    device,
    id,
    name,
    arguments: given,
    time: inSeconds(0),
    expiresAt,
  };
  return encode('cmd', message);
}

mosquittoTest('a short drop of the connection is no alarm; a long one is told with boot and session', async () => {
  const { url, listener } = await startBroker();
  const wire = await cuttableWire(url);
  stops.push(() => wire.stop());
  await startUplink(wire.url, { willDelaySeconds: 3 });
  const said = () => listener.states().map(({ state, sessionSeq, bootId }) => `${state} ${sessionSeq} ${bootId}`);
  await until(() => said().length === 1);
  wire.cut();
  wire.mend();
  await until(() => said().length >= 2);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(said()).toEqual(['ready 1 c0ffee01', 'ready 2 c0ffee01']);
  wire.cut();
  await until(() => said().length === 3);
  expect(said()[2]).toBe('lost 2 c0ffee01');
  wire.mend();
  await until(() => said().length === 4);
  expect(said()[3]).toBe('ready 3 c0ffee01');
});

mosquittoTest('who asks for the live picture gets it for the time asked for, and nobody else pays for it', async () => {
  const { url, listener, operator } = await startBroker();
  let show: ((picture: LivePicture) => void) | undefined;
  const made: string[] = [];
  const live = {
    start(given: (picture: LivePicture) => void) {
      show = given;
      made.push('start');
    },
    stop: () => made.push('stop'),
  };
  await startUplink(url, { live });
  expect(made).toEqual([]);
  const picture = { streamSeconds: 1, levelsDbfs: [-40, -41, -42, -43], map: null, spectrogram: null };
  await operator.publish(command('a1', 'live', { seconds: 1 }));
  await until(() => ofKind(listener.heard, 'res').length === 1);
  expect(ofKind(listener.heard, 'res')[0]).toMatchObject({
    id: 'a1',
    name: 'live',
    status: 'ok',
    result: { seconds: 1 },
  });
  for (let i = 0; i < 5; i += 1) show!({ ...picture, streamSeconds: i });
  await until(() => ofKind(listener.heard, 'live').length === 1);
  await until(() => made.includes('stop'));
  show!(picture);
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(ofKind(listener.heard, 'live').map(({ seq, streamSeconds }) => [seq, streamSeconds])).toEqual([[1, 0]]);
  expect(made).toEqual(['start', 'stop']);
  await operator.publish(command('a2', 'live', { seconds: 86_400 }));
  await until(() => ofKind(listener.heard, 'res').length === 2);
  expect(ofKind(listener.heard, 'res')[1]).toMatchObject({
    status: 'refused',
    error: 'seconds must be 0 to 600, not 86400',
  });
});

mosquittoTest(
  'a command is done once, answered each time, and refused when it is too old, unknown or not to be read',
  async () => {
    const { url, listener, operator } = await startBroker();
    const problems: string[] = [];
    let done = 0;
    const commands = {
      mark: ({ note }: Readonly<Record<string, unknown>>) => {
        done += 1;
        return { note, done };
      },
      fail: () => {
        throw new Error('no room');
      },
    };
    await startUplink(url, { commands, onProblem: (code) => problems.push(code) });
    const { payload } = command('unreadable', 'mark', {});
    await operator.publish(command('b1', 'mark', { note: 'x' }));
    await operator.publish(command('b1', 'mark', { note: 'x' }));
    await operator.publish(command('b2', 'mark', {}, inSeconds(-1)));
    await operator.publish(command('b3', 'reboot', {}));
    await operator.publish(command('b4', 'fail', {}));
    await operator.publish({ ...command('b5', 'mark', {}), payload: payload.replace('"mark"', '"other"') });
    await until(() => ofKind(listener.heard, 'res').length === 5 && problems.includes('command-unreadable'));
    const answers = ofKind(listener.heard, 'res').map(({ id, status, error, result }) => [id, status, error, result]);
    expect(answers.sort()).toEqual([
      ['b1', 'ok', null, { note: 'x', done: 1 }],
      ['b1', 'ok', null, { note: 'x', done: 1 }],
      ['b2', 'refused', expect.stringMatching(/expired at/), {}],
      ['b3', 'refused', 'there is no command reboot; there are: mark, fail', {}],
      ['b4', 'failed', 'no room', {}],
    ]);
  },
);

mosquittoTest(
  'desired settings reach a device that comes later, and what it reports stays for those who come after it',
  async () => {
    const { url, operator } = await startBroker();
    const desired = {
      schema: 'seld/config-desired/1' as const,
      site,
      device,
      version: 4,
      settings: { healthSeconds: 10 },
    };
    await operator.publish(encode('config/desired', { ...desired, time: inSeconds(0) }));
    const heard: unknown[] = [];
    const uplink = await startUplink(url, { onDesired: (message) => heard.push(message) });
    await until(() => heard.length === 1);
    expect(heard[0]).toMatchObject({ version: 4, settings: { healthSeconds: 10 } });
    await operator.publish({
      ...encode('config/desired', { ...desired, time: inSeconds(0) }),
      payload: '{}',
      retain: false,
    });
    await until(() => heard.length === 2);
    expect(heard[1]).toBeInstanceOf(Error);
    uplink.report({ version: 4, state: 'applied', desiredVersion: 4, errors: [] });
    await uplink.stop();
    const late = await subscriber(url);
    stops.push(() => late.stop());
    await until(() => ofKind(late.heard, 'config/reported').length === 1);
    expect(ofKind(late.heard, 'config/reported')[0]).toMatchObject({ version: 4, state: 'applied' });
  },
);

mosquittoTest('Home Assistant finds the device by one retained message, said again when it starts anew', async () => {
  const { url, operator } = await startBroker();
  const found: { topic: string; config: Record<string, Record<string, Record<string, unknown>>> }[] = [];
  await operator.subscribe(['homeassistant/device/+/config'], (topic, payload) =>
    found.push({ topic, config: JSON.parse(Buffer.from(payload).toString()) }),
  );
  await startUplink(url, { homeAssistant: { prefix: 'homeassistant' } });
  await until(() => found.length === 1);
  const { topic, config } = found[0]!;
  expect(topic).toBe('homeassistant/device/earshot_mill_ear-3/config');
  expect(config.device).toMatchObject({ identifiers: ['earshot_mill_ear-3'], sw_version: '0.1.0' });
  expect(config.origin).toMatchObject({ name: 'earshot' });
  const components = Object.values(config.components!);
  expect(new Set(components.map(({ unique_id: id }) => id)).size).toBe(components.length);
  expect(config.components!.sound).toMatchObject({
    ...{ platform: 'event', state_topic: 'seld/v1/mill/ear-3/event/+', event_types: ['low', 'high'] },
  });
  await operator.publish({ topic: 'homeassistant/status', payload: 'online', qos: 1, retain: false });
  await until(() => found.length === 2);
  expect(found[1]).toEqual(found[0]);
});

mosquittoTest('CloudEvents carry the same message, with the attributes that the standard asks for', async () => {
  const { url, listener, operator } = await startBroker();
  const raw: Record<string, unknown>[] = [];
  await operator.subscribe(['seld/v1/+/+/event/+'], (_, payload) =>
    raw.push(JSON.parse(Buffer.from(payload).toString())),
  );
  const uplink = await startUplink(url, { cloudEvents: true });
  uplink.publish(event());
  await until(() => raw.length === 1 && listener.events().length === 1);
  expect(raw[0]).toEqual({
    ...{ specversion: '1.0', id: 'ear-3/c0ffee01/1', source: '/mill/ear-3', type: 'seld.event.1' },
    ...{ time: '2023-11-14T22:13:22.200Z', datacontenttype: 'application/json', dataschema: 'urn:seld:event:1' },
    data: listener.events()[0],
  });
});

mosquittoTest('a hub that misses events asks for them by number and gets them as they were', async () => {
  const { url, listener, operator } = await startBroker();
  const folder = mkdtempSync(join(tmpdir(), 'earshot-backfill-'));
  stops.push(async () => rmSync(folder, { recursive: true, force: true }));
  const uplink = await startUplink(url, { outbox: { folder, commitMs: 0 } });
  for (let track = 1; track <= 20; track++) uplink.publish(event({ trackId: track }));
  await until(() => uplink.figures.acknowledged >= 20);
  const first = ofKind(listener.heard, 'event');
  const ask = async (id: string, given: Record<string, unknown>) => {
    await operator.publish(command(id, 'backfill', given));
    await until(() => ofKind(listener.heard, 'res').some((answer) => answer.id === id));
    return ofKind(listener.heard, 'res').find((answer) => answer.id === id)!;
  };
  const { bootId } = IDENTITY;
  const ranges = [
    { from: 3, to: 5 },
    { from: 19, to: 22 },
  ];
  expect(await ask('a1', { bootId, ranges })).toMatchObject({ status: 'ok', result: { resent: 5, unknown: 2 } });
  await until(() => ofKind(listener.heard, 'event').length === 25);
  const again = ofKind(listener.heard, 'event').slice(20);
  expect(again).toEqual([3, 4, 5, 19, 20].map((seq) => first.find((each) => each.seq === seq)));
  expect(await ask('a2', { bootId: 'c0ffee99', ranges })).toMatchObject({ result: { resent: 0, unknown: 7 } });
  const tooMany = await ask('a3', { bootId, ranges: [{ from: 1, to: 20_000 }] });
  expect(tooMany).toMatchObject({ status: 'refused', error: 'ranges: at most 10000 numbers at once' });
  expect(await ask('a4', { bootId, ranges: [{ from: 5, to: 3 }] })).toMatchObject({ status: 'refused' });
});
