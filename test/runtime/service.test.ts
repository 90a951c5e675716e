// The device as a service: it listens until it is told to stop, says what is wrong, and outlives it.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openLoopedRecording } from '../../runtime/capture/looped-recording.ts';
import type { Config } from '../../runtime/config.ts';
import { createLog } from '../../runtime/device/log.ts';
import { Supervisor } from '../../runtime/device/supervisor.ts';
import { OnnxEngine } from '../../runtime/inference/onnx-engine.ts';
import { Service, type ServiceOptions } from '../../runtime/service.ts';
import { MqttLink } from '../../runtime/uplink/mqtt.ts';
import {
  type AnyMessage,
  decode,
  encode,
  filterOf,
  type HealthMessage,
  MESSAGES,
} from '../../runtime/uplink/topics.ts';
import { type Broker, startBroker } from '../../tools/broker.ts';
import { type Orders, openOrderedSource, orders } from '../fakes/ordered-source.ts';
import { LOUDNESS_FOLDER, temporaryFolder, writeRecording } from '../loudness-model.ts';

let broker: Broker;
let folder: string;
let recording: string;
let running: Service | undefined;
let subscriber: Awaited<ReturnType<typeof subscribe>> | undefined;

beforeEach(async () => {
  broker = await startBroker();
  folder = await temporaryFolder();
  recording = join(folder, 'sound.wav');
  writeRecording(recording, {
    ...{ seconds: 3, sampleRate: 24000 },
    sounds: [{ label: 'low', startSeconds: 0.5, endSeconds: 1.5, azimuth: 60, elevation: 0 }],
  });
});

afterEach(async () => {
  await running?.stop('test');
  running = undefined;
  await subscriber?.stop();
  subscriber = undefined;
  await broker.stop();
});

async function subscribe(url: string) {
  const heard: AnyMessage[] = [];
  const link = new MqttLink({ url, clientId: `subscriber-${Math.random().toString(36).slice(2)}` });
  await link.start();
  const filters = (Object.keys(MESSAGES) as (keyof typeof MESSAGES)[]).map((kind) => filterOf(kind));
  await link.subscribe(filters, (topic, payload) => heard.push(decode(topic, payload)!));
  const of = <K extends AnyMessage['kind']>(kind: K) =>
    heard.flatMap((message) =>
      message.kind === kind ? [message.message as (AnyMessage & { kind: K })['message']] : [],
    );
  return { of, link, stop: () => link.stop() };
}

async function until(condition: () => boolean, what = 'it'): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const log: string[] = [];

function device(
  changes: Record<string, unknown> = {},
  options: Partial<ServiceOptions> = {},
  faults?: Orders,
): Service {
  const settings = {
    ...{
      site: 'mill',
      device: 'ear-3',
      broker: broker.url,
      model: LOUDNESS_FOLDER,
      stateFolder: join(folder, 'state'),
    },
    ...{ healthSeconds: 1, microphone: { recording }, remote: { trialSeconds: 2 }, ...changes },
  };
  const open = (config: Config) => () => openLoopedRecording({ path: config.microphone!.recording! });
  running = new Service({
    ...{ settings, version: '1.2.3', supervisor: new Supervisor({}) },
    log: createLog({ write: (line) => log.push(line), plain: false }),
    openSource: (config) => (faults ? openOrderedSource(open(config), faults) : open(config)()),
    ...options,
  });
  return running;
}

const codes = (message: HealthMessage | undefined) => (message?.faults ?? []).map(({ code }) => code);

