// Releases over HTTP: only what a device lacks, on from where it broke off, at its rate; and no server can make it take another thing.
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { readSlots, slotFolder } from '../../../runtime/device/launcher.ts';
import { followChain } from '../../../runtime/device/trusted-keys.ts';
import { confirmRelease, installRelease } from '../../../runtime/device/update.ts';
import { Downloader, type DownloadOptions } from '../../../runtime/device/update-download.ts';
import { httpSource } from '../../../runtime/device/update-fetch.ts';
import { fileSource, verifySlot } from '../../../runtime/device/update-slot.ts';
import { createWebServer } from '../../../tools/fleet/http/fastify.ts';
import type { Hub } from '../../../tools/fleet/http/hub.ts';
import { releaseRoutes } from '../../../tools/fleet/http/routes-releases.ts';
import { addRelease, listReleases } from '../../../tools/fleet/release-store.ts';
import { temporaryFolder } from '../../loudness-model.ts';
import { keyChain, makeRoot, newSigner, smallRelease } from '../../runtime/device/small-releases.ts';

const signer = newSigner();
const KEYS = keyChain({ by: signer, keys: [{ signer }] });
const TERMS = { healthySeconds: 1, limitSeconds: 60, needsBroker: false };
const BIG = randomBytes(2_000_000);
let folder: string;
let root: string;
let store: string;
let asked: string[];
const stops: (() => unknown)[] = [];

