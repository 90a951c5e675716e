// The service's part of an update: it takes wishes from far, judges itself on trial, and tells what became of them.

import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { readSlots } from '../../../runtime/device/launcher.ts';
import { createLog } from '../../../runtime/device/log.ts';
import { installRelease } from '../../../runtime/device/update.ts';
import { fileSource } from '../../../runtime/device/update-slot.ts';
import { type ReleaseReport, TrialJudge, Updater, type Vitals } from '../../../runtime/device/updater.ts';
import { temporaryFolder } from '../../loudness-model.ts';
import { type Behaviour, keyChain, makeRoot, newSigner, smallRelease } from './small-releases.ts';

const signer = newSigner();
const WELL: Vitals = { streamSeconds: 1, isOnline: true, queued: 0, acknowledged: 5, fault: undefined };
let folder: string;
let root: string;
let updater: Updater | undefined;
let stopServer: (() => void) | undefined;
let vitals: Vitals | undefined;
let heard: number;
let restarts: string[];
let reports: ReleaseReport[];

beforeEach(async () => {
  folder = await temporaryFolder();
  root = makeRoot(folder, keyChain({ by: signer, keys: [{ signer }] }));
  [vitals, heard, restarts, reports] = [WELL, 0, [], []];
});
afterEach(async () => {
  await updater?.stop();
  stopServer?.();
  [updater, stopServer] = [undefined, undefined];
});

function device(slots: string | undefined = root): Updater {
  const keeper = new Updater({
    ...{ root: slots, version: '1.2.3', settings: { update: { healthyMinutes: 0.05, limitMinutes: 0.1 } } },
    ...{ stateFolder: folder, log: createLog({ write: () => {}, plain: false }) },
    vitals: () => vitals && { ...vitals, streamSeconds: ++heard },
    onReport: () => void reports.push(keeper.report),
    onRestart: (reason) => void restarts.push(reason),
  });
  updater = keeper;
  return keeper;
}

