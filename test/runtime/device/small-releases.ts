// Releases small enough to be installed a hundred times: signed like real ones, with a program that says which release it is.
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BundleManifest } from '../../../runtime/device/bundle-format.ts';
import { keyId } from '../../../runtime/device/trusted-keys.ts';
import { type BundleContents, makeBundle } from '../../../tools/write-bundle.ts';

export interface Signer {
  readonly privateKey: KeyObject;
  readonly id: string;
  readonly publicKey: string;
}

export function newSigner(): Signer {
  const { privateKey } = generateKeyPairSync('ed25519');
  const publicKey = createPublicKey(privateKey);
  const spki = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  return { privateKey, id: keyId(publicKey), publicKey: spki };
}

interface Key {
  readonly signer: Signer;
  readonly expires?: string;
  readonly revoked?: string;
}

/** A chain of lists, each signed by the signer given with it. */
export function keyChain(...lists: { readonly by: Signer; readonly keys: readonly Key[] }[]): string {
  const signed = lists.map(({ by, keys }, at) => {
    const list = JSON.stringify({
      serial: at + 1,
      made: '2026-11-01T00:00:00Z',
      keys: keys.map(({ signer: { id, publicKey }, expires = null, revoked = null }) => ({
        ...{ id, publicKey, expires, revoked },
      })),
    });
    return { list, by: by.id, signature: sign(null, Buffer.from(list), by.privateKey).toString('base64') };
  });
  return JSON.stringify({ format: 'earshot-keys', version: 1, lists: signed });
}

/**
 * What stands in for earshot: proves itself or not, and when it runs writes its name into the file that EARSHOT_TELL names. It
 * lives until it is told to stop.
 */
function program(name: string, { prove = 0, run = 'lives' }: Behaviour): string {
  return `import { appendFileSync } from 'node:fs';
if (process.argv[2] === 'update') {
  if (${prove}) console.error('error: the network computes nonsense.');
  process.exit(${prove});
}
appendFileSync(process.env.EARSHOT_TELL, ${JSON.stringify(name)} + ' ' + process.argv.slice(2).join(' ') + '\\n');
if (${run === 'crashes'}) process.exit(9);
if (${run === 'deaf'}) process.on('SIGTERM', () => {});
else process.on('SIGTERM', () => process.exit(0));
setInterval(() => {}, 1000);
`;
}

export interface Behaviour {
  readonly prove?: 0 | 1;
  readonly run?: 'lives' | 'crashes' | 'deaf';
}

export const CREATED = new Date('2026-11-23T00:00:00Z');

export function smallRelease(
  signer: Signer,
  sequence: number,
  behaviour: Behaviour = {},
  change: Partial<BundleContents> = {},
): { bytes: Buffer; manifest: BundleManifest } {
  const name = change.name ?? `release-${sequence}`;
  return makeBundle(
    {
      ...{ kind: 'runtime', name, sequence, created: CREATED, expires: null, minimumSequence: 0 },
      requires: { boards: null, jetpacks: null, architecture: null, glibc: null },
      files: new Map<string, Uint8Array>([
        ['bin/earshot.js', Buffer.from(program(name, behaviour))],
        ['package.json', Buffer.from('{"type":"module"}')],
        ['node_modules/@scope/a/index.js', Buffer.alloc(5000, 'same in each release ')],
        ['node_modules/b/lib/own.js', Buffer.alloc(3000, `of ${sequence} `)],
      ]),
      ...change,
    },
    signer.privateKey,
  );
}

/** A folder for slots that trusts the signer. */
export function makeRoot(folder: string, keys: string): string {
  const root = join(folder, 'root');
  mkdirSync(root);
  writeFileSync(join(root, 'trusted-keys.json'), keys);
  return root;
}

/** What ran, in order. */
export function told(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n').filter(Boolean);
}
