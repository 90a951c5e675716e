// Ed25519 keys that sign bundles: the private one for its owner alone, the public one for devices.
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, readFile, rm, stat } from 'node:fs/promises';
import { UserError } from './command.ts';
import { writeWhole } from './write-whole.ts';

/** Readable by its owner alone. */
const SECRET_MODE = 0o600;

export const publicKeyFile = (file: string): string => `${file}.pub`;

/**
 * Makes a key pair: the private key as PKCS#8 PEM in `file`, the public one as SPKI PEM in `file`.pub.
 * @throws UserError when either exists: a key that signed bundles is not to be lost
 */
export async function makeKeyPair(file: string): Promise<void> {
  const taken = [file, publicKeyFile(file)].find(existsSync);
  if (taken) throw new UserError(`${taken} exists already: keys are never overwritten, give another name.`);
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  // wx with the mode from the start: at no moment can others read it.
  const handle = await open(file, 'wx', SECRET_MODE).catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(`Cannot write ${file}: ${cause.code}.`, { cause });
  });
  try {
    await handle.writeFile(privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await handle.sync();
    await writeWhole(publicKeyFile(file), publicKey.export({ type: 'spki', format: 'pem' }));
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}

/** @throws UserError when it is missing, open to others, or no Ed25519 private key */
export async function readSigningKey(file: string): Promise<KeyObject> {
  const found = await stat(file).catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(
      `Cannot read ${file}: ${cause.code === 'ENOENT' ? 'there is no such file; make a key with --new-key' : cause.code}.`,
      { cause },
    );
  });
  if (found.mode & 0o077)
    throw new UserError(`${file} can be read by others: run "chmod 600 ${file}", then make a new key if others could.`);
  try {
    const key = createPrivateKey(await readFile(file));
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (cause) {
    throw new UserError(`${file} is no private key in PEM: make one with --new-key.`, { cause });
  }
  throw new UserError(`${file} is no Ed25519 key: make one with --new-key.`);
}
