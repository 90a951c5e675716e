// What systemd hears on its notification socket, through systemd's own program and a socket of our own.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Supervisor } from '../../../runtime/device/supervisor.ts';
import { temporaryFolder } from '../../loudness-model.ts';

/** Receives as systemd does: what comes with a datagram (the barrier of systemd-notify) is closed at once. */
const RECEIVER = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    data, fds, _, _ = socket.recv_fds(s, 4096, 4)
    open(sys.argv[2], 'ab').write(data + b'\\n')
    for fd in fds: os.close(fd)
`;

const missing = ['systemd-notify', 'python3'].filter((program) => spawnSync(program, ['--version']).error);
const onSystemd = missing.length === 0 ? test : test.skip;
if (missing.length > 0)
  console.warn(`Left out: ${missing.join(' and ')} not found; apt-get install -y systemd python3`);

let receiver: ChildProcess | undefined;
afterEach(() => receiver?.kill('SIGKILL'));

/** A datagram socket such as systemd's, written to a file. */
async function listen(): Promise<{ socket: string; heard: () => string }> {
  const folder = await temporaryFolder();
  const [socket, file] = [join(folder, 'notify'), join(folder, 'heard')];
  receiver = spawn('python3', ['-c', RECEIVER, socket, file], { stdio: 'ignore' });
  while (!existsSync(socket)) await new Promise((resolve) => setTimeout(resolve, 5));
  return { socket, heard: () => (existsSync(file) ? readFileSync(file, 'utf8') : '') };
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 8000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

onSystemd('systemd hears that we are ready, alive and stopping', async () => {
  const { socket, heard } = await listen();
  const supervisor = new Supervisor({ ...process.env, NOTIFY_SOCKET: socket, WATCHDOG_USEC: '30000000' });
  void supervisor.ready('hears with office-foa');
  supervisor.alive();
  void supervisor.stopping('SIGTERM');
  await until(() => heard().includes('STOPPING=1'));
  expect(heard()).toMatch(/READY=1\nSTATUS=hears with office-foa[\s\S]*WATCHDOG=1[\s\S]*STOPPING=1/);
});

test('signs of life are passed on three times within what the watchdog allows, however often they come', async () => {
  const told: string[] = [];
  const tell = async (words: readonly string[]) => void told.push(...words);
  const supervisor = new Supervisor({ NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '300000' }, tell);
  const until = performance.now() + 350;
  while (performance.now() < until) {
    supervisor.alive();
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  expect(told.length).toBeGreaterThanOrEqual(3);
  expect(told.length).toBeLessThanOrEqual(4);
});

test('without systemd nobody is told, and without a watchdog no sign is passed on', async () => {
  const told: string[] = [];
  const tell = async (words: readonly string[]) => void told.push(...words);
  await new Supervisor({ WATCHDOG_USEC: '1000' }, tell).ready('x');
  new Supervisor({ NOTIFY_SOCKET: '/x' }, tell).alive();
  expect(told).toEqual([]);
});

test('a notification that cannot be told harms nobody', async () => {
  const supervisor = new Supervisor({ NOTIFY_SOCKET: '/x' }, () => Promise.reject(new Error('ENOENT')));
  await expect(supervisor.ready('x')).resolves.toBeUndefined();
});
