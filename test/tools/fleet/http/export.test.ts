// An export of 100,000 events over real HTTP to a reader that takes its time: whole, in order, and never in memory at once.
import { get as httpGet, type IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { openDatabase } from '../../../../tools/fleet/database.ts';
import { storeEvents } from '../../../../tools/fleet/event-store.ts';
import { migrate } from '../../../../tools/fleet/migrations.ts';
import { postgresTest, startPostgres } from '../../../postgres.ts';
import { fleetEvent } from '../fleet-data.ts';
import { startHubServer } from './hub-server.ts';

const EVENTS = 100_000;
const BATCH = 5000;

postgresTest(
  '100,000 events leave PostgreSQL as CSV in bounded memory, and the search uses the indexes',
  async () => {
    const postgres = await startPostgres(['fsync=off']);
    const database = await openDatabase(postgres.url);
    await migrate(database);
    for (let from = 1; from <= EVENTS; from += BATCH) {
      await storeEvents(
        database,
        Array.from({ length: BATCH }, (_, i) => fleetEvent('yard', `ear-${(from + i) % 50}`, from + i)),
      );
    }
    await database.query('analyze event');
    const hub = await startHubServer({}, database);
    try {
      const viewer = await hub.signIn('viewer');
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const url = `${hub.url}/api/v1/events/export?format=csv`;
        httpGet(url, { headers: { cookie: viewer.cookie } }, resolve).on('error', reject);
      });
      const queries = { count: 0 };
      const { query } = database;
      (database as { query: typeof query }).query = (...given) => {
        queries.count += 1;
        return query(...given);
      };
      await pause(1000); // nobody reads yet: what waits is what sockets and one page hold
      const asked = queries.count;
      expect(asked).toBeLessThan(40);
      let [lines, last, bytes] = [0, '', 0];
      let rest = '';
      for await (const chunk of response.setEncoding('utf8')) {
        bytes += chunk.length;
        const parts = (rest + chunk).split('\r\n');
        rest = parts.pop()!;
        lines += parts.length;
        last = parts.at(-1) ?? last;
      }
      expect([lines, rest]).toEqual([EVENTS + 1, '']);
      expect(last).toContain(`,b1,${EVENTS},`);
      expect(bytes).toBeGreaterThan(10_000_000);
      expect(queries.count).toBeGreaterThanOrEqual(EVENTS / 1000 - asked);

      const plan = async (sql: string) =>
        (await database.query<{ 'QUERY PLAN': string }>(`explain ${sql}`)).map((row) => row['QUERY PLAN']).join('\n');
      const order = 'order by start_time desc, site desc, device desc, boot_id desc, seq desc limit 101';
      const deep = "(start_time, site, device, boot_id, seq) < ('2026-11-23 20:00:00+00', 'yard', 'ear-1', 'b1', 500)";
      expect(await plan(`select message from event where ${deep} ${order}`)).toMatch(/Index Scan.* using event_time/);
      expect(await plan(`select message from event where site = 'yard' and device = 'ear-7' ${order}`)).toMatch(
        /Index Scan.* using event_(device_)?time/,
      );
      expect(await plan(`select message from event where class = 'siren' ${order}`)).toMatch(
        /Index Scan.* using event_(class_)?time/,
      );
    } finally {
      await hub.stop();
      await postgres.stop();
    }
  },
  120_000,
);
