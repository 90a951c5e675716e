// The collector between a real mosquitto and a real PostgreSQL: nothing lost when either is killed, nothing stored twice.
import { connectAsync, type MqttClient } from 'mqtt';
import { type EventMessage, encode } from '../../../runtime/uplink/topics.ts';
import { Collector } from '../../../tools/fleet/collector.ts';
import { type Database, openDatabase } from '../../../tools/fleet/database.ts';
import { listDevices } from '../../../tools/fleet/device-store.ts';
import { findGaps } from '../../../tools/fleet/event-store.ts';
import { migrate } from '../../../tools/fleet/migrations.ts';
import { listQuarantine } from '../../../tools/fleet/quarantine.ts';
import { type Mosquitto, mosquittoTest, startMosquitto } from '../../mosquitto.ts';
import { type Postgres, postgresTest, startPostgres } from '../../postgres.ts';
import { SIREN_TIME, siren } from './siren.ts';

const KEEPING = 'max_inflight_messages 100\npersistence true\nautosave_interval 1\nautosave_on_changes true';
/** After a restart mosquitto 2.0.11 keeps nothing for a client without a name, until it is back, once there are access rules. */
const RULES = 'topic readwrite #\nuser hub\ntopic readwrite #';
const time = SIREN_TIME;

const event = (seq: number, more?: Partial<EventMessage>) => encode('event', siren(seq, more));

interface Hub {
  readonly broker: Mosquitto;
  readonly postgres: Postgres;
  readonly database: Database;
  readonly device: MqttClient;
  readonly collector: (clientId: string, group?: string) => Promise<Collector>;
  readonly troubles: string[];
}

async function withHub(work: (hub: Hub) => Promise<void>): Promise<void> {
  const [broker, postgres] = await Promise.all([startMosquitto(KEEPING, RULES), startPostgres()]);
  const database = await openDatabase(postgres.url);
  await migrate(database);
  const device = await connectAsync(broker.url, { protocolVersion: 5, reconnectPeriod: 100 });
  const troubles: string[] = [];
  const collectors: Collector[] = [];
  const collector = async (clientId: string, group?: string) => {
    const onTrouble = (error: Error) => void troubles.push(error.message);
    const made = new Collector({
      url: broker.url.replace('//', '//hub@'),
      clientId,
      group,
      database,
      batchLimit: 50,
      onTrouble,
    });
    await made.start();
    collectors.push(made);
    return made;
  };
  try {
    await work({ broker, postgres, database, device, collector, troubles });
  } finally {
    await device.endAsync(true);
    await Promise.all(collectors.map((each) => each.stop()));
    await database.close();
    await broker.stop();
    await postgres.stop();
  }
}

const count = async (database: Database) =>
  (await database.query<{ n: number }>('select count(*)::int as n from event'))[0]!.n;

async function until(condition: () => Promise<boolean> | boolean, what: string, timeoutMs = 30_000): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; ) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`waited in vain until ${what}`);
}

/** Both servers are needed; each says by itself what is missing. */
const hubTest = (title: string, work: (hub: Hub) => Promise<void>) =>
  postgresTest(title, async () => withHub(work), 120_000);

mosquittoTest('mosquitto is here, for the tests below', async () => {
  const broker = await startMosquitto();
  await broker.stop();
});

