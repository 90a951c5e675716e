// The folder of the fleet's authority: who signs what, where the files lie, and one user at a time.
//
//   root.pem, root.key    vouches for all; its key is encrypted and belongs in a safe place away from here
//   signing.pem           certificate and key that sign devices and servers; renewed by the root
//   operators.pem         certificate and key that sign hubs and people; trusted by the broker's second listener alone
//   retired/              former signing authorities, whose certificates still hold
//   issued/SERIAL.pem     every certificate; index.jsonl tells of them
//   broker/               what a broker needs: whom to trust, who is revoked, its own certificate
import { createPrivateKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { certificatesIn, writeOwn } from '../../runtime/device/device-key.ts';
import {
  type CertificateFacts,
  type Issuer,
  issueCertificate,
  makeKey,
  publicKeyOf,
  readCertificate,
  selfSigned,
} from '../../runtime/device/x509.ts';
import { lockOutbox, OutboxLockedError } from '../../runtime/uplink/outbox-lock.ts';
import { UserError } from '../command.ts';

export const DEFAULT_FOLDER = 'earshot-ca';
const SIGNING = 'signing.pem';
const OPERATORS = 'operators.pem';
const DAY_MS = 86_400_000;
const ROOT_DAYS = 20 * 365;
const AUTHORITY_DAYS = 10 * 365;
/** Clocks of devices and brokers may be so much behind. */
export const CLOCK_SLACK_MS = 3_600_000;
/** The usual encryption of key files slows guessing by a factor of 2048 only: the rest must come from the length. */
const SHORTEST_PASSPHRASE = 16;
const LOCK_WAIT_MS = 20_000;

export interface Authority extends Issuer {
  readonly facts: CertificateFacts;
}

/** What signing needs, read from the folder. */
export interface Authorities {
  readonly root: string;
  readonly signing: Authority;
  readonly operators: Authority;
  /** Former signing authorities whose own time is not over. */
  readonly retired: readonly Authority[];
}

/**
 * Makes the authorities of a fleet; the folder appears whole or not at all.
 * @param passphrase encrypts the key of the root
 * @throws UserError when the folder exists or the passphrase is too short
 */
export async function initFolder(folder: string, name: string, passphrase: string, now = new Date()): Promise<void> {
  if (existsSync(folder))
    throw new UserError(`${folder} exists already, and what it holds is not made again: give another folder.`);
  if (passphrase.length < SHORTEST_PASSPHRASE)
    throw new UserError(
      `The passphrase has ${passphrase.length} characters, at least ${SHORTEST_PASSPHRASE} are wanted: five random words are good.`,
    );
  const partial = `${folder}.${process.pid}.partial`;
  await mkdir(dirname(folder), { recursive: true });
  await mkdir(partial, { mode: 0o700 });
  try {
    const rootKey = makeKey();
    const root = await selfSigned(
      { subject: { commonName: `${name} root` }, purpose: 'authority', ...validity(now, ROOT_DAYS) },
      rootKey,
    );
    await writeOwn(join(partial, 'root.pem'), root);
    await writeOwn(join(partial, 'root.key'), encrypted(rootKey, passphrase));
    await writeSigning(partial, { certificatePem: root, keyPem: rootKey }, name, now);
    const keyPem = makeKey();
    const subject = { commonName: `${name} operators` };
    const operators = await selfSigned({ subject, purpose: 'authority', ...validity(now, AUTHORITY_DAYS) }, keyPem);
    await writeOwn(join(partial, OPERATORS), `${keyPem}${operators}`);
    await rename(partial, folder);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

/** A new signing authority in place of the old one, which is kept for what it signed. @throws UserError when the passphrase is wrong */
export async function renewSigning(folder: string, passphrase: string, now = new Date()): Promise<CertificateFacts> {
  return locked(folder, async () => {
    const { root, signing } = await readAuthorities(folder);
    const keyPem = await rootKey(folder, passphrase);
    await writeOwn(
      join(folder, 'retired', `${signing.facts.serial}.pem`),
      `${signing.keyPem}${signing.certificatePem}`,
    );
    const name = signing.facts.subject.commonName.replace(/ signing( \d+)?$/, '');
    await writeSigning(folder, { certificatePem: root, keyPem }, name, now);
    return (await readAuthorities(folder)).signing.facts;
  });
}

/** Its name has a number, so that its revocation list is never taken for that of its predecessor. */
async function writeSigning(folder: string, root: Issuer, name: string, now: Date): Promise<void> {
  const keyPem = makeKey();
  const subject = { commonName: `${name} signing ${now.getTime()}` };
  const order = { subject, purpose: 'intermediate' as const, publicKeyPem: publicKeyOf(keyPem) };
  const limit = readCertificate(root.certificatePem).notAfter;
  const certificate = await issueCertificate({ ...order, ...validity(now, AUTHORITY_DAYS, limit) }, root);
  await writeOwn(join(folder, SIGNING), `${keyPem}${certificate}`);
}

function encrypted(keyPem: string, passphrase: string): string {
  const options = { format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase } as const;
  return createPrivateKey(keyPem).export(options) as string;
}

/** The key of the root, which lies encrypted in the folder or was put back there for this. */
async function rootKey(folder: string, passphrase: string): Promise<string> {
  const file = join(folder, 'root.key');
  const key = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(`${file} cannot be read (${cause.code}): put it there from where you keep it.`, { cause });
  });
  try {
    return createPrivateKey({ key, passphrase }).export({ format: 'pem', type: 'pkcs8' }) as string;
  } catch (cause) {
    throw new UserError(`The passphrase does not open ${file}: try again.`, { cause });
  }
}

/** @throws UserError when the folder is none of an authority */
export async function readAuthorities(folder: string, now = new Date()): Promise<Authorities> {
  const root = await readFile(join(folder, 'root.pem'), 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? 'there is no root.pem in it' : cause.code;
    throw new UserError(
      `${folder} is no folder of an authority (${why}): make one with earshot fleet ca init ${folder}.`,
      { cause },
    );
  });
  const [signing, operators] = await Promise.all([SIGNING, OPERATORS].map((file) => readAuthority(join(folder, file))));
  const names = await readdir(join(folder, 'retired')).catch(() => []);
  const retired = await Promise.all(
    names.filter((name) => name.endsWith('.pem')).map((name) => readAuthority(join(folder, 'retired', name))),
  );
  const isInUse = ({ facts }: Authority) => facts.notAfter > now && facts.serial !== signing!.facts.serial;
  return { root, signing: signing!, operators: operators!, retired: retired.filter(isInUse) };
}

