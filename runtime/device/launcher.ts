// What systemd starts: decides which slot runs, counts the starts of one on trial, and goes back from one that does not prove itself.
// Compiled it is one file that needs Node alone. It is installed once, outside the slots, and must outlive the worst of them.
import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Starts that a slot on trial has: a crash, a watchdog's end and a power cut use one each. */
export const TRIAL_STARTS = 3;
/** Less than systemd gives us (TimeoutStopSec). */
const STOP_MS = 15_000;
const STATE_FILE = 'slots.json';
/** Within a slot. */
const ENTRY = 'bin/earshot.js';
const OWN_NODE = 'node/bin/node';
/** Where the manifest begins in .signed-head (docs/bundle-format.md). */
const MANIFEST_START = 88;

/** Slots by name: the runtime, and a model in place of the settings' own. */
export interface Slots {
  readonly runtime: string | null;
  readonly model: string | null;
}

export interface Trial extends Slots {
  readonly kind: 'runtime' | 'model';
  readonly name: string;
  readonly sequence: number;
  /** Version of the remote wish that asked for it; null: a person did. */
  readonly wish: number | null;
  readonly starts: number;
  /** It must be healthy for so long on end ... */
  readonly healthySeconds: number;
  /** ... before so much time has passed since it was started. */
  readonly limitSeconds: number;
  /** The broker was reached before it: it must be reached again. */
  readonly needsBroker: boolean;
  /** Why it gave itself up. */
  readonly failure: string | null;
}

/** What became of the last release that was tried. */
export interface LastUpdate {
  readonly kind: 'runtime' | 'model';
  readonly name: string;
  readonly sequence: number;
  readonly slot: string | null;
  readonly wish: number | null;
  readonly outcome: 'done' | 'failed' | 'rolled-back';
  readonly error: string | null;
  readonly time: string;
}

/** The one truth about which slot runs; the links current and previous follow it. */
export interface SlotState {
  readonly version: 1;
  readonly good: Slots;
  readonly before: Slots | null;
  readonly trial: Trial | null;
  /** Of what was kept: nothing older is installed. */
  readonly highest: { readonly runtime: number; readonly model: number };
  readonly last: LastUpdate | null;
}

export const slotFolder = (root: string, slot: string): string => join(root, 'slots', slot);

/** The state, or, where its file is lost, what the slots themselves tell. */
export function readSlots(root: string): SlotState {
  try {
    const state = JSON.parse(readFileSync(join(root, STATE_FILE), 'utf8'));
    if (isState(state)) return state;
  } catch {
    // Lost or torn: the slots say what is there.
  }
  return rebuilt(root);
}

