// The columns of exported events, the same in every format; a spreadsheet must not run what a device said.
import type { StoredEvent } from './event-search.ts';

interface Field {
  readonly name: string;
  readonly type: 'text' | 'time' | 'integer' | 'number';
  readonly of: (event: StoredEvent) => string | number | null;
}

/** In the order of the columns; angles in degrees, times UTC. */
export const EVENT_FIELDS: readonly Field[] = [
  { name: 'start_time', type: 'time', of: ({ startTime }) => startTime },
  { name: 'end_time', type: 'time', of: ({ endTime }) => endTime },
  { name: 'site', type: 'text', of: ({ site }) => site },
  { name: 'device', type: 'text', of: ({ device }) => device },
  { name: 'class', type: 'text', of: (event) => event.class },
  { name: 'phase', type: 'text', of: ({ phase }) => phase },
  { name: 'score', type: 'number', of: ({ score }) => score },
  { name: 'azimuth', type: 'number', of: ({ azimuth }) => azimuth },
  { name: 'elevation', type: 'number', of: ({ elevation }) => elevation },
  { name: 'spread', type: 'number', of: ({ spreadDegrees }) => spreadDegrees },
  { name: 'bearing', type: 'number', of: ({ bearingDegrees }) => bearingDegrees },
  { name: 'heading', type: 'number', of: ({ headingDegrees }) => headingDegrees },
  { name: 'latitude', type: 'number', of: ({ position }) => position?.latitude ?? null },
  { name: 'longitude', type: 'number', of: ({ position }) => position?.longitude ?? null },
  { name: 'track', type: 'integer', of: ({ track }) => track },
  { name: 'boot', type: 'text', of: ({ bootId }) => bootId },
  { name: 'seq', type: 'integer', of: ({ seq }) => seq },
  { name: 'received', type: 'time', of: ({ received }) => received },
];

/** Spreadsheets take a text for a formula that begins so, in either width of the sign (OWASP, CSV injection). */
const FORMULA = /^\s*[=+\-@\t\r＝＋－＠]/;

/** Head line of comma-separated values (RFC 4180). */
export const CSV_HEAD = `${EVENT_FIELDS.map(({ name }) => name).join(',')}\r\n`;

/** One event as a line of comma-separated values. */
export function csvLine(event: StoredEvent): string {
  return `${EVENT_FIELDS.map(({ of, type }) => csvCell(of(event), type === 'text')).join(',')}\r\n`;
}

function csvCell(value: string | number | null, isText: boolean): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const harmless = isText && FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
