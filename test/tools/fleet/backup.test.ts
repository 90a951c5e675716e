// Backups between both databases: every row the same, secrets only when asked for, nothing half, nothing over what is there.
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { writeBackup } from '../../../tools/fleet/backup.ts';
import { backupTables, holdsSecret, quoted } from '../../../tools/fleet/backup-tables.ts';
import { type Database, openDatabase } from '../../../tools/fleet/database.ts';
import { migrate } from '../../../tools/fleet/migrations.ts';
import { readBackup } from '../../../tools/fleet/restore.ts';
import { earshot } from '../../earshot.ts';
import { postgresTest, startPostgres } from '../../postgres.ts';
import { fillFleet } from './fleet-data.ts';

const never = new AbortController().signal;
let folder: string;
let source: Database;
/** Stays empty until the last test but one fills it. */
let empty: Database;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-backup-'));
  file = join(folder, 'fleet.backup');
  source = await openDatabase(join(folder, 'source'));
  await migrate(source);
  await fillFleet(source);
  await source.query(
    "insert into webhook (url, secret, settings, created_by) values ('https://a', 'top-secret', '{}', 'me')",
  );
  await source.query("insert into rollout (name, definition, course, created_by) values ('first', '{}', '{}', 'me')");
  await source.query("insert into rollout_log (rollout, who, what) select id, 'me', 'begun' from rollout");
  await writeBackup(source, file, { withSecrets: true, signal: never });
  empty = await openDatabase(join(folder, 'empty'));
}, 60_000);

afterAll(async () => {
  await source.close();
  await empty.close();
  await rm(folder, { recursive: true });
});

/** Every row of every table as text, by the database itself. */
async function contents(database: Database, withSecrets = true): Promise<Record<string, string[]>> {
  const all: Record<string, string[]> = {};
  await database.query("set timezone = 'UTC'");
  for (const { name } of (await backupTables(database, withSecrets)).kept) {
    const rows = await database.query<{ row: string }>(`select t::text as row from ${quoted(name)} t`);
    all[name] = rows.map(({ row }) => row).sort();
  }
  return all;
}

postgresTest(
  'a backup of an embedded hub goes into a PostgreSQL server and back with every row the same, while others write',
  async () => {
    const postgres = await startPostgres(['fsync=off', "datestyle='SQL, DMY'", "timezone='Asia/Kolkata'"]);
    const server = await openDatabase(postgres.url);
    const back = await openDatabase(join(folder, 'back'));
    try {
      await readBackup(server, file, { check: false, signal: never });
      const second = join(folder, 'second.backup');
      const writing = server.query("insert into quarantine (topic, payload, reason) values ('later', 'b', 'c')");
      await Promise.all([writeBackup(server, second, { withSecrets: true, signal: never }), writing]);
      await server.query("delete from quarantine where topic = 'later'");
      await readBackup(back, second, { check: false, signal: never });
      await back.query("delete from quarantine where topic = 'later'");
      expect(await contents(back)).toEqual(await contents(source));
    } finally {
      await back.close();
      await server.close();
      await postgres.stop();
    }
  },
  120_000,
);

test('secrets are left out unless asked for, and the file is for its owner alone', async () => {
  const plain = join(folder, 'plain.backup');
  const { leftOut } = await writeBackup(source, plain, { withSecrets: false, signal: never });
  expect(leftOut).toEqual(expect.arrayContaining(['webhook', 'webhook_delivery']));
  expect(gunzipSync(await readFile(plain)).toString()).not.toContain('top-secret');
  expect(gunzipSync(await readFile(file)).toString()).toContain('top-secret');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  // Every column whose name speaks of a secret is in a table that is left out; the list is here to be read by a person.
  const { kept } = await backupTables(source, true);
  const secretive = kept.filter(holdsSecret).map(({ name }) => name);
  expect(secretive).toContain('webhook');
  expect(leftOut).toEqual(expect.arrayContaining(secretive));
});

test('a cut, changed or foreign file is refused before anything is changed', async () => {
  const text = gunzipSync(await readFile(file)).toString();
  const spoilt: [string, Buffer][] = [
    ['cut', (await readFile(file)).subarray(0, -40)],
    ['changed', gzipSync(text.replace('"siren"', '"sirex"'))],
    ['endless', gzipSync(text.slice(0, text.lastIndexOf('{"end"')))],
    ['foreign', Buffer.from('-- PostgreSQL database dump')],
    ['newer', gzipSync(text.replace('"version":1', '"version":2'))],
    ['injected', gzipSync(text.replace('"name":"event"', '"name":"event; drop table device"'))],
    ['unknown-step', gzipSync(text.replace('"migrations":["', '"migrations":["from the future'))],
  ];
  for (const [name, bytes] of spoilt) {
    const path = join(folder, `${name}.spoilt`);
    await writeFile(path, bytes);
    await expect(readBackup(empty, path, { check: false, signal: never })).rejects.toMatchObject({
      name: 'UserError',
    });
  }
  expect(await empty.query("select to_regclass('event') as event")).toEqual([{ event: null }]);
  expect(await readBackup(empty, file, { check: true, signal: never })).toBeGreaterThan(0);
}, 60_000);

test('what is interrupted leaves no file and no row', async () => {
  const stopped = AbortSignal.abort();
  const place = join(folder, 'interrupted');
  await expect(writeBackup(source, place, { withSecrets: true, signal: stopped })).rejects.toThrow(
    /no backup was written/,
  );
  expect((await readdir(folder)).filter((name) => name.startsWith('interrupted'))).toEqual([]);
  await expect(readBackup(empty, file, { check: false, signal: stopped })).rejects.toThrow(/as empty as it was/);
  await expect(
    writeBackup(source, join(folder, 'no/where/x'), { withSecrets: true, signal: never }),
  ).rejects.toMatchObject({ name: 'UserError' });
}, 60_000);

test('a backup goes into another embedded database with every row the same, and new numbers follow the old ones', async () => {
  const rows = await readBackup(empty, file, { check: false, signal: never });
  expect(rows).toBeGreaterThan(122);
  const all = await contents(empty);
  expect(all).toEqual(await contents(source));
  expect(all.event).toHaveLength(122);
  await empty.query("insert into quarantine (topic, payload, reason) values ('a', 'b', 'c')");
  expect(await empty.query('select max(id)::int as max from quarantine')).toEqual([{ max: 4 }]);
  await expect(readBackup(empty, file, { check: true, signal: never })).rejects.toThrow(
    /is not empty .*new one; nothing/,
  );
}, 60_000);

test('the commands write and restore', async () => {
  const target = join(folder, 'by-command');
  const restored = await earshot(['fleet', 'restore', file, '--database', target]);
  expect(restored).toMatchObject({ code: 0 });
  const again = join(folder, 'again.backup');
  const written = await earshot(['fleet', 'backup', again, '--database', target, '--json']);
  expect(JSON.parse(written.stdout)).toMatchObject({ type: 'backup', file: again, leftOut: expect.anything() });
  const foreign = await earshot(['fleet', 'restore', process.execPath, '--database', join(folder, 'never-made')]);
  expect(foreign.stderr).toMatch(/is no whole backup of earshot/);
  expect(await readdir(folder)).not.toContain('never-made');
}, 60_000);
