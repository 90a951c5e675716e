// A real hub process that is killed with SIGKILL in the middle of a rollout, as by the kernel or a power cut, and begun again.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startBroker } from '../../../tools/broker.ts';
import { type Database, openDatabase } from '../../../tools/fleet/database.ts';
import { migrate } from '../../../tools/fleet/migrations.ts';
import { orderRollout } from '../../../tools/fleet/rollout-runner.ts';
import { findRollout, readLog } from '../../../tools/fleet/rollout-store.ts';
import { FleetDevice } from '../../fakes/fleet-device.ts';
import { postgresTest, startPostgres } from '../../postgres.ts';

const CLI = fileURLToPath(new URL('../../../dist/tools/cli.js', import.meta.url));

/** Starts earshot fleet serve and waits until it tells of itself. */
async function serve(broker: string, database: string): Promise<ChildProcess> {
  const options = ['--broker', broker, '--database', database, '--name', 'hub', '--http', '0', '--no-web', '--json'];
  const child = spawn(process.execPath, [CLI, 'fleet', 'serve', ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (bytes) => {
    said += bytes;
  });
  const first = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  if (child.exitCode !== null) throw new Error(`the hub ended with code ${first[0]}: ${said}`);
  child.stdout.resume();
  return child;
}

async function until(condition: () => Promise<boolean> | boolean, what: string, timeoutMs = 40_000): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; ) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited in vain until ${what}`);
}

const ready = async (database: Database) =>
  (await database.query<{ n: number }>("select count(*)::int as n from device where state = 'ready'"))[0]!.n;

postgresTest(
  'a hub killed in the middle of a rollout goes on after its restart, and nobody gets the change twice',
  async () => {
    const [broker, postgres] = await Promise.all([startBroker(), startPostgres(['fsync=off'])]);
    const database = await openDatabase(postgres.url);
    await migrate(database);
    const devices = Array.from(
      { length: 10 },
      (_, i) => new FleetDevice({ url: broker.url, site: 'yard', device: `d${i}` }),
    );
    let hub = await serve(broker.url, postgres.url);
    try {
      await Promise.all(devices.map((device) => device.start()));
      await until(async () => (await ready(database)) === devices.length, 'the hub has heard all devices');
      const json = {
        name: 'r',
        change: { settings: { healthSeconds: 10 } },
        target: { devices: devices.map(({ name }) => name) },
      };
      const quick = { waves: [{ devices: 2 }, {}], atOnce: 2, healthyMinutes: 0.005, perMinute: 1000 };
      await orderRollout(database, { ...json, ...quick }, 'ann', Date.now());
      await until(() => devices.filter(({ version }) => version === 1).length >= 3, 'three devices have it');
      hub.kill('SIGKILL');
      await once(hub, 'exit');
      const before = devices.filter(({ version }) => version === 1).length;
      expect(before).toBeLessThan(devices.length);
      hub = await serve(broker.url, postgres.url);
      await until(async () => (await findRollout(database, 'r')).course.status === 'done', 'the rollout is done');
      expect(devices.map(({ wishes }) => wishes.map(({ version }) => version))).toEqual(devices.map(() => [1]));
      const told = (await readLog(database, (await findRollout(database, 'r')).id, 100)).map(({ what }) => what);
      expect(told.filter((what) => what.endsWith(' done'))).toHaveLength(devices.length);
      expect(told[0]).toBe('done: 10 devices succeeded, 0 failed');
    } finally {
      hub.kill('SIGKILL');
      await Promise.all(devices.map((device) => device.stop()));
      await database.close();
      await broker.stop();
      await postgres.stop();
    }
  },
  120_000,
);
