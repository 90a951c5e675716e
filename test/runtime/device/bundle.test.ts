// Signed bundles: what is packed comes out; every attack on the file is refused with nothing written.
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { unpackBundle, verifyBundle } from '../../../runtime/device/bundle.ts';
import type { BundleError } from '../../../runtime/device/bundle-error.ts';
import { HEADER_BYTES, signedHeader, tarHeader } from '../../../runtime/device/bundle-format.ts';
import { keyId, readPublicKey } from '../../../runtime/device/trusted-keys.ts';
import { sha256 } from '../../../tools/model/model-folder.ts';
import { type BundleContents, makeBundle } from '../../../tools/write-bundle.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const known = (key: KeyObject) => ({ id: keyId(key), key, expires: null, revoked: null });
const TRUSTED = { keys: [known(publicKey)] };
const FILES = new Map<string, Uint8Array>([
  ['manifest.json', Buffer.from('{}')],
  ['model.onnx', Buffer.alloc(70_000, 'weights ')],
  ['sub/empty', new Uint8Array(0)],
  ['sub/block', Buffer.alloc(512, 7)],
]);
const CONTENTS: BundleContents = {
  ...{
    kind: 'model',
    name: 'office',
    sequence: 5,
    created: new Date('2026-11-23T00:00:00Z'),
    expires: new Date('2027-01-01T00:00:00Z'),
  },
  ...{ minimumSequence: 0, files: FILES },
  requires: { boards: ['orin-nano', 'orin-nx'], jetpacks: ['6.2'], architecture: null, glibc: null },
};
const { bytes: BUNDLE, manifest: MANIFEST } = makeBundle(CONTENTS, privateKey);

let folder: string;
let file: string;
let out: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-bundle-'));
  [file, out] = [join(folder, 'a.bundle'), join(folder, 'out')];
});
afterEach(() => rm(folder, { recursive: true }));

/** A bundle with any manifest text and payload, rightly signed. */
function signed(manifest: string | object, payload: Uint8Array, key: KeyObject = privateKey): Buffer {
  const text = Buffer.from(typeof manifest === 'string' ? manifest : JSON.stringify(manifest));
  const header = signedHeader(text.length, payload.length);
  return Buffer.concat([header, sign(null, Buffer.concat([header, text]), key), text, payload]);
}
const PAYLOAD = BUNDLE.subarray(HEADER_BYTES + BUNDLE.readUInt32LE(12));
/** The archive changed, hash and lengths made right again: only the reader of the archive can notice. */
function withTar(tar: Buffer, change: object = {}): Buffer {
  const payload = gzipSync(tar);
  return signed({ ...MANIFEST, payload: { ...MANIFEST.payload, sha256: sha256(payload) }, ...change }, payload);
}

async function refused(bundle: Uint8Array, rules = {}): Promise<string> {
  await writeFile(file, bundle);
  const error = await unpackBundle(file, out, { ...TRUSTED, ...rules }).then(
    () => undefined,
    (reason: BundleError) => reason,
  );
  expect((await readdir(folder)).sort()).toEqual(['a.bundle']);
  expect(error?.name).toBe('UserError');
  return error!.code;
}

test('what is packed comes out, byte for byte', async () => {
  await writeFile(file, BUNDLE);
  const rules = { ...TRUSTED, sequence: 5, now: new Date('2026-12-24'), board: 'orin-nx', jetpack: '6.2' };
  expect(await verifyBundle(file, rules)).toEqual(MANIFEST);
  expect(existsSync(out)).toBe(false);
  await unpackBundle(file, out, rules);
  for (const [path, bytes] of FILES) expect(await readFile(join(out, path))).toEqual(Buffer.from(bytes));
  expect((await readdir(out, { recursive: true })).length).toBe(5);
  await expect(unpackBundle(file, out, rules)).rejects.toMatchObject({ code: 'exists' });
});

test('the same model and key give the same bytes', () => {
  const shuffled = new Map([...FILES].reverse());
  expect(makeBundle({ ...CONTENTS, files: shuffled }, privateKey).bytes).toEqual(BUNDLE);
});

