// Rollouts over a real broker and a real database: thirty devices, some bad, some away; hubs that die, brokers that forget, weeks that pass.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MqttLink } from '../../../runtime/uplink/mqtt.ts';
import { type Broker, startBroker } from '../../../tools/broker.ts';
import { Collector } from '../../../tools/fleet/collector.ts';
import { type Database, openDatabase } from '../../../tools/fleet/database.ts';
import { changeDesired, readDesired } from '../../../tools/fleet/desired-store.ts';
import { Duties } from '../../../tools/fleet/duties.ts';
import { migrate } from '../../../tools/fleet/migrations.ts';
import { obey, orderRollout } from '../../../tools/fleet/rollout-runner.ts';
import { findRollout, readCounts, readLog, readProgress } from '../../../tools/fleet/rollout-store.ts';
import { FleetDevice, type Manner } from '../../fakes/fleet-device.ts';
import { type Postgres, postgresTest, startPostgres } from '../../postgres.ts';

const DAY = 24 * 3600_000;
const SETTINGS = { settings: { healthSeconds: 10 } };
/** Trials and proofs of seconds, so that a test takes seconds. */
const QUICK = { healthyMinutes: 0.005, deviceMinutes: 0.2, silentMinutes: 0.1, perMinute: 10_000 };

/** A hub without its pages: collector, link and duties, under a clock that can be put forward. */
class Hub {
  readonly database: Database;
  readonly troubles: string[] = [];
  readonly #url: string;
  readonly #name: string;
  #collector: Collector | undefined;
  #link: MqttLink | undefined;
  #duties: Duties | undefined;
  #aheadMs = 0;

  constructor(database: Database, url: string, name: string) {
    this.database = database;
    this.#url = url;
    this.#name = name;
  }

  get isOurTurn(): boolean {
    return this.#duties?.isOurTurn ?? false;
  }

  nowMs(): number {
    return Date.now() + this.#aheadMs;
  }

  putForward(ms: number): void {
    this.#aheadMs += ms;
  }

