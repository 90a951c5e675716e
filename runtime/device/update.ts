// Installs a release: verified, unpacked into a slot of its own, proved there while the old one runs, and only then switched to.
// Whatever ends it, at whatever step, what ran before runs again.
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BundleError } from './bundle-error.ts';
import type { BundleHead } from './bundle-head.ts';
import type { BundleRules } from './bundle-rules.ts';
import {
  confirmed,
  type LastUpdate,
  linkSlots,
  readSlots,
  type SlotState,
  type Slots,
  sequenceOf,
  slotFolder,
  type Trial,
  writeSlots,
} from './launcher.ts';
import { writeState } from './state-file.ts';
import { followChain, goesOn, KEYS_IN_BUNDLE, KEYS_LIMIT_BYTES, readTrustedKeys } from './trusted-keys.ts';
import { type BundleSource, checkSpace, clearSlots, diskBytes, verifySlot } from './update-slot.ts';

const LOCK_FILE = 'update.lock';
const KEYS_FILE = 'trusted-keys.json';

/** Whose bundles a device takes; begun when the device is set up. */
export const keysFileOf = (root: string): string => join(root, KEYS_FILE);

export type UpdateStage = 'downloading' | 'installing' | 'proving' | 'trial';
/** What must be so before a release is kept. */
export type TrialTerms = Pick<Trial, 'healthySeconds' | 'limitSeconds' | 'needsBroker'>;

export interface UpdateOptions {
  readonly root: string;
  readonly source: BundleSource;
  /** What this device is. */
  readonly device: Omit<BundleRules, 'keys' | 'sequence'>;
  readonly terms: TrialTerms;
  /** Version of the remote wish; null: a person asks. */
  readonly wish?: number | null;
  /** What the remote wish calls it: another bundle is not taken in its place. */
  readonly expected?: { readonly name: string; readonly sequence: number };
  /** Runs the new code, and the network with its golden windows. @throws when it does not run here */
  readonly prove: (slots: Slots) => Promise<void>;
  readonly onStage?: (stage: UpdateStage, share: number) => void;
}

export interface Installed {
  readonly name: string;
  readonly sequence: number;
  readonly slot: string;
  /** trial: it runs after the next start; running: it is what runs already; kept: nothing ran here before. */
  readonly state: 'trial' | 'running' | 'kept';
}

/**
 * Takes a release up to the point where the launcher will start it.
 * @throws BundleError when it is refused or does not run here; then nothing has changed
 */
export function installRelease(options: UpdateOptions): Promise<Installed> {
  return alone(options.root, () => install(options));
}

async function install(options: UpdateOptions): Promise<Installed> {
  const { root, source, onStage = () => {}, expected } = options;
  const state = readSlots(root);
  if (state.trial) {
    throw new BundleError('busy', `${state.trial.name} is on trial: wait until it is kept or taken back.`);
  }
  onStage('downloading', 0);
  const { head, rules } = await signedHead(options, state);
  const { kind, name, sequence } = head.manifest;
  if (expected && (expected.name !== name || expected.sequence !== sequence)) {
    throw new BundleError(
      'manifest',
      `${source.name} is ${name} (${sequence}), not ${expected.name} (${expected.sequence}).`,
    );
  }
  if (state.good[kind] === head.id) return { name, sequence, slot: head.id, state: 'running' };
  await clearSlots(root, state);
  await fill(options, head, rules);
  const slots: Slots = { ...state.good, [kind]: head.id };
  if (slots.runtime === null) throw new BundleError('kind', `${name} is a model: install a runtime first.`);
  onStage('proving', 0);
  try {
    await options.prove(slots);
  } catch (cause) {
    await clearSlots(root, state);
    throw new BundleError('proof', `${name} (${sequence}) does not run here: ${(cause as Error).message}`, { cause });
  }
  return { name, sequence, slot: head.id, state: begin(options, state, slots, head) };
}

/** A signer that is not known may be a new one: the list of trusted keys that says so is signed by an old one. */
async function signedHead({ root, source, device }: UpdateOptions, state: SlotState) {
  const known = async (): Promise<BundleRules> => {
    const { keys } = await readTrustedKeys(keysFileOf(root));
    return { ...device, keys, sequence: sequences(root, state) };
  };
  const rules = await known();
  try {
    return { head: await source.head(rules), rules };
  } catch (error) {
    if (!(error instanceof BundleError) || error.code !== 'signature') throw error;
    const text = await source.newerKeys?.();
    if (text === undefined || !(await trustKeys(root, text, source.name))) throw error;
    const newer = await known();
    return { head: await source.head(newer), rules: newer };
  }
}

/** The switch is one write of the state; the first release of a device has nothing to go back to and is kept at once. */
function begin(
  { root, terms, wish = null, onStage = () => {} }: UpdateOptions,
  state: SlotState,
  slots: Slots,
  { manifest }: BundleHead,
): 'trial' | 'kept' {
  const { kind, name, sequence } = manifest;
  const trial: Trial = { ...slots, kind, name, sequence, wish, starts: 0, failure: null, ...terms };
  const isFirst = state.good.runtime === null;
  const next = isFirst ? confirmed({ ...state, trial }) : { ...state, trial };
  writeSlots(root, next);
  linkSlots(root, next);
  onStage('trial', 0);
  return isFirst ? 'kept' : 'trial';
}

