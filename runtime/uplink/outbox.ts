// The durable outbox: messages lie on disk, in order, from before they go to the broker until it has acknowledged them.
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { machineClock, OutboxClock } from './outbox-clock.ts';
import { createSegment, writeAll, writeCursor } from './outbox-files.ts';
import { OutboxHistory, recordsOf } from './outbox-history.ts';
import { lockOutbox } from './outbox-lock.ts';
import { DEFAULTS, type OutboxFigures, type OutboxOptions } from './outbox-options.ts';
import { type Pending, takeBatch } from './outbox-pending.ts';
import { SegmentReader } from './outbox-reader.ts';
import { encodeRecord, MAX_BODY_BYTES, type OutboxRecord, recordBytes, SEGMENT_HEADER } from './outbox-record.ts';
import { recover, type Segment } from './outbox-recovery.ts';

/** A bound is kept in steps of one segment, this part of it. */
const SEGMENTS_PER_BOUND = 16;
/** Appends waiting for a disk that does not answer. */
const PENDING_LIMIT = 10_000;

/** The disk does not take the message; the outbox keeps what it has and tries again with the next one. */
export class OutboxRefusal extends Error {
  override name = 'OutboxRefusal';
}

/**
 * Messages on disk. append() resolves when its message is durable: written and synced with fdatasync, together with all that
 * came within commitMs. Acknowledgements reach the disk within cursorMs: after a crash what was acknowledged in that time is
 * sent again, with the same id. On a full disk appends are refused and what lies there stays.
 */
export class Outbox {
  readonly #options: Required<OutboxOptions>;
  readonly #unlock: () => Promise<void>;
  readonly #segments: Segment[];
  readonly #history: OutboxHistory;
  readonly #clock: OutboxClock;
  readonly #torn: number;
  #file: FileHandle | undefined;
  #lastIndex: number;
  #acknowledged: number;
  #dropped: number;
  #lost: number;
  #refused = 0;
  #fault: string | null = null;
  #pending: Pending[] = [];
  #commitTimer: NodeJS.Timeout | undefined;
  #cursorTimer: NodeJS.Timeout | undefined;
  #work: Promise<void> = Promise.resolve();
  #isClosed = false;
  readonly #reader = new SegmentReader();
  /** When the newest message done with was written: what is queued is not older. */
  #acknowledgedMs = 0;

  /**
   * Opens the outbox of a folder, made if missing, and mends what a crash left.
   * @throws OutboxLockedError when another process has it open
   */
  static async open(options: OutboxOptions): Promise<Outbox> {
    await mkdir(options.folder, { recursive: true });
    const unlock = await lockOutbox(options.folder);
    try {
      const recovered = await recover(options.folder);
      const history = await OutboxHistory.open(options.folder);
      for (const segment of recovered.spent) await history.add(segment);
      const outbox = new Outbox(options, unlock, recovered, history);
      await outbox.#inTurn(() => outbox.#saveCursor());
      return outbox;
    } catch (error) {
      await unlock();
      throw error;
    }
  }

  private constructor(
    options: OutboxOptions,
    unlock: () => Promise<void>,
    recovered: Awaited<ReturnType<typeof recover>>,
    history: OutboxHistory,
  ) {
    const { segments, cursor, lastIndex, newestMs, torn, lost } = recovered;
    this.#options = { ...DEFAULTS, machine: machineClock(), ...options };
    this.#unlock = unlock;
    this.#history = history;
    this.#segments = segments;
    this.#lastIndex = lastIndex;
    this.#acknowledged = cursor?.acknowledged ?? (segments[0]?.firstIndex ?? 1) - 1;
    this.#dropped = cursor?.dropped ?? 0;
    this.#lost = (cursor?.lost ?? 0) + lost;
    this.#torn = torn;
    this.#clock = new OutboxClock(this.#options.machine, cursor?.clock, newestMs);
  }

