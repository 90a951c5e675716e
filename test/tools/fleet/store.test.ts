// The hub's tables on both databases: each event once, missing numbers named, old words never over new ones, nothing poisoned.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventMessage, HealthMessage, StateMessage } from '../../../runtime/uplink/topics.ts';
import { type Database, openDatabase, openExistingDatabase } from '../../../tools/fleet/database.ts';
import { keepDeviceMessages, listDevices, noteSeen } from '../../../tools/fleet/device-store.ts';
import { findGaps, multirange, storeEvents } from '../../../tools/fleet/event-store.ts';
import { migrate } from '../../../tools/fleet/migrations.ts';
import { listQuarantine, quarantine } from '../../../tools/fleet/quarantine.ts';
import { type Postgres, postgresTest, startPostgres } from '../../postgres.ts';
import { SIREN_TIME, siren } from './siren.ts';

const time = SIREN_TIME;
const event = siren;

const state = (sessionSeq: number, bootId: string, at: string, word: StateMessage['state']): StateMessage => ({
  ...{ schema: 'seld/state/1', site: 'yard', device: 'north', bootId, sessionSeq, state: word, version: '1', time: at },
});

interface Place {
  open(): Promise<Database>;
  close(): Promise<void>;
}

const embedded = async (): Promise<Place> => {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-hub-'));
  return { open: () => openDatabase(folder), close: () => rm(folder, { recursive: true }) };
};

const server = async (): Promise<Place> => {
  const postgres: Postgres = await startPostgres(['fsync=off']);
  return { open: () => openDatabase(postgres.url), close: () => postgres.stop() };
};

async function holdsTogether(place: Place): Promise<void> {
  const database = await place.open();
  try {
    expect(await migrate(database)).toBeGreaterThan(0);
    expect(await migrate(database)).toBe(0);

    expect(await storeEvents(database, [event(1), event(2), event(5), event(5)])).toEqual({ fresh: 3, duplicates: 1 });
    expect(await storeEvents(database, [event(2), event(9, { position: { latitude: 48, longitude: 2 } })])).toEqual({
      fresh: 1,
      duplicates: 1,
    });
    expect(await storeEvents(database, [event(3, { bootId: 'b2' })])).toEqual({ fresh: 1, duplicates: 0 });
    const here = { site: 'yard', device: 'north' };
    const gaps = [
      { bootId: 'b1', first: 3, last: 4 },
      { bootId: 'b1', first: 6, last: 8 },
      { bootId: 'b2', first: 1, last: 2 },
    ];
    expect(await findGaps(database)).toEqual(gaps.map((gap) => ({ ...here, ...gap })));
    expect(await findGaps(database, 10, { site: 'yard', device: 'south' })).toEqual([]);
    const [row] = await database.query<{
      message: EventMessage;
      azimuth: number;
      latitude: number | null;
      start: Date;
    }>('select message, azimuth, latitude, start_time as start from event where seq = 9');
    expect(row).toMatchObject({ azimuth: 12.5, latitude: 48, start: new Date(time) });
    expect(row?.message).toEqual(event(9, { position: { latitude: 48, longitude: 2 } }));

    // One value the database refuses: the whole batch is undone, and the error says that the data is at fault.
    const bad = event(10, { startTime: '0000-01-01T00:00:00.000Z' });
    await expect(storeEvents(database, [event(11), bad])).rejects.toMatchObject({
      name: 'UserError',
      isDataFault: true,
    });
    expect(await storeEvents(database, [event(11)])).toEqual({ fresh: 1, duplicates: 0 });

    const word = (message: StateMessage) => keepDeviceMessages(database, [{ kind: 'state', message }]);
    await word(state(2, 'b1', '2026-11-23T10:00:05.000Z', 'ready'));
    await word(state(1, 'b1', '2026-11-23T10:00:06.000Z', 'lost')); // the will of the session before, sent late
    expect((await listDevices(database))[0]).toMatchObject({ state: 'ready' });
    await word(state(1, 'b2', '2026-11-23T10:01:00.000Z', 'ready'));
    await word(state(3, 'b1', '2026-11-23T10:00:07.000Z', 'lost')); // of the boot before
    expect((await listDevices(database))[0]).toMatchObject({ state: 'ready' });
    await keepDeviceMessages(database, [
      { kind: 'state', message: state(4, 'b2', '2026-11-23T10:02:00.000Z', 'disconnected') },
      { kind: 'state', message: state(3, 'b2', '2026-11-23T10:02:01.000Z', 'lost') },
    ]);
    expect((await listDevices(database))[0]).toMatchObject({ state: 'disconnected' });

    const health = (at: string, uptimeSeconds: number) =>
      ({
        schema: 'seld/health/1',
        site: 'yard',
        device: 'south',
        bootId: 'b1',
        time: at,
        uptimeSeconds,
      }) as HealthMessage;
    await keepDeviceMessages(database, [
      { kind: 'health', message: health('2026-11-23T10:00:30.000Z', 30) },
      { kind: 'health', message: health('2026-11-23T10:00:00.000Z', 0) },
    ]);
    await noteSeen(database, [
      { site: 'yard', device: 'west' },
      { site: 'yard', device: 'west' },
    ]);
    const devices = await listDevices(database);
    expect(devices.map(({ device }) => device)).toEqual(['north', 'south', 'west']);
    expect(devices[1]?.health).toMatchObject({ uptimeSeconds: 30 });

    await quarantine(database, [{ topic: 'a\0b', payload: Uint8Array.of(0, 255, 7), reason: 'bad' }]);
    const [kept] = await listQuarantine(database);
    expect({ ...kept, payload: [...(kept?.payload ?? [])] }).toMatchObject({
      topic: 'a\uFFFDb',
      payload: [0, 255, 7],
      reason: 'bad',
    });
  } finally {
    await database.close();
  }
  const again = await place.open();
  expect(await migrate(again)).toBe(0);
  expect(await listDevices(again)).toHaveLength(3);
  await again.query('insert into migration (step, name) values (99, $1)', ['of a later earshot']);
  await expect(migrate(again)).rejects.toThrow(/knows \d+: use the newer earshot/);
  await again.close();
}

