// Writes bundles: files in a reproducible archive, a manifest of them, one signature. The same inputs give the same bytes.
import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import {
  BundleManifest,
  paddingOf,
  type Requirements,
  signedHeader,
  TAR_END_BYTES,
  tarHeader,
  VERSION,
} from '../runtime/device/bundle-format.ts';
import { keyId } from '../runtime/device/trusted-keys.ts';
import { UserError } from './command.ts';

export interface BundleContents {
  readonly kind: BundleManifest['kind'];
  readonly name: string;
  readonly sequence: number;
  readonly created: Date;
  readonly expires: Date | null;
  /** What a device must have installed at least; 0: anything. */
  readonly minimumSequence: number;
  readonly requires: Requirements;
  /** By path inside the bundle. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Paths of programs. */
  readonly executables?: ReadonlySet<string>;
}

/** @throws UserError when the contents break a rule of bundles */
export function makeBundle(contents: BundleContents, key: KeyObject): { bytes: Buffer; manifest: BundleManifest } {
  const { kind, name, sequence, created, expires, minimumSequence, requires, executables } = contents;
  const sorted = [...contents.files].sort(([a], [b]) => (a < b ? -1 : 1));
  const files = sorted.map(([path, bytes]) => ({
    ...{ path, bytes: bytes.length, sha256: sha256(bytes) },
    ...(executables?.has(path) && { executable: true as const }),
  }));
  const parts = files.flatMap((file) => [
    tarHeader(file),
    contents.files.get(file.path)!,
    Buffer.alloc(paddingOf(file.bytes)),
  ]);
  const tar = Buffer.concat([...parts, Buffer.alloc(TAR_END_BYTES)]);
  const payload = gzipSync(tar, { level: 9 });
  const result = BundleManifest.safeParse({
    ...{ format: 'earshot-bundle', version: VERSION, kind, name, sequence, minimumSequence },
    ...{ created: seconds(created), expires: expires && seconds(expires), requires },
    key: keyId(createPublicKey(key)),
    payload: { sha256: sha256(payload), unpackedBytes: tar.length },
    files,
  });
  if (!result.success) {
    const [issue] = result.error.issues;
    const [of, at] = issue?.path ?? [];
    const where = of === 'files' && typeof at === 'number' ? files[at]!.path : issue?.path.join('.');
    throw new UserError(`This cannot be a bundle: ${where}: ${issue?.message}.`);
  }
  const text = Buffer.from(JSON.stringify(result.data));
  const header = signedHeader(text.length, payload.length);
  const signature = sign(null, Buffer.concat([header, text]), key);
  return { bytes: Buffer.concat([header, signature, text, payload]), manifest: result.data };
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const seconds = (time: Date) => `${time.toISOString().slice(0, 19)}Z`;
