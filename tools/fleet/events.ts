// earshot fleet events: what was heard, the newest last, and on request what is heard from now on.
import { Command } from 'commander';
import { printJson } from '../command.ts';
import { onInterruption } from '../interruption.ts';
import { type EventOptions, eventFilter, wholeNumber, withEventOptions } from './event-options.ts';
import type { StoredEvent } from './event-search.ts';
import { type FleetView, type ViewOptions, viewing, withViewOptions } from './fleet-view.ts';
import { fitted, printable } from './terminal-text.ts';

interface EventsOptions extends EventOptions {
  readonly limit: string;
  readonly follow?: boolean;
  readonly json?: boolean;
}

const MOST = 10_000;

interface FixedColumn {
  readonly title: string;
  /** Fixed, so that lines which come later stand below the others. */
  readonly width: number;
  readonly align?: 'right';
  readonly of: (event: StoredEvent) => string;
}

const COLUMNS: readonly FixedColumn[] = [
  { title: 'TIME (UTC)', width: 23, of: ({ startTime }) => startTime.replace('T', ' ').replace('Z', '') },
  { title: 'DEVICE', width: 24, of: ({ site, device }) => `${site}/${device}` },
  { title: 'CLASS', width: 18, of: (event) => event.class },
  { title: 'PHASE', width: 6, of: ({ phase }) => phase },
  { title: 'SCORE', width: 5, align: 'right', of: ({ score }) => score.toFixed(2) },
  { title: 'AZIM', width: 5, align: 'right', of: ({ azimuth }) => degrees(azimuth) },
  { title: 'ELEV', width: 4, align: 'right', of: ({ elevation }) => degrees(elevation) },
  { title: 'BEARING', width: 7, align: 'right', of: ({ bearingDegrees }) => degrees(bearingDegrees) },
  {
    ...{ title: 'SECONDS', width: 7, align: 'right' },
    of: ({ startSeconds, endSeconds }) => (endSeconds - startSeconds).toFixed(1),
  },
];

/** Head of the columns of eventLine. */
export const EVENT_HEAD = COLUMNS.map(({ title, width, align }) => fitted(title, width, align)).join('  ');

export function fleetEventsCommand(): Command {
  const command = new Command('events')
    .summary('show what was heard, and with --follow what is heard from now on')
    .option('--limit <n>', `the newest so many, at most ${MOST} (more: earshot fleet export)`, '50')
    .option('--follow', 'go on with what comes, until Ctrl-C')
    .option('--json', 'print one JSON object per event');
  return withViewOptions(withEventOptions(command))
    .addHelpText(
      'after',
      '\nExamples:\n  earshot fleet events --since 36h --class glass_breaking --min-score 0.7\n' +
        '  earshot fleet events --device yard/north --follow\n  earshot fleet events --database earshot-fleet --json --limit 10',
    )
    .action((options: EventsOptions & ViewOptions) => viewing(options, (view) => events(view, options)));
}

/** Prints events, the newest last. @throws UserError */
export async function events(view: FleetView, options: EventsOptions): Promise<void> {
  const filter = eventFilter(options);
  const limit = wholeNumber('--limit', options.limit, 0, MOST);
  const print = options.json ? (event: StoredEvent) => printJson({ type: 'event', ...event }) : printEvent;
  if (!options.json) process.stdout.write(`${EVENT_HEAD}\n`);
  const newest = limit > 0 ? (await view.events(filter, { limit })).events : [];
  for (const event of newest.reverse()) print(event);
  if (options.follow) await followOn(view, filter, print);
}

async function followOn(
  view: FleetView,
  filter: ReturnType<typeof eventFilter>,
  print: (event: StoredEvent) => void,
): Promise<void> {
  const ending = new AbortController();
  onInterruption(() => ending.abort());
  for await (const event of view.follow(filter, ending.signal)) print(event);
}

function printEvent(event: StoredEvent): void {
  process.stdout.write(`${eventLine(event)}\n`);
}

/** One event in columns; everything a device said is made printable. */
export function eventLine(event: StoredEvent): string {
  return COLUMNS.map(({ width, align, of }) => fitted(printable(of(event)), width, align)).join('  ');
}

function degrees(angle: number | null): string {
  return angle === null ? '-' : `${Math.round(angle) || 0}°`;
}
