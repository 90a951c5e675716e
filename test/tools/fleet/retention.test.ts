// What is old goes, what is new stays, and what was removed is no gap; room is made from the oldest on; the collector is not held up.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, openDatabase } from '../../../tools/fleet/database.ts';
import { findGaps, storeEvents } from '../../../tools/fleet/event-store.ts';
import { migrate } from '../../../tools/fleet/migrations.ts';
import { Retention } from '../../../tools/fleet/retention.ts';
import { DEFAULT_KEEP_DAYS, keepBytes, keepDays } from '../../../tools/fleet/retention-rules.ts';
import { postgresTest, startPostgres } from '../../postgres.ts';
import { fleetEvent } from './fleet-data.ts';

/** The moment of event 0 of fleetEvent; event n begins n seconds later. */
const BEGIN_MS = Date.parse('2026-11-23T10:00:00.000Z');
const DAY_MS = 86_400_000;

async function sweeps(database: Database): Promise<void> {
  await migrate(database);
  const old = Array.from({ length: 2500 }, (_, i) => fleetEvent('yard', 'north', i + 1));
  await storeEvents(database, old);
  await storeEvents(database, [fleetEvent('yard', 'north', 2600)]);
  for (const [days, state] of [
    [40, 'done'],
    [40, 'waiting'],
    [1, 'done'],
  ] as const) {
    await database.query(
      `with hook as (insert into webhook (url, secret, settings, created_by) values ('u', 's', '{}', 'me') returning id)
       insert into webhook_delivery (id, webhook, type, body, created, state)
       select $1, id, 't', 'b', $2::timestamptz, $3 from hook`,
      [`${days}-${state}`, new Date(BEGIN_MS - days * DAY_MS), state],
    );
  }
  const gaps = [{ site: 'yard', device: 'north', bootId: 'b1', first: 2501, last: 2599 }];
  expect(await findGaps(database)).toEqual(gaps);
  const retention = new Retention({ database, keepDays: { ...DEFAULT_KEEP_DAYS, events: 1 }, keepBytes: Infinity });
  // A day after event 2000: those before it are older than a day.
  const removed = await retention.sweep(BEGIN_MS + DAY_MS + 2000 * 1000);
  expect(removed).toEqual({ byAge: { events: 1999, deliveries: 1 }, bySize: 0 });
  expect(await database.query('select min(seq)::int as first, count(*)::int as count from event')).toEqual([
    { first: 2000, count: 502 },
  ]);
  expect(await database.query('select id from webhook_delivery order by id')).toEqual([
    { id: '1-done' },
    { id: '40-waiting' },
  ]);
  expect(await findGaps(database)).toEqual(gaps);
  expect(retention.figures.removed).toMatchObject({ events: 1999 });

  const bytes = retention.figures.eventBytes!;
  const tight = new Retention({ database, keepDays: keepDays('ever'), keepBytes: bytes / 2 });
  const { byAge, bySize } = await tight.sweep(BEGIN_MS);
  expect(byAge).toEqual({});
  expect(bySize / 502).toBeCloseTo(0.525, 1);
  expect(await database.query('select max(seq)::int as last, count(*)::int as count from event')).toEqual([
    { last: 2600, count: 502 - bySize },
  ]);
  expect(await findGaps(database)).toEqual(gaps);
  expect((await tight.sweep(BEGIN_MS)).bySize).toBe(0);
}

test('the embedded database loses what is too old or too much, and no more', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-retention-'));
  const database = await openDatabase(folder);
  try {
    await sweeps(database);
  } finally {
    await database.close();
    await rm(folder, { recursive: true });
  }
}, 60_000);

postgresTest(
  'a PostgreSQL server loses what is too old or too much, while two hubs sweep and one stores',
  async () => {
    const postgres = await startPostgres(['fsync=off']);
    const database = await openDatabase(postgres.url);
    try {
      await sweeps(database);
      const old = { startTime: '2020-01-01T00:00:00.000Z' };
      const more = Array.from({ length: 6000 }, (_, i) => fleetEvent('yard', 'south', i + 1, old));
      await storeEvents(database, more);
      const sweep = () => new Retention({ database, keepDays: DEFAULT_KEEP_DAYS, keepBytes: Infinity }).sweep(BEGIN_MS);
      const fresh = Array.from({ length: 1000 }, (_, i) => fleetEvent('yard', 'west', i + 1));
      const [first, second] = await Promise.all([sweep(), sweep(), storeEvents(database, fresh)]);
      expect((first.byAge.events ?? 0) + (second.byAge.events ?? 0)).toBe(6000);
      expect(await database.query("select count(*)::int as count from event where device = 'west'")).toEqual([
        { count: 1000 },
      ]);
    } finally {
      await database.close();
      await postgres.stop();
    }
  },
  60_000,
);

test('sweeping goes on by itself, tells what it took, and ends at once when told to', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-retention-'));
  const database = await openDatabase(folder);
  try {
    await migrate(database);
    await storeEvents(database, [fleetEvent('yard', 'north', 1, { startTime: '2020-01-01T00:00:00.000Z' })]);
    const told = await new Promise((resolve, reject) => {
      const retention = new Retention({
        ...{ database, keepDays: DEFAULT_KEEP_DAYS, keepBytes: Infinity, everyMs: 20, onTrouble: reject },
        onRemoved: (removed) => void retention.stop().then(() => resolve(removed), reject),
      });
      retention.start();
    });
    expect(told).toEqual({ byAge: { events: 1 }, bySize: 0 });
  } finally {
    await database.close();
    await rm(folder, { recursive: true });
  }
}, 60_000);

test('what to keep is read from options, and nonsense is refused in a sentence', () => {
  expect(keepDays('90')).toEqual({ ...DEFAULT_KEEP_DAYS, events: 90 });
  expect(keepDays('events=ever, health=0.5')).toMatchObject({ events: Infinity, health: 0.5, audit: 730 });
  for (const text of ['0', 'soon', 'events=', 'tables=3', 'events=-1'])
    expect(() => keepDays(text)).toThrow(/--keep-days/);
  expect(keepBytes('2.5')).toBe(2.5e9);
  expect(keepBytes('all')).toBe(Infinity);
  for (const text of ['0', '', 'x']) expect(() => keepBytes(text)).toThrow(/--keep-gigabytes/);
});
