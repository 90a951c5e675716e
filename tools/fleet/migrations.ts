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
  {
    name: 'wishes, rollouts, alarms and webhooks',
    statements: [
      // What a device says of its settings and release, and when its health came, by the database's clock.
      'alter table device add column reported jsonb, add column reported_time timestamptz, add column health_received timestamptz',
      // What is wished of a device; published: the newest version that the broker has taken.
      `create table desired (
        site text not null, device text not null, version int8 not null, settings jsonb not null, release jsonb,
        changed timestamptz not null default now(), changed_by text not null, published int8 not null default 0,
        primary key (site, device))`,
      'create index desired_unpublished on desired (site, device) where published < version',
      // What people note of a device.
      `create table device_note (
        site text not null, device text not null, tags text[] not null default '{}', zone text, primary key (site, device))`,
      // Work that one hub of several does: whose turn it is, and until when.
      'create table lease (name text primary key, holder text not null, until timestamptz not null)',
      `create table rollout (
        id int8 generated always as identity primary key, name text not null unique, definition jsonb not null,
        course jsonb not null, created timestamptz not null default now(), created_by text not null)`,
      // Times in ms since 1970 by the hub's clock are in progress; sent_ms stands beside it for the rate.
      `create table rollout_device (
        rollout int8 not null references rollout on delete cascade, site text not null, device text not null,
        position int not null, wave int not null, phase text not null, sent_ms float8, progress jsonb not null, before jsonb,
        primary key (rollout, site, device))`,
      'create index rollout_device_phase on rollout_device (rollout, phase, wave, position)',
      'create index rollout_device_name on rollout_device (site, device)',
      `create table rollout_log (
        id int8 generated always as identity primary key, rollout int8 not null references rollout on delete cascade,
        time timestamptz not null default now(), who text not null, what text not null)`,
      'create table alarm_rule (name text primary key, rule jsonb not null, changed timestamptz not null default now(), changed_by text not null)',
      // An open alarm is one per rule and device; site and device are empty for those of the hub itself.
      `create table alarm (
        id int8 generated always as identity primary key, rule text not null, site text not null, device text not null,
        severity text not null, message text not null, raised timestamptz not null, cleared timestamptz,
        acknowledged timestamptz, acknowledged_by text, is_flapping boolean not null default false)`,
      'create unique index alarm_open on alarm (rule, site, device) where cleared is null',
      'create index alarm_raised on alarm (raised desc)',
      `create table alarm_silence (
        rule text not null, site text not null, device text not null, until timestamptz not null, who text not null,
        primary key (rule, site, device))`,
      `create table webhook (
        id int8 generated always as identity primary key, url text not null, secret text not null, settings jsonb not null,
        created timestamptz not null default now(), created_by text not null,
        failing_since timestamptz, disabled timestamptz, disabled_reason text, dropped int8 not null default 0)`,
      `create table webhook_delivery (
        id text primary key, webhook int8 not null references webhook on delete cascade, type text not null, body text not null,
        created timestamptz not null, attempts int not null default 0, next_attempt timestamptz, state text not null,
        status int, error text)`,
      "create index webhook_delivery_due on webhook_delivery (next_attempt) where state = 'waiting'",
      'create index webhook_delivery_of on webhook_delivery (webhook, created)',
      // How far something has been read, by name.
      'create table bookmark (name text primary key, value jsonb not null)',
      'create index event_received on event using brin (received)',
    ],
  },
  {
    name: 'missing events asked for again',
    statements: [
      // What a boot lacks, and when its device is asked next; answer: what it said last.
      `create table backfill (
        site text not null, device text not null, boot_id text not null, numbers text not null, attempts int not null,
        next_ask timestamptz not null, asked timestamptz, answer jsonb,
        primary key (site, device, boot_id))`,
    ],
  },
  {
    name: 'accounts, audit, history of health, clips',
    statements: [
      // Who may sign in; hash and salt of scrypt with its parameters.
      `create table account (
        name text primary key, role text not null, password_hash text not null, created timestamptz not null default now())`,
      // Of a browser (by cookie); the token itself is nowhere but there.
      `create table session (
        token_hash text primary key, account text not null references account on delete cascade, address text not null,
        created timestamptz not null default now(), used timestamptz not null default now(), expires timestamptz not null)`,
      'create index session_account on session (account)',
      // Of programs.
      `create table api_token (
        id int8 generated always as identity primary key, token_hash text not null unique,
        account text not null references account on delete cascade, role text not null,
        created timestamptz not null default now(), used timestamptz, expires timestamptz not null)`,
      `create table audit (
        id int8 generated always as identity primary key, time timestamptz not null default now(), who text not null, address text,
        what text not null, about text not null, details jsonb)`,
      'create index audit_time on audit (time)',
      // One row a minute of each device: what charts show, the newest word of the minute.
      `create table health_history (
        site text not null, device text not null, time timestamptz not null, celsius float4, level_dbfs float4, real_time_factor float4,
        median_ms float4, queued int8, memory_bytes int8, load float4, watts float4, disk_free_bytes int8, lost_samples int8,
        faults int not null, primary key (site, device, time))`,
      'create index health_history_time on health_history using brin (time)',
      // Recordings that devices keep; the sound comes in parts when somebody asks for it.
      `create table clip (
        id int8 generated always as identity unique, site text not null, device text not null, file text not null,
        start_time timestamptz not null, received timestamptz not null default now(), message jsonb not null,
        primary key (site, device, file))`,
      'create index clip_time on clip (start_time desc)',
      `create table clip_audio (
        site text not null, device text not null, file text not null, part int not null, parts int not null, sample_rate float8 not null,
        data bytea not null, received timestamptz not null default now(), primary key (site, device, file, part),
        foreign key (site, device, file) references clip on delete cascade)`,
    ],
  },
];

/** Any number of our own: hubs that start at once wait for each other on it. */
const LOCK = 7_203_117;

/** @throws DatabaseError unless the steps are the first ones of ours */
export function checkSteps(names: readonly string[]): void {
  const stranger = names.find((name, i) => MIGRATIONS[i]?.name !== name);
  if (stranger === undefined) return;
  throw new DatabaseError(
    `The tables were made by the step "${stranger}", which this earshot does not have there: use the earshot that made them, or a newer one.`,
  );
}

/**
 * Brings the tables to the newest form, or to that after so many steps; several hubs may start at once.
 * @returns how many steps were new
 * @throws DatabaseError when the database is newer than this earshot
 */
export function migrate(database: Database, steps = MIGRATIONS.length): Promise<number> {
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
    for (const [i, { name, statements }] of MIGRATIONS.slice(done, steps).entries()) {
      for (const statement of statements) await queries.query(statement);
      await queries.query('insert into migration (step, name) values ($1, $2)', [done + i + 1, name]);
    }
    return Math.max(0, steps - done);
  });
}
