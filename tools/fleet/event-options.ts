// Which events a command means: the same options with the same rules in every command that reads events.
import type { Command } from 'commander';
import { UserError } from '../command.ts';
import type { EventFilter } from './event-search.ts';
import { siteAndDevice } from './fleet-view.ts';

export interface EventOptions {
  readonly since?: string;
  readonly until?: string;
  readonly class?: string;
  readonly site?: string;
  readonly device?: string;
  readonly minScore?: string;
}

const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export function withEventOptions(command: Command): Command {
  return command
    .option('--since <time>', 'begun at this time or later: 2026-11-23, 2026-11-23T08:00Z, or 90m, 36h, 7d ago')
    .option('--until <time>', 'begun before this time')
    .option('--class <name>', 'of this class')
    .option('--site <name>', 'heard at this site')
    .option('--device <site/device>', 'heard by this device')
    .option('--min-score <n>', 'with at least this score, 0 to 1');
}

/** @throws UserError naming option, value and rule */
export function eventFilter(options: EventOptions, nowMs = Date.now()): EventFilter {
  const device = options.device === undefined ? undefined : siteAndDevice(options.device);
  if (device && options.site !== undefined && options.site !== device.site)
    throw new UserError(`--site ${options.site} and --device ${options.device} name two sites: leave one out.`);
  return {
    ...(options.since !== undefined && { from: moment('--since', options.since, nowMs) }),
    ...(options.until !== undefined && { to: moment('--until', options.until, nowMs) }),
    ...(options.class !== undefined && { class: options.class }),
    ...(options.site !== undefined && { site: options.site }),
    ...device,
    ...(options.minScore !== undefined && { minScore: score(options.minScore) }),
  };
}

/** A moment: a date, a date with time (of this machine's zone unless it says another), or how long ago. @throws UserError */
export function moment(option: string, text: string, nowMs: number): Date {
  const span = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text);
  if (span) return new Date(nowMs - Number(span[1]) * UNITS[span[2] as keyof typeof UNITS]);
  const isDate = /^\d{4}-\d\d-\d\d$/.test(text);
  const isTime = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$/.test(text);
  const time = new Date(isDate ? `${text}T00:00` : text);
  if ((isDate || isTime) && !Number.isNaN(time.getTime())) return time;
  throw new UserError(`${option} ${text}: give 2026-11-23, 2026-11-23T08:00, or 90m, 36h, 7d for how long ago.`);
}

/** @throws UserError */
export function wholeNumber(option: string, text: string, lowest: number, highest: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= lowest && value <= highest) return value;
  throw new UserError(`${option} ${text}: give a whole number from ${lowest} to ${highest}.`);
}

function score(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new UserError(`--min-score ${text}: give a number from 0 to 1.`);
}
