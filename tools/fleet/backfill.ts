// Events that are missing are asked for again: by number, of devices that are there, less and less often, and not for ever.
import { BACKFILL_LIMIT, BACKFILL_RANGES } from '../../runtime/uplink/backfill.ts';
import type { Database, Queries } from './database.ts';
import { findGaps, type Gap } from './event-store.ts';

/** A message under way may still come by itself. */
const GRACE_MS = 60_000;
const FIRST_WAIT_MS = 10 * 60_000;
const LONGEST_WAIT_MS = 24 * 3_600_000;
/** Over a week altogether: what has not come then, the device does not have. */
const MOST_ATTEMPTS = 12;
const BOOTS_AT_ONCE = 50;

/** Numbers of one boot, both ends included. */
export interface Missing {
  readonly site: string;
  readonly device: string;
  readonly bootId: string;
  readonly ranges: readonly { readonly from: number; readonly to: number }[];
}

export interface BackfillOptions {
  readonly database: Database;
  /** Sends the command backfill to a device and gives its answer; rejects when none comes. */
  readonly ask: (missing: Missing) => Promise<Readonly<Record<string, unknown>>>;
  /** Unix time in milliseconds. */
  readonly now?: () => number;
  readonly onAnswer?: (missing: Missing, answer: Readonly<Record<string, unknown>> | Error) => void;
}

interface Row {
  readonly site: string;
  readonly device: string;
  readonly bootId: string;
  readonly numbers: string;
}

/** Looks for gaps again and again; several hubs on one database share the asking. */
export class Backfill {
  readonly #options: BackfillOptions;
  #timer: NodeJS.Timeout | undefined;
  #look: Promise<void> = Promise.resolve();

  constructor(options: BackfillOptions) {
    this.#options = options;
  }

  /** @param onTrouble is told when the database does not answer; the next look tries again */
  start(onTrouble: (error: Error) => void, everyMs = 30_000): void {
    this.#timer = setInterval(() => {
      this.#look = this.#look.then(() => this.look()).catch(onTrouble);
    }, everyMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#look;
  }

  /** One look: new gaps get their time of grace, those that are due are asked for. @throws DatabaseError */
  async look(): Promise<void> {
    const { database, now = Date.now } = this.#options;
    const boots = byBoot(await findGaps(database, BOOTS_AT_ONCE * BACKFILL_RANGES));
    if (boots.length === 0) return;
    await noteGaps(database, boots, now());
    const due = await takeDue(database, boots, now());
    await Promise.all(due.map((missing) => this.#ask(missing)));
  }

  async #ask(missing: Missing): Promise<void> {
    const { ask, database, onAnswer } = this.#options;
    const answer = await ask(missing).catch((error: Error) => error);
    const said = answer instanceof Error ? { error: answer.message } : answer;
    await database.query('update backfill set answer = $4 where site = $1 and device = $2 and boot_id = $3', [
      ...[missing.site, missing.device, missing.bootId, JSON.stringify(said)],
    ]);
    onAnswer?.(missing, answer);
  }
}

/** As much of each boot's gaps as one command may ask for. */
function byBoot(gaps: readonly Gap[]): Missing[] {
  const boots = new Map<string, { missing: Missing; ranges: { from: number; to: number }[]; left: number }>();
  for (const { site, device, bootId, first, last } of gaps) {
    const key = `${site}/${device}/${bootId}`;
    const ranges: { from: number; to: number }[] = [];
    const boot = boots.get(key) ?? { missing: { site, device, bootId, ranges }, ranges, left: BACKFILL_LIMIT };
    boots.set(key, boot);
    if (boot.left === 0 || boot.ranges.length === BACKFILL_RANGES) continue;
    const to = Math.min(last, first + boot.left - 1);
    boot.ranges.push({ from: first, to });
    boot.left -= to - first + 1;
  }
  return [...boots.values()].slice(0, BOOTS_AT_ONCE).map(({ missing }) => missing);
}

/** Gaps that are new, or have changed since, begin anew with their time of grace. */
async function noteGaps(queries: Queries, boots: readonly Missing[], nowMs: number): Promise<void> {
  const rows = boots.map(rowOf);
  await queries.query(
    `insert into backfill as b (site, device, boot_id, numbers, attempts, next_ask)
     select site, device, boot_id, numbers, 0, $5::timestamptz
     from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as t (site, device, boot_id, numbers)
     order by site, device, boot_id
     on conflict (site, device, boot_id) do update set numbers = excluded.numbers, attempts = 0, next_ask = excluded.next_ask
     where b.numbers <> excluded.numbers`,
    [...columnsOf(rows), new Date(nowMs + GRACE_MS)],
  );
}

/** Those whose turn it is and whose device is there; marked as asked, so that no other hub asks too. */
async function takeDue(queries: Queries, boots: readonly Missing[], nowMs: number): Promise<Missing[]> {
  const taken = await queries.query<Row>(
    `update backfill as b set attempts = attempts + 1, asked = $5::timestamptz,
       next_ask = $5::timestamptz + least($6 * power(2, attempts), $7) * interval '1 millisecond'
     from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as t (site, device, boot_id, numbers), device as d
     where b.site = t.site and b.device = t.device and b.boot_id = t.boot_id and b.numbers = t.numbers
       and d.site = b.site and d.device = b.device and d.state in ('ready', 'alert')
       and b.next_ask <= $5::timestamptz and b.attempts < $8
     returning b.site, b.device, b.boot_id as "bootId"`,
    [...columnsOf(boots.map(rowOf)), new Date(nowMs), FIRST_WAIT_MS, LONGEST_WAIT_MS, MOST_ATTEMPTS],
  );
  const keys = new Set(taken.map(({ site, device, bootId }) => `${site}/${device}/${bootId}`));
  return boots.filter(({ site, device, bootId }) => keys.has(`${site}/${device}/${bootId}`));
}

function rowOf({ site, device, bootId, ranges }: Missing): Row {
  return { site, device, bootId, numbers: ranges.map(({ from, to }) => `${from}-${to}`).join(',') };
}

function columnsOf(rows: readonly Row[]): string[][] {
  return [
    rows.map(({ site }) => site),
    rows.map(({ device }) => device),
    rows.map(({ bootId }) => bootId),
    rows.map(({ numbers }) => numbers),
  ];
}
