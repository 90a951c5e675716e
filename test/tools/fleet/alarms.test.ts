// Alarms: how long before one is raised, how it clears, what flaps, what a restart remembers, and which sounds ring.
import fc from 'fast-check';
import type { EventMessage, HealthMessage } from '../../../runtime/uplink/topics.ts';
import { conditionOf, isHeard, isWithin, type Subject } from '../../../tools/fleet/alarm-conditions.ts';
import { advance, QUIET, type Watch } from '../../../tools/fleet/alarm-engine.ts';
import { AlarmRule, DEFAULT_RULES } from '../../../tools/fleet/alarm-rules.ts';
import {
  acknowledgeAlarm,
  listAlarms,
  listRules,
  removeRule,
  setRule,
  silenceAlarm,
} from '../../../tools/fleet/alarm-store.ts';
import { type AlarmNews, AlarmWatch } from '../../../tools/fleet/alarm-watch.ts';
import { type Database, openDatabase } from '../../../tools/fleet/database.ts';
import { keepDeviceMessages } from '../../../tools/fleet/device-store.ts';
import { storeEvents } from '../../../tools/fleet/event-store.ts';
import { FLOOD_LIMITS, floodNotice } from '../../../tools/fleet/flood.ts';
import { migrate } from '../../../tools/fleet/migrations.ts';
import { quarantine } from '../../../tools/fleet/quarantine.ts';
import { addWebhook, NewWebhook } from '../../../tools/fleet/webhook-store.ts';
import { postgresTest, startPostgres } from '../../postgres.ts';

const MINUTE = 60_000;
const time = '2026-11-23T10:00:00.000Z';
const rule = (name: string) => DEFAULT_RULES.find((each) => each.name === name)!;

const health = (more: Partial<HealthMessage> = {}): HealthMessage => ({
  ...{
    schema: 'seld/health/1',
    site: 'yard',
    device: 'north',
    bootId: 'b1',
    uptimeSeconds: 60,
    streamSeconds: 60,
    levelsDbfs: [-40],
  },
  ...{
    lostSamples: 0,
    discontinuities: 0,
    stages: {},
    inference: { backend: 'x', medianMs: 1, p95Ms: 1 },
    memoryBytes: 1,
    time,
  },
  ...{ outbox: { queued: 0, acknowledged: 0, dropped: 0 }, faults: [] },
  ...more,
});
const subject = (more: Partial<Subject> = {}): Subject => ({
  site: 'yard',
  device: 'north',
  state: 'ready',
  health: health(),
  silentMs: 0,
  ...more,
});
const fault = (code: string) => ({ code, message: 'as it is', since: time, count: 1 });

test.each([
  ['device-silent', subject({ silentMs: 6 * MINUTE }), true],
  ['device-silent', subject({ silentMs: 4 * MINUTE }), false],
  ['device-silent', subject({ silentMs: 60 * MINUTE, state: 'disconnected' }), false],
  ['device-silent', subject({ silentMs: null }), null],
  ['device-away', subject({ silentMs: 1441 * MINUTE, state: 'disconnected' }), true],
  ['device-alert', subject({ state: 'alert' }), true],
  ['deaf', subject({ health: health({ faults: [fault('microphone-lost')] }) }), true],
  ['deaf', subject({ health: health({ faults: [fault('throttled')] }) }), false],
  ['deaf', subject({ health: health({ faults: [fault('microphone-lost')] }), silentMs: 11 * MINUTE }), null],
  [
    'microphone',
    subject({
      health: health({
        microphone: {
          state: 'ok',
          device: 'x',
          restarts: 0,
          driftPpm: null,
          channels: [{ faults: [] }, { faults: ['dead'] }],
        },
      }),
    }),
    true,
  ],
  ['microphone', subject(), null],
  ['inference-fallback', subject({ health: health({ faults: [fault('inference-fallback')] }) }), true],
  [
    'outbox-old',
    subject({ health: health({ outbox: { queued: 9, acknowledged: 0, dropped: 0, oldestSeconds: 4000 } }) }),
    true,
  ],
  [
    'outbox-old',
    subject({ health: health({ outbox: { queued: 0, acknowledged: 0, dropped: 0, oldestSeconds: null } }) }),
    false,
  ],
  ['disk', subject({ health: health({ disk: { totalBytes: 1000, freeBytes: 40 } }) }), true],
  ['disk', subject({ health: health({ disk: { totalBytes: null, freeBytes: null } }) }), null],
  ['restarts', subject({ health: health({ lastExit: { reason: null, time: null, startsLastHour: 4 } }) }), true],
] as [string, Subject, boolean | null][])('the rule %s judges a device as it should (%#)', (name, given, expected) => {
  expect(conditionOf(rule(name), given, false).isMet).toBe(expected);
});

