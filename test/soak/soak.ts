// npm run soak -- --minutes 30: the service at real speed through broken brokers, silent microphones, slow networks, a wrong clock.
// Passes when memory stays below its bound and flat, every message arrives, and every fault was told.
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { connectAsync, type MqttClient } from 'mqtt';
import type { Order, Told } from './device.ts';

const HIGHEST_RSS_MIB = 250;
/** Growth that is noise: of the straight line through the last four fifths, over its length. */
const FLAT_MIB = 12;
const WARM_SHARE = 0.2;
const SAMPLE_MS = 5000;
const CLIP_DISK_MIB = 40;
const DEVICE = 'seld/v1/soak/ear-1';
const RECORDING = fileURLToPath(new URL('../../../recordings/office.flac', import.meta.url));

interface Sample {
  readonly seconds: number;
  readonly rssMib: number;
  readonly heapMib: number | null;
  readonly queued: number | null;
}

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '30' }, json: { type: 'boolean' } } });
const totalSeconds = 60 * Number(values.minutes);
const folder = mkdtempSync(join(tmpdir(), 'earshot-soak-'));
const clipFolder = join(folder, 'clips');
const [port, metricsPort] = [await freePort(), await freePort()];
const startedMs = performance.now();
const elapsed = () => (performance.now() - startedMs) / 1000;
const say = (text: string) => process.stderr.write(`${elapsed().toFixed(0).padStart(5)} s  ${text}\n`);

const received = new Set<string>();
const faultsSeen = new Set<string>();
const reports: string[] = [];
const samples: Sample[] = [];
let duplicates = 0;
let told = 0;
let health: { heapBytes?: number; outbox?: { queued: number } } = {};

