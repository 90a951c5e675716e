// The bundle: one signed file that carries a model or a runtime to devices. Its layout, its manifest and its limits; docs/bundle-format.md tells why.
import { z } from 'zod';

/** magic 8, version u16, zero u16, manifest length u32, payload length u64, signature 64; then manifest and payload. Little-endian. */
export const MAGIC = 'earshotb';
export const VERSION = 1;
export const SIGNED_HEADER_BYTES = 24;
export const SIGNATURE_BYTES = 64;
export const HEADER_BYTES = SIGNED_HEADER_BYTES + SIGNATURE_BYTES;

/** What a reader takes at most, whatever a bundle says. */
export const LIMITS = {
  manifestBytes: 4 * 2 ** 20,
  files: 20_000,
  payloadBytes: 1024 * 2 ** 20,
  unpackedBytes: 1024 * 2 ** 20,
} as const;

/** Names as every file system keeps them: no dots first, no empty parts, nothing that leaves the folder. */
const PATH = /^[A-Za-z0-9_@][A-Za-z0-9._@+-]*(\/[A-Za-z0-9_@][A-Za-z0-9._@+-]*){0,11}$/;
/** Room of ustar: a name, and a prefix that ends before a slash. */
const [NAME_BYTES, PREFIX_BYTES] = [100, 155];
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const word = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$/);
const time = z.iso.datetime({ precision: 0 });

const Requirements = z.strictObject({
  boards: z.array(word).min(1).readonly().nullable().describe('names of board profiles; null: any'),
  jetpacks: z.array(word).min(1).readonly().nullable(),
  architecture: z.enum(['arm64', 'x64']).nullable().describe("as Node's process.arch"),
  glibc: z
    .string()
    .regex(/^\d+\.\d+$/)
    .nullable()
    .describe('oldest that its programs run with'),
});
export type Requirements = z.infer<typeof Requirements>;

export const BundleManifest = z
  .strictObject({
    format: z.literal('earshot-bundle'),
    version: z.literal(VERSION),
    kind: z.enum(['model', 'runtime']).describe('what is inside'),
    name: word,
    sequence: z.int().positive().describe('grows with every bundle of a kind; a device never goes back'),
    minimumSequence: z.int().min(0).describe('a device that runs less must install something between first; 0: any'),
    created: time,
    expires: time.nullable().describe('not to be installed after it, by a clock that is known to be right'),
    requires: Requirements,
    key: z
      .string()
      .regex(/^[0-9a-f]{16}$/)
      .describe('id of the key that signs: a device may know several'),
    payload: z.strictObject({
      sha256,
      unpackedBytes: z.int().positive().max(LIMITS.unpackedBytes).describe('of the tar archive'),
    }),
    files: z
      .array(
        z.strictObject({
          path: z
            .string()
            .max(NAME_BYTES + PREFIX_BYTES)
            .regex(PATH)
            .refine((path) => split(path) !== undefined, 'has no slash where ustar needs one'),
          bytes: z.int().min(0).max(LIMITS.unpackedBytes),
          sha256,
          executable: z.literal(true).optional().describe('a program: mode 0755'),
        }),
      )
      .min(1)
      .max(LIMITS.files),
  })
  .refine(({ files }) => files.every(({ path }, i) => i === 0 || files[i - 1]!.path < path), {
    path: ['files'],
    message: 'must be sorted by path, each path once',
  })
  .refine(({ files }) => new Set(files.map(({ path }) => path.toLowerCase())).size === files.length, {
    path: ['files'],
    message: 'must differ by more than upper and lower case',
  })
  .refine(({ files }) => !hasFileAsFolder(files), {
    path: ['files'],
    message: 'must not have a file where another has a folder',
  })
  .refine(({ files, payload }) => payload.unpackedBytes === tarBytes(files), {
    path: ['payload', 'unpackedBytes'],
    message: 'must be the length of the archive of these files',
  });
export type BundleManifest = z.infer<typeof BundleManifest>;
export type BundledFile = BundleManifest['files'][number];

/** POSIX ustar. */
const BLOCK = 512;
/** Zeros that fill a file's last block. */
export const paddingOf = (bytes: number): number => (BLOCK - (bytes % BLOCK)) % BLOCK;
export const TAR_END_BYTES = 2 * BLOCK;

/** Length of the archive of these files. */
export function tarBytes(files: readonly { readonly bytes: number }[]): number {
  return files.reduce((sum, { bytes }) => sum + BLOCK + bytes + paddingOf(bytes), TAR_END_BYTES);
}

/** Prefix and name of a path in ustar; undefined: it does not fit. */
function split(path: string): [prefix: string, name: string] | undefined {
  if (path.length <= NAME_BYTES) return ['', path];
  const slash = path.indexOf('/', path.length - NAME_BYTES - 1);
  return slash > 0 && slash <= PREFIX_BYTES && slash < path.length - 1
    ? [path.slice(0, slash), path.slice(slash + 1)]
    : undefined;
}

function hasFileAsFolder(files: readonly { readonly path: string }[]): boolean {
  const names = new Set(files.map(({ path }) => path));
  const folders = files.flatMap(({ path }) => [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index)));
  return folders.some((folder) => names.has(folder));
}

type Headed = Pick<BundledFile, 'path' | 'bytes' | 'executable'>;

/** The mode a file is unpacked with. */
export const modeOf = ({ executable }: Pick<BundledFile, 'executable'>): number => (executable ? 0o755 : 0o644);

/**
 * The one header (POSIX ustar) that a file has in a bundle: a plain file, 0644 or 0755, of nobody, from 1970. A reader takes no
 * other.
 */
export function tarHeader(file: Headed): Buffer {
  const { path, bytes } = file;
  const header = Buffer.alloc(BLOCK);
  const [prefix, name] = split(path) ?? ['', path];
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  header.write(name, 0, NAME_BYTES, 'latin1');
  header.write(octal(modeOf(file), 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(bytes, 11), 124);
  header.write(octal(0, 11), 136);
  header.write(' '.repeat(8), 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257, 'latin1');
  header.write(octal(0, 7), 329);
  header.write(octal(0, 7), 337);
  header.write(prefix, 345, PREFIX_BYTES, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** The first bytes of a bundle, which are signed together with the manifest. */
export function signedHeader(manifestBytes: number, payloadBytes: number): Buffer {
  const header = Buffer.alloc(SIGNED_HEADER_BYTES);
  header.write(MAGIC, 0, 'latin1');
  header.writeUInt16LE(VERSION, 8);
  header.writeUInt32LE(manifestBytes, 12);
  header.writeBigUInt64LE(BigInt(payloadBytes), 16);
  return header;
}
