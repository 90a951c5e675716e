// Webhooks and what waits to be delivered, in the database: a restart of the hub or of a receiver loses nothing.
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { UserError } from '../command.ts';
import type { Queries } from './database.ts';
import { checkWebhookUrl } from './webhook-address.ts';
import { newSecret } from './webhook-signature.ts';

export const WEBHOOK_TOPICS = ['alarm', 'event', 'rollout'] as const;
export type WebhookTopic = (typeof WEBHOOK_TOPICS)[number];

export const WebhookSettings = z.strictObject({
  topics: z.array(z.enum(WEBHOOK_TOPICS)).min(1),
  format: z.enum(['plain', 'cloudevents']).default('plain').describe('cloudevents: CloudEvents 1.0, structured mode'),
  classes: z.array(z.string().min(1)).min(1).optional().describe('of events; default all'),
  minScore: z.number().min(0).max(1).default(0).describe('of events'),
  sites: z.array(z.string().min(1)).min(1).optional().describe('of events and alarms; default all'),
  allowPrivate: z.boolean().default(false).describe('the receiver is inside our own network'),
});
export type WebhookSettings = z.infer<typeof WebhookSettings>;

export const NewWebhook = z.strictObject({ url: z.string().max(2000), ...WebhookSettings.shape });
export type NewWebhook = z.infer<typeof NewWebhook>;

export interface WebhookRow {
  readonly id: number;
  readonly url: string;
  readonly settings: WebhookSettings;
  readonly created: Date;
  readonly createdBy: string;
  readonly failingSince: Date | null;
  readonly disabled: Date | null;
  readonly disabledReason: string | null;
  readonly dropped: number;
  readonly waiting: number;
  readonly delivered: number;
  readonly givenUp: number;
}

/** Something to tell: the same for all webhooks that want it. */
export interface Telling {
  readonly topic: WebhookTopic;
  /** The same for the same happening: it is told once, however often it is queued. */
  readonly key: string;
  /** e.g. alarm.raised */
  readonly type: string;
  readonly time: string;
  readonly source: string;
  readonly data: unknown;
  /** What webhooks choose by; undefined: everybody may have it. */
  readonly site?: string;
  readonly class?: string;
  readonly score?: number;
}

/** Of each webhook, waiting; beyond it the oldest go, and are counted. */
const QUEUE_LIMIT = 10_000;
/** What was delivered or given up is shown for a while. */
const KEPT_DAYS = 7;

/** @returns with the secret, which is never shown again. @throws UserError when the URL leads where it may not */
export async function addWebhook(
  queries: Queries,
  { url, ...settings }: NewWebhook,
  who: string,
): Promise<{ id: number; secret: string }> {
  checkWebhookUrl(url, settings.allowPrivate);
  const secret = newSecret();
  const [row] = await queries.query<{ id: number }>(
    'insert into webhook (url, secret, settings, created_by) values ($1, $2, $3, $4) returning id::float8 as id',
    [url, secret, JSON.stringify(settings), who],
  );
  return { id: row!.id, secret };
}

export function listWebhooks(queries: Queries): Promise<WebhookRow[]> {
  return queries.query<WebhookRow>(
    `select w.id::float8 as id, url, settings, w.created, created_by as "createdBy", failing_since as "failingSince", disabled,
       disabled_reason as "disabledReason", dropped::float8 as dropped,
       count(*) filter (where d.state = 'waiting')::int as waiting, count(*) filter (where d.state = 'delivered')::int as delivered,
       count(*) filter (where d.state = 'given-up')::int as "givenUp"
     from webhook w left join webhook_delivery d on d.webhook = w.id group by w.id order by w.id`,
  );
}

/** @throws UserError when there is none */
export async function removeWebhook(queries: Queries, id: number): Promise<void> {
  const rows = await queries.query('delete from webhook where id = $1 returning 1', [id]);
  if (rows.length === 0) throw new UserError(`There is no webhook ${id}.`);
}

/** Takes a webhook that was switched off up again. @throws UserError when there is none */
export async function enableWebhook(queries: Queries, id: number): Promise<void> {
  const rows = await queries.query(
    'update webhook set disabled = null, disabled_reason = null, failing_since = null where id = $1 returning 1',
    [id],
  );
  if (rows.length === 0) throw new UserError(`There is no webhook ${id}.`);
}

/** Puts what happened into the queues of the webhooks that want it. @returns how many deliveries are new */
export async function enqueue(queries: Queries, tellings: readonly Telling[], nowMs: number): Promise<number> {
  if (tellings.length === 0) return 0;
  const hooks = await queries.query<Pick<WebhookRow, 'id' | 'settings'>>(
    'select id::float8 as id, settings from webhook where disabled is null',
  );
  const rows = hooks.flatMap(({ id, settings }) =>
    tellings
      .filter((telling) => wants(settings, telling))
      .map((telling) => ({
        hook: id,
        type: telling.type,
        body: bodyOf(telling, settings.format),
        id: `msg_${id}_${telling.key}`,
      })),
  );
  if (rows.length === 0) return 0;
  const added = await queries.query(
    `insert into webhook_delivery (id, webhook, type, body, created, next_attempt, state)
     select *, to_timestamp($5::float8 / 1000), to_timestamp($5::float8 / 1000), 'waiting'
     from unnest($1::text[], $2::int8[], $3::text[], $4::text[]) on conflict do nothing returning 1`,
    [
      rows.map(({ id }) => id),
      rows.map(({ hook }) => hook),
      rows.map(({ type }) => type),
      rows.map(({ body }) => body),
      nowMs,
    ],
  );
  for (const hook of new Set(rows.map((row) => row.hook))) await bound(queries, hook);
  return added.length;
}