test('a figure that was over its limit is well again only beyond where it clears', () => {
  const at = (share: number, isRaised: boolean) =>
    conditionOf(
      rule('disk'),
      subject({ health: health({ disk: { totalBytes: 1000, freeBytes: 1000 * share } }) }),
      isRaised,
    ).isMet;
  expect([at(0.06, false), at(0.06, true), at(0.09, true)]).toEqual([false, true, false]);
});

test('a sector goes over north where it must', () => {
  expect([350, 0, 10, 20, 340].map((degrees) => isWithin({ from: 345, to: 15 }, degrees))).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
  expect([-170, 170, 0].map((degrees) => isWithin({ from: 160, to: -160 }, degrees))).toEqual([true, true, false]);
  expect(isWithin({ from: 0, to: 360 }, 200)).toBe(true);
});

/** Plays a condition over time, one look a second. */
function play(conditions: readonly (boolean | null)[], limits: { forSeconds: number; clearSeconds: number }) {
  let watch: Watch = QUIET;
  return conditions.flatMap((isMet, second) => {
    const verdict = advance(watch, { isMet }, limits, 1000 * second);
    watch = verdict.watch;
    return verdict.change ? [[second, verdict.change]] : [];
  });
}
const seconds = (isMet: boolean | null, count: number) => Array.from({ length: count }, () => isMet);

test('an alarm is raised after its time and cleared after its time; what is not known changes nothing', () => {
  const limits = { forSeconds: 30, clearSeconds: 60 };
  const given = [
    ...seconds(true, 29),
    ...seconds(false, 1),
    ...seconds(true, 31),
    ...seconds(null, 500),
    ...seconds(false, 61),
  ];
  expect(play(given, limits)).toEqual([
    [60, 'raise'],
    [621, 'clear'],
  ]);
});

test('what comes and goes is told four times, then held until it was quiet for half an hour', () => {
  const limits = { forSeconds: 0, clearSeconds: 0 };
  const flaps = Array.from({ length: 100 }, (_, i) => i % 2 === 0);
  const told = play([...flaps, ...seconds(false, 1900)], limits);
  expect(told.map(([, change]) => change)).toEqual([
    'raise',
    'clear',
    'raise',
    'clear',
    'raise',
    'clear',
    'flap',
    'clear',
  ]);
  expect(told.at(-1)![0]).toBe(99 + 1800);
});

test('for any course of things raises and clears alternate, and within an hour there are at most eight', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(true, false, null), { maxLength: 600 }),
      fc.nat(5),
      fc.nat(5),
      (given, forSeconds, clearSeconds) => {
        const told = play(given, { forSeconds, clearSeconds }).map(([, change]) => change);
        return told.length <= 8 && told.every((change, i) => (i % 2 === 0 ? change !== 'clear' : change === 'clear'));
      },
    ),
  );
});

const event = (seq: number, more: Partial<EventMessage> = {}): EventMessage => ({
  ...{
    schema: 'seld/event/1',
    site: 'yard',
    device: 'north',
    bootId: 'b1',
    id: `north/b1/${seq}`,
    seq,
    track: seq,
    phase: 'new',
  },
  ...{
    class: 'siren',
    score: 0.8,
    frame: 'microphone',
    azimuth: 10,
    elevation: 0,
    direction: [1, 0, 0],
    spreadDegrees: 1,
  },
  ...{
    bearingDegrees: 350,
    headingDegrees: 0,
    position: null,
    startSeconds: 1,
    endSeconds: 2,
    startTime: time,
    endTime: time,
    sentTime: time,
  },
  ...{ clock: { source: 'system', synced: true, offsetMs: 0 } },
  ...more,
});

test.each([
  [{}, {}, true],
  [{ classes: ['siren', 'bark'] }, {}, true],
  [{ classes: ['bark'] }, {}, false],
  [{ minScore: 0.9 }, {}, false],
  [{ bearing: { from: 340, to: 20 } }, {}, true],
  [{ bearing: { from: 20, to: 340 } }, {}, false],
  [{ bearing: { from: 340, to: 20 } }, { bearingDegrees: null }, false],
  [{ azimuth: { from: 0, to: 20 } }, {}, true],
  [{ window: { from: '22:00', to: '06:00', zone: 'UTC' } }, {}, false],
  [{ window: { from: '09:00', to: '11:00', zone: 'UTC' } }, {}, true],
  [{ oldestMinutes: 5 }, { startTime: '2026-11-23T09:00:00.000Z' }, false],
] as [object, Partial<EventMessage>, boolean][])('a rule %j rings for a siren with %j: %s', (more, sound, expected) => {
  const given = AlarmRule.parse({ name: 'e', kind: 'event', ...more });
  expect(given.kind === 'event' && isHeard(given, event(1, sound), null, Date.parse(time))).toBe(expected);
});

