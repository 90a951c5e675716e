// earshot fleet serve: a broker, a database and the collector between them, until it is told to stop.
import { hostname } from 'node:os';
import { Command } from 'commander';
import { startBroker } from '../broker.ts';
import { printJson, UserError } from '../command.ts';
import { onInterruption } from '../interruption.ts';
import { createLiveText } from '../progress.ts';
import { Collector, type CollectorFigures } from './collector.ts';
import { type Database, openDatabase } from './database.ts';
import { listDevices } from './device-store.ts';
import { findGaps } from './event-store.ts';
import { migrate } from './migrations.ts';
import { Retention } from './retention.ts';
import { DEFAULTS_TEXT, keepBytes, keepDays } from './retention-rules.ts';

/** Where the embedded database lies when nobody says otherwise. */
const DATA = 'earshot-fleet';
const MQTT_PORT = 1883;
/** On a computer that has other things to keep. */
const EMBEDDED_GIGABYTES = 10;
const TICK_MS = 1000;
const JSON_MS = 5000;

interface ServeOptions {
  readonly broker?: string;
  readonly port: string;
  readonly database: string;
  readonly group?: string;
  readonly name: string;
  readonly keepDays?: string;
  readonly keepGigabytes?: string;
  readonly json?: boolean;
}

/** What the hub tells of itself. */
interface HubStatus extends CollectorFigures {
  /** Where devices publish, without password. */
  readonly url: string;
  readonly devices: number;
  readonly online: number;
  readonly gaps: number;
  /** Rows that were too old or too much, by table, since the start. */
  readonly removed: Readonly<Record<string, number>>;
}

export function fleetServeCommand(): Command {
  return new Command('serve')
    .summary('keep what devices say: broker, collector and database in one')
    .description(
      'Starts an MQTT broker on the loopback interface and an embedded PostgreSQL, or uses those given, and stores every\n' +
        'event once, acknowledged after it is safe. Stop with Ctrl-C; what comes meanwhile waits at the broker.',
    )
    .option('--broker <url>', 'MQTT broker to listen to (default: one inside this process)')
    .option('--port <n>', 'port of the broker inside this process, on the loopback interface', String(MQTT_PORT))
    .option('--database <url>', 'postgres://user@host/name, or a folder for the embedded one', DATA)
    .option('--group <name>', 'share the work with other hubs of this group (MQTT 5 brokers)')
    .option('--name <id>', 'of this hub at the broker: the same after each start', `earshot-hub-${hostname()}`)
    .option(
      '--keep-days <list>',
      `days until it is removed, e.g. 90, or events=90,health=7 (default: ${DEFAULTS_TEXT})`,
    )
    .option(
      '--keep-gigabytes <n>',
      `room for events, or all (default: ${EMBEDDED_GIGABYTES} in the embedded database, all in a server)`,
    )
    .option('--json', 'print one JSON object every 5 seconds')
    .addHelpText(
      'after',
      '\nExamples:\n  earshot fleet serve\n' +
        '  earshot fleet serve --broker mqtt://192.168.1.2:1883 --database postgres://earshot@db.lan/earshot\n' +
        '  earshot fleet serve --broker mqtt://broker.lan --database postgres://earshot@db.lan/earshot --group hubs --name hub-2',
    )
    .action(serve);
}

async function serve(options: ServeOptions): Promise<void> {
  const port = portNumber(options.port);
  const days = keepDays(options.keepDays);
  const room = options.keepGigabytes === undefined ? undefined : keepBytes(options.keepGigabytes);
  if (!options.json) process.stderr.write('Opening the database; an embedded one takes some seconds the first time.\n');
  const database = await openDatabase(options.database);
  const stops: (() => Promise<void>)[] = [() => database.close()];
  try {
    await migrate(database);
    const url = options.broker ?? (await ownBroker(port, stops));
    const troubles = options.json ? undefined : new Troubles();
    const collector = new Collector({
      ...{ url, clientId: options.name, database, group: options.group },
      onTrouble: (error) => troubles?.tell(error),
    });
    await collector.start();
    stops.unshift(() => collector.stop());
    const retention = new Retention({
      ...{ database, keepDays: days, keepBytes: room ?? (database.folder ? EMBEDDED_GIGABYTES * 1e9 : Infinity) },
      onTrouble: (error) => troubles?.tell(error),
    });
    retention.start();
    stops.unshift(() => retention.stop());
    const shown = url.replace(/\/\/[^@/]*@/, '//');
    if (!options.json) process.stdout.write(`Devices publish to ${shown}; kept in ${database.description}.\n`);
    const status = async () => ({
      ...{ url: shown, ...(await statusOf(database, collector)) },
      removed: retention.figures.removed,
    });
    await untilStopped(status, options.json ?? false);
  } finally {
    for (const stop of stops) await stop();
  }
}

function portNumber(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new UserError(`--port ${text}: give a number from 0 (any free one) to 65535.`);
}

async function ownBroker(port: number, stops: (() => Promise<void>)[]): Promise<string> {
  const broker = await startBroker(port);
  stops.unshift(() => broker.stop());
  return broker.url;
}

async function statusOf(database: Database, collector: Collector): Promise<Omit<HubStatus, 'url' | 'removed'>> {
  const devices = await listDevices(database);
  const online = devices.filter(({ state }) => state === 'ready' || state === 'alert').length;
  const gaps = (await findGaps(database)).length;
  return { ...collector.figures, devices: devices.length, online, gaps };
}

/** Shows the status again and again; a database that is away for a while is no reason to end. */
async function untilStopped(status: () => Promise<HubStatus>, json: boolean): Promise<void> {
  const live = !json && process.stdout.isTTY ? createLiveText(process.stdout) : undefined;
  const stopped = new Promise<void>((resolve) => onInterruption(() => resolve()));
  const show = async () => {
    const now = await status().catch((error: Error) => ({ error: error.message }));
    if (json) printJson({ type: 'hub', time: new Date().toISOString(), ...now });
    else live?.('error' in now ? now.error : statusText(now));
  };
  let isOver = false;
  void stopped.then(() => {
    isOver = true;
  });
  while (!isOver) {
    await show();
    await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, json ? JSON_MS : TICK_MS))]);
  }
  live?.persist();
}

function statusText({ devices, online, fresh, duplicates, quarantined, gaps, removed, isOnline }: HubStatus): string {
  const link = isOnline ? '' : '  broker away';
  const gone = Object.entries(removed).map(([name, rows]) => `, ${rows} ${name} removed`);
  return `${online} of ${devices} devices online  ${fresh} events, ${duplicates} repeated, ${gaps} gaps, ${quarantined} in quarantine${gone.join('')}${link}`;
}

/** The same trouble is told once a minute. */
class Troubles {
  readonly #toldMs = new Map<string, number>();

  tell({ message }: Error): void {
    const now = performance.now();
    if (now - (this.#toldMs.get(message) ?? Number.NEGATIVE_INFINITY) < 60_000) return;
    this.#toldMs.set(message, now);
    process.stderr.write(`${message}\n`);
  }
}