mkdirSync(clipFolder, { recursive: true });
const hasClipDisk =
  spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${CLIP_DISK_MIB}m`, 'tmpfs', clipFolder]).status === 0;
let broker = await startBroker();
const listener = await subscribe();
const device = startDevice();

async function main(): Promise<void> {
  const sampling = setInterval(() => samples.push(sample()), SAMPLE_MS);
  try {
    for (const [share, name, fault] of FAULTS) {
      await sleep(Math.max(0, 1000 * (share * totalSeconds - elapsed())));
      say(name);
      await fault();
    }
    await sleep(Math.max(0, 1000 * (totalSeconds - elapsed())));
    const counted = await metricCounts();
    clearInterval(sampling);
    const stopped = new Promise<void>((resolve) => {
      device.on('message', (message: Told) => 'stopped' in message && resolve());
    });
    order({ stop: true });
    await stopped;
    await sleep(2000);
    conclude(counted);
  } finally {
    clearInterval(sampling);
    device.kill('SIGKILL');
    await listener.endAsync(true);
    broker.kill('SIGKILL');
    if (hasClipDisk) spawnSync('umount', ['-l', clipFolder]);
  }
}

/** When, as a share of the whole; what; and how. Each ends well before the next begins. */
const FAULTS: readonly (readonly [number, string, () => Promise<void>])[] = [
  [0.08, 'the broker goes for 20 s', () => brokerGone(20, 'SIGTERM')],
  [0.16, 'the microphone stalls for 10 s', () => during(10, { stalled: true }, { stalled: false })],
  [0.24, 'the microphone breaks for 10 s', () => during(10, { broken: 'unplugged by order' }, { broken: null })],
  [0.32, 'the network takes 3 s longer per window for 20 s', () => during(20, { slowMs: 3000 }, { slowMs: 0 })],
  [0.42, 'the clock jumps an hour ahead and back', () => during(10, { clockMs: 3_600_000 }, { clockMs: 0 })],
  [0.46, 'the disk of the clips is full for 20 s', () => diskFull(20)],
  [0.5, 'settings that are wrong come from far', () => desire(1, { headingDegrees: 400 })],
  [0.55, 'settings that are right come from far', () => desire(2, { headingDegrees: 90 })],
  [0.65, 'settings come while the microphone is broken, and are taken back', desireInTrouble],
  [0.78, 'the broker goes again for 30 s', () => brokerGone(30, 'SIGTERM')],
  [0.88, 'the broker is killed', () => brokerGone(5, 'SIGKILL')],
];

/** Faults that must have been told, in health or, where health could not be sent, in the counters. */
const EXPECTED = ['broker-lost', 'sound-stalled', 'source-failed', 'windows-dropped', 'clock-jumped'];
const wantedFaults = hasClipDisk ? [...EXPECTED, 'clips-failed'] : EXPECTED;

async function during(seconds: number, begin: Order, end: Order): Promise<void> {
  order(begin);
  await sleep(1000 * seconds);
  order(end);
}

async function brokerGone(seconds: number, signal: NodeJS.Signals): Promise<void> {
  await sleep(1500); // what the broker has acknowledged is on its disk by now
  const ended = new Promise((resolve) => broker.once('exit', resolve));
  broker.kill(signal);
  await ended;
  await sleep(1000 * seconds);
  broker = await startBroker();
}

/** Fills the small disk that was mounted for the clips. */
async function diskFull(seconds: number): Promise<void> {
  if (!hasClipDisk) {
    say('left out: only root may mount a small disk');
    return;
  }
  const file = join(clipFolder, 'filler');
  try {
    writeFileSync(file, Buffer.alloc(CLIP_DISK_MIB * 2 ** 20));
  } catch {
    // ENOSPC is what was ordered
  }
  await sleep(1000 * seconds);
  rmSync(file);
}

async function desire(version: number, settings: Record<string, unknown>): Promise<void> {
  const time = new Date().toISOString();
  const message = { schema: 'seld/config-desired/1', site: 'soak', device: 'ear-1', version, settings, time };
  await listener.publishAsync(`${DEVICE}/config/desired`, JSON.stringify(message), { qos: 1, retain: true });
}

async function desireInTrouble(): Promise<void> {
  await desire(3, { headingDegrees: 180 });
  await sleep(1000);
  await during(15, { broken: 'unplugged by order' }, { broken: null });
}

function order(what: Order): void {
  device.send(what);
}

async function startBroker(): Promise<ChildProcess> {
  const store = join(folder, 'broker');
  mkdirSync(store, { recursive: true });
  const lines = [
    ...[`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'user root', 'max_queued_messages 0'],
    ...['persistence true', `persistence_location ${store}/`, 'autosave_interval 1', 'autosave_on_changes true'],
  ];
  writeFileSync(join(folder, 'mosquitto.conf'), `${lines.join('\n')}\n`);
  const child = spawn('mosquitto', ['-c', join(folder, 'mosquitto.conf')], { stdio: 'ignore' });
  child.once('error', (error) => {
    say(`no broker: ${error.message}; apt-get install -y mosquitto`);
    process.exit(1);
  });
  await sleep(500);
  return child;
}

/** A subscriber whose session the broker keeps, so that what comes while it is away is not lost on its side. */
async function subscribe(): Promise<MqttClient> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, {
    ...{ clientId: 'soak', clean: false, protocolVersion: 5, reconnectPeriod: 200 },
    properties: { sessionExpiryInterval: 86_400 },
  });
  client.on('error', () => undefined); // the broker is away by order
  client.on('message', (topic, payload) => hear(topic, JSON.parse(payload.toString())));
  await client.subscribeAsync(`${DEVICE}/#`, { qos: 1 });
  return client;
}

function hear(topic: string, message: Record<string, unknown>): void {
  const kind = topic.slice(DEVICE.length + 1);
  if (kind.startsWith('event/')) {
    const id = message.id as string;
    if (received.has(id)) duplicates += 1;
    received.add(id);
  } else if (kind === 'health') {
    health = message;
    for (const { code } of message.faults as { code: string }[]) faultsSeen.add(code);
  } else if (kind === 'config/reported') {
    const { state, desiredVersion } = message;
    reports.push(`${desiredVersion} ${state}`);
  }
}

