// Thousands of connected devices with sounds as they come, and a broker that goes: how all come back, and what is missing then.
import { fileURLToPath } from 'node:url';
import { Collector } from '../../tools/fleet/collector.ts';
import { openDatabase } from '../../tools/fleet/database.ts';
import { findGaps } from '../../tools/fleet/event-store.ts';
import { migrate } from '../../tools/fleet/migrations.ts';
import { startMosquitto } from '../mosquitto.ts';
import { startPostgres } from '../postgres.ts';
import { ChildLines } from './child-lines.ts';
import type { StormFigures } from './fleet-storm-devices.ts';

const DEVICES = fileURLToPath(new URL('./fleet-storm-devices.js', import.meta.url));
const PER_PROCESS = 1250;
const BROKER = 'max_inflight_messages 2000\nmax_connections -1\npersistence true\nautosave_interval 5';
/** After a restart mosquitto 2.0.11 keeps nothing for a client without a name, until it is back, once there are access rules. */
const RULES = 'topic readwrite #\nuser hub\ntopic readwrite #';

export interface StormOptions {
  readonly devices: number;
  readonly soundsPerHour: number;
  readonly healthSeconds: number;
  readonly steadySeconds: number;
  /** The broker is away for so long. */
  readonly awaySeconds: number;
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs the storm; prints what was seen. */
export async function storm(options: StormOptions): Promise<void> {
  const { devices, soundsPerHour, healthSeconds, steadySeconds, awaySeconds } = options;
  const [broker, postgres] = await Promise.all([startMosquitto(BROKER, RULES), startPostgres()]);
  const database = await openDatabase(postgres.url);
  await migrate(database);
  const startedMs = performance.now();
  const delaysMs: number[] = [];
  const collector = new Collector({
    ...{ url: broker.url.replace('//', '//hub@'), clientId: 'hub', database },
    onTrouble: (error) => console.log(`collector at ${seconds(startedMs)} s: ${error.message}`),
    onEvents: (events) => {
      const now = Date.now();
      for (const { sentTime } of events) delaysMs.push(now - Date.parse(sentTime));
    },
  });
  await collector.start();
  const started = performance.now();
  const processes = Array.from({ length: Math.ceil(devices / PER_PROCESS) }, (_, i) => {
    const first = i * PER_PROCESS;
    const own = Math.min(PER_PROCESS, devices - first);
    return new ChildLines(DEVICES, { url: broker.url, devices: own, first, soundsPerHour, healthSeconds });
  });
  await Promise.all(processes.map((process) => process.next()));
  console.log(`${devices} devices connected in ${seconds(started)} s`);
  const figures = async (): Promise<StormFigures> => {
    const all = await Promise.all(processes.map((process) => process.ask<StormFigures>('figures')));
    const sum = (key: keyof StormFigures) => all.reduce((total, each) => total + each[key], 0);
    return { online: sum('online'), published: sum('published'), queued: sum('queued'), dropped: sum('dropped') };
  };
  try {
    for (const process of processes) process.tell('go');
    await wait(1000 * steadySeconds);
    console.log(
      `steady ${steadySeconds} s: ${collector.figures.received} messages, stored after ${quantiles(delaysMs)}`,
    );
    await broker.kill();
    await wait(1000 * awaySeconds);
    const { queued } = await figures();
    const back = performance.now();
    await broker.start();
    console.log(`broker killed for ${awaySeconds} s: ${queued} messages wait at the devices`);
    await comeBack(devices, figures, back);
    for (const process of processes) process.tell('hush');
    await drained(figures, () => collector.figures.fresh);
    const { published, dropped } = await figures();
    const [row] = await database.query<{ n: number }>('select count(*)::int as n from event');
    const gaps = (await findGaps(database)).length;
    const { duplicates, quarantined, reconnects } = collector.figures;
    console.log(
      `all stored ${seconds(back)} s after it came back: ${published} published, ${published - row!.n} lost, ${gaps} gaps, ${duplicates} repeated, ${dropped} dropped, ${quarantined} in quarantine, ${reconnects} reconnects of the collector`,
    );
  } finally {
    await Promise.all(processes.map((process) => process.end()));
    await collector.stop();
    await database.close();
    await broker.stop();
    await postgres.stop();
  }
}

/** Says when half, nine tenths and all are there again, and how many came in the busiest second. */
async function comeBack(devices: number, figures: () => Promise<StormFigures>, back: number): Promise<void> {
  const marks: string[] = [];
  let busiest = 0;
  let last = { online: 0, ms: performance.now() };
  for (const share of [0.5, 0.9, 1]) {
    for (;;) {
      const { online } = await figures();
      const ms = performance.now();
      if (ms - last.ms >= 1000) {
        busiest = Math.max(busiest, (1000 * (online - last.online)) / (ms - last.ms));
        last = { online, ms };
      }
      if (online >= share * devices) break;
      if (ms - back > 300_000) throw new Error(`after 5 minutes only ${online} of ${devices} are back`);
      await wait(200);
    }
    marks.push(`${100 * share} % after ${seconds(back)} s`);
  }
  console.log(`back: ${marks.join(', ')}; at most ${Math.round(busiest)} connections in a second`);
}

async function drained(figures: () => Promise<StormFigures>, stored: () => number): Promise<void> {
  for (let quietMs = 0, last = -1; quietMs < 10_000; ) {
    const { queued, published } = await figures();
    if (queued === 0 && stored() >= published) return;
    quietMs = stored() === last ? quietMs + 250 : 0;
    last = stored();
    await wait(250);
  }
}

function seconds(sinceMs: number): string {
  return ((performance.now() - sinceMs) / 1000).toFixed(1);
}

function quantiles(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (p: number) => `${Math.round(sorted[Math.floor(p * (sorted.length - 1))] ?? Number.NaN)} ms`;
  return `p50 ${at(0.5)}, p99 ${at(0.99)}`;
}