async function offer(sequence: number, behaviour: Behaviour = {}) {
  const file = join(folder, `${sequence}.bundle`);
  writeFileSync(file, smallRelease(signer, sequence, behaviour).bytes);
  const server = createServer((request, response) => {
    const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '');
    if (request.url !== '/a') return void response.writeHead(404).end();
    const [start, end] = [Number(range?.[1] ?? 0), range?.[2] ? Number(range[2]) : statSync(file).size - 1];
    response.writeHead(range ? 206 : 200, { 'content-range': `bytes ${start}-${end}/*` });
    createReadStream(file, { start, end }).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stopServer = () => {
    server.closeAllConnections();
    server.close();
  };
  const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
  return {
    name: `release-${sequence}`,
    sequence,
    sha256,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/a`,
  };
}

async function install(sequence: number, limitSeconds = 60): Promise<void> {
  const file = join(folder, `${sequence}.bundle`);
  writeFileSync(file, smallRelease(signer, sequence).bytes);
  const terms = { healthySeconds: 2, limitSeconds, needsBroker: true };
  await installRelease({ root, source: fileSource(file), device: {}, terms, prove: async () => {} });
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 25_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}: ${JSON.stringify(reports.at(-1))}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('a wish is fetched, installed and proved by a process of its own, then the service is to start anew', async () => {
  await install(1);
  const wish = await offer(2);
  const keeper = device();
  expect(keeper.report).toMatchObject({ state: 'done', sequence: 1 });
  keeper.wish(wish, 4);
  keeper.wish(wish, 4); // said again by the broker
  await until(() => restarts.length > 0, 'the restart');
  expect(restarts).toEqual(['update to release-2']);
  expect([...new Set(reports.map(({ state }) => state))]).toEqual(['downloading', 'installing', 'proving', 'trial']);
  expect(readSlots(root).trial).toMatchObject({ sequence: 2, wish: 4, needsBroker: true, healthySeconds: 3 });
});

test('a release that does not run here is told with its reason, and tried again only for another wish', async () => {
  await install(1);
  const wish = await offer(2, { prove: 1 });
  const keeper = device();
  keeper.wish(wish, 4);
  await until(() => keeper.report.state === 'failed', 'the failure');
  expect(keeper.report).toMatchObject({ sequence: 2, error: expect.stringContaining('computes nonsense') });
  const told = reports.length;
  keeper.wish(wish, 4);
  expect(reports.length).toBe(told);
  keeper.wish(wish, 5);
  expect(keeper.report.state).toBe('downloading');
  expect(restarts).toEqual([]);
});

test('a server that does not give it is asked again later, and that is told meanwhile', async () => {
  await install(1);
  const wish = await offer(2);
  const keeper = device();
  keeper.wish({ ...wish, url: `${wish.url}/none` }, 4);
  await until(() => reports.some(({ error }) => error !== undefined), 'the trouble');
  expect(keeper.report).toMatchObject({
    state: 'downloading',
    error: expect.stringContaining('knows no such release'),
  });
  expect(readSlots(root).last).toMatchObject({ outcome: 'done', sequence: 1 });
});

test('a device that was not set up with slots says so', () => {
  const keeper = device('');
  expect(keeper.report.state).toBe('idle');
  const bare = new Updater({
    ...{ root: undefined, version: '1.2.3', settings: {}, stateFolder: folder, vitals: () => WELL },
    ...{ log: createLog({ write: () => {}, plain: false }), onReport: () => {}, onRestart: () => {} },
  });
  expect(bare.report).toEqual({ name: 'earshot-1.2.3', sequence: 0, state: 'idle', slot: null });
  bare.wish({ name: 'a', sequence: 2, sha256: '0'.repeat(64), url: 'http://127.0.0.1:1/' }, 1);
  expect(bare.report).toMatchObject({ state: 'failed', error: expect.stringContaining('not set up with slots') });
});

test('on trial and well it is kept', async () => {
  await install(1);
  await install(2);
  const keeper = device();
  expect(keeper.report.state).toBe('trial');
  keeper.start();
  await until(() => keeper.report.state === 'done', 'the end of the trial');
  expect(readSlots(root)).toMatchObject({ trial: null, highest: { runtime: 2 } });
});

test('on trial without the broker it gives itself up before its time is over, and says why', async () => {
  await install(1);
  await install(2, 3);
  vitals = { ...WELL, isOnline: false };
  device().start();
  await until(() => restarts.length > 0, 'the end of the trial');
  expect(restarts).toEqual(['release release-2 is taken back']);
  expect(readSlots(root).trial?.failure).toBe('it does not reach the broker, which was reached before it');
  expect(existsSync(join(root, 'slots'))).toBe(true);
});

describe('what is healthy', () => {
  const after = (seconds: number, each: (second: number) => Vitals | undefined, needsBroker = true) => {
    const judge = new TrialJudge({ needsBroker });
    let complaint: string | undefined;
    for (let second = 1; second <= seconds; second++) complaint = judge.look(each(second), second);
    return { healthy: judge.healthySeconds, complaint };
  };
  const well = (second: number) => ({ ...WELL, streamSeconds: second, acknowledged: second, queued: 1 });

  test('sound that is heard, and messages that go', () => {
    expect(after(100, well)).toEqual({ healthy: 99, complaint: undefined });
  });

  test('a fault begins the count anew', () => {
    const fault = 'The microphone is gone.';
    expect(after(100, (second) => ({ ...well(second), fault: second === 60 ? fault : undefined })).healthy).toBe(39);
    expect(after(60, (second) => ({ ...well(second), fault: second === 60 ? fault : undefined })).complaint).toBe(
      fault,
    );
  });

  test.each<[string, (second: number) => Vitals | undefined]>([
    ['it does not listen yet', () => undefined],
    ['it has heard no sound lately', (second) => ({ ...well(second), streamSeconds: 7 })],
    ['it has heard no sound lately', (second) => ({ ...well(second), streamSeconds: 0 })],
    ['it does not reach the broker, which was reached before it', (second) => ({ ...well(second), isOnline: false })],
    ['1 messages wait and the broker takes none', (second) => ({ ...well(second), acknowledged: 3 })],
  ])('%s', (complaint, each) => {
    expect(after(100, each)).toEqual({ healthy: 0, complaint });
  });

  test('a broker that was not reached before need not be reached now', () => {
    expect(after(100, (second) => ({ ...well(second), isOnline: false }), false).healthy).toBe(99);
  });
});
