// Opening an outbox after whatever happened: torn ends are cut off, damage is set aside, everything whole is kept.
import { readFile, rename, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cursor, listSegments, readCursor, setAside, syncFolder, writeFileDurably } from './outbox-files.ts';
import { encodeRecord, type OutboxRecord, SEGMENT_HEADER, scan } from './outbox-record.ts';

/** One file of records, oldest first. */
export interface Segment {
  readonly path: string;
  readonly firstIndex: number;
  /** firstIndex - 1 while it holds none. */
  lastIndex: number;
  bytes: number;
  /** Records not yet done with. */
  live: number;
  oldestMs: number;
  newestMs: number;
  /** A write into it failed: nothing more goes in. */
  isSealed: boolean;
}

export interface Recovered {
  readonly segments: Segment[];
  /** Segments of which all is done with. */
  readonly spent: readonly Segment[];
  readonly cursor: Cursor | undefined;
  readonly lastIndex: number;
  readonly newestMs: number;
  /** Records cut off half-written at the end: nobody was told that they are kept. */
  readonly torn: number;
  /** Records that are missing between those that are there. */
  readonly lost: number;
}

/** Reads a folder that may hold anything; afterwards it holds whole segments only. */
export async function recover(folder: string): Promise<Recovered> {
  const found = await readCursor(folder);
  if (found === 'damaged') await setAside(folder, join(folder, 'cursor'));
  const cursor = found === 'damaged' ? undefined : found;
  const done = cursor?.acknowledged ?? 0;
  const listed = await listSegments(folder);
  const segments: Segment[] = [];
  const spent: Segment[] = [];
  let [lastIndex, newestMs, torn, lost] = [done, 0, 0, 0];
  // Before the first segment nothing is missing when the cursor is lost: acknowledged segments are no segments any more.
  let expected = cursor ? done + 1 : (listed[0]?.firstIndex ?? 1);
  for (const [i, { path, firstIndex }] of listed.entries()) {
    const whole = await readSegment(folder, path, i === listed.length - 1);
    torn += whole.torn;
    const records = whole.records.filter(({ index }) => index >= expected || index <= done);
    for (const { index } of records) {
      lost += Math.max(0, index - expected);
      expected = Math.max(expected, index + 1);
    }
    const segment = segmentOf(path, firstIndex, records, whole.bytes, done);
    newestMs = Math.max(newestMs, segment.newestMs);
    lastIndex = Math.max(lastIndex, segment.lastIndex);
    if (segment.live > 0) segments.push(segment);
    else if (whole.bytes > 0) spent.push(segment);
  }
  return { segments, spent, cursor, lastIndex, newestMs, torn, lost };
}

interface Whole {
  readonly records: readonly OutboxRecord[];
  /** 0: the file is gone. */
  readonly bytes: number;
  readonly torn: number;
}

/** Reads a segment and mends its file. A file that cannot be read at all is set aside. */
async function readSegment(folder: string, path: string, isLast: boolean): Promise<Whole> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch {
    // An unreadable sector must not keep the device from starting; that its records are missing is counted by their numbers.
    await setAside(folder, path);
    return { records: [], bytes: 0, torn: 0 };
  }
  const hasHeader = bytes.subarray(0, SEGMENT_HEADER.length).equals(SEGMENT_HEADER);
  const { records, damage } = scan(bytes, hasHeader ? SEGMENT_HEADER.length : 0);
  if (hasHeader && damage.length === 0) return { records, bytes: bytes.length, torn: 0 };
  const [first] = damage;
  const isTorn = hasHeader && isLast && damage.length === 1 && first!.to === bytes.length;
  if (isTorn) {
    await truncate(path, first!.from);
    await syncFolder(folder);
    return { records, bytes: first!.from, torn: 1 };
  }
  if (records.length === 0) {
    await setAside(folder, path);
    return { records, bytes: 0, torn: 0 };
  }
  return { records, bytes: await mend(folder, path, bytes.length, records), torn: 0 };
}

/** Puts the whole records alone in the file's place. @returns length of what lies there now */
async function mend(
  folder: string,
  path: string,
  damagedBytes: number,
  records: readonly OutboxRecord[],
): Promise<number> {
  const pieces = [SEGMENT_HEADER, ...records.map(encodeRecord)];
  const mended = `${path}.part`;
  try {
    await writeFileDurably(folder, mended, pieces);
    await setAside(folder, path);
    await rename(mended, path);
    await syncFolder(folder);
  } catch {
    // On a full disk the damaged file stays as it is: reading steps over the damage too.
    return damagedBytes;
  }
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

function segmentOf(
  path: string,
  firstIndex: number,
  records: readonly OutboxRecord[],
  bytes: number,
  done: number,
): Segment {
  const segment: Segment = {
    ...{ path, firstIndex, bytes, lastIndex: records.at(-1)?.index ?? firstIndex - 1 },
    ...{ live: 0, oldestMs: Number.POSITIVE_INFINITY, newestMs: 0, isSealed: false },
  };
  for (const { index, writtenMs } of records) {
    if (index > done) segment.live += 1;
    segment.oldestMs = Math.min(segment.oldestMs, writtenMs);
    segment.newestMs = Math.max(segment.newestMs, writtenMs);
  }
  return segment;
}