function startDevice(): ChildProcess {
  const config = {
    ...{ site: 'soak', device: 'ear-1', broker: `mqtt://127.0.0.1:${port}`, healthSeconds: 5 },
    ...{ stateFolder: join(folder, 'state'), microphone: { recording: RECORDING }, metrics: { port: metricsPort } },
    remote: { trialSeconds: 10 },
    clips: { folder: clipFolder, megabytes: 20, reserveMegabytes: 1, rules: [{ name: 'all' }] },
    privacy: 'none',
  };
  writeFileSync(join(folder, 'device.json'), JSON.stringify(config));
  const child = fork(fileURLToPath(new URL('./device.js', import.meta.url)), [join(folder, 'device.json')], {
    ...{ stdio: ['ignore', 'pipe', 'inherit', 'ipc'], env: { ...process.env, MALLOC_ARENA_MAX: '2' } },
    execArgv: ['--max-semi-space-size=4'], // as in earshot.service
  });
  child.stdout!.pipe(createWriteStream(join(folder, 'device.log')));
  child.on('message', (message: Told) => {
    told = message.told;
  });
  return child;
}

function sample(): Sample {
  const status = readFileSync(`/proc/${device.pid}/status`, 'utf8');
  const rssMib = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1]) / 1024;
  const heapMib = health.heapBytes === undefined ? null : health.heapBytes / 2 ** 20;
  return { seconds: elapsed(), rssMib, heapMib, queued: health.outbox?.queued ?? null };
}

async function metricCounts(): Promise<Record<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const found = text.matchAll(/^earshot_faults_total\{code="([^"]+)"\} (\d+)$/gm);
  return Object.fromEntries([...found].map(([, code, count]) => [code, Number(count)]));
}

/** Growth in MiB of the least-squares line over the samples. */
function growth(points: readonly { x: number; y: number }[]): number {
  const mean = (pick: (point: { x: number; y: number }) => number) =>
    points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const [mx, my] = [mean(({ x }) => x), mean(({ y }) => y)];
  const slope = mean(({ x, y }) => (x - mx) * (y - my)) / mean(({ x }) => (x - mx) ** 2);
  return slope * (points.at(-1)!.x - points[0]!.x);
}

function conclude(counted: Readonly<Record<string, number>>): void {
  const warm = samples.filter(({ seconds }) => seconds > WARM_SHARE * totalSeconds);
  const highest = Math.max(...samples.map(({ rssMib }) => rssMib));
  const rssGrowth = growth(warm.map(({ seconds, rssMib }) => ({ x: seconds, y: rssMib })));
  const heapGrowth = growth(warm.map(({ seconds, heapMib }) => ({ x: seconds, y: heapMib ?? 0 })));
  const missing = wantedFaults.filter((code) => !faultsSeen.has(code) && !(code in counted));
  const wanted = ['1 refused', '2 trial', '2 applied', '3 trial', '3 rolled-back'];
  const unreported = wanted.filter((report) => !reports.includes(report));
  const verdicts: readonly (readonly [string, boolean])[] = [
    [`RSS at most ${highest.toFixed(0)} MiB (bound ${HIGHEST_RSS_MIB})`, highest <= HIGHEST_RSS_MIB],
    [`RSS grew ${rssGrowth.toFixed(1)} MiB after warming up (bound ${FLAT_MIB})`, rssGrowth <= FLAT_MIB],
    [`heap grew ${heapGrowth.toFixed(1)} MiB after warming up (bound ${FLAT_MIB})`, heapGrowth <= FLAT_MIB],
    [`${received.size} of ${told} messages arrived, ${duplicates} twice`, received.size === told && told > 0],
    [`faults told: ${JSON.stringify(counted)}${missing.length ? `; missing: ${missing}` : ''}`, missing.length === 0],
    [`settings reported: ${reports.join(', ')}`, unreported.length === 0],
  ];
  const queued = Math.max(0, ...samples.map((point) => point.queued ?? 0));
  say(`longest queue seen in health: ${queued}; samples: ${samples.length}; logs: ${folder}`);
  for (const [text, ok] of verdicts) process.stdout.write(`${ok ? 'ok  ' : 'FAIL'}  ${text}\n`);
  if (values.json) process.stdout.write(`${JSON.stringify({ samples, counted, reports, told, duplicates })}\n`);
  if (verdicts.some(([, ok]) => !ok)) process.exitCode = 1;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port: free } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return free;
}

await main();
