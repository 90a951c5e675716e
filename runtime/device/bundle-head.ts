// The signed part of a bundle: header, signature and manifest. Nothing of it is parsed before the signature is right.
import { createHash, verify } from 'node:crypto';
import { BundleError } from './bundle-error.ts';
import {
  BundleManifest,
  HEADER_BYTES,
  LIMITS,
  MAGIC,
  SIGNATURE_BYTES,
  SIGNED_HEADER_BYTES,
  VERSION,
} from './bundle-format.ts';
import { type BundleRules, checkRules } from './bundle-rules.ts';

export interface BundleHead {
  readonly manifest: BundleManifest;
  /** SHA-256 of these bytes, which name every file by its hash: two bundles with the same id have the same contents. */
  readonly id: string;
  readonly bytes: Buffer;
  readonly payloadBytes: number;
}

/** Lengths that the first HEADER_BYTES bytes claim. @throws BundleError when they are no bundle's, or too long to be read */
export function claimedLengths(header: Buffer, file: string): { headBytes: number; payloadBytes: number } {
  if (header.length < HEADER_BYTES) {
    throw new BundleError('truncated', `${file} ends after ${header.length} bytes: fetch it again.`);
  }
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
  return { headBytes: HEADER_BYTES + manifestBytes, payloadBytes: Number(payloadBytes) };
}

/**
 * @param bytes header, signature and manifest, nothing more
 * @throws BundleError when they are not signed by a known key, or the bundle is not for this device
 */
export function verifyHead(bytes: Buffer, file: string, rules: BundleRules): BundleHead {
  const { headBytes, payloadBytes } = claimedLengths(bytes, file);
  if (bytes.length !== headBytes) {
    throw new BundleError('truncated', `${file} ends after ${bytes.length} bytes: fetch it again.`);
  }
  const text = bytes.subarray(HEADER_BYTES);
  const signed = Buffer.concat([bytes.subarray(0, SIGNED_HEADER_BYTES), text]);
  const signature = bytes.subarray(SIGNED_HEADER_BYTES, SIGNED_HEADER_BYTES + SIGNATURE_BYTES);
  const signer = rules.keys.find(({ key }) => verify(null, signed, key, signature));
  if (!signer) {
    throw new BundleError(
      'signature',
      `${file} is not signed by a key that is trusted here, or was changed after signing.`,
    );
  }
  const manifest = parseManifest(text, file);
  checkRules(manifest, file, { ...rules, keys: [signer] });
  return { manifest, id: createHash('sha256').update(bytes).digest('hex'), bytes, payloadBytes };
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
