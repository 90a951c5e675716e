// A rollout as a machine without input or output: from what is known now to what is done next. Waves, rates, thresholds, stops.

import type { RolloutDefinition } from './rollout-definition.ts';
import { type Facts, isOnline, observed, offline, type Progress, UNDER_WAY } from './rollout-verdict.ts';
import { isOpen } from './rollout-window.ts';

/** paused: by a person; stopped: by itself; aborted and done are for ever. */
export const STATUSES = ['awaiting-approval', 'running', 'paused', 'stopped', 'aborted', 'done'] as const;
export type Status = (typeof STATUSES)[number];

/** The rollout as a whole; times in ms since 1970 by the hub's clock. */
export interface Course {
  readonly status: Status;
  /** Of the waves, from 0. */
  readonly wave: number;
  /** Waves before this one have been approved, or need none. */
  readonly approvedWaves: number;
  /** When the wave had passed, for the time it soaks. */
  readonly passedMs: number | null;
  /** Why it is not running. */
  readonly reason: string | null;
  readonly steppedMs: number;
  readonly hearingSinceMs: number;
}

/** Devices that a step does not look at one by one, counted: those at an end, and those that wait offline. */
export interface Tally {
  readonly done: number;
  readonly failed: number;
  readonly pendingOnline: number;
  readonly pendingOffline: number;
}

export interface Look {
  readonly definition: RolloutDefinition;
  readonly course: Course;
  readonly devices: readonly Progress[];
  /** Of each device above. */
  readonly facts: ReadonlyMap<string, Facts>;
  /** One per wave, of the devices that are not above. */
  readonly elsewhere: readonly Tally[];
  readonly begunLastMinute: number;
  readonly nowMs: number;
}

/** send: publish the change; withdraw: publish what was wished before, since the device has not taken it up yet. */
export interface Action {
  readonly kind: 'send' | 'withdraw' | 'revert';
  readonly name: string;
}

export interface Step {
  readonly course: Course;
  /** Those that changed. */
  readonly devices: readonly Progress[];
  readonly actions: readonly Action[];
  /** For the audit, in words. */
  readonly happened: readonly string[];
}

/** A hub that did not look for so long was away, and knows nothing of the time between. */
const LONGEST_BREAK_MS = 60_000;
const MINUTE_MS = 60_000;

export function firstCourse({ waves }: RolloutDefinition, nowMs: number): Course {
  const needsApproval = waves[0]!.approval;
  return {
    ...{ status: needsApproval ? 'awaiting-approval' : 'running', wave: 0, approvedWaves: needsApproval ? 0 : 1 },
    ...{
      passedMs: null,
      reason: needsApproval ? 'wave 1 needs approval' : null,
      steppedMs: nowMs,
      hearingSinceMs: nowMs,
    },
  };
}

export function firstProgress(name: string, wave: number): Progress {
  return {
    ...{ name, wave, phase: 'pending', version: null, sentMs: null, onlineSinceMs: null, onlineMs: 0, appliedMs: null },
    ...{ faultsBefore: [], reason: null },
  };
}

/** Looks once. Only to be called while the hub hears its devices. */
export function step(look: Look): Step {
  const { definition, nowMs } = look;
  const { status } = look.course;
  if (status === 'done' || status === 'aborted') return { course: look.course, devices: [], actions: [], happened: [] };
  const wasAway = nowMs - look.course.steppedMs > LONGEST_BREAK_MS;
  const hearingSinceMs = wasAway ? nowMs : look.course.hearingSinceMs;
  const course = { ...look.course, steppedMs: nowMs, hearingSinceMs };
  const devices = look.devices.map((device) =>
    observed(
      wasAway ? offline(device, look.course.steppedMs) : device,
      look.facts.get(device.name)!,
      ...([definition, { nowMs, hearingSinceMs }] as const),
    ),
  );
  const happened = devices.flatMap((device, i) => verdictLine(look.devices[i]!, device));
  const seen: Seen = { ...look, course, devices };
  const next = status === 'running' ? proceed(seen) : { course, devices, actions: [], happened: [] };
  return {
    ...{ course: next.course, actions: next.actions, happened: [...happened, ...next.happened] },
    devices: next.devices.filter((device, i) => device !== look.devices[i]),
  };
}

