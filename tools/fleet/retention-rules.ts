// How long the hub keeps what: a rule per table, with defaults, and how a person changes them.
import { UserError } from '../command.ts';

/** What is kept in days; Infinity keeps it for ever. */
export type KeepDays = Readonly<Record<KeptName, number>>;

interface KeptTable {
  readonly table: string;
  /** Column that says how old a row is. */
  readonly time: string;
  /** Only rows for which this holds are ever removed. */
  readonly only?: string;
  readonly defaultDays: number;
}

/** By the names that --keep-days knows. Which numbers of a boot were stored is kept for ever: what was removed is no gap. */
export const KEPT = {
  events: { table: 'event', time: 'start_time', defaultDays: 365 },
  health: { table: 'health_history', time: 'time', defaultDays: 30 },
  clips: { table: 'clip', time: 'start_time', defaultDays: 30 },
  quarantine: { table: 'quarantine', time: 'received', defaultDays: 30 },
  alarms: { table: 'alarm', time: 'cleared', only: 'cleared is not null', defaultDays: 365 },
  deliveries: { table: 'webhook_delivery', time: 'created', only: "state <> 'waiting'", defaultDays: 30 },
  audit: { table: 'audit', time: 'time', defaultDays: 730 },
} as const satisfies Record<string, KeptTable>;

export type KeptName = keyof typeof KEPT;

export const DEFAULT_KEEP_DAYS = Object.fromEntries(
  Object.entries(KEPT).map(([name, { defaultDays }]) => [name, defaultDays]),
) as KeepDays;

/** For the help of commands: events 365, health 30 ... */
export const DEFAULTS_TEXT = Object.entries(DEFAULT_KEEP_DAYS)
  .map(([name, days]) => `${name} ${days}`)
  .join(', ');

/**
 * Reads --keep-days: 90 for events, or events=90,health=7; "ever" for no end.
 * @throws UserError naming the part and the rule
 */
export function keepDays(text?: string): KeepDays {
  if (text === undefined) return DEFAULT_KEEP_DAYS;
  const changed: Record<string, number> = {};
  for (const part of text.split(',')) {
    const [name, value] = part.includes('=') ? part.split('=') : ['events', part];
    if (!(name!.trim() in KEPT))
      throw new UserError(`--keep-days ${part}: there are ${Object.keys(KEPT).join(', ')}, as in events=90,health=7.`);
    const days = value!.trim() === 'ever' ? Number.POSITIVE_INFINITY : Number(value);
    if (value!.trim() === '' || Number.isNaN(days) || days <= 0)
      throw new UserError(`--keep-days ${part}: give a number of days above 0, or ever.`);
    changed[name!.trim()] = days;
  }
  return { ...DEFAULT_KEEP_DAYS, ...changed };
}

/** Reads --keep-gigabytes. @throws UserError */
export function keepBytes(text: string): number {
  const gigabytes = text === 'all' ? Number.POSITIVE_INFINITY : Number(text);
  if (text.trim() !== '' && gigabytes > 0) return gigabytes * 1e9;
  throw new UserError(`--keep-gigabytes ${text}: give a number above 0, or all.`);
}
