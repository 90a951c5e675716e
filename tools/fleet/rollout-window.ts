// Maintenance windows: the days and hours in which a device may be changed, by the clock on its wall.
import { z } from 'zod';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time as 02:00 or 23:30');

export const MaintenanceWindow = z.strictObject({
  days: z
    .array(z.enum(DAYS))
    .min(1)
    .default([...DAYS])
    .describe('on which it opens; one over midnight belongs to the day it opened'),
  from: clockTime,
  to: clockTime.describe('the minute it closes; before or equal to from: the next day'),
  zone: z
    .string()
    .refine((zone) => zone === 'device' || isZone(zone), 'must be device or a time zone such as Europe/Berlin')
    .default('device')
    .describe('whose clock: an IANA time zone, or device: the zone noted for each device, UTC where none is'),
});
export type MaintenanceWindow = z.infer<typeof MaintenanceWindow>;

/** Is it a time zone of the IANA database? */
export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/**
 * Is the window open? A local minute that a change of clocks repeats is open both times, one it leaves out never comes.
 * @param deviceZone what is noted for the device; null: UTC
 */
export function isOpen(window: MaintenanceWindow, deviceZone: string | null, nowMs: number): boolean {
  const zone = window.zone === 'device' ? (deviceZone ?? 'UTC') : window.zone;
  const { day, minute } = localTime(nowMs, zone);
  const [from, to] = [minutesOf(window.from), minutesOf(window.to)];
  const opensOn = (index: number) => window.days.includes(DAYS[(index + 7) % 7]!);
  if (from < to) return opensOn(day) && minute >= from && minute < to;
  return (opensOn(day) && minute >= from) || (opensOn(day - 1) && minute < to);
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Day of the week (0: Monday) and minute of the day. */
function localTime(nowMs: number, zone: string): { day: number; minute: number } {
  let format = formats.get(zone);
  if (!format) {
    const parts = { weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
    format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, ...parts });
    formats.set(zone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(nowMs).map(({ type, value }) => [type, value]));
  const day = (DAYS as readonly string[]).indexOf(parts.weekday!.toLowerCase());
  return { day, minute: 60 * Number(parts.hour) + Number(parts.minute) };
}

function minutesOf(text: string): number {
  return 60 * Number(text.slice(0, 2)) + Number(text.slice(3));
}