  async start(): Promise<void> {
    const onTrouble = (error: Error) => void this.troubles.push(error.message);
    const collector = new Collector({ url: this.#url, clientId: this.#name, database: this.database, onTrouble });
    const link = new MqttLink({
      ...{ url: this.#url, clientId: `${this.#name}-link` },
      onProblem: (problem) => problem === null && this.#duties?.connected(),
    });
    this.#duties = new Duties({
      ...{ database: this.database, link, holder: `${this.#name}-${Math.random()}`, onTrouble },
      ...{ isHearing: () => collector.figures.isOnline, nowMs: () => this.nowMs(), turnMs: 100 },
    });
    await collector.start();
    await link.start();
    await this.#duties.start();
    this.#collector = collector;
    this.#link = link;
  }

  /** Ends in order, or as a process that is killed: its lease stays, nothing is finished. */
  async stop(isKilled = false): Promise<void> {
    if (isKilled && this.#duties) {
      const { database } = this;
      await this.#duties.stop();
      await database.query(
        "insert into lease values ('duties', 'dead hub', now() + interval '1 second') on conflict (name) do update set holder = 'dead hub', until = excluded.until",
      );
    } else await this.#duties?.stop();
    await this.#collector?.stop();
    await this.#link?.stop();
  }
}

interface Stage {
  readonly broker: Broker;
  readonly hub: Hub;
  readonly devices: FleetDevice[];
  readonly add: (count: number, manner?: Manner) => FleetDevice[];
  readonly order: (more: object) => Promise<void>;
}

async function onStage(open: () => Promise<Database>, work: (stage: Stage) => Promise<void>): Promise<void> {
  const [broker, database] = await Promise.all([startBroker(), open()]);
  await migrate(database);
  const hub = new Hub(database, broker.url, 'hub');
  const devices: FleetDevice[] = [];
  const add = (count: number, manner?: Manner) => {
    const first = devices.length;
    const fresh = Array.from(
      { length: count },
      (_, i) => new FleetDevice({ url: broker.url, site: 'yard', device: `d${first + i}`, manner }),
    );
    devices.push(...fresh);
    return fresh;
  };
  const order = async (more: object) => {
    const target = { devices: devices.map(({ name }) => name) };
    await orderRollout(database, { name: 'r', change: SETTINGS, target, ...QUICK, ...more }, 'ann', hub.nowMs());
  };
  try {
    await hub.start();
    await work({ broker, hub, devices, add, order });
  } finally {
    await hub.stop();
    await Promise.all(devices.map((device) => device.stop()));
    await database.close();
    await broker.stop();
  }
}

let postgres: Postgres | undefined;
const folders: string[] = [];
beforeAll(async () => {
  postgres = await startPostgres(['fsync=off']).catch(() => undefined);
}, 60_000);
afterAll(async () => {
  await postgres?.stop();
  for (const folder of folders) await rm(folder, { recursive: true });
});

/** Each test has a schema of its own. */
let schemas = 0;
async function onServer(): Promise<Database> {
  schemas += 1;
  const admin = await openDatabase(postgres!.url);
  await admin.query(`create schema s${schemas}`);
  await admin.close();
  return openDatabase(`${postgres!.url}?options=-c%20search_path%3Ds${schemas}`);
}

async function embedded(): Promise<Database> {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-rollouts-'));
  folders.push(folder);
  return openDatabase(folder);
}

async function until(condition: () => Promise<boolean> | boolean, what: string, timeoutMs = 30_000): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; ) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited in vain until ${what}`);
}

const status = async ({ database }: Hub) => (await findRollout(database, 'r')).course.status;
const startAll = (devices: readonly FleetDevice[]) => Promise.all(devices.map((device) => device.start()));
const heard = ({ database }: Hub, count: number) =>
  until(
    async () =>
      (await database.query<{ n: number }>("select count(*)::int as n from device where state = 'ready'"))[0]!.n ===
      count,
    `${count} devices are ready`,
  );
const lines = async (hub: Hub) =>
  (await readLog(hub.database, (await findRollout(hub.database, 'r')).id, 100))
    .map(({ who, what }) => `${who}: ${what}`)
    .reverse();

const serverTest = (title: string, work: (stage: Stage) => Promise<void>) =>
  postgresTest(title, () => onStage(onServer, work), 60_000);

const thirty = async ({ hub, devices, add, order }: Stage) => {
  add(26);
  const [bad] = add(1, 'rolls-back');
  const away = add(3);
  await startAll(devices.slice(0, 27));
  await heard(hub, 27);
  await order({ waves: [{ devices: 2 }, { percent: 30 }, {}], errorAfter: 10, errorPercent: 10 });
  const counts = async () => readCounts(hub.database, await findRollout(hub.database, 'r'));
  const sum = async (phase: 'done' | 'failed' | 'pending') =>
    (await counts()).reduce((all, each) => all + (each[phase] ?? 0), 0);
  await until(async () => (await sum('done')) === 26 && (await sum('failed')) === 1, '26 are done and one failed');
  expect(await status(hub)).toBe('running');
  expect(await sum('pending')).toBe(3);
  expect(bad!.version).toBe(0);
  expect(devices.slice(0, 26).every(({ settings }) => settings.healthSeconds === 10)).toBe(true);
  hub.putForward(23 * DAY);
  await startAll(away);
  await until(async () => (await status(hub)) === 'done', 'those who were away have it too');
  expect(away.every(({ settings }) => settings.healthSeconds === 10)).toBe(true);
  const told = await lines(hub);
  expect(told[0]).toBe('ann: created for 30 devices in 3 waves');
  expect(told).toEqual(
    expect.arrayContaining([
      'hub: wave 1 has passed',
      'hub: wave 3 begins',
      'hub: yard/d26 failed: rolled-back: as ordered',
    ]),
  );
  expect(told.at(-1)).toBe('hub: done: 29 devices succeeded, 1 failed');
  expect(hub.troubles).toEqual([]);
};

serverTest('thirty devices in three waves: one fails, three come back after three weeks, all others have it', thirty);
test('the same on the embedded database', () => onStage(embedded, thirty), 90_000);

serverTest(
  'too many failures stop it, and what was not taken up is taken back; resumed, it goes on without them',
  async ({ hub, devices, add, order }) => {
    add(4, 'refuses');
    add(6);
    await startAll(devices);
    await heard(hub, 10);
    await order({ waves: [{ devices: 5 }, {}], errorAfter: 3 });
    await until(async () => (await status(hub)) === 'stopped', 'it stops');
    const { course } = await findRollout(hub.database, 'r');
    expect(course.reason).toMatch(/devices failed|devices succeeded/);
    expect(devices.slice(5).every(({ wishes }) => wishes.length === 0)).toBe(true);
    await expect(obey(hub.database, 'r', { order: 'approve' }, 'ann')).rejects.toThrow(/cannot be approved/);
    await obey(hub.database, 'r', { order: 'resume', retry: false }, 'ann');
    await until(async () => (await status(hub)) === 'done', 'the others have it');
    expect(devices.slice(4).every(({ settings }) => settings.healthSeconds === 10)).toBe(true);
    expect(await lines(hub)).toContain('ann: resumed; failed devices count no more');
  },
);

serverTest(
  'bad health after the change stops it and, as ordered, takes the change back',
  async ({ hub, devices, add, order }) => {
    add(3, 'sickens');
    add(3);
    await startAll(devices);
    await heard(hub, 6);
    await changeDesired(
      hub.database,
      { site: 'yard', device: 'd0' },
      { settings: { healthSeconds: 77 } },
      { who: 'ann' },
    );
    await until(() => devices[0]!.settings.healthSeconds === 77, 'the first wish is in use');
    devices[0]!.manner = 'sickens';
    await order({ waves: [{ devices: 3 }, {}], rollBackOnStop: true });
    await until(async () => (await status(hub)) === 'stopped', 'it stops');
    await until(() => devices[0]!.settings.healthSeconds === 77, 'the former setting is back');
    await until(
      () => devices[1]!.version > 1 && devices[1]!.settings.healthSeconds === undefined,
      'the others have their own again',
    );
    const failed = (await lines(hub)).filter((line) => line.includes('unhealthy after the change: sound-stalled'));
    expect(failed.length).toBeGreaterThan(0);
    const { id } = await findRollout(hub.database, 'r');
    const phases = (await readProgress(hub.database, id)).slice(0, 3).map(({ phase }) => phase);
    expect(phases).toContain('failed');
    expect(phases.every((phase) => phase === 'failed' || phase === 'reverted')).toBe(true);
    expect(devices.slice(3).every(({ wishes }) => wishes.length === 0)).toBe(true);
  },
);

serverTest(
  'an abort with roll back restores what was wished before, except what somebody has set since',
  async ({ hub, devices, add, order }) => {
    add(4);
    await startAll(devices.slice(0, 3));
    await heard(hub, 3);
    await order({ waves: [{}], change: { settings: { healthSeconds: 10, headingDegrees: 90 } } });
    await until(() => devices.slice(0, 3).every(({ version }) => version === 1), 'three have it');
    await changeDesired(
      hub.database,
      { site: 'yard', device: 'd1' },
      { settings: { headingDegrees: 180 } },
      { expectedVersion: 1, who: 'bob' },
    );
    await obey(hub.database, 'r', { order: 'abort', reason: 'wrong heading', rollBack: true }, 'ann');
    await until(() => [0, 2].every((i) => Object.keys(devices[i]!.settings).length === 0), 'the change is taken back');
    await until(
      () => devices[1]!.settings.headingDegrees === 180 && devices[1]!.settings.healthSeconds === undefined,
      "bob's stays",
    );
    await startAll(devices.slice(3));
    await heard(hub, 4);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(devices[3]!.wishes).toEqual([]);
    expect((await lines(hub)).at(-1)).toBe('ann: aborted: wrong heading; taken back from 3 devices');
  },
);

serverTest(
  'a hub that is killed in the middle is followed by another one, and nobody is sent the change twice',
  async ({ broker, hub, devices, add, order }) => {
    add(12);
    await startAll(devices);
    await heard(hub, 12);
    await order({ waves: [{ devices: 3 }, { devices: 3 }, {}], atOnce: 1 });
    const second = new Hub(hub.database, broker.url, 'hub-2');
    await second.start();
    try {
      await until(() => devices.filter(({ version }) => version === 1).length >= 2, 'it has begun');
      expect([hub.isOurTurn, second.isOurTurn]).toEqual([true, false]);
      await hub.stop(true);
      await until(async () => (await status(second)) === 'done', 'the second one has brought it to its end');
      expect(second.isOurTurn).toBe(true);
      expect(devices.map(({ wishes }) => wishes.map(({ version }) => version))).toEqual(devices.map(() => [1]));
    } finally {
      await second.stop();
      await hub.start();
    }
  },
);

/** A database whose transactions break at a statement, one transaction in two, as when the hub dies there. */
function breaking(database: Database): Database {
  let transactions = 0;
  return {
    ...database,
    transaction: (work) =>
      database.transaction((queries) => {
        transactions += 1;
        let left = transactions % 2 === 0 ? (transactions / 2) % 11 : Number.POSITIVE_INFINITY;
        return work({
          query: (sql, values) => {
            if (left === 0) throw new Error('the hub died here');
            left -= 1;
            return queries.query(sql, values);
          },
        });
      }),
  };
}

serverTest(
  'a hub that dies again and again, each time at another statement, sends the change once to each device',
  async ({ broker, hub, devices, add, order }) => {
    add(8);
    await startAll(devices);
    await heard(hub, 8);
    await hub.stop();
    await order({ waves: [{ devices: 2 }, {}], atOnce: 1 });
    const dying = new Hub(breaking(hub.database), broker.url, 'dying');
    await dying.start();
    try {
      await until(async () => (await status(hub)) === 'done', 'it is done nevertheless');
      expect(dying.troubles.filter((trouble) => trouble.includes('the hub died here')).length).toBeGreaterThan(5);
      expect(devices.map(({ wishes }) => wishes.map(({ version }) => version))).toEqual(devices.map(() => [1]));
      expect((await lines(hub)).filter((line) => line.endsWith('done'))).toHaveLength(8);
    } finally {
      await dying.stop();
      await hub.start();
    }
  },
);

serverTest('two operators: who saw an older version is refused and told which it is now', async ({ hub }) => {
  const key = { site: 'yard', device: 'd0' };
  const { version } = await changeDesired(
    hub.database,
    key,
    { settings: { headingDegrees: 1 } },
    { expectedVersion: 0, who: 'ann' },
  );
  const late = changeDesired(
    hub.database,
    key,
    { settings: { headingDegrees: 2 } },
    { expectedVersion: 0, who: 'bob' },
  );
  await expect(late).rejects.toThrow(/version 1, not 0: somebody changed them/);
  const both = [1, 2, 3].map((headingDegrees) =>
    changeDesired(
      hub.database,
      key,
      { settings: { headingDegrees: 10 * headingDegrees } },
      { expectedVersion: version, who: 'ann' },
    ),
  );
  const results = await Promise.allSettled(both);
  expect(results.filter((each) => each.status === 'fulfilled')).toHaveLength(1);
  expect((await readDesired(hub.database, key)).version).toBe(2);
});

serverTest('a broker that has lost its retained wishes gets them again', async ({ broker, hub, devices, add }) => {
  add(1);
  const key = { site: 'yard', device: 'd0' };
  await changeDesired(hub.database, key, { settings: { headingDegrees: 45 } }, { who: 'ann' });
  await until(async () => (await readDesired(hub.database, key)).published === 1, 'the broker has it');
  const port = Number(new URL(broker.url).port);
  await broker.stop(); // it keeps nothing on a disk
  const again = await startBroker(port);
  try {
    await startAll(devices);
    await until(() => devices[0]!.settings.headingDegrees === 45, 'the device has the wish of before');
  } finally {
    await Promise.all(devices.map((device) => device.stop()));
    await hub.stop();
    await again.stop();
  }
});

serverTest(
  'a device may be in one rollout of the same things at a time, unless the newer one supersedes',
  async ({ hub, devices, add, order }) => {
    add(2);
    await order({ waves: [{}] });
    await expect(order({ name: 'r2' })).rejects.toThrow(/2 devices \(yard\/d0 ...\) still wait in rollout r/);
    await order({ name: 'r3', change: { settings: { headingDegrees: 3 } } });
    await order({ name: 'r4', supersede: true });
    await until(async () => (await status(hub)) === 'done', 'the older one has nobody left');
    const { id } = await findRollout(hub.database, 'r');
    expect((await readProgress(hub.database, id)).map(({ phase, reason }) => [phase, reason])).toEqual(
      devices.map(() => ['out', 'superseded by r4']),
    );
    await expect(order({ name: 'r4' })).rejects.toThrow(/There is a rollout r4 already/);
    await expect(order({ name: 'r5', target: { rule: { sites: ['nowhere'] } } })).rejects.toThrow(/No device fits/);
  },
);
