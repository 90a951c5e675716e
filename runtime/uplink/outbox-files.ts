// The files of an outbox and how each change reaches the disk whole: segments, cursor, and what was set aside.
import { type FileHandle, open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { crc32 } from '../crc32.ts';
import { SEGMENT_HEADER } from './outbox-record.ts';

const CURSOR_NAME = 'earshot-outbox-cursor 1';
const SEGMENT_NAME = /^(\d{15})\.segment$/;
/** Damaged files kept for a person to look at; older ones go, so that they cannot fill the disk. */
const CORRUPT_KEPT = 4;

const Cursor = z.object({
  acknowledged: z.int().min(0).describe('every record up to this index is done with'),
  dropped: z.int().min(0).describe('records a bound threw out, over all starts'),
  lost: z.int().min(0).describe('records damage took, over all starts'),
  clock: z.object({ boot: z.string(), uptimeMs: z.number(), outboxMs: z.number() }),
});
export type Cursor = z.infer<typeof Cursor>;

/** @param firstIndex of the first record it is to hold */
export function segmentPath(folder: string, firstIndex: number): string {
  return join(folder, `${String(firstIndex).padStart(15, '0')}.segment`);
}

/** Segments of a folder, oldest first, by the index in their name. Half-written files of a crash are removed. */
export async function listSegments(folder: string): Promise<{ path: string; firstIndex: number }[]> {
  const names = (await readdir(folder)).sort();
  for (const name of names) if (name.endsWith('.part')) await unlink(join(folder, name));
  return names.flatMap((name) => {
    const match = SEGMENT_NAME.exec(name);
    return match ? [{ path: join(folder, name), firstIndex: Number(match[1]) }] : [];
  });
}

/** A new file with these pieces, on the disk with its name before this resolves; a file of that name is replaced whole. */
export async function writeFileDurably(folder: string, path: string, pieces: readonly Uint8Array[]): Promise<void> {
  const part = `${path}.part`;
  const file = await open(part, 'w');
  try {
    for (const piece of pieces) await file.writeFile(piece);
    await file.sync();
  } catch (error) {
    await file.close();
    await unlink(part);
    throw error;
  }
  await file.close();
  await rename(part, path);
  await syncFolder(folder);
}

/** A segment without records. */
export async function createSegment(folder: string, firstIndex: number): Promise<string> {
  const path = segmentPath(folder, firstIndex);
  await writeFileDurably(folder, path, [SEGMENT_HEADER]);
  return path;
}

/** Renames a damaged file out of the way: to what it was called plus a number and .corrupt. */
export async function setAside(folder: string, path: string): Promise<void> {
  const taken = await corruptFiles(folder);
  const number = Math.max(0, ...taken.map(({ number }) => number)) + 1;
  await rename(path, `${path}.${number}.corrupt`);
  const surplus = taken.sort((a, b) => b.number - a.number).slice(CORRUPT_KEPT - 1);
  for (const { name } of surplus) await unlink(join(folder, name));
  await syncFolder(folder);
}

async function corruptFiles(folder: string): Promise<{ name: string; number: number }[]> {
  return (await readdir(folder)).flatMap((name) => {
    const match = /\.(\d+)\.corrupt$/.exec(name);
    return match ? [{ name, number: Number(match[1]) }] : [];
  });
}

/** The cursor; undefined when there is none. @returns 'damaged' when it does not check */
export async function readCursor(folder: string): Promise<Cursor | 'damaged' | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, 'cursor'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return 'damaged';
  }
  const [name, json, sum] = text.split('\n');
  if (name !== CURSOR_NAME || json === undefined || sum !== checksumOf(json)) return 'damaged';
  const cursor = Cursor.safeParse(JSON.parse(json));
  return cursor.success ? cursor.data : 'damaged';
}

export async function writeCursor(folder: string, cursor: Cursor): Promise<void> {
  const json = JSON.stringify(cursor);
  const text = `${CURSOR_NAME}\n${json}\n${checksumOf(json)}\n`;
  await writeFileDurably(folder, join(folder, 'cursor'), [Buffer.from(text)]);
}

function checksumOf(json: string): string {
  return crc32(Buffer.from(json)).toString(16).padStart(8, '0');
}

/** Makes names in a folder durable: without it a new file may be gone after a power cut though its content was synced. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes at a place of a file, however many calls it takes. */
export async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}
