// Several collectors that share a subscription: what they store together with a database that is a network away.
import { createServer, connect as dial } from 'node:net';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../../tools/fleet/database.ts';
import { findGaps } from '../../tools/fleet/event-store.ts';
import { migrate } from '../../tools/fleet/migrations.ts';
import { startMosquitto } from '../mosquitto.ts';
import { startPostgres } from '../postgres.ts';
import { ChildLines } from './child-lines.ts';

const DEVICES = fileURLToPath(new URL('./fleet-devices.js', import.meta.url));
const COLLECTOR = fileURLToPath(new URL('./fleet-collector.js', import.meta.url));
/** One way, as between two zones of a data centre and more: a round trip of a commit takes several. */
const DELAY_MS = 10;
const GROUPS = [1, 2, 4];
const BATCH = 100;

/** Prints a row for each number of collectors. */
export async function sharing(messages: number): Promise<void> {
  console.log(
    `\ncollectors that share the work, ${DELAY_MS} ms from the database, batches of ${BATCH}\n| collectors | messages | messages/s | of one | lost |\n|---|---|---|---|---|`,
  );
  let one = Number.NaN;
  for (const collectors of GROUPS) {
    const { stored, published, rate, gaps } = await measure(collectors, Math.min(messages, 20_000));
    if (collectors === 1) one = rate;
    const lost = published - stored + (gaps > 0 ? ` (${gaps} gaps)` : '');
    console.log(`| ${collectors} | ${published} | ${Math.round(rate)} | ${(rate / one).toFixed(2)} × | ${lost} |`);
  }
}

async function measure(collectors: number, messages: number) {
  const [broker, postgres] = await Promise.all([startMosquitto('max_inflight_messages 2000'), startPostgres()]);
  const database = await openDatabase(postgres.url);
  await migrate(database);
  const wire = await slowWire(Number(new URL(postgres.url).port));
  const far = postgres.url.replace(/:\d+\//, `:${wire.port}/`);
  const hubs = Array.from(
    { length: collectors },
    (_, i) => new ChildLines(COLLECTOR, { url: broker.url, database: far, clientId: `hub-${i}`, batchLimit: BATCH }),
  );
  await Promise.all(hubs.map((hub) => hub.next()));
  const fleet = new ChildLines(DEVICES, {
    ...{ url: broker.url, protocolVersion: 5, devices: 200, messages, rate: 0, first: 1 },
  });
  await fleet.next();
  const started = performance.now();
  fleet.tell('go');
  const { published } = await fleet.next<{ published: number }>();
  const count = async () => (await database.query<{ n: number }>('select count(*)::int as n from event'))[0]!.n;
  for (let quietMs = 0, last = -1, now = await count(); quietMs < 5000 && now < published; now = await count()) {
    quietMs = now === last ? quietMs + 50 : 0;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const seconds = (performance.now() - started) / 1000;
  const stored = await count();
  const gaps = (await findGaps(database)).length;
  await Promise.all(hubs.map((hub) => hub.end()));
  await wire.stop();
  await database.close();
  await broker.stop();
  await postgres.stop();
  return { stored, published, gaps, rate: stored / seconds };
}

/** A way to a port of this machine on which every byte takes its time. */
async function slowWire(port: number) {
  const server = createServer((near) => {
    const far = dial(port, '127.0.0.1');
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      from.on('data', (bytes) => setTimeout(() => to.write(bytes), DELAY_MS));
      from.on('close', () => setTimeout(() => to.destroy(), DELAY_MS));
      from.on('error', () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: own } = server.address() as { port: number };
  return { port: own, stop: () => new Promise((resolve) => server.close(resolve)) };
}
