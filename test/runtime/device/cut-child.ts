// Installs, confirms or launches a release, and ends itself after its n-th change of the disk, as a power cut would. Keeps a journal
// of what it changed and what it synced, so that its starter can take away what the disk might not have had yet.
// Argument: JSON of CutOrders. Run compiled: it replaces functions of node:fs before the code under test is loaded.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, resolve } from 'node:path';

export interface CutOrders {
  readonly what: 'install' | 'confirm' | 'launch';
  readonly root: string;
  readonly bundle: string;
  /** Ends after so many changes; 0: after none, it runs to its end. */
  readonly cutAfter: number;
  /** Where the journal is written, outside root. */
  readonly journal: string;
}

/** What was done to a path: it got contents, was synced, got its entry in a folder (from another path), or lost it. */
export interface Change {
  readonly did: 'write' | 'sync' | 'entry' | 'gone';
  readonly path: string;
  readonly from?: string;
}

const orders: CutOrders = JSON.parse(process.argv[2]!);
const journal: Change[] = [];
const openPaths = new Map<number, string>();
const { writeFileSync } = fs;

function note(did: Change['did'], path: string, from?: string): void {
  if (!resolve(path).startsWith(`${orders.root}/`) && resolve(path) !== orders.root) return;
  journal.push({ did, path: resolve(path), ...(from && { from: resolve(from) }) });
  if (journal.length !== orders.cutAfter) return;
  writeFileSync(orders.journal, JSON.stringify(journal));
  process.kill(process.pid, 'SIGKILL');
}

type Call = (...args: unknown[]) => unknown;
/** Tells of each call of a function after it has done its work. */
function after(
  object: object,
  name: string,
  tell: (args: string[], result: unknown, self: { fd: number }) => void,
): void {
  const functions = object as Record<string, Call>;
  const original = functions[name]!;
  functions[name] = function (this: { fd: number }, ...args: unknown[]) {
    const result = original.apply(this, args);
    const told = (value: unknown) => {
      tell(args as string[], value, this);
      return value;
    };
    return result instanceof Promise ? result.then(told) : told(result);
  };
}

async function watchChanges(): Promise<void> {
  const { promises } = fs;
  const some = await promises.open('/dev/null');
  const handles = Object.getPrototypeOf(some);
  await some.close();
  const opened = ([path, flags]: string[], descriptor: number) => {
    openPaths.set(descriptor, path!);
    if (/[wa]/.test(flags ?? 'r')) note('entry', path!);
  };
  after(promises, 'open', (args, handle) => opened(args, (handle as { fd: number }).fd));
  after(fs, 'openSync', (args, descriptor) => opened(args, descriptor as number));
  for (const name of ['write', 'writeFile', 'chmod'])
    after(handles, name, (_, __, { fd }) => note('write', openPaths.get(fd)!));
  after(handles, 'sync', (_, __, { fd }) => note('sync', openPaths.get(fd)!));
  after(fs, 'fsyncSync', ([descriptor]) => note('sync', openPaths.get(Number(descriptor))!));
  after(fs, 'writeFileSync', ([descriptor]) => note('write', openPaths.get(Number(descriptor))!));
  after(promises, 'writeFile', ([path]) => {
    note('entry', path!);
    note('write', path!);
  });
  // With recursive it gives the first folder that it made; nothing when all were there.
  after(promises, 'mkdir', ([path], first) => {
    if (typeof first !== 'string') return;
    for (let made = resolve(path!); made.length >= first.length; made = dirname(made)) note('entry', made);
  });
  after(fs, 'symlinkSync', ([, path]) => note('entry', path!));
  after(promises, 'rename', ([from, to]) => note('entry', to!, from!));
  after(fs, 'renameSync', ([from, to]) => note('entry', to!, from!));
  after(promises, 'rm', ([path]) => note('gone', path!));
  after(fs, 'rmSync', ([path]) => note('gone', path!));
  syncBuiltinESMExports();
}

await watchChanges();
const { installRelease, confirmRelease } = await import('../../../runtime/device/update.ts');
const { fileSource } = await import('../../../runtime/device/update-slot.ts');
const { launch } = await import('../../../runtime/device/launcher.ts');
const { root, bundle, what } = orders;
if (what === 'install') {
  const terms = { healthySeconds: 1, limitSeconds: 60, needsBroker: false };
  await installRelease({ root, source: fileSource(bundle), device: {}, terms, prove: async () => {} });
} else if (what === 'confirm') await confirmRelease(root);
else await launch({ root, args: [], tell: () => {} });
writeFileSync(orders.journal, JSON.stringify(journal));
