// earshot fleet serve: a hub of broker, database, collector and web page, until it is told to stop.
import { readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { Command } from 'commander';
import { othersCanRead } from '../../runtime/secret-file.ts';
import { PACKAGE_ROOT } from '../../runtime/worker-file.ts';
import { printJson, UserError } from '../command.ts';
import { onInterruption } from '../interruption.ts';
import { createLiveText } from '../progress.ts';
import type { CollectorFigures } from './collector.ts';
import { listDevices } from './device-store.ts';
import { findGaps } from './event-store.ts';
import { firstAdmin } from './first-admin.ts';
import { isLoopback } from './http/server.ts';
import { DEFAULTS_TEXT, keepBytes, keepDays } from './retention-rules.ts';
import { type HubRunOptions, type RunningHub, runHub } from './run-hub.ts';

/** Where the embedded database lies when nobody says otherwise. */
const DATA = 'earshot-fleet';
const MQTT_PORT = 1883;
const HTTP_PORT = 8080;
const LOOPBACK = '127.0.0.1';
/** Where the build leaves the page. */
const PAGE = `${PACKAGE_ROOT}dist/tools/fleet/web`;
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
  readonly brokerCa?: string;
  readonly brokerCert?: string;
  readonly brokerKey?: string;
  readonly http: string;
  readonly bind: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly insecureHttp?: boolean;
  readonly ca?: string;
  readonly releases?: string;
  readonly web: boolean;
  readonly json?: boolean;
}

/** What the hub tells of itself. */
interface HubStatus extends CollectorFigures {
  /** Where devices publish, without password. */
  readonly url: string;
  /** Of the web page and the API. */
  readonly http: string;
  readonly devices: number;
  readonly online: number;
  readonly gaps: number;
  /** Rows that were too old or too much, by table, since the start. */
  readonly removed: Readonly<Record<string, number>>;
}

export function fleetServeCommand(): Command {
  return new Command('serve')
    .summary('keep, show and steer what devices do: broker, database and web page in one')
    .description(
      'Starts an MQTT broker on the loopback interface and an embedded PostgreSQL, or uses those given, stores every event\n' +
        'once, acknowledged after it is safe, and shows the fleet on a web page. Stop with Ctrl-C; what comes meanwhile waits\n' +
        'at the broker.',
    )
    .option('--broker <url>', 'MQTT broker to listen to (default: one inside this process)')
    .option('--port <n>', 'port of the broker inside this process, on the loopback interface', String(MQTT_PORT))
    .option('--broker-ca <file>', 'PEM of the authority of an mqtts:// broker (default: those the system trusts)')
    .option('--broker-cert <file>', 'PEM certificate by which an mqtts:// broker knows the hub')
    .option('--broker-key <file>', 'its key, readable by you alone')
    .option('--http <port>', 'port of the web page and the API; 0: any free one', String(HTTP_PORT))
    .option('--bind <address>', 'on this interface; beyond loopback it wants TLS', LOOPBACK)
    .option('--tls-cert <file>', 'PEM certificate chain of the page')
    .option('--tls-key <file>', 'its key, readable by you alone')
    .option('--insecure-http', 'beyond loopback without TLS: a proxy in front encrypts')
    .option('--no-web', 'the API alone, without the page')
    .option('--ca <folder>', 'sign certificates of devices that bring a token (earshot fleet ca)')
    .option('--releases <folder>', 'offer devices the releases in it (earshot fleet release --store)')
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
        '  earshot fleet serve --bind 0.0.0.0 --http 8443 --tls-cert hub.pem --tls-key hub.key\n' +
        '  earshot fleet serve --broker mqtt://192.168.1.2:1883 --database postgres://earshot@db.lan/earshot\n' +
        '  earshot fleet serve --broker mqtt://broker.lan --database postgres://earshot@db.lan/earshot --group hubs --name hub-2',
    )
    .action(serve);
}

