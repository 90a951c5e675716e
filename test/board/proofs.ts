// What the virtual board proves, one step after the other; each throws when it does not hold.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PACKAGE_ROOT } from '../../runtime/worker-file.ts';
import { readEvents } from '../../tools/scene-csv.ts';
import { FLASHED_PASSWORD } from './image.ts';
import { earshot, type ReleaseMaker } from './releases.ts';
import { DEVICE, SITE, type Surroundings } from './surroundings.ts';
import type { VirtualBoard } from './virtual-board.ts';

export interface Scene {
  readonly folder: string;
  readonly board: VirtualBoard;
  readonly around: Surroundings;
  readonly releases: ReleaseMaker;
  readonly tell: (line: string) => void;
}

export interface Proof {
  readonly name: string;
  readonly prove: (scene: Scene) => Promise<string>;
}

const NAME = `${SITE}/${DEVICE}`;
const MINUTE_MS = 60_000;
/** Emulated, everything takes some thirty times as long. */
const BOOT = 15 * MINUTE_MS;
const UPDATE = 30 * MINUTE_MS;
const NEAR_DEGREES = 25;
const ENOUGH_EVENTS = 6;

export const PROOFS: readonly Proof[] = [
  { name: 'provisioned over serial and SSH, first heartbeat seen', prove: provisioned },
  { name: 'provisioned again: nothing left to do', prove: again },
  { name: "the recording's sounds arrive at the broker", prove: detections },
  { name: 'power cut while a second release is installed: the first runs', prove: powerCut },
  { name: 'the second release is installed all the same, and kept', prove: updated },
  { name: 'a release that does not run is taken back', prove: rolledBack },
  { name: 'revoked: the broker takes it no more', prove: revoked },
];

async function provisioned(scene: Scene): Promise<string> {
  const { folder, releases } = scene;
  writeFileSync(join(folder, 'password'), `${FLASHED_PASSWORD}\n`, { mode: 0o600 });
  writeFileSync(join(folder, 'settings.json'), JSON.stringify(scene.around.settings));
  const key = join(folder, 'keeper');
  if (!existsSync(key)) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  if (!existsSync(join(folder, 'first.bundle'))) releases.make('first', 1);
  const steps = await provision(scene);
  const done = steps.filter(({ state }) => state === 'done').length;
  if (!steps.some(({ step, state }) => step === 'heartbeat' && state === 'done'))
    throw new Error('no heartbeat was seen');
  return `${done} steps done`;
}

async function again(scene: Scene): Promise<string> {
  const steps = await provision(scene);
  const ends = steps.filter(({ state }) => state === 'done' || state === 'already so');
  const repeated = ends.filter(
    ({ state, step }) => state === 'done' && !['console', 'ssh', 'doctor', 'service', 'heartbeat'].includes(step),
  );
  if (repeated.length > 0) throw new Error(`done a second time: ${repeated.map(({ step }) => step).join(', ')}`);
  return `${ends.filter(({ state }) => state === 'already so').length} steps were so already`;
}

interface StepLine {
  readonly type: string;
  readonly step: string;
  readonly state: string;
  readonly detail: string;
}

