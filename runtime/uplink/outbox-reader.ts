// Reads a segment piece by piece, going on where the last read ended.
import { open } from 'node:fs/promises';
import { MAX_RECORD_BYTES, type OutboxRecord, SEGMENT_HEADER, scan } from './outbox-record.ts';
import type { Segment } from './outbox-recovery.ts';

const READ_BYTES = 2 * MAX_RECORD_BYTES;

/** A reader of the segments of one outbox. */
export class SegmentReader {
  #next = { after: -1, path: '', offset: 0 };

  /**
   * Up to `limit` records of a segment after an index; none when there are no more.
   * @throws Error when the disk cannot be read
   */
  async read(segment: Pick<Segment, 'path' | 'bytes'>, after: number, limit: number): Promise<OutboxRecord[]> {
    const { path, bytes: end } = segment;
    const goesOn = this.#next.after === after && this.#next.path === path;
    let offset = goesOn ? this.#next.offset : SEGMENT_HEADER.length;
    while (offset < end) {
      const bytes = await readAt(path, offset, Math.min(READ_BYTES, end - offset));
      const { records, ends } = scan(bytes);
      const start = records.findIndex(({ index }) => index > after);
      if (start >= 0) {
        const wanted = records.slice(start, start + limit);
        this.#next = { after: wanted.at(-1)!.index, path, offset: offset + ends[start + wanted.length - 1]! };
        return wanted;
      }
      if (bytes.length === 0) break;
      // Go on after the last whole record; where there is none, a record may still begin in the last MAX_RECORD_BYTES.
      const isEnd = offset + bytes.length >= end;
      offset += isEnd ? bytes.length : (ends.at(-1) ?? bytes.length - MAX_RECORD_BYTES);
    }
    return [];
  }
}

/** Bytes of a file, fewer at its end; none when a bound has taken the file meanwhile. */
async function readAt(path: string, offset: number, length: number): Promise<Buffer> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!file) return Buffer.alloc(0);
  try {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