hubTest(
  'events are stored once, broken messages put away, a device known by its last word',
  async ({ device, database, collector }) => {
    const hub = await collector('hub');
    for (let seq = 1; seq <= 120; seq += 1)
      if (seq !== 60) device.publish(event(seq).topic, event(seq).payload, { qos: 1 });
    device.publish(event(7).topic, event(7).payload, { qos: 1 });
    device.publish('seld/v1/yard/north/event/siren', '{"schema":', { qos: 1 });
    device.publish('seld/v1/yard/south/event/siren', event(1).payload, { qos: 1 }); // names another device
    const nul = event(200, { class: 'a\u0000b' });
    device.publish(nul.topic, nul.payload, { qos: 1 });
    const yearZero = event(201, { startTime: '0000-01-01T00:00:00.000Z' });
    device.publish(yearZero.topic, yearZero.payload, { qos: 1 });
    await device.publishAsync(
      'seld/v1/yard/north/state',
      JSON.stringify({ ...JSON.parse(state('ready')), more: 'kept' }),
      { qos: 1, retain: true },
    );
    await until(() => hub.figures.fresh === 119 && hub.figures.quarantined === 4, '119 events and 4 in quarantine');
    await until(async () => (await listDevices(database)).some((row) => row.state === 'ready'), 'the device is ready');
    expect(hub.figures).toMatchObject({ fresh: 119, duplicates: 1, quarantined: 4 });
    expect(await count(database)).toBe(119);
    expect(await findGaps(database)).toEqual([{ site: 'yard', device: 'north', bootId: 'b1', first: 60, last: 60 }]);
    const reasons = (await listQuarantine(database)).map(({ reason }) => reason).join('\n');
    for (const part of [
      'payload is no JSON',
      'payload names yard/north',
      'NUL',
      'date/time field value out of range',
    ]) {
      expect(reasons).toContain(part);
    }
  },
);

hubTest(
  'a database that crashes loses nothing: the broker keeps what is not acknowledged',
  async ({ device, database, postgres, collector, troubles }) => {
    const hub = await collector('hub');
    const send = (from: number, to: number) =>
      Promise.all(
        Array.from({ length: to - from + 1 }, (_, i) => event(from + i)).map(({ topic, payload }) =>
          device.publishAsync(topic, payload, { qos: 1 }),
        ),
      );
    await send(1, 100);
    await until(() => hub.figures.fresh === 100, '100 events');
    await postgres.kill();
    await send(101, 400);
    await until(() => troubles.length > 0, 'the trouble is told');
    await postgres.start();
    await until(async () => (await count(database)) === 400, 'all 400 events');
    expect(await findGaps(database)).toEqual([]);
  },
);

hubTest(
  'a collector that was away gets what came meanwhile; a broker that restarts is found again',
  async ({ broker, device, database, collector }) => {
    const first = await collector('hub');
    await first.stop();
    await Promise.all(
      Array.from({ length: 300 }, (_, i) => event(i + 1)).map(({ topic, payload }) =>
        device.publishAsync(topic, payload, { qos: 1 }),
      ),
    );
    expect(await count(database)).toBe(0);
    const second = await collector('hub');
    await until(() => second.figures.fresh === 300, '300 events');
    await new Promise((resolve) => setTimeout(resolve, 1500)); // the broker saves its subscriptions each second
    await broker.kill();
    await broker.start();
    await until(() => second.figures.isOnline && second.figures.reconnects > 0 && device.connected, 'all are back');
    await device.publishAsync(event(301).topic, event(301).payload, { qos: 1 });
    await until(() => second.figures.fresh === 301, 'the next event');
    expect(await findGaps(database)).toEqual([]);
  },
);

hubTest(
  'two collectors of a group share the work, and each event is stored by one',
  async ({ device, database, collector }) => {
    const [one, two] = [await collector('hub-1', 'hubs'), await collector('hub-2', 'hubs')];
    await Promise.all(
      Array.from({ length: 400 }, (_, i) => event(i + 1)).map(({ topic, payload }) =>
        device.publishAsync(topic, payload, { qos: 1 }),
      ),
    );
    await until(() => one.figures.fresh + two.figures.fresh === 400, 'all 400 events');
    expect(Math.min(one.figures.fresh, two.figures.fresh)).toBeGreaterThan(50);
    expect(one.figures.duplicates + two.figures.duplicates).toBe(0);
    expect(await findGaps(database)).toEqual([]);
  },
);

test('no broker is told in one sentence, without the password', async () => {
  const none = new Collector({
    url: 'mqtt://someone:secret@127.0.0.1:9',
    clientId: 'hub',
    database: undefined as never,
  });
  const told = await none.start().catch((error: Error) => error.message);
  expect(told).toMatch(/^No MQTT broker takes the collector at mqtt:\/\/127\.0\.0\.1:9/);
  expect(told).not.toContain('secret');
});

function state(word: 'ready'): string {
  return encode('state', {
    schema: 'seld/state/1',
    site: 'yard',
    device: 'north',
    bootId: 'b1',
    sessionSeq: 1,
    state: word,
    version: '1',
    time,
  }).payload;
}
