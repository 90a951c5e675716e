// Debian's PostgreSQL as the tests want it: a server of their own on a free port, stopped and started when they say so.
import { type SpawnOptions, spawn } from 'node:child_process';
import { chownSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const HOME = '/usr/lib/postgresql';

/** The test function where PostgreSQL is installed; elsewhere one that says that the test was left out, and why. */
export function postgresTest(title: string, job: () => Promise<void>, timeoutMs?: number): void {
  if (programs()) test(title, job, timeoutMs);
  else test.skip(`${title} (left out: PostgreSQL is not installed; Debian's package is postgresql)`, job);
}

export interface Postgres {
  readonly url: string;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** @param settings lines of postgresql.conf as name=value */
export async function startPostgres(settings: readonly string[] = []): Promise<Postgres> {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-postgres-'));
  const port = await freePort();
  const user = identity();
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  await run('initdb', ['-D', data, '-U', 'earshot', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C'], user);
  const given = ['listen_addresses=127.0.0.1', `port=${port}`, `unix_socket_directories=${folder}`, ...settings];
  const options = given.flatMap((setting) => ['-c', setting]).join(' ');
  const control = (...args: string[]) => run('pg_ctl', ['-D', data, '-w', ...args], user);
  const server: Postgres = {
    url: `postgres://earshot@127.0.0.1:${port}/postgres`,
    kill: () => control('stop', '-m', 'immediate'),
    start: () => control('start', '-l', join(folder, 'log'), '-o', options),
    async stop() {
      await control('stop', '-m', 'fast');
      await rm(folder, { recursive: true });
    },
  };
  await server.start();
  return server;
}

/** The folder of the newest installed server's programs. */
function programs(): string | undefined {
  if (!existsSync(HOME)) return undefined;
  const versions = readdirSync(HOME).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(HOME, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')));
}

/** PostgreSQL refuses to run as root: it gets the account that Debian made for it. */
function identity(): Pick<SpawnOptions, 'uid' | 'gid'> {
  if (process.getuid?.() !== 0) return {};
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith('postgres:'));
  const [, , uid, gid] = line!.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

async function run(program: string, args: readonly string[], user: Pick<SpawnOptions, 'uid' | 'gid'>): Promise<void> {
  const child = spawn(join(programs()!, program), args, { ...user, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr!.on('data', (bytes) => {
    said += bytes;
  });
  // The server keeps its parent's pipe open: what counts is the end of pg_ctl, not of its output.
  const code = await new Promise<number | null>((resolve, reject) => child.once('exit', resolve).once('error', reject));
  child.stderr!.destroy();
  if (code !== 0) throw new Error(`${program} ended with code ${code}: ${said}`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
