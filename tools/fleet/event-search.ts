// Events looked up in the database: by time, class, place and score, page after page, in an order that no new event upsets.
import type { EventMessage } from '../../runtime/uplink/topics.ts';
import { UserError } from '../command.ts';
import type { Queries } from './database.ts';

/** What is wanted; what is left out is not asked for. */
export interface EventFilter {
  /** Start times from here on. */
  readonly from?: Date;
  /** Start times before this. */
  readonly to?: Date;
  readonly class?: string;
  readonly site?: string;
  readonly device?: string;
  /** 0 to 1 */
  readonly minScore?: number;
}

export interface EventPageOptions {
  /** Default 100. */
  readonly limit?: number;
  /** Where the page before ended; of the same filter and order. */
  readonly cursor?: string;
  /** Default 'newest': by start time, the newest first. */
  readonly order?: 'newest' | 'oldest';
}

/** An event as the hub keeps it: what the device said, and when it came (ISO 8601, UTC). */
export type StoredEvent = EventMessage & { readonly received: string };

export interface EventPage {
  readonly events: StoredEvent[];
  /** Cursor of the next page; null: this is the last one so far. */
  readonly next: string | null;
}

/** Start time, site, device, boot and number: unique, and the order of every page. */
type Place = readonly [string, string, string, string, string];

interface Row {
  readonly message: EventMessage;
  readonly received: Date;
  readonly place: string;
  readonly seq: string;
}

/** @throws UserError for a cursor that is none of ours; DatabaseError */
export async function searchEvents(
  queries: Queries,
  filter: EventFilter,
  { limit = 100, cursor, order = 'newest' }: EventPageOptions = {},
): Promise<EventPage> {
  const values: unknown[] = [];
  const value = (of: unknown) => `$${values.push(of)}`;
  const conditions: string[] = [];
  if (filter.from) conditions.push(`start_time >= ${value(filter.from)}`);
  if (filter.to) conditions.push(`start_time < ${value(filter.to)}`);
  if (filter.class !== undefined) conditions.push(`class = ${value(filter.class)}`);
  if (filter.site !== undefined) conditions.push(`site = ${value(filter.site)}`);
  if (filter.device !== undefined) conditions.push(`device = ${value(filter.device)}`);
  if (filter.minScore !== undefined) conditions.push(`score >= ${value(filter.minScore)}::float4`);
  if (cursor !== undefined) {
    const [time, site, device, boot, seq] = placeOf(cursor);
    const after = `${value(time)}::timestamptz, ${value(site)}, ${value(device)}, ${value(boot)}, ${value(seq)}::int8`;
    conditions.push(`(start_time, site, device, boot_id, seq) ${order === 'newest' ? '<' : '>'} (${after})`);
  }
  const way = order === 'newest' ? 'desc' : 'asc';
  const rows = await queries.query<Row>(
    `select message, received, start_time::text as place, seq::text as seq from event
     ${conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''}
     order by ${['start_time', 'site', 'device', 'boot_id', 'seq'].map((column) => `${column} ${way}`).join(', ')}
     limit ${value(limit + 1)}`,
    values,
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    events: page.map(({ message, received }) => ({ ...message, received: received.toISOString() })),
    next: rows.length > limit && last ? cursorOf(last) : null,
  };
}

/** The cursor after an event: text for URLs. */
function cursorOf({ place, seq, message: { site, device, bootId } }: Row): string {
  return Buffer.from(JSON.stringify([place, site, device, bootId, seq])).toString('base64url');
}

function placeOf(cursor: string): Place {
  try {
    const place: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (Array.isArray(place) && place.length === 5 && place.every((part) => typeof part === 'string') && isPlace(place))
      return place as unknown as Place;
  } catch {
    // told below
  }
  throw new UserError(
    `${cursor.slice(0, 80)} is no cursor of a page of events: take the one that the page before gave.`,
  );
}

function isPlace([time, , , , seq]: string[]): boolean {
  return /^\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[+-]\d\d(:\d\d)*( BC)?$/.test(time!) && /^\d{1,18}$/.test(seq!);
}

/** Whether an event is one of those that a filter means. */
export function isWanted(event: StoredEvent, filter: EventFilter): boolean {
  const startMs = Date.parse(event.startTime);
  return (
    (filter.site === undefined || filter.site === event.site) &&
    (filter.device === undefined || filter.device === event.device) &&
    (filter.class === undefined || filter.class === event.class) &&
    (filter.minScore === undefined || event.score >= filter.minScore) &&
    (filter.from === undefined || startMs >= filter.from.getTime()) &&
    (filter.to === undefined || startMs < filter.to.getTime())
  );
}
