// What a flash shall do, after every check that can be made: the plan, and the boards with what earlier runs left of them.
import type { Storage } from '../../boards/board.ts';
import { UserError } from '../command.ts';
import { findModule } from '../find-board.ts';
import type { FlashPlan } from './flash-boards.ts';
import { type Bsp, readBsp } from './flash-bsp.ts';
import { checkHost, usesInitrd } from './flash-host.ts';
import { FlashLog } from './flash-log.ts';
import { type FlashRun, newRun } from './flash-run.ts';
import { type FlashState, newState, readState } from './flash-state.ts';
import { chooseTargets, type Targets } from './flash-targets.ts';
import { plugged } from './plugged.ts';

export interface FlashOptions {
  readonly board: string;
  readonly bsp: string;
  readonly storage: Storage;
  readonly instance: readonly string[];
  readonly all?: boolean;
  readonly jobs?: number;
  readonly configuration?: string;
  readonly resume?: boolean;
  readonly allowUnsupported?: boolean;
  readonly logs: string;
  readonly space: number;
  readonly minutes: number;
  readonly answerMinutes: number;
  readonly root: string;
}

export interface FlashJob {
  readonly plan: FlashPlan;
  readonly runs: readonly FlashRun[];
  readonly notes: readonly string[];
}

/** Makes every check; opens a log per board when all hold. @throws UserError for the first that does not hold */
export async function prepareFlash(options: FlashOptions): Promise<FlashJob> {
  const choice = findModule(options.board);
  const bsp = await readBsp(options.bsp, choice, options);
  const hostNotes = await checkHost(bsp, { root: options.root, spaceGb: options.space });
  const states = await statesOf(bsp, options);
  const targets = await targetsOf(states, options);
  const isTogether = together(bsp, targets.instances.length, options.jobs);
  if (isTogether) await checkNoOthers(targets.instances, options.root);
  const plan: FlashPlan = {
    ...{ choice, bsp, together: isTogether, folder: options.logs, root: options.root },
    ...{ toolTimeoutMs: 60_000 * options.minutes, answerTimeoutMs: 60_000 * options.answerMinutes },
  };
  const runs = targets.instances.map((instance) => {
    const state = states.get(instance) ?? newState(settingsOf(bsp, instance, options));
    const log = new FlashLog(options.logs, options.board, instance, new Date().toISOString());
    return newRun({ ...state, error: null }, log);
  });
  return { plan, runs, notes: [...bsp.notes, ...hostNotes, ...targets.notes] };
}

const settingsOf = (bsp: Bsp, instance: string, { board, storage }: FlashOptions) => ({
  ...{ board, instance, storage, configuration: bsp.configuration, bsp: bsp.folder, l4t: bsp.l4t },
});

/** What earlier runs left, by place; empty without --resume. */
async function statesOf(bsp: Bsp, options: FlashOptions): Promise<Map<string, FlashState>> {
  const states = new Map<string, FlashState>();
  if (!options.resume) return states;
  const places = new Set([
    ...options.instance,
    ...((await plugged(options.root)) ?? []).map(({ device }) => device.instance),
  ]);
  for (const instance of places) {
    const state = await readState(options.logs, settingsOf(bsp, instance, options));
    if (state) states.set(instance, state);
  }
  if (states.size > 0) return states;
  throw new UserError(
    `There is nothing to resume in ${options.logs} for ${options.board} at ${[...places].join(', ') || 'any place'}: begin without --resume, or name the place with --instance.`,
  );
}

/** Boards that were written need not be in recovery mode any more; those that answered are left alone. */
export async function targetsOf(states: ReadonlyMap<string, FlashState>, options: FlashOptions): Promise<Targets> {
  const choice = findModule(options.board);
  const found = await plugged(options.root);
  const resumed = [...states.values()];
  const answered = resumed.filter((state) => state.answered !== null).map(({ instance }) => instance);
  const written = resumed
    .filter((state) => state.written !== null && state.answered === null)
    .map(({ instance }) => instance);
  const named = options.instance.filter((each) => !answered.includes(each) && !written.includes(each));
  const isDone = written.length > 0 || (answered.length > 0 && options.instance.length > 0);
  if (isDone && named.length === 0 && !options.all) {
    if (written.length === 0)
      throw new UserError(`${answered.join(', ')} answered already: there is nothing left to resume.`);
    return { instances: written, notes: [] };
  }
  const { instances, notes } = chooseTargets(found, choice, { instances: named, all: options.all ?? false });
  return { instances: [...instances, ...written.filter((each) => !instances.includes(each))], notes };
}

/** NVIDIA's tool flashes all boards in recovery mode at once, or one. */
export function together(bsp: Bsp, boards: number, jobs: number | undefined): boolean {
  if (boards === 1 || jobs === 1) return false;
  if (!usesInitrd(bsp)) {
    if (jobs === undefined) return false;
    throw new UserError(`${bsp.way.program} flashes one board after the other: leave --jobs out, or give 1.`);
  }
  if (jobs === undefined || jobs >= boards) return true;
  throw new UserError(
    `NVIDIA's tool flashes all ${boards} boards at once, or one after the other: give --jobs ${boards} or --jobs 1 instead of ${jobs}.`,
  );
}

/** Mass flashing takes every board in recovery mode: there must be no other. */
export async function checkNoOthers(instances: readonly string[], root: string): Promise<void> {
  const others = ((await plugged(root)) ?? []).filter(
    ({ kind, device }) => kind === 'recovery' && !instances.includes(device.instance),
  );
  if (others.length === 0) return;
  const places = others.map(({ device, modules }) => `${modules[0]!.module.name} at ${device.instance}`);
  throw new UserError(
    `Flashing several boards at once would flash ${places.join(' and ')} too, which is in recovery mode: unplug it, or give --jobs 1.`,
  );
}
