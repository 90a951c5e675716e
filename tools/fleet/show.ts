// earshot fleet show: all that the hub knows of one device.
import { Command } from 'commander';
import { printJson, UserError } from '../command.ts';
import { EVENT_HEAD, eventLine } from './events.ts';
import { type FleetView, siteAndDevice, type ViewOptions, viewing, withViewOptions } from './fleet-view.ts';
import type { Device, HealthPoint } from './http/contract.ts';
import { printable } from './terminal-text.ts';
import { ago, sparkline } from './text-table.ts';

interface ShowOptions {
  readonly json?: boolean;
}

const EVENTS = 10;
const GAPS = 20;
const HOURS = 24;
const SPARK_COLUMNS = 48;
const HOUR_MS = 3_600_000;

export function fleetShowCommand(): Command {
  const command = new Command('show')
    .summary('show one device: inventory, health, settings, gaps, last events')
    .argument('<site/device>', 'as "earshot fleet ls" shows it')
    .option('--json', 'print one JSON object');
  return withViewOptions(command)
    .addHelpText('after', '\nExamples:\n  earshot fleet show yard/north\n  earshot fleet show yard/north --json')
    .action((name: string, options: ShowOptions & ViewOptions) =>
      viewing(options, (view) => show(view, name, options)),
    );
}

/** Prints all that is known of a device. @throws UserError when nothing is */
export async function show(view: FleetView, name: string, options: ShowOptions): Promise<void> {
  const { site, device } = siteAndDevice(name);
  const known = await view.device(site, device);
  if (!known) throw new UserError(`The hub has never heard of ${name}: "earshot fleet ls" shows whom it knows.`);
  const all = { known, ...(await detailsOf(view, site, device)) };
  if (options.json) printJson({ type: 'device', ...known, ...all, known: undefined });
  else process.stdout.write(`${lines(all).join('\n')}\n`);
}

type Details = Awaited<ReturnType<typeof detailsOf>>;

async function detailsOf(view: FleetView, site: string, device: string) {
  const now = new Date();
  const [history, config, gaps, { events }] = await Promise.all([
    view.health(site, device, new Date(now.getTime() - HOURS * HOUR_MS), now),
    view.config(site, device),
    view.gaps(GAPS, { site, device }),
    view.events({ site, device }, { limit: EVENTS }),
  ]);
  return { history, config, gaps, events };
}

function lines({ known, history, config, gaps, events }: Details & { known: Device }): string[] {
  return [
    `${printable(`${known.site}/${known.device}`)}  ${printable(known.state ?? 'has not said its state')}`,
    `seen ${ago(known.lastSeen)}, first ${known.firstSeen}`,
    ...titled(
      'Inventory',
      known.info ? facts(known.info, ['schema', 'site', 'device']) : ['it has not introduced itself'],
    ),
    ...titled(`Last ${HOURS} h`, sparks(history)),
    ...titled(
      `Health ${ago(known.healthTime)}`,
      known.health ? facts(known.health, ['schema', 'site', 'device', 'faults']) : ['it has not told'],
    ),
    ...titled(
      'Faults',
      (known.health?.faults ?? [])
        .map(({ code, message, since }) => `${code}: ${message} (since ${since})`)
        .map(printable),
    ),
    ...titled(
      'Settings it reports',
      config === null ? ['none'] : facts(config, ['schema', 'site', 'device', 'bootId']),
    ),
    ...titled(
      'Missing events',
      gaps.map(({ bootId, first, last }) => printable(`boot ${bootId}: ${first} to ${last}`)),
    ),
    ...titled('Last events', events.length > 0 ? [EVENT_HEAD, ...events.reverse().map(eventLine)] : ['none']),
  ];
}

function titled(title: string, body: readonly string[]): string[] {
  return body.length === 0 ? [] : ['', title, ...body.map((line) => `  ${line}`)];
}

/** An object's values by their paths; lists of plain values on one line. */
function facts(value: unknown, without: readonly string[], path = ''): string[] {
  if (value === null || value === undefined) return [];
  const isPlain = (each: unknown) => typeof each !== 'object' || each === null;
  if (isPlain(value)) return [printable(`${path}: ${shown(value)}`)];
  if (Array.isArray(value) && value.every(isPlain)) {
    return value.length === 0 ? [] : [printable(`${path}: ${value.map(shown).join(', ')}`)];
  }
  return Object.entries(value as object)
    .filter(([key]) => path !== '' || !without.includes(key))
    .flatMap(([key, each]) => facts(each, without, path === '' ? key : `${path}.${key}`));
}

function shown(value: unknown): string {
  return typeof value === 'number' && !Number.isInteger(value) ? `${Number(value.toPrecision(4))}` : String(value);
}

function sparks(history: readonly HealthPoint[]): string[] {
  return [
    { title: 'level', unit: 'dB', of: ({ levelDbfs }: HealthPoint) => levelDbfs },
    { title: 'temperature', unit: '°C', of: ({ celsius }: HealthPoint) => celsius },
  ].flatMap(({ title, unit, of }) => {
    const known = history.map(of).filter((value) => value !== null);
    if (known.length === 0) return [];
    const range = `${Math.round(Math.min(...known))} to ${Math.round(Math.max(...known))} ${unit}`;
    return [`${title.padEnd(12)} ${sparkline(resampled(history, of))}  ${range}`];
  });
}

/** The highest value of each of so many equal spans from the first moment to the last; null where nothing was said. */
function resampled(history: readonly HealthPoint[], of: (point: HealthPoint) => number | null): (number | null)[] {
  const times = history.map(({ time }) => Date.parse(time));
  const first = times[0]!;
  const span = Math.max(1, times.at(-1)! - first + 1);
  const spans = new Array<number | null>(SPARK_COLUMNS).fill(null);
  for (const [i, point] of history.entries()) {
    const value = of(point);
    const column = Math.floor((SPARK_COLUMNS * (times[i]! - first)) / span);
    if (value !== null) spans[column] = Math.max(value, spans[column] ?? Number.NEGATIVE_INFINITY);
  }
  return spans;
}