  get figures(): OutboxFigures {
    const oldest = this.#segments.find(({ live }) => live > 0);
    return {
      queued: this.#segments.reduce((sum, { live }) => sum + live, 0),
      bytes: this.#bytes,
      oldestSeconds: oldest ? this.#ageSeconds(oldest) : null,
      ...{ dropped: this.#dropped, lost: this.#lost, torn: this.#torn, refused: this.#refused, fault: this.#fault },
    };
  }

  /** Index of the newest message done with. */
  get acknowledgedIndex(): number {
    return this.#acknowledged;
  }

  /**
   * Keeps a message. @returns its index, once it is durable
   * @throws OutboxRefusal when the disk does not take it, RangeError when it is too long
   */
  append(topic: string, payload: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const bytes = recordBytes({ topic, payload });
      if (bytes > Math.min(MAX_BODY_BYTES, this.#segmentBytes - SEGMENT_HEADER.length)) {
        return reject(new RangeError(`a message of ${bytes} bytes is too long for the outbox`));
      }
      if (this.#isClosed || this.#pending.length >= PENDING_LIMIT) {
        this.#refused += 1;
        return reject(new OutboxRefusal(this.#isClosed ? 'the outbox is closed' : 'the disk does not answer'));
      }
      this.#pending.push({ topic, payload, resolve, reject });
      this.#commitTimer ??= setTimeout(() => this.#commitSoon(), this.#options.commitMs);
    });
  }

  /**
   * Messages after an index, oldest first; fewer than `limit` where one read of the disk held fewer, none only when there are
   * no more.
   */
  async read(after: number, limit: number): Promise<OutboxRecord[]> {
    let from = Math.max(after, this.#acknowledged);
    for (const segment of [...this.#segments]) {
      if (segment.lastIndex <= from) continue;
      const records = await this.#reader.read(segment, from, limit).catch((error: NodeJS.ErrnoException) => {
        // A segment that cannot be read is passed over; its messages count as lost when later ones are done with.
        this.#fault = error.code ?? error.message;
        return [];
      });
      if (records.length > 0) return records;
      from = segment.lastIndex;
    }
    return [];
  }

  /** Messages done with that still lie on the disk, oldest first, a file at a time: for those who missed some. */
  done(): AsyncGenerator<readonly OutboxRecord[]> {
    const files = () => [...this.#history.files, ...this.#segments];
    return recordsOf({ files, lastIndex: () => this.#acknowledged, inTurn: (job) => this.#inTurn(job) });
  }

  /**
   * Done with one message: call in the order of the indexes. What a bound has thrown out meanwhile is passed over; what could
   * not be read before it counts as lost.
   */
  acknowledge({ index, writtenMs }: Pick<OutboxRecord, 'index' | 'writtenMs'>): void {
    if (index <= this.#acknowledged || this.#isClosed) return;
    for (const segment of this.#segments) {
      if (segment.firstIndex > index) break;
      if (segment.live > 0 && segment.lastIndex >= index) segment.live -= 1;
      if (segment.lastIndex > index) break;
      this.#lost += segment.live;
      segment.live = 0;
    }
    this.#acknowledged = index;
    this.#acknowledgedMs = writtenMs;
    this.#cursorTimer ??= setTimeout(() => {
      this.#cursorTimer = undefined;
      void this.#inTurn(() => this.#saveCursor());
    }, this.#options.cursorMs);
  }

  /** Writes what waits, saves the cursor and gives the folder free. */
  async close(): Promise<void> {
    if (this.#isClosed) return this.#work;
    this.#isClosed = true;
    clearTimeout(this.#commitTimer);
    clearTimeout(this.#cursorTimer);
    await this.#inTurn(() => this.#commit());
    await this.#inTurn(() => this.#saveCursor());
    await this.#file?.close();
    await this.#unlock();
  }

  #ageSeconds({ oldestMs }: Segment): number {
    return Math.max(0, this.#clock.nowMs() - Math.max(oldestMs, this.#acknowledgedMs)) / 1000;
  }

  get #bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get #segmentBytes(): number {
    return Math.max(4096, Math.min(2 ** 20, this.#options.maximumBytes / SEGMENTS_PER_BOUND));
  }

  /** All that changes files happens one after the other. */
  #inTurn(job: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(job);
    return this.#work;
  }

  #commitSoon(): void {
    this.#commitTimer = undefined;
    void this.#inTurn(() => this.#commit());
  }

  /** Writes and syncs all that waits, one segment at a time. */
  async #commit(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = takeBatch(this.#pending, this.#segmentBytes - SEGMENT_HEADER.length);
      const writtenMs = this.#clock.nowMs();
      const first = this.#lastIndex + 1;
      const records = batch.map((pending, i) => encodeRecord({ index: first + i, writtenMs, ...pending }));
      try {
        await this.#write(Buffer.concat(records), first, batch.length, writtenMs);
        this.#fault = null;
        for (const [i, { resolve }] of batch.entries()) resolve(first + i);
      } catch (error) {
        // What was delivered gives way to what was not.
        if (this.#history.bytes > 0 && (await this.#forgetDone())) this.#pending.unshift(...batch);
        else this.#refuse(batch, error as NodeJS.ErrnoException);
      }
    }
  }

  #trimHistory(coming: number, nowMs: number): Promise<void> {
    return this.#history.trim(this.#options.maximumBytes - this.#bytes - coming, nowMs - this.#ageMs);
  }

  async #forgetDone(): Promise<boolean> {
    return this.#history.trim(0, 0).then(
      () => true,
      () => false,
    );
  }

  #refuse(batch: readonly Pending[], error: NodeJS.ErrnoException): void {
    this.#fault = error.code ?? error.message;
    this.#refused += batch.length;
    for (const { reject } of batch)
      reject(new OutboxRefusal(`the outbox cannot write: ${this.#fault}`, { cause: error }));
  }

  async #write(bytes: Buffer, firstIndex: number, count: number, nowMs: number): Promise<void> {
    await this.#dropExpired(nowMs);
    const segment = await this.#segmentFor(bytes.length, firstIndex, nowMs);
    const file = this.#file!;
    try {
      await writeAll(file, bytes, segment.bytes);
      await file.datasync();
    } catch (error) {
      await this.#abandon(segment, file);
      throw error;
    }
    segment.bytes += bytes.length;
    segment.lastIndex = firstIndex + count - 1;
    segment.live += count;
    segment.oldestMs = segment.live === count ? nowMs : Math.min(segment.oldestMs, nowMs);
    segment.newestMs = nowMs;
    this.#lastIndex = segment.lastIndex;
  }

  /** After a failed write or sync the file is not trusted any more: cut to what was durable, the next write begins another. */
  async #abandon(segment: Segment, file: FileHandle): Promise<void> {
    this.#file = undefined;
    segment.isSealed = true;
    try {
      await file.truncate(segment.bytes);
    } finally {
      await file.close();
      if (segment.lastIndex < segment.firstIndex) await this.#remove(segment);
    }
  }

