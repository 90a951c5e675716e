// npm run bench:fleet: devices over MQTT into the database, through mosquitto into PostgreSQL and through the embedded default;
// several collectors that share the work; and thousands of devices whose broker goes. --only NAME runs one of them.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startBroker } from '../../tools/broker.ts';
import { Collector } from '../../tools/fleet/collector.ts';
import { type Database, openDatabase } from '../../tools/fleet/database.ts';
import { findGaps } from '../../tools/fleet/event-store.ts';
import { migrate } from '../../tools/fleet/migrations.ts';
import { startMosquitto } from '../mosquitto.ts';
import { startPostgres } from '../postgres.ts';
import { ChildLines } from './child-lines.ts';
import { sharing } from './fleet-sharing.ts';
import { storm } from './fleet-storm.ts';

const DEVICES = fileURLToPath(new URL('./fleet-devices.js', import.meta.url));

interface Load {
  readonly devices: number;
  readonly messages: number;
  readonly rate: number;
}

interface Place {
  readonly title: string;
  readonly url: string;
  readonly protocolVersion: 4 | 5;
  readonly database: Database;
  stop(): Promise<void>;
}

const { values } = parseArgs({
  options: {
    devices: { type: 'string', default: '500' },
    messages: { type: 'string', default: '60000' },
    rate: { type: 'string', default: '0' },
    only: { type: 'string' },
    'storm-devices': { type: 'string', default: '5000' },
    away: { type: 'string', default: '20' },
  },
});
const load: Load = { devices: Number(values.devices), messages: Number(values.messages), rate: Number(values.rate) };
const places: Record<string, () => Promise<Place>> = { server, embedded };

async function server(): Promise<Place> {
  const [broker, postgres] = await Promise.all([startMosquitto('max_inflight_messages 2000'), startPostgres()]);
  const database = await openDatabase(postgres.url);
  return {
    ...{ title: 'mosquitto, PostgreSQL', url: broker.url, protocolVersion: 5, database },
    stop: async () => {
      await database.close();
      await broker.stop();
      await postgres.stop();
    },
  };
}

async function embedded(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-bench-'));
  const [broker, database] = await Promise.all([startBroker(), openDatabase(folder)]);
  return {
    ...{ title: 'embedded broker and database', url: broker.url, protocolVersion: 4, database },
    stop: async () => {
      await broker.stop();
      await database.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** One row: rate and delay from the device's sentTime to the commit, what was lost by the numbers of the rows. */
async function measure(
  { title, url, protocolVersion, database }: Place,
  { devices, messages, rate }: Load,
): Promise<string> {
  await migrate(database);
  const delaysMs: number[] = [];
  const collector = new Collector({
    ...{ url, clientId: 'hub', database },
    onEvents: (events) => {
      const now = Date.now();
      for (const { sentTime } of events) delaysMs.push(now - Date.parse(sentTime));
    },
  });
  await collector.start();
  const fleet = new ChildLines(DEVICES, { url, protocolVersion, devices, messages, rate, first: 1 });
  await fleet.next();
  const started = performance.now();
  fleet.tell('go');
  const { published } = await fleet.next<{ published: number }>();
  for (
    let quiet = 0, last = -1;
    quiet < 3000 && collector.figures.fresh < published;
    quiet = collector.figures.fresh === last ? quiet + 50 : 0
  ) {
    last = collector.figures.fresh;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const seconds = (performance.now() - started) / 1000;
  const [row] = await database.query<{ n: number; bytes: number }>(
    "select count(*)::int as n, pg_total_relation_size('event')::float8 as bytes from event",
  );
  const { duplicates } = collector.figures;
  const gaps = await findGaps(database);
  await collector.stop();
  delaysMs.sort((a, b) => a - b);
  const at = (p: number) => `${Math.round(delaysMs[Math.floor(p * (delaysMs.length - 1))] ?? Number.NaN)} ms`;
  const lost = published - row!.n + (gaps.length > 0 ? ` (${gaps.length} gaps)` : '');
  return `| ${title} | ${devices} | ${published} | ${Math.round(row!.n / seconds)} | ${at(0.5)} | ${at(0.99)} | ${lost} | ${duplicates} | ${Math.round(row!.bytes / row!.n)} |`;
}

async function throughput(): Promise<void> {
  console.log(
    '| through | devices | messages | messages/s | stored after p50 | p99 | lost | repeated | bytes of a stored event |\n|---|---|---|---|---|---|---|---|---|',
  );
  for (const [name, open] of Object.entries(places)) {
    if (values.only && values.only !== name) continue;
    const place = await open();
    try {
      console.log(await measure(place, load));
    } finally {
      await place.stop();
    }
  }
}

const wants = (...names: string[]) => values.only === undefined || names.includes(values.only);
if (wants(...Object.keys(places))) await throughput();
if (wants('sharing')) await sharing(load.messages);
if (wants('storm')) {
  await storm({
    ...{ devices: Number(values['storm-devices']), awaySeconds: Number(values.away) },
    ...{ soundsPerHour: 120, healthSeconds: 30, steadySeconds: 30 },
  });
}
