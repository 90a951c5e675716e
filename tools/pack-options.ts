// Options that all commands share which sign something for devices: days, sequences, the clock.
import { InvalidArgumentError } from 'commander';
import { UserError } from './command.ts';

/** A whole number from 1. @throws InvalidArgumentError */
export function countingNumber(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new InvalidArgumentError('It must be a whole number from 1.');
}

/** The end of a day such as 2027-06-30, in UTC. @throws InvalidArgumentError */
export function day(text: string): Date {
  const time = new Date(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T23:59:59Z` : Number.NaN);
  if (!Number.isNaN(time.getTime()) && time.toISOString().startsWith(text)) return time;
  throw new InvalidArgumentError('It must be a day like 2027-06-30.');
}

/** SOURCE_DATE_EPOCH (reproducible-builds.org) or the clock, in seconds since 1970. @throws UserError */
export function clockSeconds(): number {
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given === undefined) return Math.floor(Date.now() / 1000);
  if (/^[1-9]\d{0,10}$/.test(given)) return Number(given);
  throw new UserError(`SOURCE_DATE_EPOCH=${given} must be seconds since 1970.`);
}