type Seen = Look;

function proceed(seen: Seen): Step {
  const { devices } = seen;
  const problem = tooManyErrors(seen);
  if (problem !== null) return stop(seen, problem);
  const { course, happened, problem: waveProblem } = passWaves(seen);
  if (waveProblem !== null) return stop({ ...seen, course }, waveProblem, happened);
  if (course.status !== 'running') return { course, devices, actions: [], happened };
  const begun = begin({ ...seen, course });
  return { course, devices: begun, actions: sends(devices, begun), happened };
}

/** A stop takes the wish back from devices that have not taken it up: they would do so when they come back. */
function stop(seen: Seen, reason: string, happened: readonly string[] = []): Step {
  const course: Course = { ...seen.course, status: 'stopped', reason };
  const { devices, actions } = withdraw(seen.devices);
  return { course, devices, actions, happened: [...happened, `stopped: ${reason}`] };
}

/** Devices that have not taken the wish up wait again, as if it had not been published. */
export function withdraw(devices: readonly Progress[]): { devices: Progress[]; actions: Action[] } {
  const isWithdrawn = ({ phase }: Progress) => phase === 'sent';
  return {
    devices: devices.map((device) => (isWithdrawn(device) ? firstProgress(device.name, device.wave) : device)),
    actions: devices.filter(isWithdrawn).map(({ name }) => ({ kind: 'withdraw', name })),
  };
}

interface Counts {
  readonly done: number;
  readonly failed: number;
  /** Those that can go on now: online and pending, or under way and not away. */
  readonly active: number;
  /** Those that are away. */
  readonly away: number;
}

function countsOf({ devices, elsewhere, facts }: Seen, wave: number | null): Counts {
  const counts = { done: 0, failed: 0, active: 0, away: 0 };
  for (const [i, tally] of elsewhere.entries()) {
    if (wave !== null && i !== wave) continue;
    counts.done += tally.done;
    counts.failed += tally.failed;
    counts.active += tally.pendingOnline;
    counts.away += tally.pendingOffline;
  }
  for (const device of devices) {
    if (wave !== null && device.wave !== wave) continue;
    if (device.phase === 'done') counts.done += 1;
    else if (device.phase === 'failed' || device.phase === 'silent') counts.failed += 1;
    else if (device.phase === 'pending' || UNDER_WAY.includes(device.phase)) {
      counts[isOnline(facts.get(device.name)!) ? 'active' : 'away'] += 1;
    }
  }
  return counts;
}

function tooManyErrors(seen: Seen): string | null {
  const { errorAfter, errorPercent } = seen.definition;
  const { done, failed } = countsOf(seen, null);
  const judged = done + failed;
  if (judged < errorAfter || 100 * failed <= errorPercent * judged) return null;
  return `${failed} of ${judged} devices failed (${percent(failed, judged)} %, more than ${errorPercent} %)`;
}

interface Passed {
  readonly course: Course;
  readonly happened: readonly string[];
  readonly problem: string | null;
}

