// What `fleet watch` shows: the fleet in one line, a page of devices, the newest events; as lines for a screen of a given size.
import { styleText } from 'node:util';
import { DEVICE_ORDERS, type DeviceFacts, type DeviceOrder, sorted } from './device-facts.ts';
import type { StoredEvent } from './event-search.ts';
import { EVENT_HEAD, eventLine } from './events.ts';
import { DEVICE_COLUMNS } from './ls.ts';
import type { ScreenSize } from './screen.ts';
import { fitted, printable } from './terminal-text.ts';
import { tableLines } from './text-table.ts';

export interface Picture {
  devices: readonly DeviceFacts[];
  /** The newest first. */
  events: readonly StoredEvent[];
  order: DeviceOrder;
  isReversed: boolean;
  /** Devices above the first one shown. */
  scroll: number;
  /** What is wrong with the view itself, e.g. the hub away. */
  trouble: string | null;
}

export const KEPT_EVENTS = 50;
const HELP = 'q quit  s sort  r reverse  ↑ ↓ PgUp PgDn scroll';
/** Title, head of devices, blank line, head of events, help. */
const FIXED_LINES = 5;

/** How many devices a screen shows: two thirds of what is left, the events get the rest. */
export function deviceRows({ rows }: ScreenSize): number {
  return Math.max(1, Math.ceil(((rows - FIXED_LINES) * 2) / 3));
}

/** @param paints whether colours are wanted */
export function pictureLines(picture: Picture, size: ScreenSize, paints: boolean): string[] {
  const { devices, events, order, isReversed, trouble } = picture;
  const shown = deviceRows(size);
  const scroll = clamped(picture.scroll, devices.length, shown);
  const page = sorted(devices, order, isReversed).slice(scroll, scroll + shown);
  const [head, ...rows] = tableLines(DEVICE_COLUMNS, page, size.columns);
  const paint = (style: Parameters<typeof styleText>[0], text: string) => (paints ? styleText(style, text) : text);
  const eventRows = Math.max(0, size.rows - FIXED_LINES - shown);
  const blank = Array.from({ length: shown - rows.length }, () => '');
  return [
    paint('bold', cut(titleOf(devices, trouble), size)),
    paint('inverse', fitted(head!, size.columns)),
    ...rows.map((line, i) => paintedRow(line, page[i]!, paint)),
    ...blank,
    '',
    paint('inverse', fitted(EVENT_HEAD, size.columns)),
    ...Array.from({ length: eventRows }, (_, i) => (events[i] ? cut(eventLine(events[i]), size) : '')),
    paint(
      'dim',
      cut(`${HELP}  ·  by ${order}${isReversed ? ', reversed' : ''}  ·  ${range(scroll, page, devices)}`, size),
    ),
  ].slice(0, size.rows);
}

/** The picture after a key; undefined: the person wants to leave. */
export function afterKey(picture: Picture, key: string, size: ScreenSize): Picture | undefined {
  const page = deviceRows(size);
  const scrolled = (by: number) => ({ ...picture, scroll: clamped(picture.scroll + by, picture.devices.length, page) });
  const next = DEVICE_ORDERS[(DEVICE_ORDERS.indexOf(picture.order) + 1) % DEVICE_ORDERS.length]!;
  switch (key) {
    case 'q':
    case '\x03': // Ctrl-C, which a raw terminal sends as a character
      return undefined;
    case 's':
      return { ...picture, order: next, isReversed: false, scroll: 0 };
    case 'r':
      return { ...picture, isReversed: !picture.isReversed };
    case '\x1b[A':
      return scrolled(-1);
    case '\x1b[B':
      return scrolled(1);
    case '\x1b[5~':
      return scrolled(-page);
    case '\x1b[6~':
      return scrolled(page);
    default:
      return picture;
  }
}

function clamped(scroll: number, devices: number, shown: number): number {
  return Math.max(0, Math.min(scroll, devices - shown));
}

function titleOf(devices: readonly DeviceFacts[], trouble: string | null): string {
  const states = new Map<string, number>();
  for (const { state } of devices) states.set(state ?? 'unknown', (states.get(state ?? 'unknown') ?? 0) + 1);
  const counts = [...states].sort(([, a], [, b]) => b - a).map(([state, count]) => `${count} ${state}`);
  const faulty = devices.filter(({ faults }) => faults.length > 0).length;
  const time = new Date().toTimeString().slice(0, 8);
  const parts = [
    `${time}  ${devices.length} devices`,
    ...counts,
    `${faulty} with faults`,
    ...(trouble ? [trouble] : []),
  ];
  return printable(parts.join('  ·  '));
}

function range(scroll: number, page: readonly DeviceFacts[], devices: readonly DeviceFacts[]): string {
  return devices.length === 0 ? 'none heard yet' : `${scroll + 1} to ${scroll + page.length} of ${devices.length}`;
}

function paintedRow(
  line: string,
  { state, faults }: DeviceFacts,
  paint: (style: 'red' | 'yellow', text: string) => string,
) {
  if (state === 'lost') return paint('red', line);
  return state === 'alert' || faults.length > 0 ? paint('yellow', line) : line;
}

function cut(line: string, { columns }: ScreenSize): string {
  return fitted(line, columns).trimEnd();
}