test("tar reads the archive: it is one of everybody's", async () => {
  const { execFileSync } = await import('node:child_process');
  await writeFile(join(folder, 'a.tar.gz'), PAYLOAD);
  const listed = execFileSync('tar', ['tvzf', join(folder, 'a.tar.gz'), '--numeric-owner', '--utc'], {
    encoding: 'utf8',
  });
  expect(listed.split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual([
    ...['-rw-r--r-- 0/0 2 1970-01-01 00:00 manifest.json', '-rw-r--r-- 0/0 70000 1970-01-01 00:00 model.onnx'],
    ...['-rw-r--r-- 0/0 512 1970-01-01 00:00 sub/block', '-rw-r--r-- 0/0 0 1970-01-01 00:00 sub/empty', ''],
  ]);
});

test('another key, or no key, opens nothing', async () => {
  const other = generateKeyPairSync('ed25519');
  expect(await refused(BUNDLE, { keys: [known(other.publicKey)] })).toBe('signature');
  expect(await refused(BUNDLE, { keys: [] })).toBe('signature');
  await writeFile(file, BUNDLE);
  // While a key is being replaced a device trusts both.
  expect(await verifyBundle(file, { keys: [known(other.publicKey), known(publicKey)] })).toEqual(MANIFEST);
});

test('every byte of header and manifest is signed, every byte of the payload is hashed', async () => {
  const ends = [
    0,
    9,
    12,
    16,
    24,
    60,
    87,
    HEADER_BYTES,
    HEADER_BYTES + 40,
    BUNDLE.length - PAYLOAD.length,
    BUNDLE.length - 1,
  ];
  for (const at of ends) {
    const changed = Buffer.from(BUNDLE);
    changed[at]! ^= 1;
    expect(await refused(changed)).toMatch(/^(format|version|truncated|signature|damaged|too-big)$/);
  }
});

test('older ones, expired ones and those for other boards are refused', async () => {
  expect(await refused(BUNDLE, { sequence: 6 })).toBe('older');
  expect(await refused(BUNDLE, { now: new Date('2027-01-02') })).toBe('expired');
  expect(await refused(BUNDLE, { board: 'nano' })).toBe('board');
  expect(await refused(BUNDLE, { board: 'orin-nx', jetpack: '6.0' })).toBe('jetpack');
  await writeFile(file, BUNDLE);
  // A board whose clock is not known to be right judges by the sequence alone.
  expect((await verifyBundle(file, { ...TRUSTED, sequence: 5 })).sequence).toBe(5);
});

test('cut off, with something behind it, empty, no file, or of the future', async () => {
  for (const length of [0, 5, 80, 100, BUNDLE.length - 1])
    expect(await refused(BUNDLE.subarray(0, length))).toBe('truncated');
  expect(await refused(Buffer.concat([BUNDLE, Buffer.from([0])]))).toBe('truncated');
  const newer = Buffer.from(BUNDLE);
  newer.writeUInt16LE(2, 8);
  expect(await refused(newer)).toBe('version');
  await expect(verifyBundle(folder, TRUSTED)).rejects.toMatchObject({ code: 'unreadable' });
  await expect(verifyBundle(join(folder, 'none'), TRUSTED)).rejects.toMatchObject({ code: 'unreadable' });
});

test('what says it is too long is refused before it is read', async () => {
  const huge = Buffer.from(BUNDLE.subarray(0, HEADER_BYTES));
  huge.writeBigUInt64LE(2n ** 63n, 16);
  await writeFile(file, huge);
  await truncate(file, 5 * 2 ** 30); // holes: takes no room
  await expect(verifyBundle(file, TRUSTED)).rejects.toMatchObject({ code: 'too-big' });
  huge.writeUInt32LE(2 ** 31, 12);
  huge.writeBigUInt64LE(10n, 16);
  expect(await refused(huge)).toBe('too-big');
});

test.each([
  ['no JSON', '{'],
  ['an unknown key', { ...MANIFEST, colour: 'green' }],
  ['another format version', { ...MANIFEST, version: 2 }],
  ['a sequence of 0', { ...MANIFEST, sequence: 0 }],
  ['no files', { ...MANIFEST, files: [] }],
  ['a length that its files do not have', { ...MANIFEST, payload: { ...MANIFEST.payload, unpackedBytes: 512 } }],
  ['files out of order', { ...MANIFEST, files: MANIFEST.files.toReversed() }],
  ['a file twice', { ...MANIFEST, files: [MANIFEST.files[0], MANIFEST.files[0]] }],
])('a signed manifest with %s is refused', async (_, manifest) => {
  expect(await refused(signed(manifest, PAYLOAD))).toBe('manifest');
});

test.each([
  ...[
    '../evil',
    '/etc/passwd',
    'a/../../b',
    './a',
    'a//b',
    '.hidden',
    '-rf',
    'a\\b',
    'a\0b',
    'C:evil',
    'a/',
    'é',
    'a'.repeat(101),
    `${'a'.repeat(156)}/b`,
  ],
])('the path %j is no path of a bundle, whoever signed it', async (path) => {
  const [first, ...others] = MANIFEST.files;
  expect(await refused(signed({ ...MANIFEST, files: [{ ...first, path }, ...others] }, PAYLOAD))).toBe('manifest');
  expect(() => makeBundle({ ...CONTENTS, files: new Map([[path, new Uint8Array(1)]]) }, privateKey)).toThrow();
});

test('a name in two cases, and a file where another has a folder, are refused', () => {
  for (const names of [
    ['Model', 'model'],
    ['a', 'a/b'],
  ]) {
    const files = new Map(names.map((name) => [name, new Uint8Array(1)]));
    expect(() => makeBundle({ ...CONTENTS, files }, privateKey)).toThrow(/must/);
  }
});

describe('an archive that is not what its signed manifest says', () => {
  const tar = gunzipSync(PAYLOAD);
  const changed = (change: (copy: Buffer) => void) => {
    const copy = Buffer.from(tar);
    change(copy);
    return withTar(copy);
  };

  test.each<[string, (copy: Buffer) => void]>([
    ['a link', (copy) => copy.write('2', 156)],
    ['a hard link', (copy) => copy.write('1', 156)],
    ['a device', (copy) => copy.write('3', 156)],
    ['a folder', (copy) => copy.write('5', 156)],
    ['another path', (copy) => copy.write('../etc/x.json', 0)],
    ['another mode', (copy) => copy.write('0004755', 100)],
    ['another size', (copy) => copy.write('00000000001', 124)],
    ['a prefix', (copy) => copy.write('/etc', 345)],
    ['contents that are not those hashed', (copy) => copy.writeUInt8(copy[600]! ^ 1, 513)],
    ['something in the padding', (copy) => copy.writeUInt8(1, 700)],
    ['something after the end', (copy) => copy.writeUInt8(1, copy.length - 1)],
  ])('%s', async (_, change) => {
    expect(await refused(changed(change))).toBe('damaged');
  });

  test('one file more, one less, the end missing', async () => {
    expect(await refused(withTar(Buffer.concat([tarHeader({ path: 'more', bytes: 0 }), tar])))).toBe('damaged');
    expect(await refused(withTar(tar.subarray(1024)))).toBe('damaged');
    expect(await refused(withTar(tar.subarray(0, tar.length - 512)))).toBe('damaged');
    expect(
      await refused(
        signed(
          { ...MANIFEST, payload: { ...MANIFEST.payload, sha256: sha256(Buffer.from('no gzip')) } },
          Buffer.from('no gzip'),
        ),
      ),
    ).toBe('damaged');
  });

  test('a bomb ends where the manifest ends: gigabytes are never unpacked', async () => {
    const bomb = withTar(Buffer.concat([tar, Buffer.alloc(300 * 2 ** 20)]));
    expect(bomb.length).toBeLessThan(2 ** 20);
    const before = process.memoryUsage().rss;
    const started = performance.now();
    expect(await refused(bomb)).toBe('damaged');
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 2 ** 20);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

test('a link that lies where the folder shall be is not followed', async () => {
  await writeFile(file, BUNDLE);
  await symlink('/etc', out);
  await expect(unpackBundle(file, out, TRUSTED)).rejects.toMatchObject({ code: 'exists' });
});

test('what an interrupted unpacking left behind does not stop the next', async () => {
  await writeFile(file, BUNDLE);
  await unpackBundle(file, `${out}.partial`, TRUSTED);
  await unpackBundle(file, out, TRUSTED);
  expect(await readdir(folder)).toEqual(['a.bundle', 'out']);
});

test('changed bytes are refused, never anything else', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(BUNDLE.length - 1), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 8 }),
      async (changes) => {
        const copy = Buffer.from(BUNDLE);
        for (const [at, flip] of changes) copy[at]! ^= flip;
        if (!copy.equals(BUNDLE)) await refused(copy);
      },
    ),
    { seed: 7, numRuns: 150 },
  );
});

test('a key for devices is a public Ed25519 key, nothing else', async () => {
  const write = async (pem: string | Buffer) => {
    await writeFile(join(folder, 'k.pub'), pem);
    return readPublicKey(join(folder, 'k.pub'));
  };
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  expect((await write(pem)).key.equals(createPublicKey(pem))).toBe(true);
  await expect(write(privateKey.export({ type: 'pkcs8', format: 'pem' }))).rejects.toThrow('it is a private key');
  const { publicKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await expect(write(rsa.export({ type: 'spki', format: 'pem' }))).rejects.toThrow('it is a rsa key');
  await expect(write('nonsense')).rejects.toMatchObject({ code: 'unreadable' });
});
