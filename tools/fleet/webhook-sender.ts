// Delivers what waits for webhooks: again and again over hours with growing pauses, until it is taken or too old.
import type { Database } from './database.ts';
import { type Answer, post } from './webhook-post.ts';
import {
  type Due,
  disableWebhook,
  dueDeliveries,
  forgetOld,
  leaveAlone,
  noteFailing,
  noteOutcome,
} from './webhook-store.ts';

const HOUR_MS = 3_600_000;
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 2 * HOUR_MS;
/** A message older than this is of no use any more. */
const GIVEN_UP_MS = 24 * HOUR_MS;
/** A webhook that took nothing for so long is switched off. */
const DISABLED_MS = 72 * HOUR_MS;
const TIMEOUT_MS = 10_000;
/** Of each webhook in one turn, one after the other; webhooks do not wait for each other. */
const PER_TURN = 50;
const GONE = 410;

export interface SenderOptions {
  readonly database: Database;
  readonly nowMs: () => number;
  readonly timeoutMs?: number;
  readonly random?: () => number;
  readonly onDisabled?: (webhook: { readonly id: number; readonly url: string; readonly reason: string }) => void;
}

export class WebhookSender {
  readonly #options: SenderOptions;
  #forgotMs = 0;
  #isStopped = false;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Tries what is due. @returns how many were taken */
  async work(): Promise<number> {
    const { database, nowMs } = this.#options;
    const due = await dueDeliveries(database, nowMs(), PER_TURN);
    const hooks = grouped(due);
    const taken = await Promise.all([...hooks.values()].map((queue) => this.#drain(queue)));
    if (nowMs() - this.#forgotMs > HOUR_MS) {
      await forgetOld(database, nowMs());
      this.#forgotMs = nowMs();
    }
    return taken.reduce((sum, count) => sum + count, 0);
  }

  /** Ends after the try that is going on. */
  stop(): void {
    this.#isStopped = true;
  }

  /** A receiver that is away is left alone for a while with all that waits; one that refuses a message may take the next. */
  async #drain(queue: readonly Due[]): Promise<number> {
    let { failingSinceMs } = queue[0]!;
    let taken = 0;
    for (const due of queue) {
      if (this.#isStopped) break;
      const answer = await this.#try(due);
      if (answer.error === null) {
        const state = { state: 'delivered' as const, nextMs: null, status: answer.status, error: null };
        await noteOutcome(this.#options.database, { id: due.id, attempts: due.attempts + 1, ...state });
        if (failingSinceMs !== null) await noteFailing(this.#options.database, due.webhook, null);
        failingSinceMs = null;
        taken += 1;
        continue;
      }
      const isEnd = await this.#failed(due, answer, failingSinceMs);
      failingSinceMs ??= this.#options.nowMs();
      if (isEnd) break;
    }
    return taken;
  }

  #try({ id, url, secret, settings, body }: Due): Promise<Answer> {
    const { nowMs, timeoutMs = TIMEOUT_MS } = this.#options;
    const contentType = settings.format === 'cloudevents' ? 'application/cloudevents+json' : 'application/json';
    return post({ url, secret, id, body, contentType, allowPrivate: settings.allowPrivate, nowMs: nowMs(), timeoutMs });
  }

  /** @returns whether the webhook is left alone for now */
  async #failed(due: Due, answer: Answer, failingSinceMs: number | null): Promise<boolean> {
    const { database, nowMs, onDisabled, random = Math.random } = this.#options;
    const { status, error, retryAfterSeconds } = answer;
    const now = nowMs();
    const attempts = due.attempts + 1;
    const isTooOld = now - due.createdMs > GIVEN_UP_MS;
    const asked = Math.min(LONGEST_PAUSE_MS, 1000 * (retryAfterSeconds ?? 0));
    const nextMs = now + asked + pauseMs(attempts, random);
    const state = isTooOld ? ('given-up' as const) : ('waiting' as const);
    await noteOutcome(database, { id: due.id, state, attempts, nextMs: isTooOld ? null : nextMs, status, error });
    if (failingSinceMs === null) await noteFailing(database, due.webhook, now);
    const isGone = status === GONE;
    if (isGone || now - (failingSinceMs ?? now) >= DISABLED_MS) {
      const reason = isGone
        ? 'the receiver says that it is gone (status 410)'
        : `nothing was taken for 3 days: ${error}`;
      await disableWebhook(database, due.webhook, reason, now);
      onDisabled?.({ id: due.webhook, url: due.url, reason });
      return true;
    }
    const isAway = status === null || status >= 500 || status === 429 || status === 408;
    if (isAway) await leaveAlone(database, due.webhook, nextMs);
    return isAway;
  }
}

/** Full jitter: any time up to a bound that doubles. @param attempts so far, from 1 */
export function pauseMs(attempts: number, random: () => number): number {
  return random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(30, attempts - 1));
}

function grouped(due: readonly Due[]): Map<number, Due[]> {
  const groups = new Map<number, Due[]>();
  for (const each of due) groups.set(each.webhook, [...(groups.get(each.webhook) ?? []), each]);
  return groups;
}