/** Whole or not at all, and on the disk when it returns. */
export function writeSlots(root: string, state: SlotState): void {
  const [file, partial] = [join(root, STATE_FILE), join(root, `${STATE_FILE}.partial`)];
  const handle = openSync(partial, 'w', 0o644);
  try {
    writeFileSync(handle, `${JSON.stringify(state, null, 2)}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(partial, file);
  syncFolder(root);
}

/** What shall run: what is on trial, else what is known to be good. */
export const wanted = ({ trial, good }: SlotState): Slots => trial ?? good;

/** Makes the links say what the state says. For people and scripts: nothing here reads them but rebuilt(). */
export function linkSlots(root: string, state: SlotState): void {
  const { runtime } = wanted(state);
  const previous = state.trial ? state.good.runtime : state.before?.runtime;
  if (runtime !== null) link(root, 'current', runtime);
  if (previous && previous !== runtime) link(root, 'previous', previous);
}

/** The state after a trial that failed. */
export function rolledBack(state: SlotState, error: string, time = new Date()): SlotState {
  const { trial } = state;
  if (!trial) return state;
  const { kind, name, sequence, wish } = trial;
  const last = { kind, name, sequence, slot: trial[kind], wish, error, time: time.toISOString() };
  return { ...state, trial: null, last: { ...last, outcome: 'rolled-back' } };
}

/** The state after a trial that was passed. */
export function confirmed(state: SlotState, time = new Date()): SlotState {
  const { trial, highest } = state;
  if (!trial) return state;
  const { kind, name, sequence, wish, runtime, model } = trial;
  return {
    ...state,
    good: { runtime, model },
    before: state.good.runtime === null ? null : state.good,
    trial: null,
    highest: { ...highest, [kind]: Math.max(highest[kind], sequence) },
    last: { kind, name, sequence, slot: trial[kind], wish, outcome: 'done', error: null, time: time.toISOString() },
  };
}

export interface LaunchOptions {
  readonly root: string;
  /** For earshot in the slot, e.g. run --config FILE. */
  readonly args: readonly string[];
  readonly tell: (line: string) => void;
  /** Between being told to stop and being ended. */
  readonly stopMs?: number;
}

/**
 * Starts what shall run, and waits for its end. systemd then starts the launcher again.
 * @returns exit code
 */
export async function launch({ root, args, tell, stopMs = STOP_MS }: LaunchOptions): Promise<number> {
  const state = settled(root, tell);
  const { runtime, model } = wanted(state);
  if (runtime === null) {
    tell(`No slot in ${root} can run: install a release with "earshot update install".`);
    return 1;
  }
  const slot = slotFolder(root, runtime);
  const own = join(slot, OWN_NODE);
  const words = [join(slot, ENTRY), ...args, ...(model === null ? [] : ['--model', slotFolder(root, model)])];
  const env = { ...process.env, EARSHOT_SLOTS: root, EARSHOT_SLOT: runtime };
  // A small nursery for young objects: the loop makes little garbage, and the memory stays small.
  const command = existsSync(own) ? own : process.execPath;
  const child = spawn(command, ['--max-semi-space-size=4', ...words], { stdio: 'inherit', env });
  return watch(child, { root, trial: state.trial, tell, stopMs });
}

/** Goes back from a trial that has failed, counts the start of one that goes on, sets the links. */
function settled(root: string, tell: (line: string) => void): SlotState {
  let state = readSlots(root);
  const why = complaint(root, state);
  if (why !== undefined) {
    tell(`Release ${state.trial!.name} (${state.trial!.sequence}) is taken back: ${why}.`);
    state = rolledBack(state, why);
    writeSlots(root, state);
  }
  if (state.trial) {
    state = { ...state, trial: { ...state.trial, starts: state.trial.starts + 1 } };
    writeSlots(root, state);
  } else if (!canRun(root, state.good)) {
    const [other] = ableSlots(root, state.good.runtime);
    if (other !== undefined) {
      tell(`Slot ${state.good.runtime} is damaged: slot ${other} runs in its place.`);
      state = { ...state, good: { runtime: other, model: null }, before: null };
      writeSlots(root, state);
    }
  }
  linkSlots(root, state);
  return state;
}

/** Why what is on trial shall not be started; undefined: it shall. */
function complaint(root: string, { trial }: SlotState): string | undefined {
  if (!trial) return undefined;
  if (trial.failure !== null) return trial.failure;
  if (!canRun(root, trial)) return 'its slot is damaged';
  if (trial.starts < TRIAL_STARTS) return undefined;
  return `it was started ${trial.starts} times and did not stay healthy for ${trial.healthySeconds} s`;
}

interface Watch {
  readonly root: string;
  readonly trial: Trial | null;
  readonly tell: (line: string) => void;
  readonly stopMs: number;
}

function watch(child: ReturnType<typeof spawn>, { root, trial, tell, stopMs }: Watch): Promise<number> {
  return new Promise<number>((resolve) => {
    const timers: NodeJS.Timeout[] = [];
    const end = (signal: NodeJS.Signals) => {
      child.kill(signal);
      timers.push(setTimeout(() => child.kill('SIGKILL'), stopMs));
    };
    const isOver = () => {
      const now = readSlots(root).trial;
      if (!trial || !now || now.runtime !== trial.runtime || now.model !== trial.model) return;
      const failure = `it was not healthy for ${trial.healthySeconds} s within ${trial.limitSeconds} s of its start`;
      tell(`Release ${now.name} is ended: ${failure}.`);
      writeSlots(root, { ...readSlots(root), trial: { ...now, failure } });
      end('SIGTERM');
    };
    if (trial) timers.push(setTimeout(isOver, 1000 * trial.limitSeconds));
    const stop = (signal: NodeJS.Signals) => end(signal);
    process.on('SIGTERM', stop).on('SIGINT', stop);
    const done = (code: number, why?: string) => {
      for (const timer of timers) clearTimeout(timer);
      process.off('SIGTERM', stop).off('SIGINT', stop);
      if (why) tell(why);
      resolve(code);
    };
    child.once('error', (error) => done(126, `The slot cannot be started: ${error.message}.`));
    child.once('exit', (code, signal) => done(code ?? 128 + constants.signals[signal!]));
  });
}

/** Are its files there? They were verified before the slot got its name. */
function canRun(root: string, { runtime, model }: Slots): boolean {
  const isThere = (path: string) => statSync(path, { throwIfNoEntry: false }) !== undefined;
  if (runtime === null || !isThere(join(slotFolder(root, runtime), ENTRY))) return false;
  return model === null || isThere(join(slotFolder(root, model), 'manifest.json'));
}

/** Slots that can run: those the links name first, then the newest. */
function ableSlots(root: string, except: string | null = null): string[] {
  const linked = ['current', 'previous'].flatMap((name) => {
    try {
      return [basename(readlinkSync(join(root, name)))];
    } catch {
      return [];
    }
  });
  const slots = existsSync(join(root, 'slots')) ? readdirSync(join(root, 'slots')) : [];
  const newest = slots.sort((a, b) => sequenceOf(root, b) - sequenceOf(root, a));
  return [...new Set([...linked, ...newest])].filter(
    (slot) => slot !== except && /^[0-9a-f]{64}$/.test(slot) && canRun(root, { runtime: slot, model: null }),
  );
}

/** A state from links and slots alone. Nobody knows whether what the link names had proved itself: where there are two, it shall. */
function rebuilt(root: string): SlotState {
  const [runtime = null, before] = ableSlots(root);
  const sequence = runtime === null ? 0 : sequenceOf(root, runtime);
  const isOnTrial = runtime !== null && before !== undefined;
  const trial: Trial = {
    ...{ runtime, model: null, kind: 'runtime', sequence, wish: null, starts: 0 },
    name: (runtime && releaseIn(root, runtime)?.name) ?? 'unnamed',
    ...{ healthySeconds: 300, limitSeconds: 1800, needsBroker: false, failure: null },
  };
  return {
    version: 1,
    good: { runtime: isOnTrial ? before : runtime, model: null },
    before: null,
    trial: isOnTrial ? trial : null,
    highest: { runtime: sequence, model: 0 },
    last: null,
  };
}

/** As the manifest in a slot says, which was verified before the slot got its name; 0 where it cannot be read. */
export const sequenceOf = (root: string, slot: string): number => releaseIn(root, slot)?.sequence ?? 0;

/** Name and sequence of what lies in a slot; undefined where its manifest cannot be read. */
export function releaseIn(root: string, slot: string): { name: string; sequence: number } | undefined {
  try {
    const head = readFileSync(join(slotFolder(root, slot), '.signed-head'));
    const { name, sequence } = JSON.parse(head.toString('utf8', MANIFEST_START));
    return { name: String(name), sequence: Number(sequence) || 0 };
  } catch {
    return undefined;
  }
}

function link(root: string, name: string, slot: string): void {
  const target = join('slots', slot);
  const place = join(root, name);
  try {
    if (readlinkSync(place) === target) return;
  } catch {
    // No link yet, or something else: it is replaced.
  }
  const partial = `${place}.partial`;
  rmSync(partial, { force: true, recursive: true });
  symlinkSync(target, partial);
  renameSync(partial, place);
  syncFolder(root);
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function isState(value: SlotState): boolean {
  const isPair = (pair: Slots | null) =>
    pair !== null && [pair.runtime, pair.model].every((slot) => slot === null || /^[0-9a-f]{64}$/.test(slot));
  return (
    value?.version === 1 &&
    isPair(value.good) &&
    (value.before === null || isPair(value.before)) &&
    (value.trial === null || (isPair(value.trial) && Number.isInteger(value.trial.starts))) &&
    Number.isInteger(value.highest?.runtime) &&
    Number.isInteger(value.highest?.model)
  );
}

const [, program, root, dashes, ...args] = process.argv;
if (program !== undefined && existsSync(program) && realpathSync(program) === fileURLToPath(import.meta.url)) {
  const tell = (line: string) => process.stderr.write(`${line}\n`);
  if (root === undefined || dashes !== '--') {
    tell('usage: launcher.js ROOT -- ARGUMENTS OF EARSHOT');
    process.exitCode = 2;
  } else {
    process.exitCode = await launch({ root, args, tell });
  }
}