/** The command as a person types it; its password comes from a file. */
async function provision({ folder, board, around, releases, tell }: Scene): Promise<StepLine[]> {
  const file = (name: string) => join(folder, name);
  const words = [
    ...['board', 'provision', NAME, '--serial', board.serial, '--host', '127.0.0.1', '--port', String(board.sshPort)],
    ...['--board', 'virt-arm64', '--password-file', file('password'), '--identity', file('keeper')],
    ...['--settings', file('settings.json'), '--release', file('first.bundle'), '--keys', releases.keys],
    ...['--ca', around.broker.folder, '--watch', around.broker.operatorsUrl, '--operator', file('hub.pem')],
    ...['--kept', file('kept'), '--json'],
  ];
  const child = spawn(process.execPath, [join(PACKAGE_ROOT, 'bin', 'earshot.js'), ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (bytes: Buffer) => {
    complaint += bytes.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const steps: StepLine[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const step = JSON.parse(line) as StepLine;
    if (step.type !== 'step' || step.step === undefined) continue;
    steps.push(step);
    if (step.state !== 'looks') tell(`  ${step.step}: ${step.state} ${step.detail}`);
  }
  if ((await ended) !== 0) throw new Error(complaint);
  return steps;
}

/** Sounds of the recording, by class and direction, as its reference lists them. */
async function detections({ around }: Scene): Promise<string> {
  const reference = await readEvents(join(PACKAGE_ROOT, 'recordings', 'office.csv'));
  const turn = (a: number, b: number) => Math.abs(((a - b + 540) % 360) - 180);
  const sinceMs = 0;
  const deadline = Date.now() + 10 * MINUTE_MS;
  let events = around.since('event', sinceMs);
  while (Date.now() < deadline && events.filter(({ phase }) => phase === 'end').length < ENOUGH_EVENTS) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    events = around.since('event', sinceMs);
  }
  const ended = events.filter(({ phase }) => phase === 'end');
  const right = ended.filter((event) =>
    reference.some(({ label, azimuth }) => label === event.class && turn(azimuth, event.azimuth) <= NEAR_DEGREES),
  );
  const told = `${right.length} of ${ended.length} sounds with class and direction (within ${NEAR_DEGREES} degrees) of the reference`;
  if (right.length < ENOUGH_EVENTS / 2 || right.length < 0.7 * ended.length) throw new Error(told);
  return `${told}: ${[...new Set(right.map((event) => event.class))].join(', ')}`;
}

async function powerCut({ board, around, releases, tell }: Scene): Promise<string> {
  const began = Date.now();
  const before = await around.wait(
    'config/reported',
    'a report',
    { sinceMs: 0, withinMs: MINUTE_MS },
    ({ release }) => release?.slot != null,
  );
  await around.wish(releases.make('second', 2), 'second', 2);
  const going = await around.wait(
    'config/reported',
    'the installation',
    { sinceMs: began, withinMs: UPDATE },
    ({ release }) => ['installing', 'proving'].includes(release?.state ?? ''),
  );
  await board.powerCut();
  tell(`  power was cut while ${going.release!.state}`);
  const sinceMs = Date.now();
  await board.powerOn();
  const after = await around.wait(
    'config/reported',
    'the board after the cut',
    { sinceMs, withinMs: BOOT },
    ({ release }) => release?.slot != null,
  );
  if (after.release!.slot !== before.release!.slot)
    throw new Error(`slot ${after.release!.slot} runs, not ${before.release!.slot}`);
  await around.wait('health', 'a heartbeat after the cut', { sinceMs, withinMs: 2 * MINUTE_MS });
  return `cut while ${going.release!.state}; slot ${after.release!.slot!.slice(0, 8)} runs as before, ${seconds(sinceMs)} after the power came back`;
}

async function updated({ around }: Scene): Promise<string> {
  const sinceMs = Date.now();
  const reported = await around.wait(
    'config/reported',
    'the second release',
    { sinceMs: 0, withinMs: UPDATE },
    ({ release }) => release?.name === 'second' && ['done', 'failed', 'rolled-back'].includes(release.state),
  );
  if (reported.release!.state !== 'done') throw new Error(`${reported.release!.state}: ${reported.release!.error}`);
  return `kept after ${seconds(sinceMs)}, slot ${reported.release!.slot!.slice(0, 8)}`;
}

async function rolledBack({ around, releases }: Scene): Promise<string> {
  const sinceMs = Date.now();
  await around.wish(await releases.makeBroken('third', 3), 'third', 3);
  const { release } = await around.wait(
    'config/reported',
    'the end of the third release',
    { sinceMs, withinMs: UPDATE },
    (report) => report.release?.name === 'third' && ['done', 'failed', 'rolled-back'].includes(report.release.state),
  );
  if (release!.state !== 'rolled-back') throw new Error(`${release!.state}: ${release!.error}`);
  await around.wait('health', 'a heartbeat after going back', { sinceMs: Date.now(), withinMs: 2 * MINUTE_MS });
  return `after ${seconds(sinceMs)}: ${release!.error}`;
}

async function revoked({ board, around }: Scene): Promise<string> {
  earshot('fleet', 'ca', 'revoke', NAME, '--ca', around.broker.folder, '--reason', 'keyCompromise');
  await around.broker.reload();
  await board.powerCut();
  const [sinceMs, logged] = [Date.now(), around.brokerLog.length];
  await board.powerOn();
  const isRefused = () => /certificate verify failed/.test(around.brokerLog.slice(logged)); // as mosquitto words a revoked one;
  for (const deadline = Date.now() + BOOT; !isRefused() && Date.now() < deadline; )
    await new Promise((resolve) => setTimeout(resolve, 500));
  if (!isRefused()) throw new Error(`the broker refused nobody: ${around.brokerLog.slice(-500)}`);
  await new Promise((resolve) => setTimeout(resolve, MINUTE_MS / 2));
  const said = around.heard.filter(({ kind, atMs }) => kind === 'health' && atMs >= sinceMs);
  if (said.length > 0) throw new Error(`${said.length} heartbeats came after the certificate was revoked`);
  return `refused ${seconds(sinceMs)} after the power came back; nothing of it was heard`;
}

const seconds = (sinceMs: number): string => `${Math.round((Date.now() - sinceMs) / 1000)} s`;
