// Exported events: whole, typed, harmless in a spreadsheet, and continued where an interrupted run ended.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { type Database, openDatabase } from '../../../tools/fleet/database.ts';
import { databaseView } from '../../../tools/fleet/database-view.ts';
import { csvLine, EVENT_FIELDS } from '../../../tools/fleet/event-fields.ts';
import { storeEvents } from '../../../tools/fleet/event-store.ts';
import { exportEvents } from '../../../tools/fleet/export.ts';
import type { FleetView } from '../../../tools/fleet/fleet-view.ts';
import { fillFleet, fleetEvent } from './fleet-data.ts';

const never = new AbortController().signal;
let folder: string;
let database: Database;
let view: FleetView;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-export-'));
  database = await openDatabase(join(folder, 'data'));
  view = await databaseView(database);
  await fillFleet(database);
  await storeEvents(
    database,
    Array.from({ length: 3000 }, (_, i) =>
      fleetEvent('yard', 'west', i + 1, { position: { latitude: 48.5, longitude: 2.25 }, bearingDegrees: 7.5 }),
    ),
  );
}, 60_000);

afterAll(async () => {
  await view.close();
  await rm(folder, { recursive: true });
});

const LATER = '2026-12-31T00:00:00Z';

test('CSV has every event once, the oldest first', async () => {
  const out = join(folder, 'all.csv');
  await exportEvents(view, { format: 'csv', out, until: LATER }, never);
  const [head, ...lines] = (await readFile(out, 'utf8')).trimEnd().split('\r\n');
  expect(head).toBe(EVENT_FIELDS.map(({ name }) => name).join(','));
  expect(lines).toHaveLength(3122);
  const times = lines.map((line) => line.split(',')[0]!);
  expect(times).toEqual([...times].sort());
  expect(
    new Set(
      lines.map((line) =>
        line
          .split(',')
          .filter((_, i) => [3, 16].includes(i))
          .join(),
      ),
    ).size,
  ).toBe(3122);
  expect(existsSync(`${out}.partial`) || existsSync(`${out}.resume`)).toBe(false);
});

test.each([
  ['=HYPERLINK("http://x")', `"'=HYPERLINK(""http://x"")"`],
  ['+1', "'+1"],
  ['@SUM(A1)', "'@SUM(A1)"],
  [' =1', "' =1"],
  ['＝1', "'＝1"],
  ['\t=1', "'\t=1"],
  ['a,"b"', '"a,""b"""'],
  ['siren', 'siren'],
])('the class %j stands in CSV as %s', (label, cell) => {
  const line = csvLine({ ...fleetEvent('yard', 'north', 1, { class: label, azimuth: -12.5 }), received: LATER });
  expect(line).toContain(`,north,${cell},end,0.5,-12.5,`);
});

test('Parquet has the same events with types', async () => {
  const out = join(folder, 'all.parquet');
  await exportEvents(view, { format: 'parquet', out, until: LATER, device: 'yard/west' }, never);
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(out) });
  expect(rows).toHaveLength(3000);
  expect(rows[0]).toMatchObject({
    ...{ start_time: new Date('2026-11-23T10:00:01Z'), site: 'yard', device: 'west', class: 'siren', azimuth: 12.5 },
    ...{ bearing: 7.5, heading: null, latitude: 48.5, seq: 1n, score: 0.5 },
  });
  expect(existsSync(`${out}.partial`)).toBe(false);
});

test('an interrupted export goes on with --resume and gives the same file', async () => {
  const [whole, part] = [join(folder, 'whole.jsonl'), join(folder, 'part.jsonl')];
  await exportEvents(view, { format: 'jsonl', out: whole, until: LATER }, never);
  const interrupted = new AbortController();
  let pages = 0;
  const slow: FleetView = {
    ...view,
    events: (filter, options) => {
      pages += 1;
      if (pages === 3) interrupted.abort();
      return view.events(filter, options);
    },
  };
  const run = exportEvents(slow, { format: 'jsonl', out: part, until: LATER }, interrupted.signal);
  await expect(run).rejects.toThrow(/Interrupted after 3000 events: the same command with --resume goes on/);
  expect(existsSync(part)).toBe(false);
  await expect(exportEvents(view, { format: 'csv', out: part, resume: true }, never)).rejects.toThrow(
    /of other events or of another format/,
  );
  const other = { format: 'jsonl', out: part, resume: true, class: 'door' };
  await expect(exportEvents(view, other, never)).rejects.toThrow(/of other events/);
  await exportEvents(view, { format: 'jsonl', out: part, resume: true }, never);
  expect(await readFile(part, 'utf8')).toBe(await readFile(whole, 'utf8'));
  await expect(exportEvents(view, { format: 'jsonl', out: part, resume: true }, never)).rejects.toThrow(
    /was interrupted/,
  );
});

test.each([
  [{ format: 'xml' }, /--format xml: give one of csv, jsonl, parquet/],
  [{ format: 'parquet' }, /a file is needed, give --out/],
  [{ format: 'csv', resume: true }, /which file\? Give --out/],
  [{ format: 'csv', out: '/nowhere/at/all.csv' }, /cannot be written/],
  [{ format: 'parquet', out: '/nowhere/at/all.parquet' }, /cannot be written/],
])('%j is refused in a sentence', async (options, message) => {
  await expect(exportEvents(view, options, never)).rejects.toThrow(message);
});
