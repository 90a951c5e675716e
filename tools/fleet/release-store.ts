// The folder from which releases are served: each bundle under its SHA-256, and each of its files once, packed, under its own.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { Command } from 'commander';
import { readHead, unpackBundle } from '../../runtime/device/bundle.ts';
import type { BundleManifest } from '../../runtime/device/bundle-format.ts';
import { goesOn, type TrustedKeys } from '../../runtime/device/trusted-keys.ts';
import { printJson, UserError } from '../command.ts';
import { writeWhole } from '../write-whole.ts';
import { readKeyChain } from './release-keys.ts';

const KEYS = 'keys.json';
const HASH = /^[0-9a-f]{64}$/;

export interface StoredRelease {
  readonly sha256: string;
  readonly bytes: number;
  readonly manifest: Omit<BundleManifest, 'files'>;
}

export function releaseAddCommand(): Command {
  return new Command('add')
    .summary('put a bundle into the folder from which the hub serves releases')
    .description('Verifies a release or a model and offers it to devices, whole and file by file.')
    .argument('<bundle>', 'file of "earshot fleet release" or "earshot model pack"')
    .addHelpText(
      'after',
      '\nExamples:\n  earshot fleet release add earshot-12.bundle --store releases --keys keys.json\n',
    )
    .configureHelp({ showGlobalOptions: true })
    .action(async (file: string, _, command: Command) => {
      const { store, keys, json } = command.optsWithGlobals<{ store?: string; keys?: string; json?: boolean }>();
      if (!store || !keys) throw new UserError('--store and --keys are needed: where to put it, and who may sign it.');
      const { sha256, manifest } = await addRelease(store, file, await readKeyChain(keys));
      const { kind, name, sequence } = manifest;
      if (json) printJson({ sha256, ...manifest });
      else process.stdout.write(`${name} (${sequence}, ${kind}) is offered as /releases/${sha256}\n`);
    });
}

/**
 * Verifies a bundle and puts it into the store; what is there already stays.
 * @throws an error named UserError when it is not signed by a trusted key or is damaged
 */
export async function addRelease(store: string, file: string, trusted: TrustedKeys): Promise<StoredRelease> {
  await mkdir(join(store, 'files'), { recursive: true });
  const rules = { keys: trusted.keys };
  const work = await mkdtemp(join(store, '.adding-'));
  try {
    const { files, ...manifest } = await unpackBundle(file, join(work, 'unpacked'), rules);
    for (const { path, sha256 } of files) {
      const place = fileIn(store, sha256);
      if (existsSync(place)) continue;
      const packed = join(work, sha256);
      await pipeline(
        createReadStream(join(work, 'unpacked', path)),
        createGzip({ level: 9 }),
        createWriteStream(packed),
      );
      await rename(packed, place);
    }
    const sha256 = await hashOf(file);
    await copyFile(file, join(work, 'bundle'));
    await rename(join(work, 'bundle'), bundleIn(store, sha256));
    await keepKeys(join(store, KEYS), trusted);
    const { bytes, payloadBytes } = await readHead(file, rules);
    return { sha256, bytes: bytes.length + payloadBytes, manifest };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The list only ever goes on: an older one does not come back. */
async function keepKeys(file: string, trusted: TrustedKeys): Promise<void> {
  const newer = existsSync(file) ? goesOn(await readKeyChain(file), trusted, 'the list given') : trusted;
  if (newer) await writeWhole(file, `${JSON.stringify(newer.chain)}\n`);
}

/** All releases of a store, the newest first; what does not verify is left out. */
export async function listReleases(store: string): Promise<StoredRelease[]> {
  if (!existsSync(join(store, KEYS))) return [];
  const { keys } = await readKeyChain(join(store, KEYS));
  const names = (await readdir(store)).filter((name) => name.endsWith('.bundle'));
  const found = await Promise.all(
    names.map(async (name) => {
      const head = await readHead(join(store, name), { keys }).catch(() => undefined);
      if (!head) return [];
      const { files, ...manifest } = head.manifest;
      const bytes = head.bytes.length + head.payloadBytes;
      return [{ sha256: name.replace('.bundle', ''), bytes, manifest }];
    }),
  );
  return found.flat().sort((a, b) => b.manifest.sequence - a.manifest.sequence);
}

/** Where what a device asks for lies; undefined: there is no such thing. Only hashes become part of a path. */
export function storedPath(store: string, release: string, file?: string): string | undefined {
  if (!HASH.test(release) || (file !== undefined && !HASH.test(file))) return undefined;
  if (!existsSync(bundleIn(store, release))) return undefined;
  const path = file === undefined ? bundleIn(store, release) : fileIn(store, file);
  return existsSync(path) ? path : undefined;
}

/** The list of trusted keys that the store gives to devices. */
export async function storedKeys(store: string): Promise<string | undefined> {
  return readFile(join(store, KEYS), 'utf8').catch(() => undefined);
}

const bundleIn = (store: string, sha256: string) => join(store, `${sha256}.bundle`);
const fileIn = (store: string, sha256: string) => join(store, 'files', `${sha256}.gz`);

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