/** The slot with all its files, taken as it is when it is there and right. */
async function fill(options: UpdateOptions, head: BundleHead, rules: BundleRules) {
  const { root, source, onStage = () => {} } = options;
  const folder = slotFolder(root, head.id);
  if (existsSync(folder)) {
    const isWhole = await verifySlot(folder, rules).then(
      () => true,
      () => false,
    );
    if (isWhole) return;
    await rm(folder, { recursive: true, force: true });
  }
  await checkSpace(root, diskBytes(head) + source.extraBytes(head));
  const all = head.manifest.payload.unpackedBytes;
  let done = 0;
  await source.unpack(folder, head, rules, ({ bytes }) => {
    done += bytes;
    onStage('installing', done / all);
  });
}

/** What runs counts where the state does not say so: a file that was lost must not open the door to old releases. */
function sequences(root: string, { highest, good }: SlotState): { runtime: number; model: number } {
  const of = (kind: 'runtime' | 'model') =>
    Math.max(highest[kind], good[kind] === null ? 0 : sequenceOf(root, good[kind]!));
  return { runtime: of('runtime'), model: of('model') };
}

/** Keeps what is on trial. @returns undefined when nothing is */
export async function confirmRelease(root: string): Promise<LastUpdate | undefined> {
  const state = readSlots(root);
  if (!state.trial) return undefined;
  const next = confirmed(state);
  writeSlots(root, next);
  linkSlots(root, next);
  await takeKeys(root, next.good.runtime!);
  await clearSlots(root, next);
  return next.last!;
}

/** Gives up what is on trial: the launcher goes back at the next start. */
export function failTrial(root: string, failure: string): void {
  const state = readSlots(root);
  if (state.trial) writeSlots(root, { ...state, trial: { ...state.trial, failure } });
}

/** Remembers what became of a release without a trial, so that it is told, and not tried again for the same wish. */
export function noteOutcome(root: string, last: Omit<LastUpdate, 'time'>): void {
  writeSlots(root, { ...readSlots(root), last: { ...last, time: new Date().toISOString() } });
}

/**
 * Goes back to what ran before, by hand: from a trial, or from a release that was kept.
 * @throws BundleError when there is nothing to go back to
 */
export function goBack(root: string): Slots {
  const state = readSlots(root);
  if (state.trial) {
    failTrial(root, 'it was taken back by hand');
    return state.good;
  }
  if (!state.before || !existsSync(slotFolder(root, state.before.runtime!))) {
    throw new BundleError('slots', `There is nothing before what runs in ${root}.`);
  }
  const next = { ...state, good: state.before, before: state.good };
  writeSlots(root, next);
  linkSlots(root, next);
  return next.good;
}

/** A runtime brings the newest list of trusted keys, which is taken once that runtime is kept. */
async function takeKeys(root: string, slot: string): Promise<void> {
  const file = join(slotFolder(root, slot), KEYS_IN_BUNDLE);
  if (!existsSync(file) || (await stat(file)).size > KEYS_LIMIT_BYTES) return;
  await trustKeys(root, await readFile(file, 'utf8'), file);
}

/**
 * Takes a newer list of trusted keys, when it goes on from the one that is trusted.
 * @returns whether it says anything new
 * @throws BundleError
 */
export async function trustKeys(root: string, text: string, origin: string): Promise<boolean> {
  const newer = goesOn(await readTrustedKeys(keysFileOf(root)), followChain(text, origin), origin);
  if (newer) await writeState(keysFileOf(root), newer.chain);
  return newer !== undefined;
}

/** One update at a time; the lock of a process that is gone is none. @throws BundleError */
async function alone<T>(root: string, work: () => Promise<T>): Promise<T> {
  await mkdir(join(root, 'slots'), { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new BundleError('disk', `Cannot write ${root}: ${cause.code}; run this as the user whose folder it is.`, {
      cause,
    });
  });
  const file = join(root, LOCK_FILE);
  const holder = await readFile(file, 'utf8').catch(() => '');
  const [pid, started] = holder.split(' ');
  if (pid && Number(pid) !== process.pid && (await startOf(pid)) === started) {
    throw new BundleError('busy', `Another update is going on in ${root} (process ${pid}): wait for its end.`);
  }
  await rm(file, { force: true });
  const handle = await open(file, 'wx').catch((cause: NodeJS.ErrnoException) => {
    throw new BundleError('busy', `Another update has just begun in ${root}.`, { cause });
  });
  try {
    await handle.writeFile(`${process.pid} ${await startOf('self')}`);
    return await work();
  } finally {
    await handle.close();
    await rm(file, { force: true });
  }
}

/** When a process began, in ticks since the machine did (proc(5)): process ids are used again. */
async function startOf(pid: string): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}
