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

test('a device that plays a recording is kept by the hub, once, over a restart of the hub', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-serve-'));
  const args = ['--database', join(folder, 'data'), '--port', '0'];
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
])(
  '%j is refused in one sentence',
  async (args, message) => {
    const folder = await mkdtemp(join(tmpdir(), 'earshot-serve-'));
    const { code, stderr } = await earshot(['fleet', 'serve', '--json', '--database', join(folder, 'd'), ...args]);
    await rm(folder, { recursive: true });
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  },
  60_000,
);
