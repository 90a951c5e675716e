// How one device of a rollout fares: what it says since its wish was published, judged without looking at any other device.
import { hasRelease, type Reported } from './desired.ts';
import type { RolloutDefinition } from './rollout-definition.ts';

/**
 * pending: not yet wished; sent: wished, not a word from the device; working: it tries; proving: it has it and must stay healthy;
 * silent: it took it up and is not heard (counts as failed until it is heard again); done, failed; excused: failed before a person
 * said to go on; reverted: taken back; out: not in the rollout any more.
 */
export const PHASES = [
  ...(['pending', 'sent', 'working', 'proving', 'silent'] as const),
  ...(['done', 'failed', 'excused', 'reverted', 'out'] as const),
] as const;
export type Phase = (typeof PHASES)[number];

/** Phases in which a device is under way. */
export const UNDER_WAY: readonly Phase[] = ['sent', 'working', 'proving', 'silent'];

/** A device within a rollout; times in ms since 1970 by the hub's clock. */
export interface Progress {
  readonly name: string;
  /** 0 is the first. */
  readonly wave: number;
  readonly phase: Phase;
  /** Of the wish that carries the change; null before. */
  readonly version: number | null;
  readonly sentMs: number | null;
  /** Since when it is online without a break, and how long it was online before, since the wish was published. */
  readonly onlineSinceMs: number | null;
  readonly onlineMs: number;
  readonly appliedMs: number | null;
  /** Faults it had before: these are not the change's. */
  readonly faultsBefore: readonly string[];
  readonly reason: string | null;
}

/** What the hub knows of a device now. */
export interface Facts {
  readonly state: string | null;
  /** When a health message came last, by the hub's clock; null: never. */
  readonly healthMs: number | null;
  readonly faults: readonly string[];
  readonly reported: Reported | null;
  /** Version of what is wished now; 0: nothing yet. */
  readonly desiredVersion: number;
  readonly zone: string | null;
}

type Limits = Pick<RolloutDefinition, 'change' | 'deviceMinutes' | 'healthyMinutes' | 'silentMinutes'>;

const MINUTE_MS = 60_000;

/** Is it there to be changed? A device that sleeps, said goodbye or was lost is not. */
export function isOnline({ state }: Facts): boolean {
  return state === 'ready' || state === 'alert';
}

/**
 * A device's progress after a look at it.
 * @param hearingSinceMs since when the hub has heard devices without a break: before that, silence is no device's fault
 */
export function observed(
  device: Progress,
  facts: Facts,
  limits: Limits,
  { nowMs, hearingSinceMs }: { nowMs: number; hearingSinceMs: number },
): Progress {
  if (!UNDER_WAY.includes(device.phase)) return device;
  const counted = countOnline(device, isOnline(facts), nowMs);
  const refusal = refusalOf(device, facts, limits);
  if (refusal !== null) return { ...counted, phase: 'failed', reason: refusal };
  const heard = { ...counted, ...advance(counted, facts, limits, nowMs) };
  return judge(heard, facts, limits, { nowMs, hearingSinceMs });
}

/** Has the device spoken of this wish or a later one, which holds this one's change too? */
function speaksOfIt({ version }: Progress, { reported }: Facts): boolean {
  return reported !== null && Math.max(reported.desiredVersion ?? 0, reported.version) >= version!;
}

function refusalOf(device: Progress, facts: Facts, { change }: Limits): string | null {
  if (!speaksOfIt(device, facts)) return null;
  const { state, errors, release, desiredVersion } = facts.reported!;
  if ((state === 'refused' || state === 'rolled-back') && (desiredVersion ?? 0) >= device.version!) {
    return `${state}: ${errors.map(({ key, message }) => (key ? `${key}: ${message}` : message)).join('; ') || 'no reason given'}`;
  }
  const isOurs = change.release && release?.sequence === change.release.sequence;
  if (isOurs && (release.state === 'failed' || release.state === 'rolled-back')) {
    return `release ${release.state}: ${release.error ?? 'no reason given'}`;
  }
  return null;
}

function advance(device: Progress, facts: Facts, { change }: Limits, nowMs: number): Partial<Progress> {
  if (!speaksOfIt(device, facts)) return {};
  const { reported } = facts;
  const isIn = reported!.state === 'applied' && reported!.version >= device.version!;
  if (!isIn || (change.release && !hasRelease(reported!, change.release))) {
    return device.phase === 'sent' ? { phase: 'working' } : {};
  }
  return device.appliedMs === null ? { phase: 'proving', appliedMs: nowMs } : {};
}

function judge(
  device: Progress,
  facts: Facts,
  { deviceMinutes, healthyMinutes, silentMinutes }: Limits,
  { nowMs, hearingSinceMs }: { nowMs: number; hearingSinceMs: number },
): Progress {
  if (device.phase !== 'sent') {
    const silentMs = nowMs - Math.max(facts.healthMs ?? 0, hearingSinceMs, device.sentMs!);
    if (silentMs > silentMinutes * MINUTE_MS) {
      // One that says that it sleeps may be away.
      if (facts.state === 'sleeping' || device.phase === 'silent') return device;
      return {
        ...device,
        phase: 'silent',
        reason: `no health message for ${Math.round(silentMs / MINUTE_MS)} minutes after it took the change up`,
      };
    }
    if (device.phase === 'silent') {
      return { ...device, phase: device.appliedMs === null ? 'working' : 'proving', reason: null };
    }
  }
  if (device.phase === 'proving') return proved(device, facts, healthyMinutes, nowMs);
  const onlineMs = device.onlineMs + (device.onlineSinceMs === null ? 0 : nowMs - device.onlineSinceMs);
  if (onlineMs > deviceMinutes * MINUTE_MS) {
    const did = device.phase === 'sent' ? 'said nothing of the change' : 'did not finish the change';
    return { ...device, phase: 'failed', reason: `${did} within ${deviceMinutes} minutes online` };
  }
  return device;
}

/** After the healthy time it is judged by what it says then: a fault that passes is forgiven, as the device itself does. */
function proved(device: Progress, facts: Facts, healthyMinutes: number, nowMs: number): Progress {
  const hasProof = isOnline(facts) && facts.healthMs !== null && facts.healthMs > device.appliedMs!;
  if (!hasProof || nowMs - device.appliedMs! < healthyMinutes * MINUTE_MS) return device;
  const fresh = facts.faults.filter((code) => !device.faultsBefore.includes(code));
  if (fresh.length > 0)
    return { ...device, phase: 'failed', reason: `unhealthy after the change: ${fresh.join(', ')}` };
  if (facts.state === 'alert' && !device.faultsBefore.includes('alert')) {
    return { ...device, phase: 'failed', reason: 'unhealthy after the change: state alert' };
  }
  return { ...device, phase: 'done', reason: null };
}

/** Keeps account of the time online. */
function countOnline(device: Progress, online: boolean, nowMs: number): Progress {
  if (online) return device.onlineSinceMs === null ? { ...device, onlineSinceMs: nowMs } : device;
  return offline(device, nowMs);
}

/** Closes the time online at a moment: the device has gone, or the hub hears it no more. */
export function offline(device: Progress, atMs: number): Progress {
  const { onlineSinceMs, onlineMs } = device;
  return onlineSinceMs === null
    ? device
    : { ...device, onlineSinceMs: null, onlineMs: onlineMs + atMs - onlineSinceMs };
}
