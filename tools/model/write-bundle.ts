// Writes bundles: files in a reproducible archive, a manifest of them, one signature. The same inputs give the same bytes.
import { type KeyObject, sign } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import {
  BundleManifest,
  paddingOf,
  signedHeader,
  TAR_END_BYTES,
  tarHeader,
} from '../../runtime/device/bundle-format.ts';
import { UserError } from '../command.ts';
import { sha256 } from './model-folder.ts';

export interface BundleContents {
  readonly kind: BundleManifest['kind'];
  readonly name: string;
  readonly sequence: number;
  readonly created: Date;
  readonly expires: Date | null;
  readonly boards: readonly string[] | null;
  readonly jetpacks: readonly string[] | null;
  /** By path inside the bundle. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** @throws UserError when the contents break a rule of bundles */
export function makeBundle(contents: BundleContents, key: KeyObject): { bytes: Buffer; manifest: BundleManifest } {
  const { kind, name, sequence, created, expires, boards, jetpacks } = contents;
  const sorted = [...contents.files].sort(([a], [b]) => (a < b ? -1 : 1));
  const tar = Buffer.concat([...sorted.flatMap(([path, bytes]) => tarEntry(path, bytes)), Buffer.alloc(TAR_END_BYTES)]);
  const payload = gzipSync(tar, { level: 9 });
  const result = BundleManifest.safeParse({
    ...{ format: 'earshot-bundle', version: 1, kind, name, sequence },
    ...{ created: seconds(created), expires: expires && seconds(expires), requires: { boards, jetpacks } },
    payload: { sha256: sha256(payload), unpackedBytes: tar.length },
    files: sorted.map(([path, bytes]) => ({ path, bytes: bytes.length, sha256: sha256(bytes) })),
  });
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new UserError(`This cannot be a bundle: ${issue?.path.join('.')}: ${issue?.message}.`);
  }
  const text = Buffer.from(JSON.stringify(result.data));
  const header = signedHeader(text.length, payload.length);
  const signature = sign(null, Buffer.concat([header, text]), key);
  return { bytes: Buffer.concat([header, signature, text, payload]), manifest: result.data };
}

function tarEntry(path: string, bytes: Uint8Array): Uint8Array[] {
  return [tarHeader({ path, bytes: bytes.length }), bytes, Buffer.alloc(paddingOf(bytes.length))];
}

const seconds = (time: Date) => `${time.toISOString().slice(0, 19)}Z`;
