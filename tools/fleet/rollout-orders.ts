// What a person may order of a rollout: approve, pause, resume, abort. Each order says when it has no meaning.
import { UserError } from '../command.ts';
import type { Course, Status } from './rollout-plan.ts';
import { type Progress, UNDER_WAY } from './rollout-verdict.ts';

/** @throws UserError unless a wave waits for it */
export function approve(course: Course): Course {
  need(course, ['awaiting-approval'], 'approved');
  const approvedWaves = course.approvedWaves === 0 ? 1 : course.wave + 2;
  return { ...course, status: 'running', reason: null, approvedWaves };
}

/** Nothing new begins; what is under way goes on. @throws UserError */
export function pause(course: Course, reason: string): Course {
  need(course, ['running', 'awaiting-approval'], 'paused');
  return { ...course, status: 'paused', reason };
}

/** Goes on after a pause or a stop; a wave that waits for approval still does. @throws UserError */
export function resume(course: Course): Course {
  need(course, ['paused', 'stopped'], 'resumed');
  if (course.approvedWaves === 0) return { ...course, status: 'awaiting-approval', reason: 'wave 1 needs approval' };
  return { ...course, status: 'running', reason: null };
}

/** A person who resumes a stopped rollout has seen the failures: these devices are tried again, or count no more. */
export function afterResume(devices: readonly Progress[], retry: boolean): Progress[] {
  return devices.map((device) => {
    if (device.phase !== 'failed' && device.phase !== 'silent') return device;
    return retry ? { ...device, phase: 'pending', version: null, reason: null } : { ...device, phase: 'excused' };
  });
}

/** @throws UserError when it is over already */
export function abort(course: Course, reason: string): Course {
  need(course, ['awaiting-approval', 'running', 'paused', 'stopped'], 'aborted');
  return { ...course, status: 'aborted', reason };
}

/** What an abort does with a device: those who have the change keep it, unless it is rolled back; nobody else gets it. */
export function afterAbort(device: Progress, rollBack: boolean): 'keep' | 'leave-out' | 'take-back' {
  if (device.phase === 'pending') return 'leave-out';
  if (device.phase === 'sent') return 'take-back';
  const mayHaveIt = UNDER_WAY.includes(device.phase) || ['done', 'failed', 'excused'].includes(device.phase);
  return rollBack && mayHaveIt && device.version !== null ? 'take-back' : 'keep';
}

function need({ status, reason }: Course, allowed: readonly Status[], what: string): void {
  if (allowed.includes(status)) return;
  throw new UserError(
    `The rollout is ${status}${reason ? ` (${reason})` : ''} and cannot be ${what}: that is possible while it is ${allowed.join(' or ')}.`,
  );
}
