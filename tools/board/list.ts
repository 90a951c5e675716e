// earshot board list: what is plugged in - boards in recovery mode, booted boards, consoles - and what to do next with each.
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { styleText } from 'node:util';
import { Command } from 'commander';
import { printJson } from '../command.ts';
import { onInterruption } from '../interruption.ts';
import { createLiveText } from '../progress.ts';
import { NO_USB, NOTHING_PLUGGED, nextStep } from './next-step.ts';
import { type Plugged, type PluggedKind, plugged } from './plugged.ts';
import { udevRules } from './udev-rules.ts';

interface Options {
  readonly json?: boolean;
  readonly watch?: boolean;
  readonly udev?: boolean;
  readonly root: string;
}

const LOOK_EVERY_MS = 1000;
const NAMES: Record<PluggedKind, string> = {
  recovery: 'recovery mode',
  booted: 'booted',
  flashing: 'being flashed',
  debug: 'debug console',
  adapter: 'serial adapter',
};

const EXAMPLES = `
Examples:
  earshot board list
  earshot board list --watch
  earshot board list --json
  earshot board list --udev | sudo tee /etc/udev/rules.d/70-earshot-boards.rules
`;

export function boardListCommand(): Command {
  return new Command('list')
    .summary('show the boards that are plugged in, and what to do next')
    .description(
      'Shows what is plugged in, from USB ids and serial ports: boards in recovery mode, booted boards, debug consoles,\n' +
        'serial adapters; for each its place, its names that last, and the next step. Needs no rights.',
    )
    .option('--watch', 'go on looking, until Ctrl-C')
    .option('--json', 'print one JSON object per line; with --watch one whenever something comes, changes or goes')
    .option('--udev', 'print udev rules for this machine instead')
    .option('--root <folder>', 'folder that has /sys and /dev, such as a copy from another machine', '/')
    .addHelpText('after', EXAMPLES)
    .action(list);
}

async function list({ json, watch, udev, root }: Options): Promise<void> {
  if (udev) process.stdout.write(udevRules());
  else if (watch) await watchPlugged(root, json ?? false);
  else if (json) for (const entry of (await entries(root)) ?? []) printJson(entry);
  else process.stdout.write(`${describe(await entries(root))}\n`);
}

/** One thing that is plugged in, as --json prints it. */
interface Entry {
  readonly kind: PluggedKind;
  readonly instance: string;
  readonly usb: string;
  readonly product: string | null;
  readonly serial: string | null;
  readonly speedMbps: number | null;
  /** Names for --board. */
  readonly modules: readonly string[];
  readonly ports: readonly { readonly path: string; readonly byId: string | null; readonly isOurs: boolean }[];
  readonly networks: readonly string[];
  readonly next: string;
}

/** @returns undefined where the system shows no USB */
async function entries(root: string): Promise<Entry[] | undefined> {
  const all = await plugged(root);
  if (!all) return undefined;
  const several = all.filter(({ kind }) => kind === 'recovery').length > 1;
  return Promise.all(all.map((each) => entryOf(each, several, root)));
}

async function entryOf(each: Plugged, several: boolean, root: string): Promise<Entry> {
  const { instance, id, product, serial, speedMbps, networks } = each.device;
  const modules = each.modules.map(({ module }) => module.name);
  const ports = await Promise.all(
    each.ports.map(async ({ path, byId }) => ({ path, byId, isOurs: root !== '/' || (await mayUse(path)) })),
  );
  const foreign = ports.find(({ isOurs }) => !isOurs);
  const rights = foreign
    ? ` You may not use ${foreign.path} yet: join its group (often dialout) or install the rules of --udev.`
    : '';
  const next = nextStep(each, several) + rights;
  return { kind: each.kind, instance, usb: id, product, serial, speedMbps, modules, ports, networks, next };
}

async function mayUse(path: string): Promise<boolean> {
  return access(path, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
}

function describe(found: readonly Entry[] | undefined): string {
  if (!found) return NO_USB;
  if (found.length === 0) return NOTHING_PLUGGED;
  const paint = process.stdout.isTTY && !process.env.NO_COLOR ? styleText : (_: unknown, text: string) => text;
  return found
    .map((each) => {
      const what = each.modules.join(' or ') || each.product || each.usb;
      const ports = each.ports.map(({ path, byId }) => (byId ? `${path}  ${byId}` : path));
      const lines = [
        `${paint('bold', what)}, ${NAMES[each.kind]}`,
        `  usb      ${each.usb} at ${each.instance}${each.speedMbps ? `, ${each.speedMbps} Mbit/s` : ''}${each.serial ? `, serial ${each.serial}` : ''}`,
        ...ports.map((port) => `  port     ${port}`),
        ...(each.networks.length > 0 ? [`  network  ${each.networks.join(', ')}`] : []),
        `  next     ${each.next}`,
      ];
      return lines.join('\n');
    })
    .join('\n');
}

/** Looks once a second: sysfs is cheap, and what a hub reports late is seen all the same. */
async function watchPlugged(root: string, json: boolean): Promise<void> {
  const isTerminal = process.stdout.isTTY === true && !json;
  const live = isTerminal ? createLiveText(process.stdout) : undefined;
  let known = new Map<string, string>();
  let isOver = false;
  let wake = () => undefined as unknown;
  onInterruption(() => {
    isOver = true;
    wake();
  });
  while (!isOver) {
    const found = await entries(root);
    if (live) live(`${describe(found)}\n\nlooking once a second, Ctrl-C ends`);
    else known = tellChanges(known, found ?? [], json);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LOOK_EVERY_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (isOver) wake();
    });
  }
}

/** Prints what came, changed or went since the last look. */
function tellChanges(known: ReadonlyMap<string, string>, found: readonly Entry[], json: boolean): Map<string, string> {
  const now = new Map(found.map((each) => [`${each.instance} ${each.usb}`, JSON.stringify(each)]));
  for (const [key, text] of known) {
    if (now.has(key)) continue;
    const { instance, usb, kind } = JSON.parse(text) as Entry;
    if (json) printJson({ change: 'gone', instance, usb, kind });
    else process.stdout.write(`gone: ${NAMES[kind]} ${usb} at ${instance}\n`);
  }
  for (const each of found) {
    if (known.get(`${each.instance} ${each.usb}`) === JSON.stringify(each)) continue;
    if (json) printJson({ change: 'there', ...each });
    else process.stdout.write(`${describe([each])}\n`);
  }
  return now;
}