/** Goes to the next wave while the current one has passed; the last one ends the rollout when nobody is left. */
function passWaves(seen: Seen): Passed {
  const { definition, nowMs } = seen;
  const happened: string[] = [];
  let { course } = seen;
  for (;;) {
    const name = `wave ${course.wave + 1}`;
    const isLast = course.wave === definition.waves.length - 1;
    const verdict = isLast ? 'going' : waveVerdict(seen, course.wave);
    if (typeof verdict === 'object') return { course, happened, problem: `${name}: ${verdict.problem}` };
    if (isLast && isFinished(seen)) {
      const { done, failed } = countsOf(seen, null);
      happened.push(`done: ${done} devices succeeded, ${failed} failed`);
      return { course: { ...course, status: 'done', reason: null }, happened, problem: null };
    }
    if (verdict === 'going') return { course: { ...course, passedMs: null }, happened, problem: null };
    const passedMs = course.passedMs ?? nowMs;
    if (course.passedMs === null && verdict === 'passed') happened.push(`${name} has passed`);
    course = { ...course, passedMs };
    const soakMs = verdict === 'empty' ? 0 : definition.waves[course.wave]!.soakMinutes * MINUTE_MS;
    if (nowMs - passedMs < soakMs) return { course, happened, problem: null };
    const wave = course.wave + 1;
    if (definition.waves[wave]!.approval && course.approvedWaves <= wave) {
      const reason = `wave ${wave + 1} needs approval`;
      happened.push(reason);
      return { course: { ...course, status: 'awaiting-approval', reason }, happened, problem: null };
    }
    happened.push(`wave ${wave + 1} begins`);
    course = { ...course, wave, approvedWaves: Math.max(course.approvedWaves, wave + 1), passedMs: null };
  }
}

/** A wave passes when all who are there are judged, enough of it is judged, and enough of those succeeded. */
function waveVerdict(seen: Seen, wave: number): 'going' | 'passed' | 'empty' | { readonly problem: string } {
  const { quorumPercent, successPercent } = seen.definition;
  const { done, failed, active, away } = countsOf(seen, wave);
  const [judged, all] = [done + failed, done + failed + active + away];
  if (all === 0) return 'empty';
  const mayStillSucceed = 100 * (all - failed) >= successPercent * all;
  if (active > 0 && mayStillSucceed) return 'going';
  if (judged === 0 || 100 * judged < quorumPercent * all) return 'going';
  if (100 * done >= successPercent * judged) return active > 0 ? 'going' : 'passed';
  return {
    problem: `${done} of ${judged} devices succeeded (${percent(done, judged)} %, ${successPercent} % are needed)`,
  };
}

/** Is nobody left, in any wave? Those who are away are waited for, however long. */
function isFinished(seen: Seen): boolean {
  const { active, away } = countsOf(seen, null);
  return active + away === 0 && !seen.devices.some(({ phase }) => phase === 'silent');
}

/** Begins as many devices as rate, number under way and maintenance windows allow; earlier waves first. */
function begin({ definition, course, devices, facts, begunLastMinute, nowMs }: Seen): Progress[] {
  const perMinute = definition.waves[course.wave]!.perMinute ?? definition.perMinute;
  const underWay = devices.filter(({ phase }) => phase !== 'silent' && UNDER_WAY.includes(phase)).length;
  let free = Math.min(perMinute - begunLastMinute, definition.atOnce - underWay);
  const chosen = new Set<Progress>();
  for (const device of [...devices].sort((a, b) => a.wave - b.wave)) {
    if (free <= 0) break;
    const its = facts.get(device.name)!;
    if (device.phase !== 'pending' || device.wave > course.wave || !isOnline(its)) continue;
    if (definition.window && !isOpen(definition.window, its.zone, nowMs)) continue;
    chosen.add(device);
    free -= 1;
  }
  return devices.map((device) => (chosen.has(device) ? begunNow(device, facts.get(device.name)!, nowMs) : device));
}

function begunNow(device: Progress, facts: Facts, nowMs: number): Progress {
  const faultsBefore = facts.state === 'alert' ? [...facts.faults, 'alert'] : [...facts.faults];
  return {
    ...firstProgress(device.name, device.wave),
    ...{ phase: 'sent', version: facts.desiredVersion + 1, sentMs: nowMs, onlineSinceMs: nowMs, faultsBefore },
  };
}

function sends(before: readonly Progress[], after: readonly Progress[]): Action[] {
  return after.filter((device, i) => device !== before[i]).map(({ name }) => ({ kind: 'send', name }));
}

function verdictLine(before: Progress, after: Progress): string[] {
  if (before.phase === after.phase || !['done', 'failed', 'silent'].includes(after.phase)) return [];
  return [`${after.name} ${after.phase}${after.reason ? `: ${after.reason}` : ''}`];
}

function percent(part: number, whole: number): string {
  return ((100 * part) / whole).toFixed(0);
}
