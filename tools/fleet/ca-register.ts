// What the fleet's authority did, one JSON object per line, each on the disk before anybody gets what it names; nothing is ever taken out.
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { REASONS } from '../../runtime/device/x509.ts';
import { UserError } from '../command.ts';

/** Whom certificates are for. */
export const KINDS = ['device', 'server', 'operator'] as const;
export type Kind = (typeof KINDS)[number];
/** What an operator's certificate allows: hub also answers devices, operator commands them, viewer reads. */
export const ROLES = ['hub', 'operator', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

const time = z.iso.datetime();
const hex = z.string().regex(/^[0-9a-f]+$/);
const Entry = z.discriminatedUnion('did', [
  z.object({
    did: z.literal('issued'),
    ...{ time, serial: hex, kind: z.enum(KINDS), name: z.string(), role: z.enum(ROLES).optional() },
    ...{ notBefore: time, notAfter: time, keySha256: hex, issuer: hex.describe('serial number of who signed') },
  }),
  z.object({ did: z.literal('revoked'), time, serial: hex, reason: z.enum(REASONS) }),
  z.object({ did: z.literal('token'), time, tokenSha256: hex, name: z.string(), expires: time }),
  z.object({ did: z.literal('token-used'), time, tokenSha256: hex, serial: hex }),
]);
type Entry = z.infer<typeof Entry>;

export interface Issue {
  readonly serial: string;
  readonly kind: Kind;
  readonly name: string;
  readonly role?: Role;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly keySha256: string;
  readonly issuer: string;
  readonly revoked?: { readonly time: Date; readonly reason: (typeof REASONS)[number] };
}

export interface Token {
  readonly name: string;
  readonly expires: Date;
  /** The certificate it was given for. */
  readonly serial?: string;
}

export interface RegisterContents {
  /** By serial number, oldest first. */
  readonly issues: ReadonlyMap<string, Issue>;
  /** By SHA-256 of the token. */
  readonly tokens: ReadonlyMap<string, Token>;
}

const FILE = 'index.jsonl';

/** Reads the register. A last line without its end was cut off by a crash before anybody got what it names: it does not count. */
export async function readRegister(folder: string): Promise<RegisterContents> {
  const issues = new Map<string, Issue>();
  const tokens = new Map<string, Token>();
  const file = join(folder, FILE);
  const length = await wholeLength(file);
  if (length === 0) return { issues, tokens };
  let number = 0;
  const stream = createReadStream(file, { end: length - 1 });
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    number += 1;
    take(parseEntry(line, file, number), issues, tokens);
  }
  return { issues, tokens };
}

function take(entry: Entry, issues: Map<string, Issue>, tokens: Map<string, Token>): void {
  if (entry.did === 'issued') {
    const { did: _, time: __, notBefore, notAfter, ...rest } = entry;
    issues.set(entry.serial, { ...rest, notBefore: new Date(notBefore), notAfter: new Date(notAfter) });
  } else if (entry.did === 'revoked') {
    const issue = issues.get(entry.serial);
    const revoked = { time: new Date(entry.time), reason: entry.reason };
    if (issue && !issue.revoked) issues.set(entry.serial, { ...issue, revoked });
  } else if (entry.did === 'token') {
    tokens.set(entry.tokenSha256, { name: entry.name, expires: new Date(entry.expires) });
  } else {
    const token = tokens.get(entry.tokenSha256);
    if (token) tokens.set(entry.tokenSha256, { ...token, serial: entry.serial });
  }
}

function parseEntry(line: string, file: string, number: number): Entry {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (cause) {
    throw new UserError(`${file} is damaged in line ${number}: take it from a backup; nothing was changed.`, { cause });
  }
  const { data, error } = Entry.safeParse(json);
  if (data) return data;
  throw new UserError(
    `${file} has an entry in line ${number} that is not known (${error.issues[0]!.message}): use the newer earshot that wrote it.`,
  );
}

/** Adds entries, synced. To be called by who holds the lock of the folder. */
export async function append(folder: string, entries: readonly Entry[]): Promise<void> {
  const file = join(folder, FILE);
  const length = await wholeLength(file);
  const handle = await open(file, 'a', 0o600);
  try {
    await handle.truncate(length);
    await handle.appendFile(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Bytes up to the end of the last whole line. */
async function wholeLength(file: string): Promise<number> {
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!handle) return 0;
  try {
    return await afterLastLine(handle);
  } finally {
    await handle.close();
  }
}

async function afterLastLine(handle: FileHandle): Promise<number> {
  const { size } = await handle.stat();
  const part = Buffer.alloc(Math.min(size, 4096));
  for (let end = size; end > 0; end -= part.length) {
    const start = Math.max(0, end - part.length);
    const { bytesRead } = await handle.read(part, 0, end - start, start);
    const at = part.subarray(0, bytesRead).lastIndexOf(0x0a);
    if (at >= 0) return start + at + 1;
  }
  return 0;
}