beforeEach(async () => {
  folder = await temporaryFolder();
  root = makeRoot(folder, KEYS);
  store = join(folder, 'store');
  asked = [];
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** Two releases that share a file of 2 MB which does not shrink. */
function bundle(sequence: number): string {
  const file = join(folder, `${sequence}.bundle`);
  const files = new Map<string, Uint8Array>([
    ['bin/earshot.js', Buffer.from(`// ${sequence}`)],
    ['node_modules/big/a.bin', BIG],
    ['node_modules/big/again.bin', BIG],
    ['own.js', randomBytes(20_000)],
  ]);
  writeFileSync(file, smallRelease(signer, sequence, {}, { files }).bytes);
  return file;
}

async function hub(): Promise<string> {
  const app = await createWebServer({ onTrouble: () => {} });
  app.addHook('onRequest', async ({ url }) => {
    asked.push(url.replace(/[0-9a-f]{64}/g, '#'));
  });
  releaseRoutes(app, {} as Hub, store);
  await app.listen({ port: 0, host: '127.0.0.1' });
  stops.push(() => app.close());
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
}

function install(url: string, sha256?: string, options: DownloadOptions = {}, downloader = client(options)) {
  const source = httpSource({ url, root, sha256, downloader });
  return installRelease({ root, source, device: {}, terms: TERMS, prove: async () => {} });
}
function client(options: DownloadOptions): Downloader {
  const downloader = new Downloader({ tries: 4, firstWaitMs: 5, ...options });
  stops.push(() => downloader.close());
  return downloader;
}

/** The store behind a server that may misbehave: it cuts an answer off after so many bytes, as often as is said. */
async function badServer(
  answer: (request: IncomingMessage, response: ServerResponse, nth: number) => void,
): Promise<string> {
  let nth = 0;
  const server: Server = createServer((request, response) => {
    asked.push(`${request.headers.range ?? 'all'}`);
    nth += 1;
    answer(request, response, nth);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/release`;
}
/** Answers as a server that knows ranges. */
function part(
  bytes: Buffer,
  request: IncomingMessage,
  response: ServerResponse,
  cutAfter = Number.POSITIVE_INFINITY,
): void {
  const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '');
  const [start, end] = range ? [Number(range[1]), range[2] ? Number(range[2]) + 1 : bytes.length] : [0, bytes.length];
  if (start >= bytes.length) {
    response.writeHead(416).end();
    return;
  }
  const body = bytes.subarray(start, end);
  const headers = { etag: '"e"', 'content-length': body.length };
  response.writeHead(range ? 206 : 200, {
    ...headers,
    ...(range && { 'content-range': `bytes ${start}-${start + body.length - 1}/${bytes.length}` }),
  });
  if (body.length <= cutAfter) response.end(body);
  else response.write(body.subarray(0, cutAfter), () => response.destroy());
}

test('the first release comes whole, the next one file by file: only what is not there yet', async () => {
  const [first, second] = [bundle(1), bundle(2)];
  const stored = [
    await addRelease(store, first, followChain(KEYS, 'k')),
    await addRelease(store, second, followChain(KEYS, 'k')),
  ];
  expect((await listReleases(store)).map(({ manifest }) => manifest.sequence)).toEqual([2, 1]);
  const base = await hub();
  await install(`${base}/releases/${stored[0]!.sha256}`, stored[0]!.sha256);
  expect(asked).toEqual(['/releases/#', '/releases/#', '/releases/#']); // header, manifest, all
  asked = [];
  const downloader = client({});
  const { slot } = await install(`${base}/releases/${stored[1]!.sha256}`, stored[1]!.sha256, {}, downloader);
  expect(asked.slice(2)).toEqual(['/releases/#/files/#', '/releases/#/files/#']);
  expect(downloader.received).toBeLessThan(30_000);
  await verifySlot(slotFolder(root, slot), { keys: followChain(KEYS, 'k').keys });
  expect(readdirSync(root)).not.toContain('downloads');
});

test('a file of an old slot that the disk has changed is fetched instead of copied', async () => {
  const stored = [
    await addRelease(store, bundle(1), followChain(KEYS, 'k')),
    await addRelease(store, bundle(2), followChain(KEYS, 'k')),
  ];
  const base = await hub();
  const first = await install(`${base}/releases/${stored[0]!.sha256}`);
  for (const name of ['a.bin', 'again.bin'])
    writeFileSync(join(slotFolder(root, first.slot), 'node_modules/big', name), 'rot');
  const { slot } = await install(`${base}/releases/${stored[1]!.sha256}`);
  expect(readFileSync(join(slotFolder(root, slot), 'node_modules/big/a.bin')).equals(BIG)).toBe(true);
});

test('what breaks off goes on where it was, also in another process', async () => {
  const bytes = readFileSync(bundle(1));
  const url = await badServer((request, response, nth) =>
    part(bytes, request, response, nth < 12 ? 300_000 : undefined),
  );
  await expect(install(url, undefined, { tries: 1 })).rejects.toMatchObject({ code: 'network' });
  expect(existsSync(join(root, 'slots.json'))).toBe(false);
  expect(await install(url)).toMatchObject({ state: 'kept' });
  const starts = asked.map((range) => Number(/bytes=(\d+)-/.exec(range)?.[1] ?? 0)).filter((start) => start > 1000);
  expect(starts.length).toBeGreaterThan(3);
  expect(starts).toEqual([...starts].sort((a, b) => a - b));
});

test('a server that forgot ranges sends all again; a file that changed under way is begun anew', async () => {
  const [first, second] = [readFileSync(bundle(1)), readFileSync(bundle(1))];
  const url = await badServer((request, response, nth) => {
    if (nth === 3) return part(first, request, response, 500_000);
    if (nth > 3) request.headers.range = undefined;
    part(nth > 3 ? second : first, request, response);
  });
  // One of another length is known by that.
  await expect(install(url)).rejects.toMatchObject({ code: expect.stringMatching(/damaged|network/) });
  const whole = await badServer((request, response, nth) => {
    if (nth > 2) request.headers.range = undefined;
    part(first, request, response, nth === 3 ? 500_000 : undefined);
  });
  expect(await install(whole)).toMatchObject({ state: 'kept' });
});

test('a server that never ends, sends pages, errors or nothing changes nothing', async () => {
  const bytes = readFileSync(bundle(1));
  const head = 88 + bytes.readUInt32LE(12);
  const endless = await badServer((request, response, nth) => {
    if (nth < 3) return part(bytes, request, response);
    response.writeHead(200);
    const pour = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      response.once('drain', pour);
    };
    pour();
  });
  await expect(install(endless)).rejects.toThrow(`sends more than the ${bytes.length} bytes`);
  expect(head).toBeLessThan(bytes.length);
  const page = await badServer((_, response) => response.end('<html>'.repeat(100)));
  await expect(install(page)).rejects.toMatchObject({ code: 'format' });
  const broken = await badServer((_, response) => response.writeHead(503).end());
  await expect(install(broken)).rejects.toThrow('the server answers 503');
  expect(asked.length).toBeGreaterThanOrEqual(4);
  const secret = await badServer((_, response) => response.writeHead(403).end());
  await expect(install(secret)).rejects.toThrow('the server answers 403 Forbidden');
  await expect(install('http://127.0.0.1:1/x')).rejects.toThrow('ECONNREFUSED');
  await expect(install('ftp://127.0.0.1/x')).rejects.toThrow('only http and https');
  expect(readdirSync(root).sort()).toEqual(['downloads', 'slots', 'trusted-keys.json']);
  expect(readdirSync(join(root, 'slots'))).toEqual([]);
});

test('another bundle than the one announced is not taken, though its signature is right', async () => {
  const bytes = readFileSync(bundle(1));
  const url = await badServer((request, response) => part(bytes, request, response));
  await expect(install(url, 'ab'.repeat(32))).rejects.toThrow('its SHA-256 is another');
});

test('it keeps to its rate', async () => {
  const bytes = readFileSync(bundle(1));
  const url = await badServer((request, response) => part(bytes, request, response));
  const started = performance.now();
  await install(url, undefined, { bytesPerSecond: 1_000_000 });
  const seconds = (performance.now() - started) / 1000;
  expect(seconds).toBeGreaterThan(0.8 * (bytes.length / 1_000_000));
});

test('a release signed by a new key is taken when the hub has the list in which the old key trusts it', async () => {
  const next = newSigner();
  const chain = keyChain(
    { by: signer, keys: [{ signer }] },
    { by: signer, keys: [{ signer, revoked: 'stolen' }, { signer: next }] },
  );
  const file = join(folder, 'next.bundle');
  writeFileSync(file, smallRelease(next, 1, {}, { files: new Map([['bin/earshot.js', randomBytes(100)]]) }).bytes);
  const { sha256 } = await addRelease(store, file, followChain(chain, 'k'));
  const base = await hub();
  await expect(
    installRelease({ root, source: fileSource(file), device: {}, terms: TERMS, prove: async () => {} }),
  ).rejects.toMatchObject({ code: 'signature' });
  expect(await install(`${base}/releases/${sha256}`)).toMatchObject({ state: 'kept' });
  // From now on the old key opens nothing.
  const old = join(folder, 'old.bundle');
  writeFileSync(old, smallRelease(signer, 2).bytes);
  await expect(
    installRelease({ root, source: fileSource(old), device: {}, terms: TERMS, prove: async () => {} }),
  ).rejects.toMatchObject({ code: 'key-revoked', message: expect.stringContaining('stolen') });
  expect(readSlots(root).highest.runtime).toBe(1);
  expect(await confirmRelease(root)).toBeUndefined();
});

test('the hub gives what was asked by its hash and nothing else; the list of releases is for people', async () => {
  const { sha256 } = await addRelease(store, bundle(1), followChain(KEYS, 'k'));
  const base = await hub();
  const get = async (path: string, headers = {}) => {
    const response = await fetch(`${base}${path}`, { headers });
    return [response.status, (await response.arrayBuffer()).byteLength, response.headers.get('content-range')];
  };
  expect(await get(`/releases/${sha256}`, { range: 'bytes=0-7' })).toEqual([
    206,
    8,
    expect.stringMatching(/^bytes 0-7\//),
  ]);
  expect(await get(`/releases/${sha256}`, { range: 'bytes=8-15', 'if-range': '"other"' })).toEqual([
    ...[200, readFileSync(join(folder, '1.bundle')).length, null],
  ]);
  expect((await get(`/releases/${sha256}`, { range: 'bytes=999999999-' }))[0]).toBe(416);
  for (const path of [
    `/releases/${'0'.repeat(64)}`,
    '/releases/keys.json',
    '/releases/..%2fkeys.json',
    `/releases/${sha256}/files/..`,
  ]) {
    expect((await get(path))[0]).toBe(404);
  }
  expect((await get('/api/v1/releases'))[0]).toBe(401);
});
