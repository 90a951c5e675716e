// Is a rule's condition met by a device now? Pure: from a rule and what is known, to yes, no, or not known.
import type { EventMessage, HealthMessage } from '../../runtime/uplink/topics.ts';
import type { AlarmRule, FigureName, RuleOf } from './alarm-rules.ts';
import { isOpen } from './rollout-window.ts';

/** null: nobody can say, and nothing changes. */
export interface Condition {
  readonly isMet: boolean | null;
  readonly message: string;
}

/** What is known of a device, or of the hub itself (site and device empty). */
export interface Subject {
  readonly site: string;
  readonly device: string;
  readonly state: string | null;
  readonly health: HealthMessage | null;
  /** Since its last health message, while the hub hears; null: not known, or it never sent one. */
  readonly silentMs: number | null;
}

const OFF: Condition = { isMet: false, message: '' };
const UNKNOWN: Condition = { isMet: null, message: '' };
/** What health said longer ago says nothing of now. */
const STALE_MS = 10 * 60_000;

/** Rules that look at one device's words alone; rules of other kinds are met elsewhere. */
export function conditionOf(rule: AlarmRule, subject: Subject, isRaised: boolean): Condition {
  switch (rule.kind) {
    case 'silent':
      return silent(rule, subject);
    case 'state':
      if (subject.state === null) return UNKNOWN;
      return rule.states.includes(subject.state) ? { isMet: true, message: `state ${subject.state}` } : OFF;
    case 'fault':
      return fresh(subject, ({ faults }) => {
        const found = (faults ?? []).filter(({ code }) => rule.codes.includes(code));
        return found.length > 0
          ? { isMet: true, message: found.map(({ code, message }) => `${code}: ${message}`).join('; ') }
          : OFF;
      });
    case 'microphone':
      return fresh(subject, microphone);
    case 'figure':
      return fresh(subject, (health) => figure(rule, health, isRaised));
    default:
      return UNKNOWN;
  }
}

function silent({ minutes, exceptStates }: RuleOf<'silent'>, { state, silentMs }: Subject): Condition {
  if (silentMs === null) return UNKNOWN;
  if (silentMs < minutes * 60_000 || exceptStates.includes(state ?? '')) return OFF;
  return {
    isMet: true,
    message: `not heard for ${Math.floor(silentMs / 60_000)} minutes, last state ${state ?? 'not known'}`,
  };
}

function fresh({ health, silentMs }: Subject, judge: (health: HealthMessage) => Condition): Condition {
  return health === null || silentMs === null || silentMs > STALE_MS ? UNKNOWN : judge(health);
}

function microphone({ microphone: mic }: HealthMessage): Condition {
  if (!mic) return UNKNOWN;
  const bad = mic.channels.flatMap(({ faults }, i) => faults.map((fault) => `channel ${i + 1} ${fault}`));
  if (mic.state !== 'ok') bad.unshift(mic.state);
  return bad.length > 0 ? { isMet: true, message: bad.join(', ') } : OFF;
}

function figure(
  { figure: name, above, below, clearAt }: RuleOf<'figure'>,
  health: HealthMessage,
  isRaised: boolean,
): Condition {
  const value = figureOf(name, health);
  if (value === null) return UNKNOWN;
  const limit = (above ?? below)!;
  // Once raised it is well only beyond clearAt, so that a figure at its limit does not come and go.
  const line = isRaised ? (clearAt ?? limit) : limit;
  const isMet = above === undefined ? value < line : value > line;
  return { isMet, message: `${name} is ${Number(value.toPrecision(4))}, limit ${limit}` };
}

function figureOf(name: FigureName, health: HealthMessage): number | null {
  const { outbox, disk, celsius, clock, lastExit } = health;
  switch (name) {
    case 'restartsLastHour':
      return lastExit?.startsLastHour ?? null;
    case 'outboxOldestSeconds':
      return outbox.queued === 0 ? 0 : (outbox.oldestSeconds ?? null);
    case 'outboxQueued':
      return outbox.queued;
    case 'diskFreeShare':
      return disk?.freeBytes == null || !disk.totalBytes ? null : disk.freeBytes / disk.totalBytes;
    case 'celsius': {
      const zones = Object.values(celsius ?? {}).filter((value) => value !== null);
      return zones.length > 0 ? Math.max(...zones) : null;
    }
    case 'realTimeFactor':
      return health.realTimeFactor ?? null;
    case 'clockOffsetMs':
      return clock?.offsetMs == null ? null : Math.abs(clock.offsetMs);
    case 'streamRestarts':
      return health.streamRestarts ?? null;
    case 'lostSamples':
      return health.lostSamples;
  }
}

/** Does a rule speak of this device? Rules of the hub itself speak of none. */
export function concerns({ sites, devices }: AlarmRule, { site, device }: { site: string; device: string }): boolean {
  if (sites && !sites.includes(site)) return false;
  return !devices || devices.includes(device) || devices.includes(`${site}/${device}`);
}

/** Is it a sound that the rule waits for? */
export function isHeard(rule: RuleOf<'event'>, event: EventMessage, zone: string | null, nowMs: number): boolean {
  const startMs = Date.parse(event.startTime);
  return (
    (!rule.classes || rule.classes.includes(event.class)) &&
    event.score >= rule.minScore &&
    nowMs - startMs <= rule.oldestMinutes * 60_000 &&
    (!rule.bearing || (event.bearingDegrees !== null && isWithin(rule.bearing, event.bearingDegrees))) &&
    (!rule.azimuth || isWithin(rule.azimuth, event.azimuth)) &&
    (!rule.window || isOpen(rule.window, zone, startMs))
  );
}

/** Is an angle in the sector that begins at `from` and goes up to `to`, over 360 where need be? */
export function isWithin({ from, to }: { from: number; to: number }, degrees: number): boolean {
  const turn = (angle: number) => ((angle % 360) + 360) % 360;
  if (to - from >= 360) return true;
  return turn(degrees - from) <= turn(to - from);
}
