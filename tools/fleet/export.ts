// earshot fleet export: events into a file for other programs, as many as there are, going on where an interrupted run ended.
import { open, readFile, rename, rm } from 'node:fs/promises';
import { Command } from 'commander';
import { z } from 'zod';
import { printJson, UserError } from '../command.ts';
import { onInterruption } from '../interruption.ts';
import { duration } from '../progress.ts';
import { writeWhole } from '../write-whole.ts';
import { CSV_HEAD, csvLine } from './event-fields.ts';
import { type EventOptions, eventFilter, withEventOptions } from './event-options.ts';
import type { EventFilter, StoredEvent } from './event-search.ts';
import { ParquetFile } from './export-parquet.ts';
import { type FleetView, type ViewOptions, viewing, withViewOptions } from './fleet-view.ts';

export interface ExportOptions extends EventOptions {
  readonly format: string;
  readonly out?: string;
  readonly resume?: boolean;
  readonly json?: boolean;
}

const FORMATS = {
  csv: { head: CSV_HEAD, line: csvLine },
  jsonl: { head: '', line: (event: StoredEvent) => `${JSON.stringify(event)}\n` },
  parquet: undefined,
} as const;
type Format = keyof typeof FORMATS;

const PAGE = 1000;

/** How far an export came; beside the file while it is not whole. */
const State = z.strictObject({
  format: z.enum(['csv', 'jsonl']),
  filter: z.record(z.string(), z.union([z.string(), z.number()])),
  cursor: z.string(),
  bytes: z.int().min(0),
  events: z.int().min(0),
});
type State = z.infer<typeof State>;

export function fleetExportCommand(): Command {
  const command = new Command('export')
    .summary('write events into a file: CSV, JSON lines or Parquet')
    .option('--format <name>', Object.keys(FORMATS).join(', '), 'csv')
    .option('--out <file>', 'where to (default: standard output; Parquet needs a file)')
    .option('--resume', 'go on where an interrupted run to the same file ended')
    .option('--json', 'print one JSON object at the end, on standard error when the events go to standard output');
  return withViewOptions(withEventOptions(command))
    .addHelpText(
      'after',
      '\nExamples:\n  earshot fleet export --since 30d --out november.csv\n' +
        '  earshot fleet export --format parquet --class siren --out sirens.parquet\n' +
        '  earshot fleet export --format jsonl --database earshot-fleet | gzip > events.jsonl.gz',
    )
    .action((options: ExportOptions & ViewOptions) => {
      const interrupted = new AbortController();
      onInterruption(() => interrupted.abort());
      return viewing(options, (view) => exportEvents(view, options, interrupted.signal));
    });
}

/** Writes the events that the options want, the oldest first. @throws UserError, also when the signal ends it */
export async function exportEvents(view: FleetView, options: ExportOptions, signal: AbortSignal): Promise<void> {
  const started = performance.now();
  const format = formatNamed(options);
  // Without an end of its own an export would run after what comes meanwhile.
  const filter = { ...eventFilter({ until: new Date().toISOString(), ...options }) };
  const { out } = options;
  const events =
    out === undefined
      ? await toOutput(view, format, filter, signal)
      : await toFile(view, { ...options, out, format, filter }, signal);
  const seconds = (performance.now() - started) / 1000;
  if (options.json) {
    const told = { type: 'export', file: out ?? null, events, seconds };
    if (out === undefined) process.stderr.write(`${JSON.stringify(told)}\n`);
    else printJson(told);
  } else process.stderr.write(`${events} events in ${duration(seconds)}.\n`);
}

function formatNamed({ format, out, resume }: ExportOptions): Format {
  if (!(format in FORMATS)) throw new UserError(`--format ${format}: give one of ${Object.keys(FORMATS).join(', ')}.`);
  if (format === 'parquet' && out === undefined) throw new UserError('--format parquet: a file is needed, give --out.');
  if (resume && format === 'parquet') throw new UserError('--resume: a Parquet file cannot be continued; begin anew.');
  if (resume && out === undefined) throw new UserError('--resume: which file? Give --out.');
  return format as Format;
}

