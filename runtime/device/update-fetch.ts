// A release that a server offers: only those files are fetched that no slot of this device has; the whole bundle where that is more.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { appearWhole, HEAD_FILE, unpackBundle } from './bundle.ts';
import { BundleError } from './bundle-error.ts';
import { type BundledFile, type BundleManifest, HEADER_BYTES, modeOf } from './bundle-format.ts';
import { type BundleHead, claimedLengths, verifyHead } from './bundle-head.ts';
import { KEYS_LIMIT_BYTES } from './trusted-keys.ts';
import type { Downloader } from './update-download.ts';
import { type BundleSource, hashOf, type OnFile } from './update-slot.ts';

/** Above this share of the bundle the bundle itself is fetched: one request in place of thousands. */
const WORTHWHILE_SHARE = 0.7;
/** What gzip makes of a bundle's files, roughly: to compare them with a bundle, which is compressed. */
const COMPRESSED_SHARE = 0.35;

export interface FetchOptions {
  /** Of the bundle; its files are at URL/files/SHA256, newer keys at URL/keys (docs/updates.md). */
  readonly url: string;
  readonly root: string;
  /** Of the bundle file, where it is known: checked when it is fetched whole. */
  readonly sha256?: string;
  readonly downloader: Downloader;
  /** Told while the bundle comes whole; file by file its onFile tells. */
  readonly onBytes?: (received: number, all: number) => void;
}

/** @throws BundleError from each of its functions */
export function httpSource(options: FetchOptions): BundleSource {
  const { url, downloader } = options;
  return {
    name: url,
    extraBytes: ({ payloadBytes }) => payloadBytes,
    head: async (rules) => {
      const header = (await downloader.range(url, 0, HEADER_BYTES)) ?? gone(url);
      const { headBytes } = claimedLengths(header, url);
      const manifest = (await downloader.range(url, HEADER_BYTES, headBytes)) ?? gone(url);
      return verifyHead(Buffer.concat([header, manifest]), url, rules);
    },
    newerKeys: async () => (await downloader.range(`${url}/keys`, 0, KEYS_LIMIT_BYTES))?.toString(),
    unpack: async (folder, head, rules, onFile) => {
      const downloads = join(options.root, 'downloads', head.id);
      await clearOthers(options.root, head.id);
      await mkdir(downloads, { recursive: true });
      const own = await ownFiles(options.root);
      const missing = missingFiles(head.manifest, own);
      const bytes = COMPRESSED_SHARE * missing.reduce((sum, file) => sum + file.bytes, 0);
      const isDelta = own.size > 0 && bytes < WORTHWHILE_SHARE * head.payloadBytes;
      if (!isDelta || !(await unpackFromFiles({ ...options, downloads, own }, folder, head, onFile))) {
        const bundle = await fetchWhole(options, downloads, head);
        await unpackBundle(bundle, folder, rules, { head, onFile });
      }
      await rm(join(options.root, 'downloads'), { recursive: true, force: true });
    },
  };
}

/** The bundle as one file, its hash checked. A file that came wrong is fetched once more from its beginning. */
async function fetchWhole(options: FetchOptions, downloads: string, head: BundleHead): Promise<string> {
  const { url, downloader, sha256, onBytes } = options;
  const file = join(downloads, 'bundle');
  const all = head.bytes.length + head.payloadBytes;
  for (let isLast = false; ; isLast = true) {
    if (!(await downloader.file(url, file, all, (received) => onBytes?.(received, all)))) gone(url);
    if (sha256 === undefined || (await hashOf(file)) === sha256) return file;
    await rm(file, { force: true });
    await rm(`${file}.json`, { force: true });
    if (isLast)
      throw new BundleError('damaged', `${url} is not the bundle that was announced: its SHA-256 is another.`);
  }
}

interface FileOptions extends FetchOptions {
  readonly downloads: string;
  /** Paths on this device by SHA-256. */
  readonly own: Map<string, string>;
}

/** @returns false when the server does not offer single files */
async function unpackFromFiles(
  options: FileOptions,
  folder: string,
  head: BundleHead,
  onFile: OnFile,
): Promise<boolean> {
  const { own } = options;
  try {
    await appearWhole(folder, async (partial) => {
      for (const file of head.manifest.files) {
        const place = join(partial, file.path);
        await mkdir(dirname(place), { recursive: true });
        if (!(await copied(own.get(file.sha256), place, file))) {
          await fetchFile(options, file, place);
          own.set(file.sha256, place);
        }
        await chmod(place, modeOf(file));
        onFile(file);
      }
      await writeFile(join(partial, HEAD_FILE), head.bytes);
    });
    return true;
  } catch (error) {
    if (error instanceof NotOffered) return false;
    throw error;
  }
}

class NotOffered extends Error {}

/** A file of another slot, read back: a disk that forgets is found here and not in the field. */
async function copied(from: string | undefined, place: string, { sha256 }: BundledFile): Promise<boolean> {
  if (from === undefined) return false;
  await copyFile(from, place);
  if ((await hashOf(place)) === sha256) return true;
  await rm(place, { force: true });
  return false;
}

async function fetchFile({ url, downloader, downloads }: FileOptions, file: BundledFile, place: string): Promise<void> {
  const packed = join(downloads, `${file.sha256}.gz`);
  // What does not shrink grows a little (RFC 1952, RFC 1951: 5 bytes per block).
  const limit = file.bytes + 1024 + Math.ceil(file.bytes / 1000);
  if (!(await downloader.file(`${url}/files/${file.sha256}`, packed, limit))) throw new NotOffered();
  const hash = createHash('sha256');
  let length = 0;
  try {
    await pipeline(
      createReadStream(packed),
      createGunzip(),
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          length += chunk.length;
          if (length > file.bytes) throw new Error('it is longer than it should be');
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(place, { flags: 'wx' }),
    );
    if (hash.digest('hex') !== file.sha256) throw new Error('its SHA-256 is another');
  } catch (cause) {
    const { syscall, message } = cause as NodeJS.ErrnoException;
    await rm(packed, { force: true });
    await rm(`${packed}.json`, { force: true });
    if (syscall) throw cause;
    throw new BundleError('damaged', `${file.path} came damaged from ${url}: ${message}.`, { cause });
  }
}

/** Each once, though it may be wanted in several places. */
function missingFiles({ files }: BundleManifest, own: ReadonlyMap<string, string>): BundledFile[] {
  return [...new Map(files.filter(({ sha256 }) => !own.has(sha256)).map((file) => [file.sha256, file])).values()];
}

/** All files in the slots of this device. */
async function ownFiles(root: string): Promise<Map<string, string>> {
  const own = new Map<string, string>();
  const slots = join(root, 'slots');
  for (const slot of await readdir(slots).catch(() => [] as string[])) {
    const head = await readFile(join(slots, slot, HEAD_FILE)).catch(() => undefined);
    if (!head) continue;
    // It was verified when the slot was made, and each file is hashed again when it is copied.
    const { files } = JSON.parse(head.toString('utf8', HEADER_BYTES)) as BundleManifest;
    for (const { sha256, path } of files) {
      if (existsSync(join(slots, slot, path))) own.set(sha256, join(slots, slot, path));
    }
  }
  return own;
}

/** What was begun of another release is of no use. */
async function clearOthers(root: string, id: string): Promise<void> {
  for (const name of await readdir(join(root, 'downloads')).catch(() => [] as string[])) {
    if (name !== id) await rm(join(root, 'downloads', name), { recursive: true, force: true });
  }
}

function gone(url: string): never {
  throw new BundleError('network', `${url} is not there: the server knows no such release.`);
}