interface Stage {
  readonly database: Database;
  readonly clock: { nowMs: number };
  readonly news: string[];
  /** Lets the time pass in steps of ten seconds, each with a look. */
  readonly pass: (minutes: number, isHearing?: boolean) => Promise<void>;
  readonly restart: () => void;
}

function stageTest(title: string, work: (stage: Stage) => Promise<void>): void {
  postgresTest(
    title,
    async () => {
      const postgres = await startPostgres(['fsync=off']);
      const database = await openDatabase(postgres.url);
      await migrate(database);
      const clock = { nowMs: Date.parse(time) };
      const news: string[] = [];
      const onAlarm = ({ change, alarm }: AlarmNews) => void news.push(`${change} ${alarm.rule} ${alarm.device}`);
      let watch = new AlarmWatch({ database, nowMs: () => clock.nowMs, onAlarm });
      const restart = () => {
        watch = new AlarmWatch({ database, nowMs: () => clock.nowMs, onAlarm });
      };
      const pass = async (minutes: number, isHearing = true) => {
        for (let i = 0; i < 6 * minutes; i += 1) {
          clock.nowMs += 10_000;
          await watch.look(isHearing);
        }
      };
      try {
        await work({ database, clock, news, pass, restart });
      } finally {
        await database.close();
        await postgres.stop();
      }
    },
    60_000,
  );
}

let told = 0;
const say = (database: Database, more: Partial<HealthMessage>) => {
  told += 1;
  const message = health({ time: new Date(Date.parse(time) + told).toISOString(), ...more });
  return keepDeviceMessages(database, [{ kind: 'health', message }]);
};

stageTest(
  'a deaf device is an alarm that is told once, acknowledged, and over when it hears again',
  async ({ database, news, pass, restart }) => {
    await addWebhook(
      database,
      NewWebhook.parse({ url: 'http://127.0.0.1:9/', topics: ['alarm'], allowPrivate: true }),
      'ann',
    );
    await say(database, { faults: [fault('microphone-lost')] });
    await pass(2);
    expect(news).toEqual(['raised deaf north']);
    restart();
    await pass(2);
    expect(news).toHaveLength(1);
    const [alarm] = await listAlarms(database);
    expect(alarm).toMatchObject({
      rule: 'deaf',
      site: 'yard',
      severity: 'critical',
      message: 'microphone-lost: as it is',
      cleared: null,
    });
    expect(await acknowledgeAlarm(database, alarm!.id, 'ann')).toMatchObject({ acknowledgedBy: 'ann' });
    expect(await acknowledgeAlarm(database, alarm!.id, 'bob')).toMatchObject({ acknowledgedBy: 'ann' });
    await say(database, { faults: [] });
    await pass(2);
    expect(news).toEqual(['raised deaf north', 'cleared deaf north']);
    expect((await listAlarms(database))[0]!.cleared).not.toBeNull();
    const queued = await database.query<{ id: string }>('select id from webhook_delivery order by id');
    expect(queued.map(({ id }) => id)).toEqual([`msg_1_alarm-${alarm!.id}-cleared`, `msg_1_alarm-${alarm!.id}-raised`]);
    await expect(acknowledgeAlarm(database, 999, 'ann')).rejects.toThrow(/There is no alarm 999/);
  },
);

stageTest('a silenced alarm is kept and shown, but not told', async ({ database, clock, news, pass }) => {
  await say(database, { faults: [fault('inference-failed')] });
  await pass(1);
  const [alarm] = await listAlarms(database, { openOnly: true });
  await silenceAlarm(database, alarm!.id, new Date(clock.nowMs + 60 * MINUTE), 'ann');
  await say(database, { faults: [] });
  await pass(3);
  await say(database, { faults: [fault('inference-failed')] });
  await pass(1);
  expect(news).toEqual(['raised inference-failed north']);
  expect(await listAlarms(database)).toHaveLength(2);
});

