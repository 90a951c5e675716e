// Events in the order in which they came to the database, each once: for rules and webhooks that wait for sounds.
import type { EventMessage } from '../../runtime/uplink/topics.ts';
import type { Database } from './database.ts';

export interface TailEvent {
  readonly message: EventMessage;
  readonly received: Date;
}

const BOOKMARK = 'alarm-events';
/** A transaction that began earlier may end later: so far back is read again. */
const OVERLAP_MS = 5000;
/** Above 4000 events a second, which no rule is made for, some are passed over. */
const AT_ONCE = 20_000;

export class EventTail {
  readonly #database: Database;
  #readMs: number | undefined;
  /** What was given within the overlap, by when it was received. */
  readonly #given = new Map<string, number>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** What came since; nothing, but the place is kept, while no rule and no webhook waits for events. */
  async next(isWanted: boolean): Promise<TailEvent[]> {
    const [now] = await this.#database.query<{ ms: number; hooks: boolean }>(
      `select extract(epoch from clock_timestamp())::float8 * 1000 as ms, exists (
         select 1 from webhook where disabled is null and settings->'topics' ? 'event') as hooks`,
    );
    this.#readMs ??= await this.#bookmark(now!.ms);
    if (!isWanted && !now!.hooks) {
      this.#readMs = now!.ms;
      return [];
    }
    const rows = await this.#database.query<TailEvent & { ms: number }>(
      `select message, received, extract(epoch from received)::float8 * 1000 as ms from event
       where received > to_timestamp($1::float8 / 1000) order by received limit $2`,
      [this.#readMs - OVERLAP_MS, AT_ONCE],
    );
    const fresh = rows.filter(({ message }) => !this.#given.has(nameOf(message)));
    for (const { message, ms } of fresh) this.#given.set(nameOf(message), ms);
    // A full page may end in the middle of a moment: the next one begins there.
    const isFull = rows.length === AT_ONCE;
    this.#readMs = isFull ? rows.at(-1)!.ms + (fresh.length > 0 ? 0 : OVERLAP_MS) : now!.ms;
    for (const [name, ms] of this.#given) if (ms < this.#readMs - 2 * OVERLAP_MS) this.#given.delete(name);
    return fresh;
  }

  async #bookmark(nowMs: number): Promise<number> {
    const [row] = await this.#database.query<{ ms: number }>(
      "select (value->>'ms')::float8 as ms from bookmark where name = $1",
      [BOOKMARK],
    );
    return row?.ms ?? nowMs;
  }

  /** What was given has been dealt with: a hub that starts anew goes on behind it. */
  async done(): Promise<void> {
    const ms = this.#readMs;
    await this.#database.query(
      'insert into bookmark (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value',
      [BOOKMARK, JSON.stringify({ ms })],
    );
  }
}

function nameOf({ site, device, bootId, seq }: EventMessage): string {
  return `${site}/${device}/${bootId}/${seq}`;
}
