// Is this the board that is meant, and can earshot run on it at all? Asked before anything is changed.
import { jetpacks } from '../../boards/board.ts';
import { l4tRelease } from '../../runtime/device/board-identity.ts';
import { UserError } from '../command.ts';
import { findFamily } from '../find-board.ts';
import type { Plan } from './provision-plan.ts';
import { type Step, so } from './provision-step.ts';
import { must, type Shell } from './shell.ts';

/** What Node.js 20 asks of the system's C library (readelf of its arm64 build). */
const LEAST_GLIBC = [2, 28] as const;
const PART = /p\d{4}-\d{4}/g;

const FACTS = `printf 'machine '; uname -m
printf 'glibc '; (getconf GNU_LIBC_VERSION || ldd --version | head -1) 2>/dev/null | grep -oE '[0-9]+\\.[0-9]+' | head -1
printf 'init '; cat /proc/1/comm
printf 'model '; cat /proc/device-tree/model 2>/dev/null | tr -d '\\0'; echo
printf 'compatible '; cat /proc/device-tree/compatible 2>/dev/null | tr '\\0' ' '; echo
printf 'serial '; cat /proc/device-tree/serial-number 2>/dev/null | tr -d '\\0'; echo
printf 'tegra '; head -1 /etc/nv_tegra_release 2>/dev/null; echo
printf 'oobe '; systemctl get-default 2>/dev/null; echo`;

/** Changes nothing: either the board is right, or nothing else is done to it. */
export function boardStep(shell: Shell, plan: Plan): Step {
  return {
    name: 'board',
    aim:
      plan.board === undefined
        ? 'Linux for arm64 that earshot can run on'
        : `is a ${plan.board}, with a system that earshot can run on`,
    look: async () => so(judge(factsIn(await must(shell, 'asking what the board is', FACTS)), plan)),
    make: async () => undefined,
  };
}

function factsIn(text: string): Map<string, string> {
  return new Map(text.split('\n').map((line) => [line.split(' ', 1)[0]!, line.slice(line.indexOf(' ') + 1).trim()]));
}

/** @returns the board in a few words. @throws UserError */
function judge(facts: ReadonlyMap<string, string>, { board }: Plan): string {
  const fact = (name: string) => facts.get(name) ?? '';
  if (fact('machine') !== 'aarch64')
    throw new UserError(
      `The board is a ${fact('machine') || 'machine that does not say what it is'}; earshot's release is for aarch64.`,
    );
  if (fact('init') !== 'systemd')
    throw new UserError(`The board is started by ${fact('init')}; earshot's service needs systemd.`);
  const [major = 0, minor = 0] = fact('glibc').split('.').map(Number);
  if (major < LEAST_GLIBC[0] || (major === LEAST_GLIBC[0] && minor < LEAST_GLIBC[1]))
    throw new UserError(
      `The board has the C library glibc ${fact('glibc')}, Node.js needs ${LEAST_GLIBC.join('.')}: flash a newer JetPack (5 or later).`,
    );
  const l4t = l4tRelease(fact('tegra'));
  if (board !== undefined) checkBoard(board, fact('compatible'));
  const jetpack = jetpacks().find((each) => l4t !== null && each.l4t.includes(l4t))?.jetpack;
  const system = l4t === null ? `glibc ${fact('glibc')}` : `JetPack ${jetpack ?? `of L4T ${l4t}`}`;
  return `${fact('model') || 'no Jetson'}, ${system}${fact('serial') ? `, serial ${fact('serial')}` : ''}`;
}

/** By the part number of the module, as the device tree has it. */
function checkBoard(name: string, compatible: string): void {
  const profile = findFamily(name);
  const modules = profile.modules.filter((module) => profile.name === name || module.name === name);
  const wanted = modules.flatMap(({ parts }) => parts);
  const there = compatible.match(PART) ?? [];
  if (wanted.length === 0 || there.length === 0 || there.some((part) => wanted.includes(part))) return;
  throw new UserError(`This board is ${compatible.trim()}, not a ${name}: nothing was changed.`);
}
