// TimescaleDB cannot be had where the tests run. Its functions are played by PostgreSQL's own partitions, so that the hub's
// statements run on tables that are really cut; what TimescaleDB itself does with them is in docs/hardware-checklist.md.
import { type Database, openDatabase } from '../../../tools/fleet/database.ts';
import { findGaps, storeEvents } from '../../../tools/fleet/event-store.ts';
import { migrate } from '../../../tools/fleet/migrations.ts';
import { Retention } from '../../../tools/fleet/retention.ts';
import { DEFAULT_KEEP_DAYS } from '../../../tools/fleet/retention-rules.ts';
import { cutByTime } from '../../../tools/fleet/timescale.ts';
import { postgresTest, startPostgres } from '../../postgres.ts';
import { fleetEvent } from './fleet-data.ts';

const DAY_MS = 86_400_000;
const FIRST_CHUNK_MS = Date.parse('2026-10-05T00:00:00Z');
const CHUNKS = 8;

const STAND_IN = [
  'create schema timescaledb_information',
  'create table timescaledb_information.hypertables (hypertable_name name)',
  'create table chunk (relation text, name text, range_end timestamptz)',
  `create function create_hypertable(relation regclass, time_column name, chunk_time_interval interval) returns void as $$
   declare chunk_start timestamptz := '2026-10-05T00:00:00Z'; chunk_name text; long_table text := relation::text;
   begin
     execute format('alter table %I rename to whole', long_table);
     execute format('create table %I (like whole including all) partition by range (%I)', long_table, time_column);
     drop table whole;
     for i in 1..${CHUNKS} loop
       chunk_name := long_table || '_chunk_' || i;
       execute format('create table %I partition of %I for values from (%L) to (%L)',
         chunk_name, long_table, chunk_start, chunk_start + chunk_time_interval);
       chunk_start := chunk_start + chunk_time_interval;
       insert into chunk values (long_table, chunk_name, chunk_start);
     end loop;
     insert into timescaledb_information.hypertables values (long_table);
   end $$ language plpgsql`,
  `create function drop_chunks(relation regclass, older_than timestamptz) returns setof text as $$
   declare each record;
   begin
     for each in delete from chunk c where c.relation = $1::text and range_end <= older_than returning c.name loop
       execute format('drop table %I', each.name);
       return next each.name;
     end loop;
   end $$ language plpgsql`,
  `create function approximate_row_count(relation regclass) returns bigint as $$
   declare rows bigint;
   begin
     execute format('select count(*) from %I', relation::text) into rows;
     return rows;
   end $$ language plpgsql`,
];

async function withTimescale(work: (database: Database) => Promise<void>): Promise<void> {
  const postgres = await startPostgres(['fsync=off']);
  const database = await openDatabase(postgres.url);
  try {
    for (const statement of STAND_IN) await database.query(statement);
    await migrate(database);
    await work(database);
  } finally {
    await database.close();
    await postgres.stop();
  }
}

/** One event a day from the first chunk on, number 1 at its beginning. */
const daily = (count: number) =>
  Array.from({ length: count }, (_, day) =>
    fleetEvent('yard', 'north', day + 1, { startTime: new Date(FIRST_CHUNK_MS + day * DAY_MS).toISOString() }),
  );

const numbers = async (database: Database) =>
  (await database.query<{ seq: number }>('select seq::int as seq from event order by seq')).map(({ seq }) => seq);

postgresTest('with TimescaleDB the long tables are cut by time once, and old events go by whole chunks', () =>
  withTimescale(async (database) => {
    expect(await cutByTime(database)).toEqual(['event', 'health_history']);
    expect(await cutByTime(database)).toEqual([]);
    expect(await storeEvents(database, daily(30))).toEqual({ fresh: 30, duplicates: 0 });
    expect(await storeEvents(database, daily(31))).toEqual({ fresh: 1, duplicates: 30 });
    const retention = new Retention({ database, keepDays: { ...DEFAULT_KEEP_DAYS, events: 10 }, keepBytes: Infinity });
    // Day 27 less 10: two chunks end before that day, the third holds younger events too and stays whole.
    expect(await retention.sweep(FIRST_CHUNK_MS + 27 * DAY_MS)).toEqual({ byAge: { events: 14 }, bySize: 0 });
    expect(await numbers(database)).toEqual(Array.from({ length: 17 }, (_, i) => i + 15));
    expect(retention.figures.removed).toMatchObject({ events: 14, health: 0 });
    expect(retention.figures.eventBytes).toBeGreaterThan(17 * 380);
    expect(await findGaps(database)).toEqual([]);
    expect((await retention.sweep(FIRST_CHUNK_MS + 27 * DAY_MS)).byAge).toEqual({});
  }),
);

postgresTest('tables that hold rows already are left whole, and lose their rows one by one', () =>
  withTimescale(async (database) => {
    await storeEvents(database, daily(30));
    expect(await cutByTime(database)).toEqual(['health_history']);
    const retention = new Retention({ database, keepDays: { ...DEFAULT_KEEP_DAYS, events: 10 }, keepBytes: Infinity });
    expect((await retention.sweep(FIRST_CHUNK_MS + 27 * DAY_MS)).byAge).toEqual({ events: 17 });
    expect(await numbers(database)).toEqual(Array.from({ length: 13 }, (_, i) => i + 18));
  }),
);

postgresTest('without TimescaleDB nothing is cut', async () => {
  const postgres = await startPostgres(['fsync=off']);
  const database = await openDatabase(postgres.url);
  try {
    await migrate(database);
    expect(await cutByTime(database)).toEqual([]);
  } finally {
    await database.close();
    await postgres.stop();
  }
});
