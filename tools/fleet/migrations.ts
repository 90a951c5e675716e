// The hub's tables, as the steps that made them: each runs once, in order, and is never changed after a release.
import type { Database } from './database.ts';
import { DatabaseError } from './database-error.ts';

interface Migration {
  readonly name: string;
  readonly statements: readonly string[];
}

const MIGRATIONS: readonly Migration[] = [
  {
    name: 'devices, boots, events and quarantine',
    statements: [
      // What a device last said of itself. Older messages than those kept never replace them.
      `create table device (
        site text not null, device text not null,
        first_seen timestamptz not null default now(), last_seen timestamptz not null default now(),
        state text, state_boot text, state_session int, state_time timestamptz,
        info jsonb, info_time timestamptz, health jsonb, health_time timestamptz,
        primary key (site, device))`,
      // Which event numbers of a boot are stored: what lies between them is missing.
      `create table boot (
        site text not null, device text not null, boot_id text not null,
        first_seen timestamptz not null default now(), last_seen timestamptz not null default now(),
        stored int8multirange not null,
        primary key (site, device, boot_id))`,
      // The start time belongs to the key so that the table can be cut by time; every copy of a message carries the same one.
      `create table event (
        site text not null, device text not null, boot_id text not null, seq int8 not null, start_time timestamptz not null,
        end_time timestamptz not null, received timestamptz not null default now(),
        class text not null, phase text not null, track int8 not null, score float4 not null,
        azimuth float4 not null, elevation float4 not null, bearing float4, latitude float8, longitude float8,
        message jsonb not null,
        primary key (site, device, boot_id, seq, start_time))`,
      'create index event_time on event (start_time desc)',
      'create index event_class_time on event (class, start_time desc)',
      'create index event_device_time on event (site, device, start_time desc)',
      // What could not be stored, as it came, with the reason.
      `create table quarantine (
        id int8 generated always as identity primary key, received timestamptz not null default now(),
        topic text not null, payload bytea not null, reason text not null)`,
    ],
  },
];

/** Any number of our own: hubs that start at once wait for each other on it. */
const LOCK = 7_203_117;

/**
 * Brings the tables to the newest form; several hubs may start at once.
 * @returns how many steps were new
 * @throws DatabaseError when the database is newer than this earshot
 */
export function migrate(database: Database): Promise<number> {
  return database.transaction(async (queries) => {
    await queries.query('select pg_advisory_xact_lock($1)', [LOCK]);
    await queries.query(
      'create table if not exists migration (step int primary key, name text not null, done timestamptz not null default now())',
    );
    const [row] = await queries.query<{ steps: number }>('select count(*)::int as steps from migration');
    const done = row?.steps ?? 0;
    if (done > MIGRATIONS.length) {
      throw new DatabaseError(
        `The database has ${done} migrations, this earshot knows ${MIGRATIONS.length}: use the newer earshot that made it, or another database.`,
      );
    }
    for (const [i, { name, statements }] of MIGRATIONS.slice(done).entries()) {
      for (const statement of statements) await queries.query(statement);
      await queries.query('insert into migration (step, name) values ($1, $2)', [done + i + 1, name]);
    }
    return MIGRATIONS.length - done;
  });
}
