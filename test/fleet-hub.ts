// earshot fleet serve as its users run it: embedded broker and database, the page, and people who may sign in.
import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openDatabase } from '../tools/fleet/database.ts';
import { addAccount } from '../tools/fleet/http/accounts.ts';
import { migrate } from '../tools/fleet/migrations.ts';

/** The tests run where they stand, programs from dist. */
const ROOT = fileURLToPath(new URL(import.meta.url.includes('/dist/') ? '../../' : '../', import.meta.url));

export const USERS = {
  anna: { role: 'admin', password: 'correct horse battery' },
  otto: { role: 'operator', password: 'staple the donkey cart' },
  vera: { role: 'viewer', password: 'only looking around here' },
} as const;

export interface RunningHub {
  /** Of the page, as a browser's origin. */
  readonly url: string;
  readonly mqttUrl: string;
  /** Ends the hub and starts it again at the same ports. */
  restart(meanwhile: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

/** Builds the page as npm run build does. */
export async function buildPage(): Promise<void> {
  const vite = `${ROOT}node_modules/vite/bin/vite.js`;
  const args = [vite, 'build', '--config', `${ROOT}tools/fleet/web/vite.config.ts`, '--logLevel', 'warn'];
  await promisify(execFile)(process.execPath, args);
}

/** @param folder for the embedded database */
export async function startHub(folder: string): Promise<RunningHub> {
  const database = await openDatabase(folder);
  await migrate(database);
  for (const [name, user] of Object.entries(USERS)) await addAccount(database, { name, ...user });
  await database.close();
  let running = await serve(folder, '0', '0');
  const { http, url } = running;
  const portOf = (address: string) => new URL(address).port;
  return {
    ...{ url: http, mqttUrl: url },
    async restart(meanwhile) {
      await end(running.child);
      await meanwhile();
      running = await serve(folder, portOf(url), portOf(http));
    },
    stop: () => end(running.child),
  };
}

type Child = ChildProcessByStdio<null, Readable, null>;

async function serve(folder: string, port: string, http: string) {
  const args = ['fleet', 'serve', '--json', '--database', folder, '--port', port, '--http', http];
  const child = spawn(process.execPath, [`${ROOT}dist/tools/cli.js`, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface(child.stdout)) {
    const said = JSON.parse(line) as { readonly url: string; readonly http: string };
    child.stdout.resume();
    return { child, ...said };
  }
  throw new Error(`earshot ${args.join(' ')} ended with code ${child.exitCode} before it was ready`);
}

async function end(child: Child): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGINT');
  await gone;
}
