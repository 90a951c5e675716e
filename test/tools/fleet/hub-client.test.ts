// The terminal's way to a hub: its real HTTP server, a token that is guarded, answers that are told in sentences.
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventMessage } from '../../../runtime/uplink/topics.ts';
import { databaseView } from '../../../tools/fleet/database-view.ts';
import type { StoredEvent } from '../../../tools/fleet/event-search.ts';
import type { FleetView } from '../../../tools/fleet/fleet-view.ts';
import { addToken } from '../../../tools/fleet/http/accounts.ts';
import { connectHub } from '../../../tools/fleet/hub-client.ts';
import { hubView } from '../../../tools/fleet/hub-view.ts';
import { earshot, jsonLines } from '../../earshot.ts';
import { fillFleet, fleetEvent } from './fleet-data.ts';
import { type HubServer, startHubServer } from './http/hub-server.ts';

let hub: HubServer;
let folder: string;
let tokenFile: string;
let overHttp: FleetView;
let direct: FleetView;

beforeAll(async () => {
  hub = await startHubServer();
  await fillFleet(hub.database);
  folder = await mkdtemp(join(tmpdir(), 'earshot-client-'));
  tokenFile = join(folder, 'token');
  const token = await addToken(hub.database, { name: 'viewer', days: 1 }, Date.now());
  await writeFile(tokenFile, `${token}\n`, { mode: 0o600 });
  overHttp = hubView(await connectHub({ url: hub.url, tokenFile }));
  direct = await databaseView(hub.database);
}, 60_000);

afterAll(async () => {
  await hub.stop();
  await rm(folder, { recursive: true });
});

test('a hub tells over HTTP what its database holds', async () => {
  expect(await overHttp.devices()).toEqual(await direct.devices());
  expect(await overHttp.device('yard', 'south')).toMatchObject({ device: 'south', state: 'ready' });
  expect(await overHttp.device('yard', 'nobody')).toBeUndefined();
  expect(await overHttp.gaps(100)).toEqual(await direct.gaps(100));
  const range = [new Date('2026-11-22T00:00:00Z'), new Date('2026-11-24T00:00:00Z')] as const;
  expect(await overHttp.health('yard', 'north', ...range)).toEqual(await direct.health('yard', 'north', ...range));
  const [here, there] = [await direct.quarantine(10), await overHttp.quarantine(10)];
  expect(there.map(({ id, payload }) => [id, [...payload]])).toEqual(here.map(({ id, payload }) => [id, [...payload]]));
});

test('events come page after page over HTTP as from the database', async () => {
  for (const options of [{ limit: 1200 }, { limit: 7 }, { limit: 7, order: 'oldest' as const }]) {
    expect(await overHttp.events({ class: 'siren', minScore: 0.2 }, options)).toEqual(
      await direct.events({ class: 'siren', minScore: 0.2 }, options),
    );
  }
  const { next } = await overHttp.events({}, { limit: 10 });
  const second = await overHttp.events({}, { limit: 10, cursor: next! });
  expect(second).toEqual(await direct.events({}, { limit: 10, cursor: next! }));
});

test('events are followed as the hub tells them, those that are wanted', async () => {
  const ending = new AbortController();
  const heard: StoredEvent[] = [];
  const following = (async () => {
    for await (const event of overHttp.follow({ device: 'west' }, ending.signal)) heard.push(event);
  })();
  const tell = (event: EventMessage) => hub.hub.bus.tell('events', [event]);
  const limit = Date.now() + 10_000;
  for (let seq = 1; heard.length === 0 && Date.now() < limit; seq += 1) {
    tell(fleetEvent('yard', 'north', seq));
    tell(fleetEvent('yard', 'west', seq));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  ending.abort();
  await following;
  expect(new Set(heard.map(({ device }) => device))).toEqual(new Set(['west']));
}, 20_000);

test('a wrong token, an open token file, a token in the clear and a hub that is away are each told in one sentence', async () => {
  const wrong = join(folder, 'wrong');
  await writeFile(wrong, 'x'.repeat(43), { mode: 0o600 });
  const devices = async (address: Parameters<typeof connectHub>[0]) => hubView(await connectHub(address)).devices();
  await expect(devices({ url: hub.url, tokenFile: wrong })).rejects.toThrow(/does not know this token/);
  await expect(devices({ url: hub.url })).rejects.toThrow(/wants a token: set EARSHOT_TOKEN or give --token-file/);
  await expect(devices({ url: 'http://hub.lan', tokenFile })).rejects.toThrow(/travel in the clear/);
  await expect(devices({ url: 'http://me:secret@127.0.0.1', tokenFile })).rejects.toThrow(/list of processes/);
  await expect(devices({ url: 'ftp://hub', tokenFile })).rejects.toThrow(/give http:\/\/HOST:PORT/);
  await expect(devices({ url: 'http://127.0.0.1:9', tokenFile })).rejects.toThrow(
    /No hub answers at http:\/\/127.0.0.1:9/,
  );
  await chmod(tokenFile, 0o644);
  await expect(devices({ url: hub.url, tokenFile })).rejects.toThrow(/can be read by others: chmod 600/);
  await chmod(tokenFile, 0o600);
});

test('the commands ask a hub', async () => {
  const at = ['--hub', hub.url, '--token-file', tokenFile];
  const list = await earshot(['fleet', 'ls', ...at, '--json']);
  expect(list).toMatchObject({ code: 0, stderr: '' });
  expect(jsonLines(list.stdout).map(({ device }) => device)).toEqual(['east', 'north', 'south']);
  const out = join(folder, 'events.csv');
  expect(await earshot(['fleet', 'export', ...at, '--until', '2026-12-31', '--out', out, '--json'])).toMatchObject({
    code: 0,
  });
  const both = await earshot(['fleet', 'gaps', ...at, '--database', 'x']);
  expect(both.stderr).toMatch(/two places to read from: give one of them/);
}, 60_000);

test('an operator has quarantined messages tried again and thrown away at the hub; a viewer may not', async () => {
  const operatorFile = join(folder, 'operator');
  const token = await addToken(hub.database, { name: 'operator', days: 1 }, Date.now());
  await writeFile(operatorFile, `${token}\n`, { mode: 0o600 });
  const quarantine = (file: string, ...words: string[]) =>
    earshot(['fleet', 'quarantine', ...words, '--hub', hub.url, '--token-file', file]);
  expect((await quarantine(tokenFile, 'retry', '--all')).stderr).toMatch(/operator/);
  const retried = await quarantine(operatorFile, 'retry', '--all');
  expect(retried.stdout).toMatch(/^1 stays: .*\n2 stays: .*\n1 stored, 2 stay\.\n$/);
  expect((await quarantine(operatorFile, 'drop', '1', '--json')).stdout).toBe('{"type":"dropped","count":1}\n');
  expect(jsonLines((await quarantine(tokenFile, 'list', '--json')).stdout).map(({ id }) => id)).toEqual([2]);
  const none = await quarantine(operatorFile, 'drop');
  expect(none.stderr).toMatch(/Which messages\? Give their ids, or --all/);
}, 60_000);