test('it listens, tells sounds and health, and says goodbye when it is stopped', async () => {
  subscriber = await subscribe(broker.url);
  const service = device();
  await service.start();
  await until(() => subscriber!.of('event').some(({ phase }) => phase === 'end'), 'an event');
  await until(() => subscriber!.of('health').length > 2, 'health');
  const [event] = subscriber.of('event');
  expect(event).toMatchObject({ class: 'low', device: 'ear-3', bootId: service.bootId, phase: 'new' });
  expect(event!.azimuth).toBeCloseTo(60, -1);
  const health = subscriber.of('health').at(-1)!;
  expect(health).toMatchObject({ version: '1.2.3', model: 'loudness', lastExit: { reason: null, startsLastHour: 1 } });
  expect(health.streamSeconds).toBeGreaterThan(1);
  expect(health.realTimeFactor).toBeLessThan(1);
  expect(codes(health).filter((code) => !code.startsWith('clock'))).toEqual([]);
  await service.stop('SIGTERM');
  expect(subscriber.of('state').map(({ state }) => state)).toEqual(['ready', 'disconnected']);
  running = undefined;
  await device().start();
  await until(() => subscriber!.of('health').at(-1)?.bootId !== service.bootId, 'health of the next start');
  expect(subscriber.of('health').at(-1)!.lastExit).toMatchObject({ reason: 'stopped: SIGTERM', startsLastHour: 2 });
});

test('a microphone that stalls or breaks is told, and heard again when it is back; tracks go on counting', async () => {
  subscriber = await subscribe(broker.url);
  const faults = orders();
  await device({}, {}, faults).start();
  await until(() => subscriber!.of('event').length > 0, 'an event');
  faults.stalled = true;
  await until(() => codes(subscriber!.of('health').at(-1)).includes('sound-stalled'), 'the stall');
  faults.stalled = false;
  await until(() => !codes(subscriber!.of('health').at(-1)).includes('sound-stalled'), 'the end of the stall');
  expect(subscriber.of('health').at(-1)!.lostSamples).toBeGreaterThan(24000);
  faults.broken = 'unplugged by order';
  await until(() => codes(subscriber!.of('health').at(-1)).includes('source-failed'), 'the break');
  const before = Math.max(...subscriber.of('event').map(({ track }) => track));
  faults.broken = undefined;
  await until(() => codes(subscriber!.of('health').at(-1)).length === 0, 'recovery');
  await until(() => Math.max(...subscriber!.of('event').map(({ track }) => track)) > before, 'another event');
  const seen = subscriber
    .of('event')
    .filter(({ phase }) => phase === 'new')
    .map(({ track }) => track);
  expect(new Set(seen).size).toBe(seen.length);
  expect(subscriber.of('health').at(-1)!.streamRestarts).toBeGreaterThan(0);
}, 40_000);

test('a microphone that is not there at the start is waited for', async () => {
  subscriber = await subscribe(broker.url);
  const missing = join(folder, 'later.wav');
  await device({ microphone: { recording: missing } }).start();
  await until(() => codes(subscriber!.of('health').at(-1)).includes('source-failed'), 'the fault');
  expect(subscriber.of('health').at(-1)!.realTimeFactor).toBeNull();
  writeRecording(missing, { seconds: 2, sampleRate: 24000, sounds: [] });
  await until(() => (subscriber!.of('health').at(-1)?.streamSeconds ?? 0) > 0, 'sound');
});

test('a broker that is not there at the start is waited for, and hears everything', async () => {
  const [url] = [broker.url];
  await broker.stop();
  const service = device({ broker: url });
  await service.start();
  await until(() => service.heartbeat.outbox.queued > 1, 'events in the outbox');
  await until(() => service.faults.has('broker-lost'), 'the fault');
  expect(service.heartbeat.outbox.dropped).toBe(0);
  broker = await startBroker();
}, 30_000);

test('a network that breaks is replaced', async () => {
  subscriber = await subscribe(broker.url);
  const faults = { fail: false };
  const createBackend: ServiceOptions['createBackend'] = (_, model) => {
    const engine = new OnnxEngine({ model });
    const run = engine.run.bind(engine);
    engine.run = (features, frames) =>
      faults.fail ? Promise.reject(new Error('the engine fell over')) : run(features, frames);
    return engine;
  };
  await device({}, { createBackend }).start();
  faults.fail = true;
  await until(() => codes(subscriber!.of('health').at(-1)).includes('inference-failed'), 'the fault');
  faults.fail = false;
  const before = subscriber.of('event').length;
  await until(() => subscriber!.of('event').length > before, 'an event');
  await until(() => !codes(subscriber!.of('health').at(-1)).includes('inference-failed'), 'recovery');
});

