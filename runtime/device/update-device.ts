// What a device is, for a bundle that is for some devices only: board, JetPack, processor, C library, and whether its clock is right.
import { boardModules, boards, jetpacks } from '../../boards/board.ts';
import { type BoardIdentity, boardIdentity } from './board-identity.ts';
import type { BundleRules } from './bundle-rules.ts';
import { clockSync } from './clock-sync.ts';
import { SensorFiles } from './sensor-files.ts';

/** Part numbers of NVIDIA's modules in names of device trees, e.g. nvidia,p3768-0000+p3767-0005-super. */
const PART = /p\d{4}-\d{4}/g;

/**
 * @param board as the settings name it, where they do
 * @param root '/' on a board
 */
export async function thisDevice(
  board: string | undefined,
  root: string,
): Promise<Omit<BundleRules, 'keys' | 'sequence'>> {
  const identity = await boardIdentity(new SensorFiles(root));
  const { synced } = await clockSync();
  const report = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  const glibc = report.header.glibcVersionRuntime;
  const release = jetpacks().find(({ l4t }) => identity.l4t !== null && l4t.includes(identity.l4t));
  const names = board === undefined ? boardNames(identity) : withFamily(board);
  return {
    architecture: process.arch,
    ...(glibc && { glibc }),
    ...(synced && { now: new Date() }),
    // What is for some boards only is not for one that nobody knows.
    board: names.length > 0 ? names : 'no known board',
    jetpack: release?.jetpack ?? (identity.l4t === null ? 'none' : `that of Linux for Tegra ${identity.l4t}`),
  };
}

/** Names of the module and of its family; none on a machine that is no known board. */
function boardNames({ compatible }: BoardIdentity): string[] {
  const parts = new Set(compatible.flatMap((name) => name.match(PART) ?? []));
  const found = boardModules().filter(({ module }) => module.parts.some((part) => parts.has(part)));
  return [...new Set(found.flatMap(({ board, module }) => [module.name, board.name]))];
}

function withFamily(name: string): string[] {
  const family = boards().find(({ modules }) => modules.some((module) => module.name === name));
  return family && family.name !== name ? [name, family.name] : [name];
}