async function readAuthority(file: string): Promise<Authority> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(`${file} cannot be read (${cause.code}): take it from a backup.`, { cause });
  });
  const [certificatePem] = certificatesIn(text);
  const keyPem = /-----BEGIN PRIVATE KEY-----[\s\S]*?-----END PRIVATE KEY-----\n/.exec(text)?.[0];
  if (certificatePem === undefined || keyPem === undefined)
    throw new UserError(`${file} must hold a key and its certificate: take it from a backup.`);
  return { certificatePem, keyPem, facts: readCertificate(certificatePem) };
}

/** Works alone in the folder: another that does so is waited for. @throws UserError after 20 seconds */
export async function locked<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const unlock = await lock(folder);
  try {
    return await work();
  } finally {
    await unlock();
  }
}

async function lock(folder: string): Promise<() => Promise<void>> {
  for (const deadline = Date.now() + LOCK_WAIT_MS; ; ) {
    try {
      return await lockOutbox(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        throw new UserError(`${folder} is no folder of an authority: make one with earshot fleet ca init ${folder}.`);
      if (!(error instanceof OutboxLockedError)) throw error;
      if (Date.now() > deadline)
        throw new UserError(`Another earshot works in ${folder} for 20 s now: wait for it or end it.`, {
          cause: error,
        });
    }
    await new Promise((resolve) => setTimeout(resolve, 10 + 40 * Math.random()));
  }
}

/** From an hour ago, for clocks that are behind; at most to a limit. */
export function validity(now: Date, days: number, limit?: Date): { notBefore: Date; notAfter: Date } {
  const notAfter = new Date(Math.min(now.getTime() + days * DAY_MS, limit?.getTime() ?? Number.POSITIVE_INFINITY));
  return { notBefore: new Date(now.getTime() - CLOCK_SLACK_MS), notAfter };
}
