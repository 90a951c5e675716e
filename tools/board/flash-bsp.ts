// NVIDIA's board support package (the folder Linux_for_Tegra): is it whole, which release is it, and how does it flash this board.
import { access, readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  type BoardChoice,
  cannotRun,
  type FlashWay,
  type Jetpack,
  jetpacks,
  type Storage,
} from '../../boards/board.ts';
import { l4tRelease } from '../../runtime/device/board-identity.ts';
import { UserError } from '../command.ts';

export interface Bsp {
  readonly folder: string;
  /** e.g. 36.4.3 */
  readonly l4t: string;
  readonly jetpack: Jetpack;
  readonly way: FlashWay;
  readonly configuration: string;
  /** What the user should know, without being a reason to stop. */
  readonly notes: readonly string[];
}

export interface BspOptions {
  readonly storage: Storage;
  /** NVIDIA's name of board and carrier; default: the profile's. */
  readonly configuration?: string;
  /** Flash also what earshot's runtime does not run on. */
  readonly allowUnsupported?: boolean;
}

const PREPARE = 'see docs/boards.md for the commands that prepare it';

/** @throws UserError when the folder is missing, half prepared, of another release, or does not flash this board or storage */
export async function readBsp(folder: string, choice: BoardChoice, options: BspOptions): Promise<Bsp> {
  const path = resolve(folder);
  await checkIsBsp(path, folder);
  const l4t = await releaseOf(path, folder);
  const jetpack = jetpackOf(l4t, folder, choice);
  const way = flashWay(l4t, choice, options.storage);
  const configuration = options.configuration ?? way.configuration;
  await checkFiles(path, folder, way, configuration);
  const lacks = cannotRun(jetpack);
  const unable = `JetPack ${jetpack.jetpack} has glibc ${jetpack.glibc}, older than what ${lacks.map(({ program, glibc }) => `${program} (${glibc})`).join(' and ')} need`;
  if (lacks.length > 0 && !options.allowUnsupported) {
    throw new UserError(
      `${unable}: earshot does not run on it natively; choose a board with JetPack 5 or later, or flash it all the same with --allow-unsupported (for a container of a newer system).`,
    );
  }
  const notes = [
    ...(lacks.length > 0 ? [`${unable}: earshot will not run on it natively.`] : []),
    ...((await hasUser(path)) ? [] : [noUserNote(jetpack)]),
  ];
  return { folder: path, l4t, jetpack, way, configuration, notes };
}

async function checkIsBsp(path: string, given: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found)
    throw new UserError(
      `There is no folder ${given}: unpack NVIDIA's Jetson_Linux archive and give its Linux_for_Tegra folder to --bsp; ${PREPARE}.`,
    );
  if (!found.isDirectory())
    throw new UserError(
      `${given} is a file: unpack it with "tar xf ${given}" and give the folder Linux_for_Tegra to --bsp.`,
    );
  if (!(await exists(join(path, 'flash.sh')))) {
    const inner = await exists(join(path, 'Linux_for_Tegra', 'flash.sh'));
    throw new UserError(
      inner
        ? `${given} holds the BSP but is not it: give ${join(given, 'Linux_for_Tegra')} to --bsp.`
        : `${given} is no BSP, it has no flash.sh: give the folder Linux_for_Tegra of NVIDIA's Jetson_Linux archive to --bsp.`,
    );
  }
}

/** apply_binaries.sh leaves the release in the root file system that is going to be flashed. */
async function releaseOf(path: string, given: string): Promise<string> {
  const rootfs = join(path, 'rootfs');
  if (!(await exists(join(rootfs, 'etc', 'passwd')))) {
    throw new UserError(
      `${given}/rootfs is empty: unpack NVIDIA's sample root filesystem there with "sudo tar xpf Tegra_Linux_Sample-Root-Filesystem_*.tbz2 -C ${given}/rootfs".`,
    );
  }
  const text = await readFile(join(rootfs, 'etc', 'nv_tegra_release'), 'utf8').catch(() => undefined);
  if (text === undefined) {
    throw new UserError(
      `${given}/rootfs has not got NVIDIA's drivers yet: run "sudo ./apply_binaries.sh" in ${given}.`,
    );
  }
  const release = l4tRelease(text);
  if (release) return release;
  throw new UserError(
    `${given}/rootfs/etc/nv_tegra_release does not name a release ("${text.trim().slice(0, 60)}"): unpack the BSP anew and run apply_binaries.sh.`,
  );
}

function jetpackOf(l4t: string, given: string, { board }: BoardChoice): Jetpack {
  const all = jetpacks();
  const own = all.filter(({ jetpack }) => board.jetpacks.includes(jetpack));
  const runs = own.map(({ jetpack, l4t: releases }) => `${jetpack} (${releases.map((each) => `R${each}`).join(', ')})`);
  const found = all.find((each) => each.l4t.includes(l4t));
  const rule = `${board.summary} runs JetPack ${runs.join(', ')}`;
  if (!found) throw new UserError(`${given} is R${l4t}, a release that earshot does not know: ${rule}.`);
  if (own.includes(found)) return found;
  throw new UserError(`${given} is R${l4t} (JetPack ${found.jetpack}), which does not run on this board: ${rule}.`);
}

/** Ways of a board for a module and a release, storage by storage. */
export function flashWays(l4t: string, { board, module }: BoardChoice): FlashWay[] {
  const major = Number(l4t.split('.')[0]);
  return board.flash.filter((way) => way.l4t.includes(major) && (way.modules?.includes(module.name) ?? true));
}

function flashWay(l4t: string, choice: BoardChoice, storage: Storage): FlashWay {
  const ways = flashWays(l4t, choice);
  const found = ways.find((way) => way.storage === storage);
  if (found) return found;
  const { name } = choice.module;
  const can =
    ways.length > 0
      ? `it can be flashed to ${ways.map((way) => way.storage).join(' or ')}`
      : 'earshot knows no way to flash it';
  throw new UserError(`${name} has no ${storage} that R${l4t} is flashed to: ${can}.`);
}

/** The files that the command names, so that it does not die of them halfway. */
async function checkFiles(path: string, given: string, way: FlashWay, configuration: string): Promise<void> {
  const layouts = way.arguments.flatMap((each) => each.split(' ')).filter((word) => word.endsWith('.xml'));
  for (const file of [way.program, ...layouts]) {
    if (!(await exists(join(path, file)))) {
      throw new UserError(`${given} lacks ${file}, which flashing to ${way.storage} needs: unpack the BSP anew.`);
    }
  }
  if (await exists(join(path, `${configuration}.conf`))) return;
  const known = (await readdir(path))
    .filter((file) => /^(jetson|p\d).*\.conf$/.test(file))
    .map((file) => file.replace(/\.conf$/, ''));
  throw new UserError(
    `${given} does not know the board "${configuration}": it has ${known.sort().join(', ') || 'none'}.`,
  );
}

/** People have numbers from 1000 on; nobody is 65534. */
async function hasUser(path: string): Promise<boolean> {
  const lines = (await readFile(join(path, 'rootfs', 'etc', 'passwd'), 'utf8')).split('\n');
  const ids = lines.map((line) => Number(line.split(':')[2]));
  return ids.some((id) => id >= 1000 && id < 60000);
}

const noUserNote = ({ firstBoot }: Jetpack) =>
  `The image has no user: the board will ask for one on its console (${firstBoot}), which "earshot board provision" answers; ` +
  'or make one now with "sudo ./tools/l4t_create_default_user.sh" in the BSP.';

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
