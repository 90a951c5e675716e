// Rollouts at work: each step is one transaction that reads, decides and writes wishes and progress together, so that a hub may die
// at any moment and another one goes on.
import type { Database, Queries } from './database.ts';
import { changed, takenBack } from './desired.ts';
import { lockDesired, writeDesired } from './desired-store.ts';
import { hasLease } from './lease.ts';
import { parseRollout } from './rollout-definition.ts';
import { abort, afterAbort, afterResume, approve, pause, resume } from './rollout-orders.ts';
import { type Action, firstProgress, step } from './rollout-plan.ts';
import {
  createRollout,
  findRollout,
  joinLate,
  log,
  openRollouts,
  type Rollout,
  readBefore,
  readLook,
  readProgress,
  saveBefore,
  saveCourse,
  saveProgress,
} from './rollout-store.ts';
import type { Progress } from './rollout-verdict.ts';
import { enqueue, newKey } from './webhook-store.ts';

/** Something happened to a rollout, for people and programs that look on. */
export interface RolloutNews {
  readonly id: number;
  readonly name: string;
  readonly status: string;
  readonly reason: string | null;
  readonly wave: number;
  readonly happened: readonly string[];
}

/** How the hub signs what it does by itself. */
const HUB = 'hub';

/**
 * Makes a step in each open rollout. To be called only while the hub hears its devices.
 * @param lease who must hold which lease while it writes, so that two hubs do not do it both
 * @returns what happened
 */
export async function stepRollouts(
  database: Database,
  nowMs: number,
  lease?: { readonly name: string; readonly holder: string },
): Promise<RolloutNews[]> {
  const news: RolloutNews[] = [];
  for (const { id } of await openRollouts(database)) {
    const heard = await database.transaction(async (queries) => {
      if (lease && !(await hasLease(queries, lease.name, lease.holder))) return undefined;
      return stepOne(queries, await findRollout(queries, id, true), nowMs);
    });
    if (heard) news.push(heard);
  }
  return news;
}

async function stepOne(queries: Queries, rollout: Rollout, nowMs: number): Promise<RolloutNews | undefined> {
  const { id, definition, course: before } = rollout;
  // All devices are looked through for it: once a minute is enough.
  if (minuteOf(nowMs) !== minuteOf(before.steppedMs)) await joinLate(queries, rollout);
  const look = await readLook(queries, rollout, nowMs);
  const { course, devices, actions, happened } = step({ definition, course: before, nowMs, ...look });
  await saveProgress(queries, id, devices);
  for (const action of actions) await act(queries, rollout, action);
  await saveCourse(queries, id, course);
  const lines = [...happened];
  if (course.status === 'stopped' && before.status !== 'stopped' && definition.rollBackOnStop) {
    lines.push(`taken back from ${await takeBackAll(queries, { ...rollout, course }, true)} devices`);
  }
  await log(queries, id, HUB, lines);
  return lines.length > 0 ? tell(queries, { ...rollout, course }, lines, nowMs) : undefined;
}

async function act(queries: Queries, rollout: Rollout, { kind, name }: Action): Promise<void> {
  if (kind === 'send') await send(queries, rollout, name);
  else await takeBack(queries, rollout, name);
}

async function send(queries: Queries, { id, name, definition }: Rollout, deviceName: string): Promise<void> {
  const key = keyOf(deviceName);
  const { settings, release } = await lockDesired(queries, key);
  // A second try keeps what was before the first.
  if (!(await readBefore(queries, id, key.site, key.device)))
    await saveBefore(queries, id, key.site, key.device, { settings, release });
  const { version } = await writeDesired(
    queries,
    key,
    changed({ settings, release }, definition.change),
    `rollout ${name}`,
  );
  // The version is decided by the row that is locked now; what the step saw may be a moment older.
  await queries.query(
    `update rollout_device set progress = jsonb_set(progress, '{version}', to_jsonb($4::int8)) where rollout = $1 and site = $2 and device = $3`,
    [id, key.site, key.device, version],
  );
}

async function takeBack(queries: Queries, { id, name, definition }: Rollout, deviceName: string): Promise<void> {
  const key = keyOf(deviceName);
  const before = await readBefore(queries, id, key.site, key.device);
  if (!before) return;
  const wish = await lockDesired(queries, key);
  await writeDesired(queries, key, takenBack(wish, definition.change, before), `rollout ${name}, taken back`);
  await saveBefore(queries, id, key.site, key.device, null);
}