function wants({ topics, classes, minScore, sites }: WebhookSettings, telling: Telling): boolean {
  if (!topics.includes(telling.topic)) return false;
  if (sites && telling.site !== undefined && !sites.includes(telling.site)) return false;
  if (telling.topic !== 'event') return true;
  return (!classes || classes.includes(telling.class!)) && telling.score! >= minScore;
}

function bodyOf({ key, type, time, source, data }: Telling, format: WebhookSettings['format']): string {
  if (format === 'plain') return JSON.stringify({ type, timestamp: time, data });
  const event = { specversion: '1.0', id: key, source, type: `earshot.${type}`, time };
  return JSON.stringify({ ...event, datacontenttype: 'application/json', data });
}

async function bound(queries: Queries, hook: number): Promise<void> {
  const dropped = await queries.query(
    `delete from webhook_delivery where id in (
       select id from webhook_delivery where webhook = $1 and state = 'waiting' order by created desc, id desc offset $2) returning 1`,
    [hook, QUEUE_LIMIT],
  );
  if (dropped.length > 0)
    await queries.query('update webhook set dropped = dropped + $2 where id = $1', [hook, dropped.length]);
}

export interface Due {
  readonly id: string;
  readonly webhook: number;
  readonly url: string;
  readonly secret: string;
  readonly settings: WebhookSettings;
  readonly body: string;
  readonly createdMs: number;
  readonly attempts: number;
  readonly failingSinceMs: number | null;
}

/** The oldest deliveries that are due, of each webhook at most some. */
export function dueDeliveries(queries: Queries, nowMs: number, perHook: number): Promise<Due[]> {
  return queries.query<Due>(
    `select d.id, d.webhook::float8 as webhook, w.url, w.secret, w.settings, d.body, d.attempts,
       extract(epoch from d.created)::float8 * 1000 as "createdMs", extract(epoch from w.failing_since)::float8 * 1000 as "failingSinceMs"
     from webhook w, lateral (
       select * from webhook_delivery where webhook = w.id and state = 'waiting' and next_attempt <= to_timestamp($1::float8 / 1000)
       order by next_attempt, attempts, created limit $2) d
     where w.disabled is null order by d.next_attempt, d.attempts, d.created`,
    [nowMs, perHook],
  );
}

/** What became of a try. */
export interface Outcome {
  readonly id: string;
  readonly state: 'delivered' | 'waiting' | 'given-up';
  readonly attempts: number;
  readonly nextMs: number | null;
  readonly status: number | null;
  readonly error: string | null;
}

export async function noteOutcome(
  queries: Queries,
  { id, state, attempts, nextMs, status, error }: Outcome,
): Promise<void> {
  await queries.query(
    `update webhook_delivery set state = $2, attempts = $3, next_attempt = to_timestamp($4::float8 / 1000), status = $5, error = $6 where id = $1`,
    [id, state, attempts, nextMs, status, error],
  );
}

/** Nothing goes to a webhook before that time. */
export async function leaveAlone(queries: Queries, webhook: number, untilMs: number): Promise<void> {
  await queries.query(
    `update webhook_delivery set next_attempt = to_timestamp($2::float8 / 1000)
     where webhook = $1 and state = 'waiting' and next_attempt < to_timestamp($2::float8 / 1000)`,
    [webhook, untilMs],
  );
}

/** Notes since when a webhook fails; null: it works. */
export async function noteFailing(queries: Queries, id: number, sinceMs: number | null): Promise<void> {
  await queries.query('update webhook set failing_since = to_timestamp($2::float8 / 1000) where id = $1', [
    id,
    sinceMs,
  ]);
}

export async function disableWebhook(queries: Queries, id: number, reason: string, nowMs: number): Promise<void> {
  await queries.query(
    'update webhook set disabled = to_timestamp($2::float8 / 1000), disabled_reason = $3 where id = $1',
    [id, nowMs, reason],
  );
}

/** Forgets what ended long ago. */
export async function forgetOld(queries: Queries, nowMs: number): Promise<void> {
  await queries.query(
    "delete from webhook_delivery where state <> 'waiting' and created < to_timestamp($1::float8 / 1000)",
    [nowMs - KEPT_DAYS * 86_400_000],
  );
}

/** A key that is never the same, for happenings that have no name of their own. */
export function newKey(): string {
  return randomBytes(12).toString('hex');
}