async function serve(options: ServeOptions): Promise<void> {
  const { json = false } = options;
  const parts = await partsOf(options);
  if (!json) process.stderr.write('Opening the database; an embedded one takes some seconds the first time.\n');
  const hub = await runHub(parts);
  try {
    await tellStart(hub, parts, json);
    await untilStopped(() => statusOf(hub), json);
  } finally {
    await hub.stop();
  }
}

/** What the options say, checked before anything is started. @throws UserError */
async function partsOf(options: ServeOptions): Promise<HubRunOptions> {
  const { broker, database, group, name, bind, insecureHttp, web, ca, releases } = options;
  const room = options.keepGigabytes === undefined ? undefined : keepBytes(options.keepGigabytes);
  const troubles = options.json ? undefined : new Troubles();
  const secure = await pems(options, 'broker-ca', 'broker-cert', 'broker-key');
  const { cert, key } = await pems(options, undefined, 'tls-cert', 'tls-key');
  return {
    broker: broker ?? { port: portNumber('--port', options.port) },
    ...(Object.keys(secure).length > 0 && { secure }),
    ...{ database, group, name, keepDays: keepDays(options.keepDays) },
    keepBytes: (isEmbedded) => room ?? (isEmbedded ? EMBEDDED_GIGABYTES * 1e9 : Number.POSITIVE_INFINITY),
    http: {
      ...{ port: portNumber('--http', options.http), bind, insecureHttp, authority: ca, releases },
      ...(cert && key && { tls: { cert, key } }),
      ...(web && { page: PAGE }),
    },
    onTrouble: (error) => troubles?.tell(error),
  };
}

type PemFlag = 'broker-ca' | 'broker-cert' | 'broker-key' | 'tls-cert' | 'tls-key';

/** Certificates and key of one connection. @throws UserError when one is missing or others can read the key */
async function pems(options: ServeOptions, caFlag: PemFlag | undefined, certFlag: PemFlag, keyFlag: PemFlag) {
  const read = async (flag: PemFlag | undefined, isSecret = false) => {
    const camel = flag?.replace(/-(.)/, (_, letter: string) => letter.toUpperCase()) as keyof ServeOptions | undefined;
    const file = camel && (options[camel] as string | undefined);
    if (file === undefined) return undefined;
    const content = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
      throw new UserError(`--${flag} ${file} cannot be read (${cause.code}).`, { cause });
    });
    if (isSecret && othersCanRead(await stat(file)))
      throw new UserError(`--${flag} ${file} can be read by others: run chmod 600 ${file}.`);
    return content;
  };
  const [ca, cert, key] = [await read(caFlag), await read(certFlag), await read(keyFlag, true)];
  if ((cert === undefined) !== (key === undefined))
    throw new UserError(`--${certFlag} and --${keyFlag} belong together: give both or neither.`);
  return { ...(ca && { ca }), ...(cert && key && { cert, key }) };
}

async function tellStart(hub: RunningHub, { http }: HubRunOptions, json: boolean): Promise<void> {
  const { brokerUrl, httpUrl, database } = hub;
  const isShown = !json && process.stdout.isTTY === true && isLoopback(http.bind);
  const hint = await firstAdmin(database, isShown);
  if (json) return;
  const page = http.page === undefined ? 'The API answers' : 'The page is';
  process.stdout.write(`Devices publish to ${brokerUrl}; kept in ${database.description}.\n${page} at ${httpUrl}\n`);
  if (hint) process.stdout.write(`${hint}\n`);
}

function portNumber(flag: string, text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new UserError(`${flag} ${text}: give a number from 0 (any free one) to 65535.`);
}

async function statusOf(hub: RunningHub): Promise<HubStatus> {
  const { brokerUrl: url, httpUrl: http, database } = hub;
  const devices = await listDevices(database);
  const online = devices.filter(({ state }) => state === 'ready' || state === 'alert').length;
  const gaps = (await findGaps(database)).length;
  return { url, http, ...hub.figures(), devices: devices.length, online, gaps, removed: hub.removed() };
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
