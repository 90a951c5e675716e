// A slot: the unpacked files of one release under the name of its hash. How one is made, verified and cleared away.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, rm, stat, statfs } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { HEAD_FILE, readHead, unpackBundle } from './bundle.ts';
import { BundleError } from './bundle-error.ts';
import type { BundledFile } from './bundle-format.ts';
import { type BundleHead, verifyHead } from './bundle-head.ts';
import type { BundleRules } from './bundle-rules.ts';
import { type SlotState, slotFolder } from './launcher.ts';

/** What must stay free for the state, the outbox and the engine. */
const LEAST_FREE_BYTES = 128 * 2 ** 20;
/** Blocks and folders that files take beyond their length. */
const DISK_PER_FILE_BYTES = 4096;
/** What "earshot update prove" compiles on a board. */
const BUILT_HERE = 'runtime/inference/trt-runner/build/';

/** Where a bundle comes from. */
export interface BundleSource {
  /** For sentences. */
  readonly name: string;
  /** Bytes on the disk that fetching it takes beside the slot. */
  readonly extraBytes: (head: BundleHead) => number;
  /** The signed part, verified. @throws BundleError */
  readonly head: (rules: BundleRules) => Promise<BundleHead>;
  /** A newer list of trusted keys, where the source has one. */
  readonly newerKeys?: () => Promise<string | undefined>;
  /** Makes the folder with all files, which appears whole or not at all. @throws BundleError */
  readonly unpack: (folder: string, head: BundleHead, rules: BundleRules, onFile: OnFile) => Promise<void>;
}
export type OnFile = (file: BundledFile) => void;

/** A bundle that lies on a disk or a USB stick. */
export function fileSource(file: string): BundleSource {
  return {
    name: file,
    extraBytes: () => 0,
    head: (rules) => readHead(file, rules),
    unpack: async (folder, head, rules, onFile) => {
      await unpackBundle(file, folder, rules, { head, onFile });
    },
  };
}

/** Disk that a release takes in its slot. */
export function diskBytes({ manifest }: BundleHead): number {
  return manifest.files.reduce((sum, { bytes }) => sum + bytes + DISK_PER_FILE_BYTES, 0);
}

/** @throws BundleError when the disk has no room for so much and what must stay free */
export async function checkSpace(root: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(root);
  const [free, needed] = [bavail * bsize, bytes + LEAST_FREE_BYTES];
  if (free >= needed) return;
  const megabytes = (value: number) => `${Math.ceil(value / 2 ** 20)} MiB`;
  throw new BundleError(
    'disk',
    `There is no room for this release: it needs ${megabytes(needed)} on the disk of ${root}, ${megabytes(free)} are free.`,
  );
}

/**
 * Verifies what lies in a slot: the signature, every file, and that there is no other.
 * @throws BundleError saying what is wrong
 */
export async function verifySlot(folder: string, rules: BundleRules): Promise<BundleHead> {
  const head = verifyHead(await readFile(join(folder, HEAD_FILE)).catch(missing(folder)), folder, rules);
  const known = new Map(head.manifest.files.map((file) => [file.path, file]));
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const path = relative(folder, join(entry.parentPath, entry.name));
    if (entry.isDirectory() || path === HEAD_FILE || path.startsWith(BUILT_HERE)) continue;
    if (!entry.isFile() || !known.has(path))
      throw new BundleError('damaged', `${folder} has ${path}, which is not its.`);
  }
  for (const file of head.manifest.files) {
    if ((await hashOf(join(folder, file.path))) === file.sha256) continue;
    throw new BundleError('damaged', `${join(folder, file.path)} is missing or was changed.`);
  }
  return head;
}

/** SHA-256 of a file; undefined when it cannot be read. */
export async function hashOf(file: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    if (!(await stat(file)).isFile()) return undefined;
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
    return hash.digest('hex');
  } catch {
    return undefined; // not there is not the same, whatever the reason
  }
}

/** Removes slots that nothing needs any more, and what interrupted updates left. */
export async function clearSlots(root: string, { good, before, trial }: SlotState): Promise<void> {
  const needed = new Set([good, before, trial].flatMap((slots) => [slots?.runtime, slots?.model]));
  for (const name of await readdir(join(root, 'slots')).catch(() => [] as string[])) {
    if (!needed.has(name)) await rm(slotFolder(root, name), { recursive: true, force: true });
  }
}

const missing = (folder: string) => (cause: Error) => {
  throw new BundleError('damaged', `${folder} is no slot: its signed part cannot be read.`, { cause });
};
