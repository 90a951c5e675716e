// earshot fleet quarantine: messages that could not be stored, to look at, to try again and to throw away.
import { Command } from 'commander';
import { printJson, UserError } from '../command.ts';
import { openExistingDatabase } from './database.ts';
import { wholeNumber } from './event-options.ts';
import { type FleetView, type QuarantineView, type ViewOptions, viewing, withViewOptions } from './fleet-view.ts';
import { AllRetried, Dropped } from './http/contract.ts';
import { connectHub, DEFAULT_HUB, type HubClient } from './hub-client.ts';
import { migrate } from './migrations.ts';
import { dropQuarantined, type Retried, retryAll } from './quarantine-retry.ts';
import { printable } from './terminal-text.ts';
import { type Column, printTable } from './text-table.ts';

interface ShowOptions {
  readonly json?: boolean;
}

interface ListOptions extends ShowOptions {
  readonly limit: string;
}

interface ChangeOptions {
  readonly hub?: string;
  readonly tokenFile?: string;
  readonly database?: string;
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
        '  earshot fleet quarantine retry --all\n' +
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
  return changing('retry', 'store what this earshot understands').action((ids: string[], options: ChangeOptions) => {
    const chosen = chosenIds(ids, options);
    return atDesk(options, async (desk) => tellRetried(await desk.retry(chosen), options));
  });
}

/** Prints what became of each message. */
export function tellRetried(retried: readonly Retried[], { json }: ShowOptions): void {
  for (const each of retried) {
    if (json) printJson({ type: 'retried', ...each });
    else if (each.reason !== null) process.stdout.write(`${each.id} stays: ${printable(each.reason)}\n`);
  }
  const stored = retried.filter(({ reason }) => reason === null).length;
  if (!json) process.stdout.write(`${stored} stored, ${retried.length - stored} stay.\n`);
}

function dropCommand(): Command {
  return changing('drop', 'throw messages away for good').action((ids: string[], options: ChangeOptions) => {
    const chosen = chosenIds(ids, options);
    return atDesk(options, async (desk) => {
      const dropped = await desk.drop(chosen);
      if (options.json) printJson({ type: 'dropped', count: dropped });
      else process.stdout.write(`${dropped} dropped.\n`);
    });
  });
}

/** Where messages are tried again or thrown away: at the hub, or in its database while no hub runs. */
interface QuarantineDesk {
  retry(ids: number[] | undefined): Promise<readonly Retried[]>;
  drop(ids: number[] | undefined): Promise<number>;
}

async function atDesk(options: ChangeOptions, work: (desk: QuarantineDesk) => Promise<void>): Promise<void> {
  const { hub, tokenFile, database: url } = options;
  if (url === undefined) return work(hubDesk(await connectHub({ url: hub ?? DEFAULT_HUB, tokenFile })));
  if (hub !== undefined) throw new UserError('--hub and --database are two places to change: give one of them.');
  const database = await openExistingDatabase(url);
  try {
    await migrate(database);
    await work({ retry: (ids) => retryAll(database, ids), drop: (ids) => dropQuarantined(database, ids) });
  } finally {
    await database.close();
  }
}

function hubDesk(hub: HubClient): QuarantineDesk {
  return {
    retry: async (ids) => (await hub.send('POST', 'quarantine/retry', AllRetried, { ids })).retried,
    drop: async (ids) => (await hub.send('POST', 'quarantine/drop', Dropped, { ids })).count,
  };
}

function changing(name: string, summary: string): Command {
  const command = new Command(name)
    .summary(summary)
    .argument('[ids...]', 'as "earshot fleet quarantine list" shows them')
    .option('--all', 'every message')
    .option('--json', 'print JSON');
  return withViewOptions(command);
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
