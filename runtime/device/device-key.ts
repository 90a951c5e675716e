// The device's own key, made on the device, which never leaves it; the request for a certificate, and the certificate when it came.
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type DeviceName, deviceSubject } from './certificate-name.ts';
import { type CertificateFacts, makeKey, makeRequest, readCertificate, X509Error } from './x509.ts';

/** Where a device keeps who it is: tls.key and tls.certificate of its settings. */
export interface IdentityFiles {
  readonly key: string;
  readonly certificate: string;
}

/**
 * Reads the key, and makes it first where there is none: whole or not at all, readable by its owner alone.
 * @throws X509Error when others can read it or it is no key
 */
export async function deviceKey(file: string): Promise<string> {
  const pem = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new X509Error(`The key ${file} cannot be read (${error.code}).`, { cause: error });
  });
  if (pem === undefined) {
    const made = makeKey();
    await writeOwn(file, made);
    return made;
  }
  const { mode } = await stat(file);
  if ((mode & 0o077) !== 0) throw new X509Error(`The key ${file} can be read by others: run chmod 600 ${file}.`);
  try {
    createPrivateKey(pem);
  } catch (cause) {
    throw new X509Error(`${file} holds no private key: move it away, and a new one is made.`, { cause });
  }
  return pem;
}

/** A request for a certificate of this device, in PEM: the only thing of its key that leaves it. */
export async function deviceRequest(keyFile: string, name: DeviceName): Promise<string> {
  return makeRequest(await deviceKey(keyFile), deviceSubject(name));
}

/**
 * Stores a certificate, followed by those of its authorities, when it is of this device and of its key.
 * @returns what the certificate says
 * @throws X509Error; then what was there before is still there
 */
export async function storeCertificate(
  chainPem: string,
  files: IdentityFiles,
  name: DeviceName,
): Promise<CertificateFacts> {
  const [leaf = ''] = certificatesIn(chainPem);
  const facts = readCertificate(leaf);
  const { commonName } = deviceSubject(name);
  if (facts.subject.commonName !== commonName)
    throw new X509Error(
      `The certificate is of ${facts.subject.commonName}, this device is ${commonName}: ask for its own.`,
    );
  const own = createPublicKey(await deviceKey(files.key)).export({ format: 'der', type: 'spki' });
  const certified = createPublicKey(leaf).export({ format: 'der', type: 'spki' });
  if (!own.equals(certified))
    throw new X509Error(`The certificate belongs to another key than ${files.key}: ask again.`);
  await writeOwn(files.certificate, chainPem);
  return facts;
}

/** The certificates in a text, each in PEM. */
export function certificatesIn(text: string): string[] {
  return (text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []).map((pem) => `${pem}\n`);
}

/** Beside it, synced, renamed: whole or not there, also after a power cut; readable by its owner alone. */
export async function writeOwn(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const partial = `${file}.${process.pid}.partial`;
  try {
    const handle = await open(partial, 'w', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, file);
    await syncFolder(dirname(file));
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

/** A rename lasts through a power cut only when the folder's entry is on the disk. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  await handle.sync();
  await handle.close();
}
