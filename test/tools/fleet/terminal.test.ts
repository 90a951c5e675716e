// The terminal commands over a database that holds what devices said, one of them hostile.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { type Database, openDatabase } from '../../../tools/fleet/database.ts';
import { databaseView } from '../../../tools/fleet/database-view.ts';
import { followEvents } from '../../../tools/fleet/event-follow.ts';
import { type EventFilter, searchEvents } from '../../../tools/fleet/event-search.ts';
import { storeEvents } from '../../../tools/fleet/event-store.ts';
import { events } from '../../../tools/fleet/events.ts';
import type { FleetView } from '../../../tools/fleet/fleet-view.ts';
import { listGaps } from '../../../tools/fleet/gaps.ts';
import { ls } from '../../../tools/fleet/ls.ts';
import { listQuarantined, showQuarantined, tellRetried } from '../../../tools/fleet/quarantine-command.ts';
import { dropQuarantined, retryAll } from '../../../tools/fleet/quarantine-retry.ts';
import { show } from '../../../tools/fleet/show.ts';
import { earshot, jsonLines } from '../../earshot.ts';
import { fillFleet, fleetEvent } from './fleet-data.ts';

let folder: string;
let database: Database;
let view: FleetView;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-terminal-'));
  database = await openDatabase(folder);
  view = await databaseView(database);
  await fillFleet(database);
}, 60_000);

afterAll(async () => {
  await view.close();
  await rm(folder, { recursive: true });
});

/** What a command prints on standard output. */
async function printed(work: () => Promise<void>): Promise<string> {
  let text = '';
  const write = jest.spyOn(process.stdout, 'write').mockImplementation((piece) => {
    text += piece;
    return true;
  });
  const errors = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    await work();
  } finally {
    write.mockRestore();
    errors.mockRestore();
  }
  return text;
}

/** Nothing that a terminal would obey but the ends of lines. */
const harmless = (text: string) => expect(text).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u);

test('ls lists devices with state, model, temperature, queue and faults; filters and sorts', async () => {
  const text = await printed(() => ls(view, { sort: 'name' }));
  harmless(text);
  const [head, ...lines] = text.trim().split('\n');
  expect(head).toMatch(/^DEVICE +STATE +SEEN +MODEL +BACKEND +TEMP +LEVEL +QUEUE +FAULTS$/);
  expect(lines).toHaveLength(3);
  expect(lines[1]).toMatch(/^yard\/north +ready +\S.* office-foa +cuda +61 °C +-21 dB +4 +microphone-lost$/);
  expect(lines[2]).toContain('\\x1b]0;owned\\x07');

  const names = async (options: object) =>
    jsonLines(await printed(() => ls(view, { sort: 'name', json: true, ...options }))).map(({ device }) => device);
  expect(await names({ site: 'yard' })).toEqual(['north', 'south']);
  expect(await names({ state: 'lost' })).toEqual(['east']);
  expect(await names({ faults: true })).toEqual(['north']);
  expect(await names({ model: 'office-foa' })).toEqual(['north']);
  expect(await names({ sort: 'temperature' })).toEqual(['north', 'south', 'east']);
  expect(await names({ reverse: true })).toEqual(['south', 'north', 'east']);
  await expect(ls(view, { sort: 'colour' })).rejects.toThrow(/--sort colour: give one of name, state/);
});

test('show tells inventory, health, gaps and the last events of one device', async () => {
  const text = await printed(() => show(view, 'yard/south', {}));
  harmless(text);
  for (const part of ['model.name: \\x1b]0;owned\\x07', 'celsius.cpu: 48', 'boot b1: 2 to 2', '\\u{202e}tah'])
    expect(text).toContain(part);
  const [all] = jsonLines(await printed(() => show(view, 'yard/south', { json: true })));
  expect(all).toMatchObject({ device: 'south', state: 'ready', gaps: [{ first: 2, last: 2 }] });
  await expect(show(view, 'yard/west', {})).rejects.toThrow(/never heard of yard\/west/);
  await expect(show(view, 'yard', {})).rejects.toThrow(/give SITE\/DEVICE/);
});