async function suite(make: () => Promise<Place>): Promise<void> {
  const place = await make();
  try {
    await holdsTogether(place);
  } finally {
    await place.close();
  }
}

test('the embedded database keeps each event once and names what is missing', () => suite(embedded), 120_000);

postgresTest('a PostgreSQL server keeps each event once and names what is missing', () => suite(server), 120_000);

test('numbers become ranges as PostgreSQL writes them', () => {
  expect(multirange([7, 1, 3, 2, 2])).toBe('{[1,4),[7,8)}');
  expect(multirange([])).toBe('{}');
});

test('a folder in use, a strange scheme and an absent server are each told in one sentence', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-hub-'));
  const database = await openDatabase(folder);
  await expect(openDatabase(folder)).rejects.toThrow(/is in use by process \d+: stop that one/);
  await database.close();
  await rm(folder, { recursive: true });
  await expect(openDatabase('mysql://somewhere/x')).rejects.toThrow(/mysql:\/\/ is no database earshot knows/);
  const refused = await openDatabase('postgres://someone:secret@127.0.0.1:9/x').catch((error: Error) => error);
  expect(refused).toMatchObject({ name: 'UserError' });
  expect((refused as Error).message).toMatch(/^No PostgreSQL takes us at postgres:\/\/someone@127\.0\.0\.1:9\/x/);
  expect((refused as Error).message).not.toContain('secret');
}, 60_000);

test('who reads a folder without a database is told so, and leaves none behind', async () => {
  const nowhere = join(tmpdir(), `earshot-nowhere-${process.pid}`);
  await expect(openExistingDatabase(nowhere)).rejects.toThrow(
    `There is no database in ${nowhere}: name the folder of a hub`,
  );
  expect(existsSync(nowhere)).toBe(false);
});