stageTest(
  'silence is an alarm only when the hub has heard for long enough itself',
  async ({ database, news, pass }) => {
    await say(database, {});
    await database.query("update device set state = 'ready', health_received = now() - interval '20 minutes'");
    await pass(10, false);
    await pass(4);
    expect(news).toEqual([]);
    await pass(2);
    expect(news).toEqual(['raised device-silent north']);
    // A retained copy of the same message, after the collector came back, is no sign of life.
    await keepDeviceMessages(database, [
      { kind: 'health', message: health({ time: new Date(Date.parse(time) + told).toISOString() }) },
    ]);
    await pass(2);
    expect(news).toEqual(['raised device-silent north']);
    await pass(5, false); // the hub does not know: nothing is cleared, nothing raised
    await say(database, {});
    await pass(2);
    expect(news).toEqual(['raised device-silent north', 'cleared device-silent north']);
  },
);

stageTest('missing events, a growing quarantine and a stopped rollout are alarms', async ({ database, news, pass }) => {
  await say(database, {});
  await storeEvents(database, [event(1), event(5)]);
  await pass(5);
  expect(news).toEqual([]);
  await quarantine(
    database,
    Array.from({ length: 25 }, () => ({ topic: 't', payload: Uint8Array.of(1), reason: 'no JSON' })),
  );
  await database.query(
    `insert into rollout (name, definition, course, created_by) values ('r', '{}', '{"status": "stopped", "reason": "2 of 3 failed"}', 'ann')`,
  );
  await pass(6);
  expect(news.sort()).toEqual(['raised events-missing north', 'raised quarantine ', 'raised rollout-stopped ']);
  const messages = (await listAlarms(database)).map(({ message }) => message).sort();
  expect(messages).toEqual([
    '25 messages were put away within 10 minutes, e.g.: no JSON',
    '3 events are missing for 10 minutes or longer',
    'r stopped: 2 of 3 failed',
  ]);
  await storeEvents(
    database,
    [2, 3, 4].map((seq) => event(seq)),
  );
  await database.query('delete from rollout');
  await pass(2);
  expect((await listAlarms(database, { openOnly: true })).map((alarm) => alarm.rule)).toEqual(['quarantine']);
});

stageTest(
  'a device that says more than it may raises an alarm until it has been quiet',
  async ({ database, news, pass }) => {
    await say(database, {});
    const flood = { site: 'yard', device: 'north', shed: 1200 };
    await quarantine(database, [floodNotice(flood, FLOOD_LIMITS), floodNotice({ ...flood, shed: 7 }, FLOOD_LIMITS)]);
    await pass(2);
    expect(news).toEqual(['raised flooding north']);
    const [alarm] = await listAlarms(database, { openOnly: true });
    expect(alarm!.message).toMatch(/^flood: 7 messages were not stored/);
    await database.query("update quarantine set received = received - interval '6 minutes'");
    await pass(2);
    expect(news).toEqual(['raised flooding north', 'cleared flooding north']);
  },
);

stageTest(
  'a sound that a rule waits for rings once, and again after it was over',
  async ({ database, clock, news, pass, restart }) => {
    await setRule(
      database,
      AlarmRule.parse({ name: 'siren', kind: 'event', classes: ['siren'], clearSeconds: 300 }),
      'ann',
    );
    await pass(1);
    const now = () => new Date(clock.nowMs).toISOString();
    await storeEvents(database, [event(1, { startTime: now() }), event(2, { startTime: now(), class: 'bark' })]);
    await pass(1);
    expect(news).toEqual(['raised siren north']);
    expect((await listAlarms(database))[0]!.message).toBe('siren heard, score 0.80, bearing 350°');
    restart();
    await storeEvents(database, [event(3, { startTime: now() })]);
    await pass(7);
    expect(news).toEqual(['raised siren north', 'cleared siren north']);
    await storeEvents(database, [event(4, { startTime: now() })]);
    await pass(1);
    expect(news).toHaveLength(3);
    await removeRule(database, 'siren');
    await pass(1);
    expect(news.at(-1)).toBe('cleared siren north');
  },
);

stageTest(
  "the hub's own rules can be changed and come back; broken ones are refused",
  async ({ database, news, pass }) => {
    await setRule(database, AlarmRule.parse({ ...rule('deaf'), enabled: false }), 'ann');
    await say(database, { faults: [fault('microphone-lost')] });
    await pass(2);
    expect(news).toEqual([]);
    await removeRule(database, 'deaf');
    expect((await listRules(database)).map(({ name }) => name)).toEqual(DEFAULT_RULES.map(({ name }) => name).sort());
    await pass(2);
    expect(news).toEqual(['raised deaf north']);
    await expect(removeRule(database, 'deaf')).rejects.toThrow(/one of the hub's own rules/);
    await expect(removeRule(database, 'nothing')).rejects.toThrow(/There is no rule nothing/);
    expect(AlarmRule.safeParse({ name: 'x', kind: 'figure', figure: 'celsius' }).success).toBe(false);
  },
);
