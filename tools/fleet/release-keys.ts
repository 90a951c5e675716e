// Keys that sign releases, as a chain of lists: made, added, revoked, each change signed by a key that is trusted already.
import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import {
  followChain,
  type KeyChain,
  type KeyList,
  keyId,
  type TrustedKeys,
} from '../../runtime/device/trusted-keys.ts';
import { UserError } from '../command.ts';
import { makeKeyPair, readSigningKey } from '../signing-key.ts';
import { writeWhole } from '../write-whole.ts';

type Entry = KeyList['keys'][number];

/** @throws an error named UserError when it is none, or not signed as it must be */
export async function readKeyChain(file: string): Promise<TrustedKeys> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const reason =
      cause.code === 'ENOENT' ? 'there is no such file; begin one with "fleet release keys new"' : cause.code;
    throw new UserError(`Cannot read ${file}: ${reason}.`, { cause });
  });
  return followChain(text, file);
}

/** Begins a chain with one key, or with a spare one too, and makes those that do not exist. */
export async function beginChain(file: string, keyFiles: readonly string[], expires: Date | null): Promise<KeyList> {
  if (existsSync(file)) throw new UserError(`${file} exists already: devices trust it, give another name.`);
  const keys: KeyObject[] = [];
  for (const keyFile of keyFiles) keys.push(await keyOf(keyFile));
  const list = { serial: 1, made: now(), keys: keys.map((key) => entryOf(key, expires)) };
  await writeChain(file, [], list, keys[0]!);
  return list;
}

/** The next list, with one more key. */
export async function addKey(
  file: string,
  signerFile: string,
  keyFile: string,
  expires: Date | null,
): Promise<KeyList> {
  const own = await readKeyChain(file);
  const signer = await signerFor(own, signerFile);
  const entry = entryOf(await keyOf(keyFile), expires);
  if (own.newest.keys.some(({ id }) => id === entry.id))
    throw new UserError(`${file} has the key ${entry.id} already.`);
  return writeNext(file, own, signer, [...own.newest.keys, entry]);
}

/** The next list, in which a key is not trusted any more. */
export async function revokeKey(file: string, signerFile: string, id: string, reason: string): Promise<KeyList> {
  const own = await readKeyChain(file);
  const signer = await signerFor(own, signerFile);
  const known = own.newest.keys.map((key) => key.id);
  if (!known.includes(id)) throw new UserError(`${file} has no key ${id}, only ${known.join(', ')}.`);
  const keys = own.newest.keys.map((key) => (key.id === id ? { ...key, revoked: reason } : key));
  if (keys.every(({ revoked }) => revoked !== null)) {
    throw new UserError(
      `${id} is the last key that is trusted: add another one first, or no device takes a release again.`,
    );
  }
  return writeNext(file, own, signer, keys);
}

async function writeNext(file: string, own: TrustedKeys, signer: KeyObject, keys: Entry[]): Promise<KeyList> {
  const list = { serial: own.newest.serial + 1, made: now(), keys };
  await writeChain(file, own.chain.lists, list, signer);
  return list;
}

async function writeChain(file: string, before: KeyChain['lists'], list: KeyList, signer: KeyObject): Promise<void> {
  const text = JSON.stringify(list);
  const signature = sign(null, Buffer.from(text), signer).toString('base64');
  const lists = [...before, { list: text, by: keyId(createPublicKey(signer)), signature }];
  const chain = `${JSON.stringify({ format: 'earshot-keys', version: 1, lists } satisfies KeyChain)}\n`;
  followChain(chain, file); // what devices would refuse is not written
  await writeWhole(file, chain);
}

/** An Ed25519 private key, made when there is none. */
async function keyOf(file: string): Promise<KeyObject> {
  if (!existsSync(file)) await makeKeyPair(file);
  return readSigningKey(file);
}

async function signerFor({ keys }: TrustedKeys, file: string): Promise<KeyObject> {
  const signer = await readSigningKey(file);
  const id = keyId(createPublicKey(signer));
  const known = keys.find((key) => key.id === id);
  if (known && known.revoked === null && !(known.expires && known.expires < new Date())) return signer;
  const why = known ? (known.revoked === null ? 'has expired' : 'is revoked') : 'is not in the list';
  throw new UserError(`The key ${id} of ${file} ${why}: sign with one that devices trust.`);
}

function entryOf(privateKey: KeyObject, expires: Date | null): Entry {
  const key = createPublicKey(privateKey);
  const publicKey = key.export({ type: 'spki', format: 'der' }).toString('base64');
  return { id: keyId(key), publicKey, expires: expires && seconds(expires), revoked: null };
}

const seconds = (time: Date) => `${time.toISOString().slice(0, 19)}Z`;
const now = () => seconds(new Date());