test('settings from far are tried and kept, and wrong ones are refused with the reason', async () => {
  subscriber = await subscribe(broker.url);
  await device().start();
  const desire = (version: number, settings: Record<string, unknown>) =>
    subscriber!.link.publish(
      encode('config/desired', {
        ...{ schema: 'seld/config-desired/1', site: 'mill', device: 'ear-3', version, settings },
        time: new Date().toISOString(),
      }),
    );
  const reported = () => subscriber!.of('config/reported').at(-1);
  await until(() => reported()?.state === 'applied', 'the first report');
  await desire(1, { headingDegrees: 400 });
  await until(() => reported()?.state === 'refused', 'the refusal');
  expect(reported()).toMatchObject({ version: 0, desiredVersion: 1, errors: [{ key: 'headingDegrees' }] });
  await desire(2, { headingDegrees: 90 });
  await until(() => reported()?.state === 'applied' && reported()?.version === 2, 'the change');
  await until(() => subscriber!.of('event').at(-1)?.headingDegrees === 90, 'an event with the heading');
  expect(subscriber.of('info').at(-1)!.headingDegrees).toBe(90);
});

test('settings that leave it deaf are taken back', async () => {
  subscriber = await subscribe(broker.url);
  const faults = orders();
  await device({}, {}, faults).start();
  await until(() => (subscriber!.of('health').at(-1)?.streamSeconds ?? 0) > 0, 'sound');
  const message = encode('config/desired', {
    ...{ schema: 'seld/config-desired/1', site: 'mill', device: 'ear-3', version: 7, settings: { headingDegrees: 90 } },
    time: new Date().toISOString(),
  });
  faults.broken = 'unplugged by order';
  await subscriber.link.publish(message);
  const reported = () => subscriber!.of('config/reported').at(-1);
  await until(() => reported()?.state === 'rolled-back', 'the way back');
  expect(reported()).toMatchObject({ version: 0, desiredVersion: 7, errors: [{ message: 'unplugged by order' }] });
});

test('a jump of the clock is told', async () => {
  let jumpMs = 0;
  const service = device({}, { wallClock: () => Date.now() + jumpMs });
  await service.start();
  await new Promise((resolve) => setTimeout(resolve, 2200));
  jumpMs = -7200_000;
  await until(() => service.faults.has('clock-jumped'), 'the jump');
  expect(service.faults.list.find(({ code }) => code === 'clock-jumped')!.message).toMatch(/by -7200\.\d s/);
});

test('figures for Prometheus are served while it runs', async () => {
  await device({ metrics: { port: 0 } }).start();
  const line = log.findLast((text) => text.includes('"code":"metrics"'))!;
  const [url] = /http:\/\/127\.0\.0\.1:\d+\/metrics/.exec(line)!;
  await until(() => running!.heartbeat.streamSeconds > 0, 'sound');
  expect(await (await fetch(url)).text()).toMatch(/earshot_info\{version="1\.2\.3",model="loudness"/);
});

test('a service that cannot run at all says why, also to its next start', async () => {
  await expect(device({ model: '/nowhere' }).start()).rejects.toThrow(/nowhere/);
  running = undefined;
  const next = device();
  await next.start();
  expect(next.heartbeat.lastExit.reason).toMatch(/^failed: .*nowhere/);
});

test('a state folder that cannot be written is a mistake of the user, said at once', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  await expect(device({ stateFolder: join(file, 'state') }).start()).rejects.toThrow(/stateFolder .*cannot be written/);
  running = undefined;
  rmSync(file);
  mkdirSync(file);
});
