// Takes bundles from outside: the signature first, then what it says, then the files; anything unexpected ends it with nothing changed.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { BundleError } from './bundle-error.ts';
import { type BundledFile, type BundleManifest, HEADER_BYTES } from './bundle-format.ts';
import { type BundleHead, claimedLengths, verifyHead } from './bundle-head.ts';
import type { BundleRules } from './bundle-rules.ts';
import { unpackTar } from './bundle-unpack.ts';
import { syncPath, syncTree } from './sync-tree.ts';

/** In the folder of a release: the signed part of its bundle, so that what lies there can be verified at any time. */
export const HEAD_FILE = '.signed-head';

export interface UnpackOptions {
  /** The signed part that was read before: another bundle is not taken in its place. It is kept as HEAD_FILE among the files. */
  readonly head?: BundleHead;
  /** Called after each file is whole. */
  readonly onFile?: (file: BundledFile) => void;
}

/**
 * Verifies a bundle whole without unpacking it.
 * @throws BundleError with the reason as its code
 */
export function verifyBundle(file: string, rules: BundleRules): Promise<BundleManifest> {
  return withBundle(file, async (handle) => {
    const head = await headOf(handle, file, rules);
    await checkPayload(handle, file, head);
    return head.manifest;
  });
}

/** The signed part of a bundle, verified; its payload is not looked at. @throws BundleError */
export function readHead(file: string, rules: BundleRules): Promise<BundleHead> {
  return withBundle(file, (handle) => headOf(handle, file, rules));
}

/**
 * Verifies a bundle and writes its files into a new folder, which appears whole or not at all, also after a power cut.
 * @param folder must not exist; its parent is made when missing
 * @throws BundleError with the reason as its code
 */
export function unpackBundle(
  file: string,
  folder: string,
  rules: BundleRules,
  { head: known, onFile }: UnpackOptions = {},
): Promise<BundleManifest> {
  return withBundle(file, async (handle) => {
    if (existsSync(folder)) throw new BundleError('exists', `${folder} exists already: give another folder.`);
    const head = await headOf(handle, file, rules);
    if (known && known.id !== head.id) {
      throw new BundleError(
        'damaged',
        `${file} is another bundle than the one that was to be installed: fetch it again.`,
      );
    }
    await checkPayload(handle, file, head);
    await appearWhole(folder, async (partial) => {
      const payload = handle.createReadStream({ start: head.bytes.length, autoClose: false });
      await unpackTar(payload, head.manifest, partial, onFile).catch((cause: NodeJS.ErrnoException) => {
        if (cause.syscall) throw cause;
        throw new BundleError('damaged', `${file} is damaged: ${cause.message}.`, { cause });
      });
      if (known) await writeFile(join(partial, HEAD_FILE), head.bytes);
    });
    return head.manifest;
  });
}

/**
 * Makes a folder that is there whole or not at all: written as FOLDER.partial, synced, renamed.
 * @throws BundleError when the disk will not have it
 */
export async function appearWhole(folder: string, write: (partial: string) => Promise<void>): Promise<void> {
  const partial = `${folder}.partial`;
  try {
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    await write(partial);
    await syncTree(partial);
    await rename(partial, folder);
    await syncPath(dirname(resolve(folder)));
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (!syscall || error instanceof BundleError) throw error;
    const why = code === 'ENOSPC' || code === 'EDQUOT' ? 'the disk is full' : code;
    throw new BundleError('disk', `Cannot write ${folder}: ${why}; nothing was changed.`, { cause: error });
  }
}

async function withBundle<T>(file: string, work: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await open(file).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? 'there is no such file' : cause.code;
    throw new BundleError('unreadable', `Cannot read ${file}: ${reason}.`, { cause });
  });
  try {
    return await work(handle);
  } finally {
    await handle.close();
  }
}

/** In this order: lengths, signature, manifest, whether it is for us. */
async function headOf(handle: FileHandle, file: string, rules: BundleRules): Promise<BundleHead> {
  const stat = await handle.stat();
  if (!stat.isFile()) throw new BundleError('unreadable', `${file} is no file.`);
  const { headBytes, payloadBytes } = claimedLengths(await readUpTo(handle, HEADER_BYTES), file);
  if (stat.size !== headBytes + payloadBytes) {
    throw new BundleError(
      'truncated',
      `${file} has ${stat.size} bytes, it should have ${headBytes + payloadBytes}: fetch it again.`,
    );
  }
  return verifyHead(await readUpTo(handle, headBytes), file, rules);
}

async function checkPayload(handle: FileHandle, file: string, { bytes, manifest }: BundleHead): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of handle.createReadStream({ start: bytes.length, autoClose: false })) {
    hash.update(chunk as Buffer);
  }
  if (hash.digest('hex') === manifest.payload.sha256) return;
  throw new BundleError('damaged', `${file} is damaged: its contents are not what was signed; fetch it again.`);
}

async function readUpTo(handle: FileHandle, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0);
  return buffer.subarray(0, bytesRead);
}