/** @returns from how many devices the change was taken back */
async function takeBackAll(queries: Queries, rollout: Rollout, rollBack: boolean): Promise<number> {
  const changedDevices: Progress[] = [];
  let count = 0;
  for (const device of await readProgress(queries, rollout.id)) {
    const fate = afterAbort(device, rollBack);
    if (fate === 'take-back') {
      await takeBack(queries, rollout, device.name);
      // After a stop a person decides whether those that failed are tried again.
      const hasFailed = device.phase === 'failed' || device.phase === 'silent';
      if (rollout.course.status === 'aborted' || !hasFailed) changedDevices.push({ ...device, phase: 'reverted' });
      count += 1;
    } else if (fate === 'leave-out' && rollout.course.status === 'aborted')
      changedDevices.push({ ...device, phase: 'out' });
  }
  await saveProgress(queries, rollout.id, changedDevices);
  return count;
}

/** Stores a new rollout. @param json as in a definition's file. @throws UserError */
export async function orderRollout(
  database: Database,
  json: unknown,
  who: string,
  nowMs: number,
): Promise<RolloutNews> {
  const definition = parseRollout(json, 'rollout');
  return database.transaction(async (queries) =>
    tell(queries, await createRollout(queries, definition, who, nowMs), ['created'], nowMs),
  );
}

export type Order =
  | { readonly order: 'approve' }
  | { readonly order: 'pause'; readonly reason: string }
  | { readonly order: 'resume'; readonly retry: boolean }
  | { readonly order: 'abort'; readonly reason: string; readonly rollBack: boolean };

/** Does what a person orders; everything of it or nothing. @throws UserError when it has no meaning now */
export function obey(
  database: Database,
  which: number | string,
  order: Order,
  who: string,
  nowMs = Date.now(),
): Promise<RolloutNews> {
  return database.transaction(async (queries) => {
    const rollout = await findRollout(queries, which, true);
    const { course, what } = await obeyed(queries, rollout, order);
    await saveCourse(queries, rollout.id, course);
    await log(queries, rollout.id, who, [what]);
    return tell(queries, { ...rollout, course }, [what], nowMs);
  });
}

async function obeyed(queries: Queries, rollout: Rollout, order: Order) {
  const { id, course } = rollout;
  switch (order.order) {
    case 'approve':
      return { course: approve(course), what: course.reason?.replace('needs approval', 'approved') ?? 'approved' };
    case 'pause':
      return { course: pause(course, order.reason), what: `paused: ${order.reason}` };
    case 'resume': {
      const next = resume(course);
      if (course.status !== 'stopped') return { course: next, what: 'resumed' };
      await saveProgress(queries, id, afterResume(await readProgress(queries, id, ['failed', 'silent']), order.retry));
      // What the stop took back begins anew.
      const reverted = await readProgress(queries, id, ['reverted']);
      await saveProgress(
        queries,
        id,
        reverted.map(({ name, wave }) => firstProgress(name, wave)),
      );
      return {
        course: next,
        what: order.retry ? 'resumed; failed devices are tried again' : 'resumed; failed devices count no more',
      };
    }
    case 'abort': {
      const next = abort(course, order.reason);
      const count = await takeBackAll(queries, { ...rollout, course: next }, order.rollBack);
      return { course: next, what: `aborted: ${order.reason}; taken back from ${count} devices` };
    }
  }
}

/** Puts the news into the queues of webhooks, in the transaction that makes them. */
async function tell(
  queries: Queries,
  { id, name, course }: Rollout,
  happened: readonly string[],
  nowMs: number,
): Promise<RolloutNews> {
  const { status, reason, wave } = course;
  const news = { id, name, status, reason, wave: wave + 1, happened };
  const time = new Date(nowMs).toISOString();
  const telling = { topic: 'rollout' as const, key: `rollout-${id}-${newKey()}`, type: `rollout.${status}`, time };
  await enqueue(queries, [{ ...telling, source: '/hub', data: news }], nowMs);
  return news;
}

function minuteOf(ms: number): number {
  return Math.floor(ms / 60_000);
}

function keyOf(name: string): { site: string; device: string } {
  const [site, device] = name.split('/');
  return { site: site!, device: device! };
}
