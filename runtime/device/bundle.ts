// Takes bundles from outside: the signature first, then what it says, then the files; anything unexpected ends it with nothing changed.
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  BundleManifest,
  HEADER_BYTES,
  LIMITS,
  MAGIC,
  SIGNATURE_BYTES,
  SIGNED_HEADER_BYTES,
  VERSION,
} from './bundle-format.ts';
import { unpackTar } from './bundle-unpack.ts';

/** Why a bundle is refused, for programs. */
export type BundleFault =
  | 'unreadable'
  | 'format'
  | 'version'
  | 'too-big'
  | 'truncated'
  | 'signature'
  | 'manifest'
  | 'older'
  | 'expired'
  | 'board'
  | 'jetpack'
  | 'damaged'
  | 'disk'
  | 'exists';

export class BundleError extends Error {
  override name = 'UserError';
  readonly code: BundleFault;

  constructor(code: BundleFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface BundleRules {
  /** Ed25519; a bundle must be signed by one of them. */
  readonly publicKeys: readonly KeyObject[];
  /** Sequence of what runs now: nothing older is taken. */
  readonly sequence?: number;
  /** Undefined while the clock is not known to be right: then expiry is not judged, the sequence still is. */
  readonly now?: Date;
  /** What this device is; undefined: it is none, as a workstation. */
  readonly board?: string;
  readonly jetpack?: string;
}

/** Reads an Ed25519 public key in PEM. @throws BundleError when it is none */
export async function readPublicKey(file: string): Promise<KeyObject> {
  try {
    const pem = await readFile(file, 'utf8');
    // createPublicKey would derive one from a private key, which has no business on a device.
    if (pem.includes('PRIVATE')) throw new Error('it is a private key');
    const key = createPublicKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
    throw new Error(`it is a ${key.asymmetricKeyType} key`);
  } catch (cause) {
    throw new BundleError('unreadable', `${file} is no Ed25519 public key: ${(cause as Error).message}.`, { cause });
  }
}

/**
 * Verifies a bundle whole without unpacking it.
 * @throws BundleError with the reason as its code
 */
export function verifyBundle(file: string, rules: BundleRules): Promise<BundleManifest> {
  return withBundle(file, async (handle) => (await check(handle, file, rules)).manifest);
}

/**
 * Verifies a bundle and writes its files into a new folder, which appears whole or not at all.
 * @param folder must not exist; its parent is made when missing
 * @throws BundleError with the reason as its code
 */
export function unpackBundle(file: string, folder: string, rules: BundleRules): Promise<BundleManifest> {
  return withBundle(file, async (handle) => {
    if (existsSync(folder)) throw new BundleError('exists', `${folder} exists already: give another folder.`);
    const { manifest, payloadStart, payloadEnd } = await check(handle, file, rules);
    const partial = `${folder}.partial`;
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    try {
      const payload = handle.createReadStream({ start: payloadStart, end: payloadEnd - 1, autoClose: false });
      await unpackTar(payload, manifest, partial).catch((cause: unknown) => {
        const { code, syscall } = cause as NodeJS.ErrnoException;
        if (syscall) throw new BundleError('disk', `Cannot write ${folder}: ${code}; nothing was changed.`, { cause });
        throw new BundleError('damaged', `${file} is damaged: ${(cause as Error).message}.`, { cause });
      });
      await rename(partial, folder);
      await syncFolder(dirname(join(folder)));
    } catch (error) {
      await rm(partial, { recursive: true, force: true });
      throw error;
    }
    return manifest;
  });
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

interface Checked {
  readonly manifest: BundleManifest;
  readonly payloadStart: number;
  readonly payloadEnd: number;
}

/** In this order: lengths, signature, manifest, whether it is for us, hash of the payload. */
async function check(handle: FileHandle, file: string, rules: BundleRules): Promise<Checked> {
  const stat = await handle.stat();
  if (!stat.isFile()) throw new BundleError('unreadable', `${file} is no file.`);
  const header = await readExactly(handle, 0, HEADER_BYTES, file);
  const { manifestBytes, payloadBytes } = lengthsOf(header, file);
  const payloadStart = HEADER_BYTES + manifestBytes;
  if (stat.size !== payloadStart + payloadBytes) {
    throw new BundleError(
      'truncated',
      `${file} has ${stat.size} bytes, it should have ${payloadStart + payloadBytes}: fetch it again.`,
    );
  }
  const text = await readExactly(handle, HEADER_BYTES, manifestBytes, file);
  const signed = Buffer.concat([header.subarray(0, SIGNED_HEADER_BYTES), text]);
  const signature = header.subarray(SIGNED_HEADER_BYTES, SIGNED_HEADER_BYTES + SIGNATURE_BYTES);
  if (!rules.publicKeys.some((key) => verify(null, signed, key, signature))) {
    throw new BundleError(
      'signature',
      `${file} is not signed by a key that is trusted here, or was changed after signing.`,
    );
  }
  const manifest = parseManifest(text, file);
  checkRules(manifest, file, rules);
  const hash = createHash('sha256');
  const payload = handle.createReadStream({
    start: payloadStart,
    end: payloadStart + payloadBytes - 1,
    autoClose: false,
  });
  for await (const chunk of payload) hash.update(chunk as Buffer);
  if (hash.digest('hex') === manifest.payload.sha256) return { manifest, payloadStart, payloadEnd: stat.size };
  throw new BundleError('damaged', `${file} is damaged: its contents are not what was signed; fetch it again.`);
}

function lengthsOf(header: Buffer, file: string): { manifestBytes: number; payloadBytes: number } {
  if (header.toString('latin1', 0, 8) !== MAGIC) throw new BundleError('format', `${file} is no bundle of earshot.`);
  const [version, reserved] = [header.readUInt16LE(8), header.readUInt16LE(10)];
  if (version !== VERSION || reserved !== 0) {
    throw new BundleError(
      'version',
      `${file} has format version ${version}, read is ${VERSION}: update earshot first.`,
    );
  }
  const [manifestBytes, payloadBytes] = [header.readUInt32LE(12), header.readBigUInt64LE(16)];
  if (manifestBytes > LIMITS.manifestBytes || payloadBytes > LIMITS.payloadBytes || payloadBytes === 0n) {
    throw new BundleError(
      'too-big',
      `${file} says it has ${payloadBytes} bytes, 1 to ${LIMITS.payloadBytes} are taken.`,
    );
  }
  return { manifestBytes, payloadBytes: Number(payloadBytes) };
}

async function readExactly(handle: FileHandle, position: number, length: number, file: string): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
  if (bytesRead === length) return buffer;
  throw new BundleError('truncated', `${file} ends after ${position + bytesRead} bytes: fetch it again.`);
}

function parseManifest(text: Buffer, file: string): BundleManifest {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch (cause) {
    throw new BundleError('manifest', `${file} has a manifest that is no JSON.`, { cause });
  }
  const result = BundleManifest.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new BundleError(
    'manifest',
    `${file} has a manifest that breaks a rule: ${issue?.path.join('.')}: ${issue?.message}.`,
  );
}

function checkRules({ sequence, expires, requires }: BundleManifest, file: string, rules: BundleRules): void {
  if (rules.sequence !== undefined && sequence < rules.sequence) {
    throw new BundleError(
      'older',
      `${file} has sequence ${sequence}, here runs ${rules.sequence}: nothing older is taken.`,
    );
  }
  if (rules.now && expires && rules.now.getTime() > Date.parse(expires)) {
    throw new BundleError('expired', `${file} was to be installed before ${expires}: ask for a newer one.`);
  }
  const isFor = (allowed: readonly string[] | null, own: string | undefined) =>
    !allowed || own === undefined || allowed.includes(own);
  if (!isFor(requires.boards, rules.board)) {
    throw new BundleError('board', `${file} is for ${requires.boards!.join(', ')}, this is ${rules.board}.`);
  }
  if (!isFor(requires.jetpacks, rules.jetpack)) {
    throw new BundleError(
      'jetpack',
      `${file} is for JetPack ${requires.jetpacks!.join(', ')}, here is ${rules.jetpack}.`,
    );
  }
}

/** A rename lasts through a power cut only when the folder's entry is on the disk. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  await handle.sync();
  await handle.close();
}
