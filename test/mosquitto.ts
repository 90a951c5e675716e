// Debian's mosquitto as the tests want it: on a port of its own, with access rules, stopped and killed when they say so.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PATH = `${process.env.PATH}:/usr/sbin`;

/** The test function where mosquitto is installed; elsewhere one that says that the test was left out, and why. */
export function mosquittoTest(title: string, job: () => Promise<void>, timeoutMs?: number): void {
  if (installed) test(title, job, timeoutMs);
  else test.skip(`${title} (left out: mosquitto is not installed; apt-get install mosquitto brings it)`, job);
}

const installed = isInstalled();

function isInstalled(): boolean {
  try {
    execFileSync('mosquitto', ['-h'], { env: { ...process.env, PATH }, stdio: 'ignore' });
    return true;
  } catch (error) {
    // It ends with code 3 after its help.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

export interface Mosquitto {
  readonly url: string;
  /** Ends it as a power cut would, and waits until it is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
  /** New access rules, from now on. */
  allow(rules: string): Promise<void>;
  stop(): Promise<void>;
}

/** @param settings more lines of mosquitto.conf(5); rules: lines of its access list, everything allowed by default */
export async function startMosquitto(
  settings = 'max_inflight_messages 100',
  rules = 'topic readwrite #',
): Promise<Mosquitto> {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-mosquitto-'));
  const port = await freePort();
  const [configuration, access] = [join(folder, 'mosquitto.conf'), join(folder, 'access')];
  const lines = [`listener ${port} 127.0.0.1`, `acl_file ${access}`, 'max_queued_messages 0'];
  if (!settings.includes('allow_anonymous')) lines.push('allow_anonymous true');
  lines.push(`persistence_location ${folder}/`); // else it would keep its messages where the tests run
  if (process.getuid?.() === 0) lines.push('user root');
  await writeFile(configuration, `${[...lines, settings].join('\n')}\n`);
  await writeFile(access, `${rules}\n`, { mode: 0o600 });
  let child: ChildProcess;
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  };
  const broker: Mosquitto = {
    url: `${settings.includes('certfile') ? 'mqtts' : 'mqtt'}://127.0.0.1:${port}`,
    kill: () => end('SIGKILL'),
    async start() {
      child = spawn('mosquitto', ['-c', configuration], { env: { ...process.env, PATH }, stdio: 'ignore' });
      await answers(port, child);
    },
    async allow(next) {
      await writeFile(access, `${next}\n`);
      child.kill('SIGHUP');
    },
    async stop() {
      await end('SIGTERM');
      await rm(folder, { recursive: true });
    },
  };
  await broker.start();
  return broker;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function answers(port: number, child: ChildProcess): Promise<void> {
  for (const deadline = Date.now() + 5000; Date.now() < deadline; ) {
    if (child.exitCode !== null) throw new Error(`mosquitto ended with code ${child.exitCode}`);
    if (await connects(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('mosquitto does not answer');
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dial(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('connect', () => socket.destroy());
    socket.once('error', () => resolve(false));
  });
}
