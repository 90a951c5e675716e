// What is put on a USB stick by mistake or in malice: each is refused in one sentence, and nothing on the device has changed.
import { createHash, sign } from 'node:crypto';
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { BundleError } from '../../../runtime/device/bundle-error.ts';
import { HEADER_BYTES, LIMITS, signedHeader } from '../../../runtime/device/bundle-format.ts';
import { installRelease, type UpdateOptions } from '../../../runtime/device/update.ts';
import { checkSpace, fileSource } from '../../../runtime/device/update-slot.ts';
import type { BundleContents } from '../../../tools/write-bundle.ts';
import { randomFrom } from '../../fuzz/mutate.ts';
import { temporaryFolder } from '../../loudness-model.ts';
import { keyChain, makeRoot, newSigner, type Signer, smallRelease } from './small-releases.ts';

const [signer, stranger, revoked, expired] = [newSigner(), newSigner(), newSigner(), newSigner()];
const KEYS = keyChain({
  by: signer,
  keys: [
    { signer },
    { signer: revoked, revoked: 'laptop stolen' },
    { signer: expired, expires: '2026-11-22T00:00:00Z' },
  ],
});
const DEVICE: UpdateOptions['device'] = {
  ...{ board: ['orin-nano-8gb', 'orin-nano'], jetpack: '6.2', architecture: 'arm64', glibc: '2.35' },
  now: new Date('2026-11-23T12:00:00Z'),
};
const TERMS = { healthySeconds: 1, limitSeconds: 60, needsBroker: false };
const ANY = { boards: null, jetpacks: null, architecture: null, glibc: null } as const;
let folder: string;
let root: string;
let file: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  root = makeRoot(folder, KEYS);
  file = join(folder, 'stick.bundle');
  writeFileSync(file, smallRelease(signer, 10).bytes);
  await install();
});

const install = () =>
  installRelease({ root, source: fileSource(file), device: DEVICE, terms: TERMS, prove: async () => {} });
const tree = () =>
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .sort()
    .filter((name) => name !== 'update.lock');

/** @returns code and sentence of the refusal */
async function refusal(bytes?: Buffer): Promise<[code: string, message: string]> {
  if (bytes) writeFileSync(file, bytes);
  const [before, state] = [tree(), readFileSync(join(root, 'slots.json'), 'utf8')];
  const error = await install().then(
    ({ state: became }) => new Error(`taken: ${became}`),
    (reason: Error) => reason,
  );
  expect(tree()).toEqual(before);
  expect(readFileSync(join(root, 'slots.json'), 'utf8')).toBe(state);
  expect([error.name, error.message]).toEqual(['UserError', expect.stringMatching(/^[^\n]+\.$/)]);
  return [(error as BundleError).code, error.message];
}
const made = (change: Partial<BundleContents> = {}, by: Signer = signer) =>
  smallRelease(by, change.sequence ?? 11, {}, change).bytes;

test.each<[string, string, Partial<BundleContents>, Signer]>([
  ['signature', 'is not signed by a key that is trusted here', {}, stranger],
  ['key-revoked', 'which is not trusted any more (laptop stolen)', {}, revoked],
  ['key-expired', 'which was trusted until 2026-11-22', {}, expired],
  ['older', 'has sequence 9, here runs 10', { sequence: 9 }, signer],
  ['too-new', 'can follow sequence 20 or later, here runs 10', { minimumSequence: 20 }, signer],
  ['expired', 'was to be installed before 2026-11-01', { expires: new Date('2026-11-01') }, signer],
  ['board', 'is for agx-orin, this is orin-nano-8gb', { requires: { ...ANY, boards: ['agx-orin'] } }, signer],
  ['jetpack', 'is for JetPack 5.1, here is 6.2', { requires: { ...ANY, jetpacks: ['5.1'] } }, signer],
  ['architecture', 'is for processors of x64, this is arm64', { requires: { ...ANY, architecture: 'x64' } }, signer],
  ['glibc', 'needs the C library glibc 2.39, here is 2.35', { requires: { ...ANY, glibc: '2.39' } }, signer],
])('%s: %s', async (code, message, change, by) => {
  expect(await refusal(made(change, by))).toEqual([code, expect.stringContaining(message)]);
});

test('cut off anywhere', async () => {
  const whole = made();
  for (let i = 0; i < 12; i++) {
    const [code] = await refusal(whole.subarray(0, Math.floor((i * whole.length) / 12)));
    expect(code).toBe('truncated');
  }
});

