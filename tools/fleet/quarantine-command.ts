// earshot fleet quarantine: messages that could not be stored, to look at, to try again and to throw away.
import { Command } from 'commander';
import { printJson, UserError } from '../command.ts';
import { type Database, openExistingDatabase } from './database.ts';
import { wholeNumber } from './event-options.ts';
import { type FleetView, type QuarantineView, type ViewOptions, viewing, withViewOptions } from './fleet-view.ts';
import { migrate } from './migrations.ts';
import { dropQuarantined, quarantinedRows, retryQuarantined } from './quarantine-retry.ts';
import { printable } from './terminal-text.ts';
import { type Column, printTable } from './text-table.ts';

interface ShowOptions {
  readonly json?: boolean;
}

interface ListOptions extends ShowOptions {
  readonly limit: string;
}

interface ChangeOptions {
  readonly database: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

/** As many as the quarantine keeps. */
const MOST = 10_000;
const HEX_BYTES = 16;

const COLUMNS: readonly Column<QuarantineView>[] = [
  { title: 'ID', of: ({ id }) => `${id}`, align: 'right' },
  { title: 'RECEIVED', of: ({ received }) => received },
  { title: 'BYTES', of: ({ payload }) => `${payload.length}`, align: 'right' },
  { title: 'TOPIC', of: ({ topic }) => topic },
  { title: 'REASON', of: ({ reason }) => reason },
];

export function fleetQuarantineCommand(): Command {
  return new Command('quarantine')
    .summary('look at messages that could not be stored; try them again or drop them')
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(retryCommand())
    .addCommand(dropCommand())
    .addHelpText(
      'after',
      '\nExamples:\n  earshot fleet quarantine list\n  earshot fleet quarantine show 12\n' +
        '  earshot fleet quarantine retry --all --database postgres://earshot@db.lan/earshot\n' +
        '  earshot fleet quarantine drop 12 13 --database earshot-fleet',
    );
}

function listCommand(): Command {
  const command = new Command('list')
    .summary('the newest, with the reasons')
    .option('--limit <n>', 'at most so many', '100')
    .option('--json', 'print one JSON object per message');
  return withViewOptions(command).action((options: ListOptions & ViewOptions) =>
    viewing(options, (view) => listQuarantined(view, options)),
  );
}

/** Prints what is in quarantine. @throws UserError */
export async function listQuarantined(view: FleetView, options: ListOptions): Promise<void> {
  const limit = wholeNumber('--limit', options.limit, 1, MOST);
  const rows = await view.quarantine(limit);
  if (options.json) for (const row of rows) printJson(asJson(row));
  else if (rows.length === 0) process.stdout.write('The quarantine is empty.\n');
  else printTable(COLUMNS, rows);
}

function showCommand(): Command {
  const command = new Command('show')
    .summary('one message with its bytes')
    .argument('<id>', 'as "earshot fleet quarantine list" shows it')
    .option('--json', 'print one JSON object, the payload in base64');
  return withViewOptions(command).action((id: string, options: ShowOptions & ViewOptions) =>
    viewing(options, (view) => showQuarantined(view, id, options)),
  );
}

/** Prints a message and its bytes. @throws UserError when there is none of that id */
export async function showQuarantined(view: FleetView, text: string, { json }: ShowOptions): Promise<void> {
  const id = wholeNumber('id', text, 1, Number.MAX_SAFE_INTEGER);
  const row = (await view.quarantine(MOST)).find((each) => each.id === id);
  if (!row) throw new UserError(`No message ${id} is in quarantine: "earshot fleet quarantine list" shows which are.`);
  if (json) return printJson({ ...asJson(row), payload: Buffer.from(row.payload).toString('base64') });
  const facts = [`topic     ${row.topic}`, `received  ${row.received}`, `reason    ${row.reason}`].map(printable);
  process.stdout.write(`${[...facts, '', ...payloadLines(row.payload)].join('\n')}\n`);
}

function retryCommand(): Command {
  return changing('retry', 'store what this earshot understands').action((ids: string[], options: ChangeOptions) =>
    changed(ids, options, (database, chosen) => retry(database, chosen, options)),
  );
}

/** Prints what became of each message. @param ids all when not given */
export async function retry(database: Database, ids: number[] | undefined, { json }: ShowOptions): Promise<void> {
  let stored = 0;
  const rows = await quarantinedRows(database, ids);
  for (const row of rows) {
    const retried = await retryQuarantined(database, row);
    if (retried.reason === null) stored += 1;
    if (json) printJson({ type: 'retried', ...retried });
    else if (retried.reason !== null) process.stdout.write(`${retried.id} stays: ${printable(retried.reason)}\n`);
  }
  if (!json) process.stdout.write(`${stored} stored, ${rows.length - stored} stay.\n`);
}

function dropCommand(): Command {
  return changing('drop', 'throw messages away for good').action((ids: string[], options: ChangeOptions) =>
    changed(ids, options, async (database, chosen) => {
      const dropped = await dropQuarantined(database, chosen);
      if (options.json) printJson({ type: 'dropped', count: dropped });
      else process.stdout.write(`${dropped} dropped.\n`);
    }),
  );
}

async function changed(
  ids: readonly string[],
  options: ChangeOptions,
  work: (database: Database, chosen: number[] | undefined) => Promise<void>,
): Promise<void> {
  const chosen = chosenIds(ids, options);
  const database = await openExistingDatabase(options.database);
  try {
    await migrate(database);
    await work(database, chosen);
  } finally {
    await database.close();
  }
}

function changing(name: string, summary: string): Command {
  return new Command(name)
    .summary(summary)
    .argument('[ids...]', 'as "earshot fleet quarantine list" shows them')
    .option('--all', 'every message')
    .requiredOption('--database <url>', 'postgres://user@host/name, or a folder no hub has open')
    .option('--json', 'print JSON');
}

/** @throws UserError unless some or all are named */
function chosenIds(ids: readonly string[], { all }: ChangeOptions): number[] | undefined {
  if (ids.length > 0 === (all ?? false)) throw new UserError('Which messages? Give their ids, or --all.');
  return all ? undefined : ids.map((id) => wholeNumber('id', id, 1, Number.MAX_SAFE_INTEGER));
}

function asJson({ id, received, topic, reason, payload }: QuarantineView) {
  return { type: 'quarantined', id, received, topic, reason, bytes: payload.length };
}

/** JSON indented, other text as lines, the rest in hexadecimal; nothing of it can command a terminal. */
export function payloadLines(payload: Uint8Array): string[] {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
  } catch {
    return hexLines(payload);
  }
  try {
    text = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // no JSON: as it came
  }
  return text.split('\n').map(printable);
}

function hexLines(payload: Uint8Array): string[] {
  const lines: string[] = [];
  for (let at = 0; at < payload.length; at += HEX_BYTES) {
    const row = [...payload.subarray(at, at + HEX_BYTES)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex.padEnd(3 * HEX_BYTES - 1)}  ${text}`);
  }
  return lines;
}
