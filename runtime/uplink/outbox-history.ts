// Segments whose messages are all done with: kept for those who missed some, while the queue needs neither their room nor is it too long ago.
import { readdir, readFile, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type OutboxRecord, scan } from './outbox-record.ts';
import type { Segment } from './outbox-recovery.ts';

/** Index of the first record and the time of the newest, so that a start need not read the files. */
const NAME = /^(\d{15})-(\d{1,15})\.done$/;

interface Spent {
  readonly path: string;
  readonly firstIndex: number;
  readonly bytes: number;
  readonly newestMs: number;
}

/** What an outbox has delivered and still holds, oldest first. */
export class OutboxHistory {
  readonly #folder: string;
  readonly #files: Spent[];

  private constructor(folder: string, files: Spent[]) {
    this.#folder = folder;
    this.#files = files;
  }

  static async open(folder: string): Promise<OutboxHistory> {
    const files: Spent[] = [];
    for (const name of (await readdir(folder)).sort()) {
      const match = NAME.exec(name);
      if (!match) continue;
      const path = join(folder, name);
      const { length: bytes } = await readFile(path).catch(() => Buffer.alloc(0));
      files.push({ path, firstIndex: Number(match[1]), newestMs: Number(match[2]), bytes });
    }
    return new OutboxHistory(folder, files);
  }

  get bytes(): number {
    return this.#files.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get files(): readonly Pick<Spent, 'path' | 'firstIndex'>[] {
    return this.#files;
  }

  /** Takes a segment over; one without records goes. */
  async add({ path, firstIndex, lastIndex, bytes, newestMs }: Segment): Promise<void> {
    if (lastIndex < firstIndex) return unlink(path);
    const index = String(firstIndex).padStart(15, '0');
    const kept = join(this.#folder, `${index}-${Math.round(newestMs)}.done`);
    await rename(path, kept);
    this.#files.push({ path: kept, firstIndex, bytes, newestMs });
  }

  /** Lets the oldest go until so many bytes remain at most, and all that is older than a time of the outbox's clock. */
  async trim(maximumBytes: number, oldestMs: number): Promise<void> {
    while (this.#files[0] && (this.bytes > maximumBytes || this.#files[0].newestMs < oldestMs)) {
      const { path } = this.#files.shift()!;
      await unlink(path);
    }
  }
}

interface Reading {
  /** Files of records as they are now, oldest first. */
  readonly files: () => readonly Pick<Spent, 'path' | 'firstIndex'>[];
  readonly lastIndex: () => number;
  /** Runs when no file changes. */
  readonly inTurn: (job: () => Promise<void>) => Promise<void>;
}

/** Records up to an index, a file at a time: files may come, go and be renamed between two of them. */
export async function* recordsOf({ files, lastIndex, inTurn }: Reading): AsyncGenerator<readonly OutboxRecord[]> {
  for (let after = -1; ; ) {
    let records: readonly OutboxRecord[] = [];
    let read: number | undefined;
    await inTurn(async () => {
      const file = files().find(({ firstIndex }) => firstIndex > after);
      if (file) records = await recordsUpTo(file.path, lastIndex());
      read = file?.firstIndex;
    });
    if (read === undefined) return;
    after = read;
    yield records;
  }
}

/** None when the file cannot be read: what was delivered once is worth no fault. */
async function recordsUpTo(path: string, lastIndex: number): Promise<readonly OutboxRecord[]> {
  const bytes = await readFile(path).catch(() => Buffer.alloc(0));
  return scan(bytes).records.filter(({ index }) => index <= lastIndex);
}