test('events show the newest last, by time, class, device and score', async () => {
  const text = await printed(() => events(view, { limit: '5' }));
  harmless(text);
  const times = text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.slice(0, 23));
  expect(times).toEqual([...times].sort());
  expect(times).toHaveLength(5);
  const count = async (options: object) =>
    jsonLines(await printed(() => events(view, { json: true, limit: '1000', ...options }))).length;
  expect(await count({})).toBe(122);
  expect(await count({ class: 'siren', device: 'yard/north' })).toBe(60);
  expect(await count({ since: '2026-11-23T10:01:00Z', until: '2026-11-23T10:01:30Z' })).toBe(30);
  expect(await count({ minScore: '0.9' })).toBe(2);
  expect(await count({ limit: '0' })).toBe(0);
  const refused = (options: object) => expect(events(view, { limit: '1', ...options })).rejects;
  await refused({ since: 'yesterday' }).toThrow(/--since yesterday: give 2026-11-23/);
  await refused({ minScore: '2' }).toThrow(/--min-score 2: give a number from 0 to 1/);
  await refused({ site: 'a', device: 'b/c' }).toThrow(/name two sites/);
  await refused({ limit: '0.5' }).toThrow(/--limit 0.5: give a whole number/);
});

test('gaps names what is missing; the quarantine shows its bytes, tries again and drops', async () => {
  expect(await printed(() => listGaps(view, { limit: '10' }))).toMatch(/yard\/south +b1 +2 +2 +1/);
  expect(await printed(() => listGaps(view, { limit: '10', device: 'yard/north' }))).toBe('Nothing is missing.\n');

  const list = await printed(() => listQuarantined(view, { limit: '100' }));
  harmless(list);
  expect(list.trim().split('\n')).toHaveLength(4);
  expect(await printed(() => showQuarantined(view, '1', {}))).toContain('000000  ff 00 1b 5b 32 4a');
  const hostile = await printed(() => showQuarantined(view, '2', {}));
  harmless(hostile);
  expect(hostile).toContain('\\u001b]0;owned');

  const retried = jsonLines(
    await printed(async () => tellRetried(await retryAll(database, undefined), { json: true })),
  );
  expect(retried.map(({ id, reason }) => [id, reason === null])).toEqual([
    [1, false],
    [2, false],
    [3, true],
  ]);
  expect(await printed(() => listGaps(view, { limit: '10' }))).toBe('Nothing is missing.\n');
  expect(await dropQuarantined(database, [1, 99])).toBe(1);
  expect(jsonLines(await printed(() => listQuarantined(view, { limit: '100', json: true })))).toHaveLength(1);
});

test('the commands are there, say which database is in use, and what they need', async () => {
  const busy = await earshot(['fleet', 'ls', '--database', folder]);
  expect(busy).toMatchObject({ code: 1, stdout: '' });
  expect(busy.stderr).toMatch(/is in use by process \d+/);
  const none = await earshot(['fleet', 'quarantine', 'drop', '--database', folder]);
  expect(none.stderr).toMatch(/Which messages\? Give their ids, or --all/);
}, 60_000);

test('pages of events meet without overlap in either order, and a false cursor is refused', async () => {
  for (const order of ['newest', 'oldest'] as const) {
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await searchEvents(database, {}, { order, limit: 7, cursor });
      ids.push(...page.events.map(({ site, id }) => `${site}/${id}`));
      cursor = page.next ?? undefined;
    } while (cursor);
    expect(ids).toHaveLength(new Set(ids).size);
    const [all] = await database.query<{ count: number }>('select count(*)::int as count from event');
    expect(ids).toHaveLength(all!.count);
  }
  const forged = Buffer.from(JSON.stringify(["2026-01-01'; drop table event; --", 'a', 'b', 'c', '1']));
  for (const cursor of ['x', '', forged.toString('base64url')]) {
    await expect(searchEvents(database, {}, { cursor })).rejects.toThrow(/is no cursor/);
  }
});

test('events that are stored later are followed, late and old ones too, each once', async () => {
  const ending = new AbortController();
  const heard: string[] = [];
  const filter: EventFilter = { class: 'drill' };
  const following = (async () => {
    for await (const { id } of followEvents(database, filter, ending.signal)) heard.push(id);
  })();
  await new Promise((resolve) => setTimeout(resolve, 300));
  const old = fleetEvent('yard', 'north', 1002, { class: 'drill', startTime: '2026-01-01T00:00:00.000Z' });
  await storeEvents(database, [
    old,
    fleetEvent('yard', 'north', 1000),
    fleetEvent('yard', 'north', 1001, { class: 'drill' }),
  ]);
  await storeEvents(database, [fleetEvent('yard', 'north', 999, { class: 'drill' })]);
  const limit = Date.now() + 8000;
  while (heard.length < 3 && Date.now() < limit) await new Promise((resolve) => setTimeout(resolve, 100));
  await new Promise((resolve) => setTimeout(resolve, 1500));
  ending.abort();
  await following;
  expect(heard.sort()).toEqual(['north/b1/1001', 'north/b1/1002', 'north/b1/999']);
});
