// Debian's sshd as the tests want it: on a free port, for the user who runs them, with host and user keys of its own.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

const PATH = `${process.env.PATH}:/usr/sbin:/sbin`;
const SSHD = spawnSync('sh', ['-c', 'command -v sshd'], {
  env: { ...process.env, PATH },
  encoding: 'utf8',
}).stdout.trim();

/** The test function where sshd is installed; elsewhere one that says that the test was left out, and why. */
export function sshdTest(title: string, job: () => Promise<void>): void {
  if (SSHD !== '') test(title, job);
  else test.skip(`${title} (left out: sshd is not installed; apt-get install openssh-server brings it)`, job);
}

export interface Sshd {
  readonly port: number;
  readonly user: string;
  readonly folder: string;
  /** Private key that it takes. */
  readonly identity: Buffer;
  /** 'ssh-ed25519 AAAA...' of the server. */
  readonly hostKey: string;
  stop(): Promise<void>;
}

/** sudo is a stand-in that runs what it is told as the same user. */
export async function startSshd(): Promise<Sshd> {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-sshd-'));
  const file = (name: string) => join(folder, name);
  for (const name of ['host', 'user']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(name)]);
  mkdirSync(file('bin'));
  writeFileSync(file('bin/sudo'), '#!/bin/sh\nshift\nexec "$@"\n', { mode: 0o755 });
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  const port = await freePort();
  const lines = [
    ...[`Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${file('host')}`, `AuthorizedKeysFile ${file('user.pub')}`],
    ...['StrictModes no', 'PasswordAuthentication no', 'UsePAM no', 'PermitRootLogin prohibit-password'],
    ...[`PidFile ${file('pid')}`, `SetEnv PATH=${file('bin')}:/usr/bin:/bin`],
  ];
  writeFileSync(file('config'), `${lines.join('\n')}\n`);
  const child = spawn(SSHD, ['-D', '-e', '-f', file('config')], { stdio: ['ignore', 'ignore', 'pipe'] });
  await listening(child);
  return {
    ...{ port, user: userInfo().username, folder, identity: readFileSync(file('user')) },
    hostKey: readFileSync(file('host.pub'), 'utf8'),
    async stop() {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await gone;
      rmSync(folder, { recursive: true });
    },
  };
}

function listening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr!.on('data', (bytes: Buffer) => {
      said += bytes.toString();
      if (said.includes('Server listening')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`sshd ended with ${code}: ${said}`)));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
