// earshot fleet serve as an operator runs it: devices publish, the hub keeps, Ctrl-C ends it cleanly, a second start goes on.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { connectAsync } from 'mqtt';
import { earshot } from '../../earshot.ts';

const CLI = fileURLToPath(new URL('../../../dist/tools/cli.js', import.meta.url));
const RECORDING = fileURLToPath(new URL('../../../recordings/office.flac', import.meta.url));

interface Hub {
  /** The next line of status for which the condition holds. */
  until(condition: (status: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  stop(): Promise<number | null>;
}

function startHub(args: readonly string[]): Hub {
  const child: ChildProcessByStdio<null, Readable, null> = spawn(
    process.execPath,
    [CLI, 'fleet', 'serve', '--json', ...args],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async until(condition) {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error('the hub ended');
        const status = JSON.parse(value);
        if (condition(status)) return status;
      }
    },
    async stop() {
      const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
      child.kill('SIGINT');
      return ended;
    },
  };
}

/** earshot with something on its standard input. */
async function piped(args: readonly string[], input: string) {
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (bytes) => {
    stdout += bytes;
  });
  child.stderr.on('data', (bytes) => {
    stderr += bytes;
  });
  child.stdin.on('error', () => undefined).end(input); // who refuses early does not read it
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stdout, stderr };
}

test('a device that plays a recording is kept by the hub, once, over a restart of the hub', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-serve-'));
  const args = ['--database', join(folder, 'data'), '--port', '0', '--http', '0'];
  try {
    const hub = startHub(args);
    const { url } = (await hub.until(() => true)) as { url: string };
    const run = await earshot(['run', RECORDING, '--fast', '--json', '--broker', url, '--out', folder]);
    expect(run.code).toBe(0);
    const summary = JSON.parse(run.stdout.trim().split('\n').at(-1)!) as { messages: { acknowledged: number } };
    expect(summary.messages.acknowledged).toBeGreaterThan(20);
    const all = await hub.until(({ fresh }) => fresh === summary.messages.acknowledged);
    expect(all).toMatchObject({ devices: 1, online: 0, duplicates: 0, gaps: 0, quarantined: 0 });
    expect(await hub.stop()).toBe(0);

    const again = startHub(args);
    const { url: second, devices } = (await again.until(() => true)) as { url: string; devices: number };
    expect(devices).toBe(1);
    const stranger = await connectAsync(second);
    await stranger.publishAsync('seld/v1/a/b/event/c', 'no event', { qos: 1 });
    await again.until(({ quarantined }) => quarantined === 1);
    await stranger.endAsync();
    expect(await again.stop()).toBe(0);
  } finally {
    await rm(folder, { recursive: true });
  }
}, 180_000);

test.each([
  [['--port', 'x'], /--port x: give a number/],
  [['--database', 'mysql://a/b'], /mysql:\/\/ is no database/],
  [['--broker', 'mqtt://127.0.0.1:9'], /No MQTT broker takes the collector/],
  [['--http', '99999'], /--http 99999: give a number/],
  [['--bind', '0.0.0.0'], /--bind 0.0.0.0: without TLS everybody on the way could read passwords/],
  [['--tls-cert', '/nowhere.pem'], /--tls-cert \/nowhere.pem cannot be read \(ENOENT\)/],
  [['--tls-key', CLI], /--tls-key .* can be read by others: run chmod 600/],
])(
  '%j is refused in one sentence',
  async (args, message) => {
    const folder = await mkdtemp(join(tmpdir(), 'earshot-serve-'));
    const { code, stderr } = await earshot([
      ...['fleet', 'serve', '--json', '--database', join(folder, 'd'), '--port', '0', '--http', '0', ...args],
    ]);
    await rm(folder, { recursive: true });
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  },
  60_000,
);

test('the page and its API answer where the hub says, to whom the terminal has let in, and the book knows of it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-serve-'));
  const data = join(folder, 'data');
  const user = (args: readonly string[], input = '') => piped(['fleet', 'user', ...args, '--database', data], input);
  try {
    expect(await user(['list'])).toMatchObject({ code: 0, stdout: expect.stringContaining('Nobody may sign in') });
    const short = await user(['add', 'ada', '--role', 'admin'], 'short\n');
    expect(short).toMatchObject({ code: 1, stderr: expect.stringContaining('must have 12 characters or more') });
    const password = 'a password for ada';
    expect(await user(['add', 'ada', '--role', 'admin'], `${password}\n`)).toMatchObject({ code: 0 });
    const { stdout: token } = await user(['token', 'ada', '--role', 'viewer', '--days', '1']);
    expect(await user(['add', 'ada'], `${password}\n`)).toMatchObject({ code: 1 });
    const { stdout } = await user(['list', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ type: 'user', name: 'ada', role: 'admin' });

    const hub = startHub(['--database', data, '--port', '0', '--http', '0']);
    const { http } = (await hub.until(() => true)) as { http: string };
    expect(await (await fetch(`${http}/healthz`)).json()).toEqual({ status: 'ok' });
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ name: 'ada', password });
    expect((await fetch(`${http}/api/v1/login`, { method: 'POST', headers, body })).status).toBe(200);
    const bearer = { authorization: `Bearer ${token.trim()}` };
    const figures = await (await fetch(`${http}/api/v1/figures`, { headers: bearer })).json();
    expect(figures).toMatchObject({ isOnline: true, devices: {}, gaps: 0 });
    expect((await fetch(`${http}/api/v1/audit`, { headers: bearer })).status).toBe(403);
    const busy = await user(['remove', 'ada']);
    expect(busy).toMatchObject({ code: 1, stderr: expect.stringContaining('in use by process') });
    expect(await hub.stop()).toBe(0);
    expect(await user(['remove', 'ada'])).toMatchObject({ code: 1, stderr: expect.stringContaining('last admin') });
  } finally {
    await rm(folder, { recursive: true });
  }
}, 180_000);