  /** The segment that takes the next bytes, open for writing; within the bounds once they are in it. */
  async #segmentFor(bytes: number, firstIndex: number, nowMs: number): Promise<Segment> {
    if (!this.#takes(this.#segments.at(-1), bytes, nowMs)) await this.#beginSegment(firstIndex);
    const segment = this.#segments.at(-1)!;
    this.#file ??= await open(segment.path, 'r+');
    while (this.#bytes + bytes > this.#options.maximumBytes && this.#segments.length > 1) await this.#dropOldest();
    await this.#trimHistory(bytes, nowMs);
    return segment;
  }

  #takes(segment: Segment | undefined, bytes: number, nowMs: number): boolean {
    if (!segment || segment.isSealed) return false;
    const isYoung = segment.live === 0 || nowMs - segment.oldestMs < this.#ageMs / SEGMENTS_PER_BOUND;
    return isYoung && segment.bytes + bytes <= this.#segmentBytes;
  }

  async #beginSegment(firstIndex: number): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    const path = await createSegment(this.#options.folder, firstIndex);
    this.#segments.push({
      ...{ path, firstIndex, lastIndex: firstIndex - 1, bytes: SEGMENT_HEADER.length, isSealed: false },
      ...{ live: 0, oldestMs: Number.POSITIVE_INFINITY, newestMs: 0 },
    });
  }

  get #ageMs(): number {
    return this.#options.maximumAgeHours * 3_600_000;
  }

  async #dropExpired(nowMs: number): Promise<void> {
    while (this.#segments.length > 0) {
      const [oldest] = this.#segments;
      if (oldest!.lastIndex < oldest!.firstIndex || nowMs - oldest!.newestMs <= this.#ageMs) return;
      await this.#dropOldest();
    }
  }

  async #dropOldest(): Promise<void> {
    const segment = this.#segments[0]!;
    this.#dropped += segment.live;
    this.#acknowledged = Math.max(this.#acknowledged, segment.lastIndex);
    if (segment === this.#segments.at(-1)) {
      await this.#file?.close();
      this.#file = undefined;
    }
    segment.live = 0;
    await this.#saveCursor();
  }

  /** First the cursor, then the segments it is done with: after a crash between them nothing counts as lost. */
  async #saveCursor(): Promise<void> {
    const { folder } = this.#options;
    const counts = { acknowledged: this.#acknowledged, dropped: this.#dropped, lost: this.#lost };
    try {
      await writeCursor(folder, { ...counts, clock: this.#clock.mark() });
      await this.#removeDone();
    } catch (error) {
      // A full disk: what is done with gives the room that the cursor needs; if not, the next acknowledgement tries again.
      this.#fault = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
      await this.#removeDone().catch(() => undefined);
      await this.#forgetDone();
    }
  }

  async #removeDone(): Promise<void> {
    for (const segment of [...this.#segments]) {
      const isWritten = this.#file !== undefined && segment === this.#segments.at(-1);
      if (segment.lastIndex > this.#acknowledged || isWritten) return;
      await this.#remove(segment);
    }
  }

  async #remove(segment: Segment): Promise<void> {
    this.#segments.splice(this.#segments.indexOf(segment), 1);
    await this.#history.add(segment);
    await this.#trimHistory(0, this.#clock.nowMs());
  }
}