test('a bit turned anywhere: in header, signature, manifest, payload', async () => {
  const whole = made();
  const random = randomFrom(7);
  for (let i = 0; i < 60; i++) {
    const at = i < 30 ? Math.floor(random() * HEADER_BYTES) : Math.floor(random() * whole.length);
    const changed = Buffer.from(whole);
    changed[at]! ^= 1 << Math.floor(random() * 8);
    const [code] = await refusal(changed);
    expect(code).toMatch(/^(format|version|too-big|truncated|signature|damaged)$/);
  }
});

/** Rightly signed, with any manifest and payload: what a thief of the key could make. */
function forged(change: (manifest: Record<string, unknown>) => unknown, payload?: Buffer): Buffer {
  const whole = made();
  const start = HEADER_BYTES + whole.readUInt32LE(12);
  const body = payload ?? whole.subarray(start);
  const manifest = JSON.parse(whole.toString('utf8', HEADER_BYTES, start));
  const sha256 = createHash('sha256').update(body).digest('hex');
  const text = Buffer.from(JSON.stringify(change({ ...manifest, payload: { ...manifest.payload, sha256 } })));
  const header = signedHeader(text.length, body.length);
  return Buffer.concat([header, sign(null, Buffer.concat([header, text]), signer.privateKey), text, body]);
}
type File = { path: string; bytes: number; sha256: string };
const withFiles = (change: (files: File[]) => File[]) => (manifest: Record<string, unknown>) => ({
  ...manifest,
  files: change(manifest.files as File[]),
});

test.each<[string, (files: File[]) => File[]]>([
  ['out of the folder', ([first, ...rest]) => [{ ...first!, path: '../../etc/cron.d/x' }, ...rest]],
  ['to the root', ([first, ...rest]) => [{ ...first!, path: '/etc/passwd' }, ...rest]],
  ['twice', ([first, ...rest]) => [first!, first!, ...rest]],
  ['in two cases', ([first, ...rest]) => [{ ...first!, path: 'BIN/earshot.js' }, first!, ...rest]],
  ['over the signed part', ([first, ...rest]) => [{ ...first!, path: '.signed-head' }, ...rest]],
  ['10 GB long, said', ([first, ...rest]) => [{ ...first!, bytes: 10 * 2 ** 30 }, ...rest]],
])('a file %s', async (_, change) => {
  expect((await refusal(forged(withFiles(change))))[0]).toBe('manifest');
});

test.each<[string, string, number]>([
  ['a symbolic link', '2', 156],
  ['a device', '3', 156],
  ['a program with the right of its owner', '0004755', 100],
])('%s in the archive', async (_, value, at) => {
  const whole = made();
  const tar = gunzipSync(whole.subarray(HEADER_BYTES + whole.readUInt32LE(12)));
  tar.write(value, at, 'latin1');
  expect((await refusal(forged((manifest) => manifest, gzipSync(tar))))[0]).toBe('damaged');
});

test('a bomb of 10 GB, whose manifest says nothing of it', async () => {
  // A gzip member of zeros again and again: gzip files may be put one behind the other (RFC 1952).
  const zeros = gzipSync(Buffer.alloc(64 * 2 ** 20), { level: 9 });
  const whole = made();
  const payload = whole.subarray(HEADER_BYTES + whole.readUInt32LE(12));
  const bomb = Buffer.concat([payload, ...Array<Buffer>(160).fill(zeros)]);
  expect(bomb.length).toBeLessThan(16 * 2 ** 20);
  const started = performance.now();
  expect((await refusal(forged((manifest) => manifest, bomb)))[0]).toBe('damaged');
  expect(performance.now() - started).toBeLessThan(10_000);
});

test('one that says it is longer than any may be', async () => {
  const whole = made();
  whole.writeBigUInt64LE(BigInt(LIMITS.payloadBytes) + 1n, 16);
  writeFileSync(file, whole);
  truncateSync(file, LIMITS.payloadBytes + 1); // holes: takes no room
  expect((await refusal())[0]).toBe('too-big');
});

test('more than the disk has room for', async () => {
  const { bavail, bsize } = await statfs(root);
  await expect(checkSpace(root, bavail * bsize)).rejects.toMatchObject({
    code: 'disk',
    message: expect.stringMatching(/needs \d+ MiB on the disk of .*, \d+ MiB are free\.$/),
  });
});
