// The proof of a flash: the board boots and shows itself. An exit code proves nothing; NVIDIA's script returns that of tee.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { GADGET_ADDRESS } from './next-step.ts';
import { type Plugged, plugged } from './plugged.ts';

export interface Answer {
  /** Place where the booted board shows itself; another one than before on a bus of another speed. */
  readonly instance: string;
  readonly port: string | null;
  /** Its USB network answered a ping. */
  readonly pings: boolean;
}

export interface AnswerOptions {
  readonly root: string;
  readonly timeoutMs: number;
  /** Places of booted boards before flashing: none of them is the answer. */
  readonly before: ReadonlySet<string>;
  /** Places of the other boards of this run, and of answers already given. */
  readonly taken: ReadonlySet<string>;
  /** Only then may a board that shows up at a new place be this one. */
  readonly isAlone: boolean;
  readonly signal: AbortSignal;
}

const LOOK_EVERY_MS = 500;
/** A gadget is there seconds before its network is up. */
const PING_TRIES = 10;

/** @returns what the board shows, or why it is taken not to have booted: a sentence with the way out */
export async function waitForAnswer(instance: string, options: AnswerOptions): Promise<Answer | string> {
  const deadline = performance.now() + options.timeoutMs;
  let found: readonly Plugged[] = [];
  while (performance.now() < deadline && !options.signal.aborted) {
    found = (await plugged(options.root)) ?? [];
    const board = found.find((each) => isAnswer(each, instance, options));
    if (board) return answerOf(board, options.root);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  if (options.signal.aborted) return 'it was interrupted while the board booted: run it with --resume to go on waiting';
  return whyNot(found.find(({ device }) => device.instance === instance)?.kind, options.timeoutMs);
}

function isAnswer({ kind, device }: Plugged, instance: string, { before, taken, isAlone }: AnswerOptions): boolean {
  if (kind !== 'booted' || (device.ttys.length === 0 && device.networks.length === 0)) return false;
  if (device.instance === instance) return true;
  return isAlone && !before.has(device.instance) && !taken.has(device.instance);
}

async function answerOf({ device, ports }: Plugged, root: string): Promise<Answer> {
  const port = ports[0]?.byId ?? ports[0]?.path ?? null;
  const [network] = device.networks;
  const pings = network !== undefined && root === '/' && (await answersPing(network));
  return { instance: device.instance, port, pings };
}

async function answersPing(network: string): Promise<boolean> {
  for (let i = 0; i < PING_TRIES; i++) {
    const isUp = await promisify(execFile)('ping', ['-c', '1', '-W', '1', '-I', network, GADGET_ADDRESS]).then(
      () => true,
      () => false, // not up yet, or no ping here: the gadget has answered all the same
    );
    if (isUp) return true;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  return false;
}

function whyNot(kind: Plugged['kind'] | undefined, timeoutMs: number): string {
  const waited = `${Math.max(1, Math.round(timeoutMs / 1000))} s`;
  const claimed = 'the tool said that it was done, but';
  if (kind === 'recovery') {
    return `${claimed} after ${waited} the board is in recovery mode: take the jumper off, cut its power, plug it in again, then run this with --resume`;
  }
  if (kind === 'flashing') {
    return `${claimed} after ${waited} the board is still in the flashing system: cut its power, plug it in again, then run this with --resume`;
  }
  return `${claimed} the board did not show itself on USB within ${waited}: look at its debug console, or plug it in again and run this with --resume`;
}
