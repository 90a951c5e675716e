// Takes away what is older than it may be, and the oldest events when they take too much room: little by little, beside the collector.
import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from './database.ts';
import { KEPT, type KeepDays, type KeptName } from './retention-rules.ts';
import { approximateRows, dropChunks, isHypertable } from './timescale.ts';

export interface RetentionOptions {
  readonly database: Database;
  readonly keepDays: KeepDays;
  /** Room for events with their indexes; Infinity: as much as there is. */
  readonly keepBytes: number;
  /** After a pass that took something away. */
  readonly onRemoved?: (removed: Removed) => void;
  readonly onTrouble?: (error: Error) => void;
  /** Between two passes; default ten minutes. */
  readonly everyMs?: number;
}

/** Rows taken away, by table. */
export interface Removed {
  readonly byAge: Readonly<Partial<Record<KeptName, number>>>;
  /** The oldest events, for room. */
  readonly bySize: number;
}

export interface RetentionFigures {
  /** Rows since the start. */
  readonly removed: Readonly<Partial<Record<KeptName, number>>>;
  /** What the events take, as of the last pass; null before it. */
  readonly eventBytes: number | null;
}

const EVERY_MS = 600_000;
const FIRST_MS = 30_000;
const DAY_MS = 86_400_000;
/** A statement of so many rows takes 20 to 70 ms; then others have three times as long. */
const BATCH = 1000;
const REST = 3;
/** Where a statement waits for others, as in the embedded database, its time says little of its own work. */
const LONGEST_REST_MS = 250;
/** Room is made down to this share of what is allowed, so that not every pass has to. */
const MADE_ROOM = 0.95;
/** Measured with 300,000 events (1,289 bytes each on disk): what the four indexes and the page take beside the row itself. */
const BYTES_BESIDE_ROW = 380;
const SAMPLE = 1000;
/** Above this a count is the planner's estimate. */
const COUNTED = 2_000_000;
/** The embedded database has nobody who clears up behind a deletion. */
const VACUUM_FROM = 20_000;

/** One hub's broom; several on one database leave each other's rows alone. */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #ending = new AbortController();
  readonly #removed = new Map<KeptName, number>();
  #eventBytes: number | null = null;
  #running: Promise<void> | undefined;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  get figures(): RetentionFigures {
    return { removed: Object.fromEntries(this.#removed), eventBytes: this.#eventBytes };
  }

  start(): void {
    this.#running = this.#sweepAgainAndAgain();
  }

  /** Ends after the statement that runs. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  /** Takes away all that may not stay now. @throws DatabaseError */
  async sweep(nowMs = Date.now()): Promise<Removed> {
    const byAge: Partial<Record<KeptName, number>> = {};
    for (const name of Object.keys(KEPT) as KeptName[]) {
      const days = this.#options.keepDays[name];
      if (days === Number.POSITIVE_INFINITY || !(await this.#isThere(name))) continue;
      const count = await this.#removeBefore(name, new Date(nowMs - days * DAY_MS));
      if (count > 0) byAge[name] = count;
    }
    const bySize = await this.#makeRoom();
    if ((byAge.events ?? 0) + bySize >= VACUUM_FROM && this.#options.database.folder !== undefined)
      await this.#options.database.query('vacuum event');
    return { byAge, bySize };
  }

  async #sweepAgainAndAgain(): Promise<void> {
    const { onRemoved, onTrouble, everyMs = EVERY_MS } = this.#options;
    const { signal } = this.#ending;
    await pause(Math.min(FIRST_MS, everyMs), undefined, { signal }).catch(() => undefined);
    while (!signal.aborted) {
      try {
        const removed = await this.sweep();
        if (removed.bySize > 0 || Object.keys(removed.byAge).length > 0) onRemoved?.(removed);
      } catch (error) {
        onTrouble?.(error as Error);
      }
      await pause(everyMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #isThere(name: KeptName): Promise<boolean> {
    const [row] = await this.#options.database.query<{ is: boolean }>('select to_regclass($1) is not null as is', [
      KEPT[name].table,
    ]);
    return row!.is;
  }

  /** A table that is cut by time loses whole chunks; their last rows stay until their chunk is due. */
  async #removeBefore(name: KeptName, before: Date): Promise<number> {
    const { database } = this.#options;
    if (await isHypertable(database, KEPT[name].table)) {
      const count = await dropChunks(database, KEPT[name].table, before);
      this.#removed.set(name, (this.#removed.get(name) ?? 0) + count);
      return count;
    }
    return this.#inBatches(name, (limit) => this.#deleteOldest(name, limit, before), Number.POSITIVE_INFINITY);
  }

  /** The oldest events, until the others fit. */
  async #makeRoom(): Promise<number> {
    const { database, keepBytes } = this.#options;
    const rows = await this.#countEvents();
    const [row] = await database.query<{ bytes: number | null }>(
      `select avg(pg_column_size(e.*))::float8 as bytes from (select * from event order by start_time desc limit ${SAMPLE}) e`,
    );
    const bytesPerRow = (row!.bytes ?? 0) + BYTES_BESIDE_ROW;
    this.#eventBytes = rows * bytesPerRow;
    if (this.#eventBytes <= keepBytes) return 0;
    const surplus = Math.ceil((this.#eventBytes - MADE_ROOM * keepBytes) / bytesPerRow);
    const removed = await this.#inBatches('events', (limit) => this.#deleteOldest('events', limit), surplus);
    this.#eventBytes -= removed * bytesPerRow;
    return removed;
  }

  async #countEvents(): Promise<number> {
    const { database } = this.#options;
    if (await isHypertable(database, 'event')) return approximateRows(database, 'event');
    const [row] = await database.query<{ rows: number }>(
      `select case when reltuples > ${COUNTED} then reltuples::float8 else (select count(*) from event)::float8 end as rows
       from pg_class where oid = 'event'::regclass`,
    );
    return row!.rows;
  }

  async #inBatches(name: KeptName, remove: (limit: number) => Promise<number>, most: number): Promise<number> {
    let sum = 0;
    while (!this.#ending.signal.aborted && sum < most) {
      const limit = Math.min(BATCH, most - sum);
      const began = performance.now();
      const count = await remove(limit);
      sum += count;
      this.#removed.set(name, (this.#removed.get(name) ?? 0) + count);
      if (count < limit) break;
      const rest = Math.min(LONGEST_REST_MS, REST * (performance.now() - began));
      await pause(rest, undefined, this.#ending).catch(() => undefined);
    }
    return sum;
  }

  /** So many of the oldest rows and those of the same moment: a range of time, which holds in parts of a table as in a whole one. */
  async #deleteOldest(name: KeptName, count: number, before?: Date): Promise<number> {
    const { table, time, ...rule } = KEPT[name];
    const due = `${time} < $1::timestamptz ${'only' in rule ? `and ${rule.only}` : ''}`;
    const [row] = await this.#options.database.query<{ count: number }>(
      `with edge as (select ${time} as time from ${table} where ${due} order by ${time} offset $2 limit 1),
         gone as (delete from ${table} where ${due} and ${time} <= coalesce((select time from edge), $1::timestamptz) returning 1)
       select count(*)::int as count from gone`,
      [before ?? 'infinity', count - 1],
    );
    return row!.count;
  }
}
