// Missing events are asked for: after a time of grace, of devices that are there, less and less often, by one hub alone.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Backfill, type Missing } from '../../../tools/fleet/backfill.ts';
import { type Database, openDatabase } from '../../../tools/fleet/database.ts';
import { findGaps, storeEvents } from '../../../tools/fleet/event-store.ts';
import { migrate } from '../../../tools/fleet/migrations.ts';
import { SIREN_TIME, siren } from './siren.ts';

const folder = mkdtempSync(join(tmpdir(), 'earshot-backfill-'));
let database: Database;
beforeAll(async () => {
  database = await openDatabase(join(folder, 'database'));
  await migrate(database);
}, 60_000);
afterAll(async () => {
  await database.close();
  rmSync(folder, { recursive: true });
});
beforeEach(async () => {
  for (const table of ['event', 'boot', 'device', 'backfill']) await database.query(`delete from ${table}`);
});

const MINUTE = 60_000;

const store = (numbers: readonly number[], device?: string) =>
  storeEvents(
    database,
    numbers.map((seq) => siren(seq, device ? { device } : {})),
  );
const setState = (device: string, state: string) =>
  database.query(
    `insert into device (site, device, state) values ('yard', $1, $2)
     on conflict (site, device) do update set state = excluded.state`,
    [device, state],
  );

/** A hub whose clock is set by hand and whose devices answer as told. */
function hub(answer: (missing: Missing) => Promise<Record<string, unknown>>) {
  const asked: Missing[] = [];
  const clock = { ms: Date.parse(SIREN_TIME) };
  const backfill = new Backfill({
    ...{ database, now: () => clock.ms },
    ask: (missing) => {
      asked.push(missing);
      return answer(missing);
    },
  });
  const lookAfter = async (ms: number) => {
    clock.ms += ms;
    await backfill.look();
    return asked.splice(0);
  };
  return { lookAfter };
}

const given = (bootId: string, device: string, ...ranges: [number, number][]) => ({
  ...{ site: 'yard', device, bootId },
  ranges: ranges.map(([from, to]) => ({ from, to })),
});

test('a gap is asked for after a minute, and what the device sends closes it', async () => {
  await setState('north', 'ready');
  await store([1, 2, 5, 9]);
  const { lookAfter } = hub(async () => {
    await store([3, 4, 6, 7, 8]);
    return { resent: 5, unknown: 0 };
  });
  expect(await lookAfter(0)).toEqual([]);
  expect(await lookAfter(0.5 * MINUTE)).toEqual([]);
  expect(await lookAfter(0.6 * MINUTE)).toEqual([given('b1', 'north', [3, 4], [6, 8])]);
  expect(await findGaps(database)).toEqual([]);
  expect(await lookAfter(60 * MINUTE)).toEqual([]);
});

test('a device that is away is asked when it is back', async () => {
  await setState('north', 'lost');
  await store([1, 3]);
  const { lookAfter } = hub(async () => ({ resent: 0, unknown: 1 }));
  await lookAfter(0);
  expect(await lookAfter(1000 * MINUTE)).toEqual([]);
  await setState('north', 'ready');
  expect(await lookAfter(0)).toHaveLength(1);
});

test('what a device does not have is asked for less and less often, in the end no more, and a new gap at once', async () => {
  await setState('north', 'ready');
  await store([1, 3]);
  const { lookAfter } = hub(() => Promise.reject(new Error('no answer')));
  await lookAfter(0);
  const asks: number[] = [];
  for (let minute = 1; minute <= 20 * 24 * 60; minute += 10)
    if ((await lookAfter(10 * MINUTE)).length > 0) asks.push(minute);
  expect(asks).toHaveLength(12);
  const waits = asks.slice(1).map((minute, i) => minute - asks[i]!);
  expect(waits).toEqual([10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440, 1440]);
  const [row] = await database.query<{ answer: unknown }>('select answer from backfill');
  expect(row!.answer).toEqual({ error: 'no answer' });
  await store([7]);
  await lookAfter(5 * MINUTE);
  expect(await lookAfter(5 * MINUTE)).toEqual([given('b1', 'north', [2, 2], [4, 6])]);
}, 120_000);

test('two hubs do not ask twice, and no more numbers are asked for at once than a device sends', async () => {
  await setState('north', 'ready');
  await setState('south', 'alert');
  await store([1, 30_000]);
  await store([2], 'south');
  const [first, second] = [hub(async () => ({})), hub(async () => ({}))];
  await Promise.all([first.lookAfter(0), second.lookAfter(0)]);
  const asked = (await Promise.all([first.lookAfter(2 * MINUTE), second.lookAfter(2 * MINUTE)])).flat();
  expect(asked).toHaveLength(2);
  expect(asked).toEqual(expect.arrayContaining([given('b1', 'north', [2, 10_001]), given('b1', 'south', [1, 1])]));
});