/** Pages of events, the oldest first. @throws UserError when the signal ends it */
async function* pages(view: FleetView, filter: EventFilter, signal: AbortSignal, from?: string) {
  let cursor = from;
  do {
    if (signal.aborted) throw new UserError('Interrupted.');
    const page = await view.events(filter, { order: 'oldest', limit: PAGE, cursor });
    yield page;
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
}

async function toOutput(view: FleetView, format: Format, filter: EventFilter, signal: AbortSignal): Promise<number> {
  const { head, line } = FORMATS[format]!;
  let count = 0;
  const write = async (text: string) => {
    // A pipe that is read slowly holds the export back, not the memory full.
    if (!process.stdout.write(text)) await new Promise((resolve) => process.stdout.once('drain', resolve));
  };
  await write(head);
  for await (const { events } of pages(view, filter, signal)) {
    await write(events.map(line).join(''));
    count += events.length;
  }
  return count;
}

interface FileOrder extends ExportOptions {
  readonly out: string;
  readonly format: Format;
  readonly filter: EventFilter;
}

async function toFile(view: FleetView, order: FileOrder, signal: AbortSignal): Promise<number> {
  const partial = `${order.out}.partial`;
  const count = await (order.format === 'parquet' ? toParquet(view, order, signal) : toLines(view, order, signal));
  await rename(partial, order.out);
  await rm(`${order.out}.resume`, { force: true });
  return count;
}

async function toParquet(view: FleetView, { out, filter }: FileOrder, signal: AbortSignal): Promise<number> {
  const partial = `${out}.partial`;
  let count = 0;
  try {
    const file = new ParquetFile(partial);
    for await (const { events } of pages(view, filter, signal)) {
      await file.add(events);
      count += events.length;
    }
    await file.finish();
  } catch (cause) {
    await rm(partial, { force: true });
    throw explained(cause, out);
  }
  return count;
}

/** Lines into FILE.partial, with FILE.resume saying after each page how far it came. */
async function toLines(
  view: FleetView,
  { out, format, filter, resume }: FileOrder,
  signal: AbortSignal,
): Promise<number> {
  const { head, line } = FORMATS[format]!;
  const state = resume ? await stateOf(out, format, filter) : undefined;
  const wanted = state ? reading(state.filter) : filter;
  const handle = await open(`${out}.partial`, state ? 'r+' : 'w').catch((cause) => {
    throw explained(cause, out);
  });
  let { bytes, events: count } = state ?? { bytes: 0, events: 0 };
  try {
    await handle.truncate(bytes);
    const append = async (text: string) => {
      const data = Buffer.from(text);
      await handle.write(data, 0, data.length, bytes);
      bytes += data.length;
    };
    if (!state) await append(head);
    for await (const { events, next } of pages(view, wanted, signal, state?.cursor)) {
      await append(events.map(line).join(''));
      count += events.length;
      if (next === null) break;
      const now = { format, filter: writing(wanted), cursor: next, bytes, events: count };
      await writeWhole(`${out}.resume`, JSON.stringify(now));
    }
    await handle.sync();
  } catch (cause) {
    if (signal.aborted)
      throw new UserError(`Interrupted after ${count} events: the same command with --resume goes on.`, { cause });
    throw explained(cause, out);
  } finally {
    await handle.close();
  }
  return count;
}

/** @throws UserError when there is nothing to go on with, or it was another export */
async function stateOf(out: string, format: Format, filter: EventFilter): Promise<State> {
  const text = await readFile(`${out}.resume`, 'utf8').catch((cause) => {
    throw new UserError(`--resume: no export to ${out} was interrupted.`, { cause });
  });
  const state = State.safeParse(JSON.parse(text));
  if (!state.success) throw new UserError(`--resume: ${out}.resume is none of this earshot; begin anew.`);
  // "until" was the moment of the first run, "since" may have been told as an age: both come from there.
  const others = ({ from, to, ...rest }: Record<string, unknown>) => JSON.stringify(Object.entries(rest).sort());
  if (state.data.format !== format || others(state.data.filter) !== others(writing(filter)))
    throw new UserError(`--resume: the interrupted export to ${out} was of other events or of another format.`);
  return state.data;
}

function writing(filter: EventFilter): State['filter'] {
  return JSON.parse(JSON.stringify(filter));
}

function reading({ from, to, ...rest }: State['filter']): EventFilter {
  return {
    ...rest,
    ...(from !== undefined && { from: new Date(from) }),
    ...(to !== undefined && { to: new Date(to) }),
  };
}

function explained(cause: unknown, out: string): unknown {
  const { code, message } = cause as NodeJS.ErrnoException;
  return code?.startsWith('E')
    ? new UserError(`${out} cannot be written (${message}): give another place.`, { cause })
    : cause;
}
