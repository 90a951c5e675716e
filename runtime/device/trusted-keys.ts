// Which keys may sign what a device installs: a chain of signed lists, each signed by a key that the list before it trusts.
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { BundleError } from './bundle-error.ts';

/** A chain grows by some 600 bytes with each change. */
export const KEYS_LIMIT_BYTES = 256 * 1024;
/** Name of a chain inside a runtime bundle: how devices hear of new keys and of revoked ones. */
export const KEYS_IN_BUNDLE = 'trusted-keys.json';

const id = z.string().regex(/^[0-9a-f]{16}$/);
const time = z.iso.datetime({ precision: 0 });

export const KeyList = z.strictObject({
  serial: z.int().positive().describe('1 for the first list, one more for each that follows'),
  made: time,
  keys: z
    .array(
      z.strictObject({
        id,
        publicKey: z.string().max(200).describe('Ed25519, SPKI in DER, base64'),
        expires: time.nullable().describe('signs nothing after it'),
        revoked: z.string().max(200).nullable().describe('why it is not trusted any more; null: it is'),
      }),
    )
    .min(1)
    .max(32),
});
export type KeyList = z.infer<typeof KeyList>;

const Chain = z.strictObject({
  format: z.literal('earshot-keys'),
  version: z.literal(1),
  lists: z
    .array(
      z.strictObject({
        list: z.string().max(32_768).describe('a list as JSON: the text that is signed'),
        by: id,
        signature: z.string().max(100).describe('Ed25519, base64'),
      }),
    )
    .min(1)
    .max(1000),
});
export type KeyChain = z.infer<typeof Chain>;

/** A key that is known, though perhaps not trusted any more. */
export interface KnownKey {
  readonly id: string;
  readonly key: KeyObject;
  readonly expires: Date | null;
  readonly revoked: string | null;
}

/** The same for the same key wherever it is written: the first half of the SHA-256 of its SPKI form. */
export function keyId(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, 16);
}

/** Reads an Ed25519 public key in PEM. @throws BundleError when it is none */
export async function readPublicKey(file: string): Promise<KnownKey> {
  try {
    const pem = await readFile(file, 'utf8');
    // createPublicKey would derive one from a private key, which has no business on a device.
    if (pem.includes('PRIVATE')) throw new Error('it is a private key');
    const key = createPublicKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return { id: keyId(key), key, expires: null, revoked: null };
    throw new Error(`it is a ${key.asymmetricKeyType} key`);
  } catch (cause) {
    throw new BundleError('unreadable', `${file} is no Ed25519 public key: ${(cause as Error).message}.`, { cause });
  }
}

/** A chain of lists that was followed from its first to its last, which counts. */
export interface TrustedKeys {
  readonly chain: KeyChain;
  readonly newest: KeyList;
  readonly keys: readonly KnownKey[];
}

/** @throws BundleError when the file cannot be read, or a list of it is not signed as it must be */
export async function readTrustedKeys(file: string): Promise<TrustedKeys> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? 'there is no such file' : cause.code;
    throw new BundleError('unreadable', `Cannot read the trusted keys ${file}: ${reason}.`, { cause });
  });
  return followChain(text, file);
}

/**
 * Follows a chain from its first list, which signs itself.
 * @param origin where it comes from, for the error
 * @throws BundleError
 */
export function followChain(text: string, origin: string): TrustedKeys {
  if (text.length > KEYS_LIMIT_BYTES) throw wrong(origin, `it has more than ${KEYS_LIMIT_BYTES} bytes`);
  const chain = parse(Chain, text, origin);
  let newest: KeyList | undefined;
  let keys: readonly KnownKey[] = [];
  for (const [at, { list, by, signature }] of chain.lists.entries()) {
    const signers = newest === undefined ? keysOf(parse(KeyList, list, origin), origin) : keys;
    const signer = signers.find((each) => each.id === by);
    if (!signer || !verify(null, Buffer.from(list), signer.key, Buffer.from(signature, 'base64'))) {
      throw wrong(origin, `list ${at + 1} is not signed by a key that the list before it trusts`);
    }
    const next = parse(KeyList, list, origin);
    if (signer.revoked !== null) throw wrong(origin, `list ${at + 1} is signed by the revoked key ${by}`);
    if (signer.expires && Date.parse(next.made) > signer.expires.getTime()) {
      throw wrong(origin, `list ${at + 1} is signed by the key ${by}, which had expired`);
    }
    if (next.serial !== at + 1) throw wrong(origin, `list ${at + 1} has serial ${next.serial}`);
    newest = next;
    keys = keysOf(next, origin);
  }
  return { chain, newest: newest!, keys };
}

/**
 * A chain from outside in place of one's own: only one that goes on from it.
 * @returns undefined when it says nothing new
 * @throws BundleError when it is another one
 */
export function goesOn(own: TrustedKeys, offered: TrustedKeys, origin: string): TrustedKeys | undefined {
  const [mine, theirs] = [own.chain.lists, offered.chain.lists];
  const shared = Math.min(mine.length, theirs.length);
  for (let i = 0; i < shared; i++) {
    if (mine[i]!.list !== theirs[i]!.list) throw wrong(origin, `from list ${i + 1} on it is not the one trusted here`);
  }
  return theirs.length > mine.length ? offered : undefined;
}

function keysOf({ keys }: KeyList, origin: string): KnownKey[] {
  return keys.map(({ id: named, publicKey, expires, revoked }) => {
    const key = spkiKey(publicKey);
    if (!key || keyId(key) !== named) throw wrong(origin, `key ${named} is no Ed25519 key of that id`);
    return { id: named, key, expires: expires === null ? null : new Date(expires), revoked };
  });
}

function spkiKey(base64: string): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: Buffer.from(base64, 'base64'), type: 'spki', format: 'der' });
    return key.asymmetricKeyType === 'ed25519' ? key : undefined;
  } catch {
    return undefined; // the caller tells which key it is
  }
}

function parse<T>(schema: z.ZodType<T>, text: string, origin: string): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw wrong(origin, 'it is no JSON', cause);
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw wrong(origin, `${issue?.path.join('.')}: ${issue?.message}`);
}

function wrong(origin: string, why: string, cause?: unknown): BundleError {
  return new BundleError('keys', `${origin} is no list of trusted keys: ${why}.`, { cause });
}
