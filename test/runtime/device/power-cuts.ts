// Power cuts in the middle of updates: a process is ended after its n-th change of the disk or at any time, what was not synced is
// taken away, and then the launcher must find a whole slot that runs.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { readSlots, slotFolder } from '../../../runtime/device/launcher.ts';
import { readTrustedKeys } from '../../../runtime/device/trusted-keys.ts';
import { installRelease, keysFileOf } from '../../../runtime/device/update.ts';
import { fileSource, verifySlot } from '../../../runtime/device/update-slot.ts';
import { workerFile } from '../../../runtime/worker-file.ts';
import type { Change, CutOrders } from './cut-child.ts';
import { keyChain, makeRoot, newSigner, smallRelease, told } from './small-releases.ts';

const CHILD = workerFile(new URL('./cut-child.ts', import.meta.url)).pathname;
const LAUNCHER = workerFile(new URL('../../../runtime/device/launcher.ts', import.meta.url)).pathname;
const TERMS = { healthySeconds: 1, limitSeconds: 60, needsBroker: false };

export type Moment = 'install' | 'confirm' | 'first start' | 'going back';
export const MOMENTS: readonly Moment[] = ['install', 'confirm', 'first start', 'going back'];

export interface Outcome {
  readonly ran: string;
  readonly wasCut: boolean;
}

/** A device with release 1 kept and 0 before it; release 2 lies there to be installed. */
export class Bench {
  readonly folder: string;
  readonly #bundle: string;
  readonly #templates = new Map<Moment, string>();

  private constructor(folder: string) {
    this.folder = folder;
    this.#bundle = join(folder, '2.bundle');
  }

  static async create(folder: string): Promise<Bench> {
    const bench = new Bench(folder);
    const signer = newSigner();
    const make = (sequence: number) => {
      const file = join(folder, `${sequence}.bundle`);
      // It ends by itself, so that a start takes no time.
      writeFileSync(file, smallRelease(signer, sequence, { run: 'crashes' }).bytes);
      return file;
    };
    const install = (root: string, file: string) =>
      installRelease({ root, source: fileSource(file), device: {}, terms: TERMS, prove: async () => {} });
    mkdirSync(join(folder, 'before'));
    const before = makeRoot(join(folder, 'before'), keyChain({ by: signer, keys: [{ signer }] }));
    await install(before, make(1));
    bench.#templates.set('install', before);
    const onTrial = join(folder, 'trial');
    cpSync(before, onTrial, { recursive: true, verbatimSymlinks: true });
    await install(onTrial, make(2));
    for (const moment of ['confirm', 'first start'] as const) bench.#templates.set(moment, onTrial);
    const failing = join(folder, 'failing');
    cpSync(onTrial, failing, { recursive: true, verbatimSymlinks: true });
    const state = readSlots(failing);
    writeFileSync(
      join(failing, 'slots.json'),
      JSON.stringify({ ...state, trial: { ...state.trial, failure: 'deaf' } }),
    );
    bench.#templates.set('going back', failing);
    return bench;
  }

  /**
   * @param cut after how many changes of the disk, or after how many milliseconds, the power goes
   * @param losing also what was not synced is lost, each piece by a throw of this coin; undefined: the disk had it all
   * @throws Error when no whole slot runs afterwards
   */
  async cut(moment: Moment, cut: { changes: number } | { ms: number }, losing?: () => boolean): Promise<Outcome> {
    const work = join(this.folder, 'work');
    rmSync(work, { recursive: true, force: true });
    const [root, journal, tell] = [join(work, 'root'), join(work, 'journal'), join(work, 'told')];
    cpSync(this.#templates.get(moment)!, root, { recursive: true, verbatimSymlinks: true });
    writeFileSync(tell, '');
    const what = moment === 'install' || moment === 'confirm' ? moment : 'launch';
    const cutAfter = 'changes' in cut ? cut.changes : 0;
    const orders: CutOrders = { what, root, bundle: this.#bundle, cutAfter, journal };
    const env = { ...process.env, EARSHOT_TELL: tell };
    const options = { env, encoding: 'utf8' as const, killSignal: 'SIGKILL' as const };
    const timeout = 'ms' in cut ? Math.max(1, cut.ms) : 30_000;
    const { signal, stderr, status } = spawnSync(process.execPath, [CHILD, JSON.stringify(orders)], {
      ...options,
      timeout,
    });
    if (signal !== 'SIGKILL' && status !== 0 && what !== 'launch') throw new Error(`${moment}: ${stderr}`);
    if (losing && existsSync(journal))
      lose(root, this.#templates.get(moment)!, JSON.parse(readFileSync(journal, 'utf8')), losing);
    writeFileSync(tell, '');
    const start = spawnSync(process.execPath, [LAUNCHER, root, '--', 'run'], options);
    const [ran] = told(tell);
    if (ran === undefined) throw new Error(`after a cut in ${moment} nothing runs: ${start.stderr}`);
    await this.#check(root, ran.split(' ')[0]!);
    return { ran: ran.split(' ')[0]!, wasCut: signal === 'SIGKILL' };
  }

  /** What runs is whole, the state knows it, and the release can be installed again. */
  async #check(root: string, ran: string): Promise<void> {
    const state = readSlots(root);
    const { runtime } = state.trial ?? state.good;
    const { keys } = await readTrustedKeys(keysFileOf(root));
    const { manifest } = await verifySlot(slotFolder(root, runtime!), { keys });
    if (manifest.name !== ran) throw new Error(`${ran} ran, the state names ${manifest.name}`);
    if (state.trial) return;
    const again = { root, source: fileSource(this.#bundle), device: {}, terms: TERMS, prove: async () => {} };
    const { state: became } = await installRelease(again);
    if (became === 'kept') throw new Error('the device had forgotten what it ran');
  }
}

/** A harsh disk: contents that were not synced are cut short, entries of folders that were not synced are as they were before. */
function lose(root: string, before: string, journal: readonly Change[], coin: () => boolean): void {
  const synced = (path: string, from: number) =>
    journal.slice(from).some((each) => each.did === 'sync' && each.path === path);
  const nowAt = (path: string, from: number): string =>
    journal.slice(from).reduce((at, { did, path: to, from: source }) => {
      if (did !== 'entry' || !source) return at;
      return at === source ? to : at.startsWith(`${source}/`) ? to + at.slice(source.length) : at;
    }, path);
  for (const [i, { did, path }] of journal.entries()) {
    const place = nowAt(path, i);
    if (did !== 'write' || synced(path, i + 1) || !existsSync(place) || !coin()) continue;
    if (statSync(place).isFile()) truncateSync(place, Math.floor(statSync(place).size / 2));
  }
  for (const [i, { did, path, from }] of journal.entries()) {
    if (did !== 'entry' || synced(dirname(path), i + 1) || !coin()) continue;
    const place = nowAt(path, i + 1);
    if (!lstatSync(place, { throwIfNoEntry: false })) continue;
    // What replaced something is undone by putting back what was there when the update began.
    rmSync(place, { recursive: true, force: true });
    const old = join(before, path.slice(root.length + 1));
    if (from && lstatSync(old, { throwIfNoEntry: false }))
      cpSync(old, place, { recursive: true, verbatimSymlinks: true });
  }
}
