// The parts of a hub joined: broker, collector, the operator's line to devices, duties, backfill, retention and HTTP server.
import { randomUUID } from 'node:crypto';
import { MqttLink } from '../../runtime/uplink/mqtt.ts';
import { startBroker } from '../broker.ts';
import { Backfill, type Missing } from './backfill.ts';
import { Collector, type CollectorFigures } from './collector.ts';
import { type Database, openDatabase } from './database.ts';
import { Duties } from './duties.ts';
import { Bus } from './http/bus.ts';
import { Hub } from './http/hub.ts';
import { type HttpOptions, startHttp } from './http/server.ts';
import { migrate } from './migrations.ts';
import { Retention } from './retention.ts';
import type { KeepDays } from './retention-rules.ts';
import { tellSharedNews } from './shared-news.ts';
import { cutByTime } from './timescale.ts';

export interface HubRunOptions {
  /** mqtt:// or mqtts://; none: a broker in this process on that port. */
  readonly broker: string | { readonly port: number };
  /** How an mqtts:// broker knows us and we know it: PEM texts. */
  readonly secure?: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
  readonly database: string;
  readonly group?: string;
  /** At the broker, the same after each start. */
  readonly name: string;
  readonly keepDays: KeepDays;
  /** Room for events, by whether the database is embedded. */
  readonly keepBytes: (isEmbedded: boolean) => number;
  readonly http: HttpOptions;
  readonly onTrouble: (error: Error) => void;
}

export interface RunningHub {
  /** Of the broker, without password. */
  readonly brokerUrl: string;
  readonly httpUrl: string;
  readonly database: Database;
  figures(): CollectorFigures;
  /** Rows that were too old or too much, by table. */
  removed(): Readonly<Record<string, number>>;
  stop(): Promise<void>;
}

/** @throws an error named UserError when a part cannot start; those that have are stopped */
export async function runHub(options: HubRunOptions): Promise<RunningHub> {
  const stops: (() => unknown)[] = [];
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each();
  };
  try {
    return { ...(await startParts(options, stops)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @param stops gets how to stop each part, in the order of their starts */
async function startParts(options: HubRunOptions, stops: (() => unknown)[]): Promise<Omit<RunningHub, 'stop'>> {
  const { name, group, secure, onTrouble } = options;
  const database = await openDatabase(options.database);
  stops.push(() => database.close());
  await migrate(database);
  await cutByTime(database);
  const url = await brokerOf(options, stops);
  const brokerUrl = url.replace(/\/\/[^@/]*@/, '//');
  const bus = new Bus();
  // Of several hubs that share the work each stores a part: what all have stored is in the database.
  const telling = group
    ? {}
    : {
        onEvents: (events: Parameters<typeof bus.tell<'events'>>[1]) => bus.tell('events', events),
        onDevices: (devices: Parameters<typeof bus.tell<'devices'>>[1]) => bus.tell('devices', devices),
      };
  const collector = new Collector({ url, clientId: name, database, group, secure, onTrouble, ...telling });
  await collector.start();
  stops.push(() => collector.stop());

  let duties: Duties | undefined;
  const link = new MqttLink({
    ...{ url, clientId: `${name}-operator`, ...(secure && { access: { tls: secure } }) },
    onProblem: (problem) => (problem ? onTrouble(problem) : duties?.connected()),
  });
  await link.start();
  stops.push(() => link.stop());
  const hub = new Hub({
    ...{ database, link, bus, onTrouble, onOrder: () => duties?.hurry() },
    status: () => ({ broker: brokerUrl, ...collector.figures }),
  });
  await hub.start();
  stops.push(() => hub.stop());
  if (group) stops.push(tellSharedNews(database, bus, onTrouble));
  duties = new Duties({
    ...{ database, link, onTrouble, holder: `${name} ${randomUUID()}` },
    isHearing: () => collector.figures.isOnline && link.isOnline,
    onRollout: (news) => bus.tell('rollout', news),
    onAlarm: (news) => bus.tell('alarm', news),
  });
  await duties.start();
  stops.push(() => duties?.stop());
  const backfill = new Backfill({ database, ask: (missing) => askBackfill(hub, missing) });
  backfill.start(onTrouble);
  stops.push(() => backfill.stop());
  const keepBytes = options.keepBytes(database.folder !== undefined);
  const retention = new Retention({ database, keepDays: options.keepDays, keepBytes, onTrouble });
  retention.start();
  stops.push(() => retention.stop());
  const http = await startHttp(hub, options.http);
  stops.push(() => http.stop());
  return {
    ...{ brokerUrl, httpUrl: http.url, database },
    figures: () => collector.figures,
    removed: () => retention.figures.removed,
  };
}

async function brokerOf({ broker }: HubRunOptions, stops: (() => unknown)[]): Promise<string> {
  if (typeof broker === 'string') return broker;
  const own = await startBroker(broker.port);
  stops.push(() => own.stop());
  return own.url;
}

const BACKFILL_WAIT_MS = 30_000;

async function askBackfill(hub: Hub, { site, device, bootId, ranges }: Missing) {
  const { answer } = await hub.commands.ask({ site, device }, 'backfill', { bootId, ranges }, BACKFILL_WAIT_MS);
  if (!answer) throw new Error('no answer');
  if (answer.status !== 'ok') throw new Error(answer.error ?? answer.status);
  return answer.result;
}
