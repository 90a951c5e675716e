// The rollout machine without a hub: simulated devices, simulated weeks, and properties that hold for any fleet and any settings.
import fc from 'fast-check';
import { parseRollout, type RolloutDefinition } from '../../../tools/fleet/rollout-definition.ts';
import { abort, afterAbort, afterResume, approve, pause, resume } from '../../../tools/fleet/rollout-orders.ts';
import { type Course, firstCourse, firstProgress, type Step, step } from '../../../tools/fleet/rollout-plan.ts';
import { waveSizes } from '../../../tools/fleet/rollout-target.ts';
import type { Facts, Progress } from '../../../tools/fleet/rollout-verdict.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const START = Date.parse('2026-11-23T10:00:00Z'); // a Monday

/** How a simulated device behaves with the change. */
interface Habit {
  /** Minutes since the start in which it is there; afterwards and before it is away. */
  readonly online: readonly (readonly [number, number])[];
  readonly takes: 'applies' | 'refuses' | 'rolls-back' | 'dies' | 'ignores' | 'sickens';
}

const ALWAYS: Habit['online'] = [[0, Number.POSITIVE_INFINITY]];
const GOOD: Habit = { online: ALWAYS, takes: 'applies' };

/** A fleet, a rollout over it and a clock. What devices have is kept here, as the broker and they would. */
class Simulation {
  readonly definition: RolloutDefinition;
  readonly habits: readonly Habit[];
  course: Course;
  devices: Progress[];
  minute = 0;
  readonly happened: string[] = [];
  /** Minute of each send, by device. */
  readonly sends: { readonly minute: number; readonly name: string; readonly wave: number }[] = [];
  readonly #desired = new Map<string, { version: number; isOurs: boolean }>();
  readonly #taken = new Map<string, { version: number; minute: number }>();

  constructor(habits: readonly Habit[], settings: object = {}) {
    const names = habits.map((_, i) => `yard/d${i}`);
    const change = { settings: { healthSeconds: 10 } };
    this.definition = parseRollout({ name: 'r', change, target: { devices: names }, ...settings }, 'test');
    this.habits = habits;
    this.course = firstCourse(this.definition, START);
    const sizes = waveSizes(this.definition.waves, names.length);
    const waves = sizes.flatMap((size, wave) => Array.from({ length: size }, () => wave));
    this.devices = names.map((name, i) => firstProgress(name, waves[i]!));
  }

  phase(i: number): string {
    return this.devices[i]!.phase;
  }

  /** How many devices are in a phase. */
  count(phase: string): number {
    return this.devices.filter((device) => device.phase === phase).length;
  }

  isThere(i: number): boolean {
    const taken = this.#taken.get(this.devices[i]!.name);
    if (taken && this.habits[i]!.takes === 'dies') return false;
    return this.habits[i]!.online.some(([from, to]) => this.minute >= from && this.minute < to);
  }

  /** One look a minute, or as often as is said. */
  run(minutes: number, every = 1): this {
    for (let i = 0; i < minutes; i += every) {
      this.minute += every;
      this.look();
    }
    return this;
  }

  /** Nobody looks; the devices live on. */
  sleep(minutes: number): this {
    this.minute += minutes;
    return this;
  }

  look(): Step {
    const nowMs = START + this.minute * MINUTE;
    for (const [i, device] of this.devices.entries()) this.#deviceTakes(i, device.name);
    const facts = new Map(this.devices.map((device, i) => [device.name, this.#facts(i, device.name)]));
    const begunLastMinute = this.devices.filter(({ sentMs }) => sentMs !== null && sentMs > nowMs - MINUTE).length;
    const none = { done: 0, failed: 0, pendingOnline: 0, pendingOffline: 0 };
    const result = step({
      ...{ definition: this.definition, course: this.course, devices: this.devices, facts, begunLastMinute, nowMs },
      elsewhere: this.definition.waves.map(() => none),
    });
    this.course = result.course;
    const after = new Map(result.devices.map((device) => [device.name, device]));
    this.devices = this.devices.map((device) => after.get(device.name) ?? device);
    for (const { kind, name } of result.actions) {
      const version = (this.#desired.get(name)?.version ?? 0) + 1;
      this.#desired.set(name, { version, isOurs: kind === 'send' });
      const device = this.devices.find((each) => each.name === name)!;
      if (kind === 'send') this.sends.push({ minute: this.minute, name, wave: device.wave });
    }
    this.happened.push(...result.happened);
    return result;
  }

  /** Does the broker hold our change for the device? */
  holds(i: number): boolean {
    return this.#desired.get(this.devices[i]!.name)?.isOurs ?? false;
  }

  #deviceTakes(i: number, name: string): void {
    const desired = this.#desired.get(name);
    if (!desired || !this.isThere(i) || this.habits[i]!.takes === 'ignores') return;
    if (this.#taken.get(name)?.version === desired.version) return;
    this.#taken.set(name, { version: desired.version, minute: this.minute });
  }

  #facts(i: number, name: string): Facts {
    const taken = this.#taken.get(name);
    const { takes } = this.habits[i]!;
    const there = this.isThere(i);
    const isSick = takes === 'sickens' && this.#desired.get(name)?.isOurs && taken;
    return {
      state: there ? 'ready' : taken && takes === 'dies' ? 'lost' : 'disconnected',
      healthMs: there ? START + this.minute * MINUTE : START,
      faults: ['clock-not-synced', ...(isSick ? ['sound-stalled'] : [])],
      ...{ desiredVersion: this.#desired.get(name)?.version ?? 0, zone: null },
      reported: taken ? reported(taken.version, takes, this.minute - taken.minute) : null,
    };
  }
}

/** A device tries for a minute, then says what became of it. */
function reported(version: number, takes: Habit['takes'], minutes: number): Facts['reported'] {
  if (minutes < 1 || takes === 'dies')
    return { version: version - 1, desiredVersion: version, state: 'trial', errors: [] };
  if (takes === 'refuses' || takes === 'rolls-back') {
    const state = takes === 'refuses' ? 'refused' : 'rolled-back';
    return { version: version - 1, desiredVersion: version, state, errors: [{ key: 'healthSeconds', message: 'no' }] };
  }
  return { version, desiredVersion: version, state: 'applied', errors: [] };
}

const many = (n: number, habit: Habit = GOOD) => Array.from({ length: n }, () => habit);

test('a healthy fleet goes through its waves one after the other and is done', () => {
  const fleet = new Simulation(many(40), { waves: [{ devices: 2 }, { percent: 25 }, {}] }).run(60);
  expect(fleet.course.status).toBe('done');
  expect(fleet.count('done')).toBe(40);
  expect(fleet.happened).toEqual(expect.arrayContaining(['wave 1 has passed', 'wave 2 begins', 'wave 3 begins']));
  expect(fleet.happened.at(-1)).toBe('done: 40 devices succeeded, 0 failed');
  expect([0, 1, 2].map((wave) => fleet.sends.filter((send) => send.wave === wave).length)).toEqual([2, 10, 28]);
  const last = (wave: number) =>
    Math.max(...fleet.sends.filter((send) => send.wave === wave).map(({ minute }) => minute));
  const first = (wave: number) =>
    Math.min(...fleet.sends.filter((send) => send.wave === wave).map(({ minute }) => minute));
  // a device tries for a minute and must be healthy for five more
  expect(first(1) - last(0)).toBeGreaterThanOrEqual(6);
  expect(first(2) - last(1)).toBeGreaterThanOrEqual(6);
});

test('a canary that fails stops the rollout before anybody else is touched, and says why', () => {
  const fleet = new Simulation([{ ...GOOD, takes: 'rolls-back' }, ...many(19)], { waves: [{ devices: 1 }, {}] }).run(
    30,
  );
  expect(fleet.course).toMatchObject({ status: 'stopped', wave: 0 });
  expect(fleet.course.reason).toBe('wave 1: 0 of 1 devices succeeded (0 %, 90 % are needed)');
  expect(fleet.sends).toHaveLength(1);
  expect(fleet.happened[0]).toBe('yard/d0 failed: rolled-back: healthSeconds: no');
});

test.each([
  ['refuses', /refused: healthSeconds: no/],
  ['rolls-back', /rolled-back/],
  ['ignores', /said nothing of the change within 60 minutes online/],
  ['dies', /no health message for 16 minutes after it took the change up/],
  ['sickens', /unhealthy after the change: sound-stalled/],
] as const)('a device that %s counts as failed with its reason; a fault from before does not', (takes, reason) => {
  const fleet = new Simulation([{ ...GOOD, takes }, ...many(19)], { waves: [{}] }).run(90);
  expect(['failed', 'silent']).toContain(fleet.phase(0));
  expect(fleet.devices[0]!.reason).toMatch(reason);
  expect(fleet.count('done')).toBe(19);
});

// Failures are known sooner than successes, which must stay healthy for five minutes: early on their share looks higher.
test('failures beyond the threshold stop the rollout; with few judged devices they do not count yet', () => {
  const habits = many(100).map((habit, i) => (i % 5 === 4 ? { ...habit, takes: 'refuses' as const } : habit));
  const settings = { waves: [{}], perMinute: 5, errorAfter: 20, errorPercent: 15 };
  const fleet = new Simulation(habits, settings).run(120);
  expect(fleet.course.status).toBe('stopped');
  expect(fleet.course.reason).toMatch(/of \d+ devices failed \(\d+ %, more than 15 %\)/);
  const judged = fleet.count('failed') + fleet.count('done');
  expect(judged).toBeGreaterThanOrEqual(20);
  expect(fleet.sends.length).toBeLessThan(70);
  const lenient = new Simulation(habits, { ...settings, errorPercent: 45 }).run(120);
  expect(lenient.course.status).toBe('done');
});

test('devices that are away wait, and get it when they come back weeks later', () => {
  const away: Habit = { online: [[21 * 24 * 60, Number.POSITIVE_INFINITY]], takes: 'applies' };
  const fleet = new Simulation([...many(8), away, away], { waves: [{ devices: 4 }, {}] }).run(60);
  expect(fleet.course.status).toBe('running');
  expect([fleet.count('done'), fleet.count('pending'), fleet.count('failed')]).toEqual([8, 2, 0]);
  expect(fleet.holds(8)).toBe(false); // what is not begun is not on the broker either
  fleet.sleep(21 * 24 * 60).run(30);
  expect(fleet.course.status).toBe('done');
  expect(fleet.count('done')).toBe(10);
});

test('a device that leaves after the wish was published is waited for, not failed', () => {
  const leaves: Habit = {
    online: [
      [0, 1.5],
      [30 * 24 * 60, Number.POSITIVE_INFINITY],
    ],
    takes: 'ignores',
  };
  const fleet = new Simulation([leaves, ...many(3)], { waves: [{}] })
    .run(120)
    .sleep(29 * 24 * 60)
    .run(30);
  expect(fleet.phase(0)).toBe('sent');
  fleet.sleep(24 * 60).run(30);
  expect(fleet.phase(0)).toBe('sent'); // online for half an hour so far
  fleet.run(60);
  expect(fleet.devices[0]).toMatchObject({ phase: 'failed', reason: expect.stringContaining('60 minutes online') });
});

test('a first wave that is wholly away proves nothing: the second one waits', () => {
  const away: Habit = { online: [[3 * 24 * 60, Number.POSITIVE_INFINITY]], takes: 'applies' };
  const fleet = new Simulation([away, away, ...many(8)], { waves: [{ devices: 2 }, {}] }).run(600);
  expect(fleet.sends).toHaveLength(0);
  fleet.sleep(3 * 24 * 60).run(40);
  expect(fleet.course.status).toBe('done');
});

test('a wave goes on when the quorum is judged, though some of it are away', () => {
  const away: Habit = { online: [], takes: 'applies' };
  const habits = [GOOD, GOOD, away, away, ...many(6)];
  expect(new Simulation(habits, { waves: [{ devices: 4 }, {}] }).run(40).count('done')).toBe(8);
  expect(new Simulation(habits, { waves: [{ devices: 4 }, {}], quorumPercent: 75 }).run(40).count('done')).toBe(2);
});

test('a stop takes the wish back from devices that left before they took it up', () => {
  const leaves: Habit = {
    online: [
      [0, 1.5],
      [1000, Number.POSITIVE_INFINITY],
    ],
    takes: 'ignores',
  };
  const bad: Habit = { ...GOOD, takes: 'refuses' };
  const fleet = new Simulation([leaves, bad, bad, bad], { waves: [{}], errorAfter: 3 }).run(10);
  expect(fleet.course.status).toBe('stopped');
  expect(fleet.phase(0)).toBe('pending');
  expect(fleet.holds(0)).toBe(false);
});

test('a wave that needs approval waits for it, and a pause begins nothing new', () => {
  const fleet = new Simulation(many(10), { waves: [{ devices: 2, approval: true }, { approval: true }] }).run(20);
  expect(fleet.course).toMatchObject({ status: 'awaiting-approval', reason: 'wave 1 needs approval' });
  fleet.course = approve(fleet.course);
  fleet.run(20);
  expect(fleet.course).toMatchObject({ status: 'awaiting-approval', reason: 'wave 2 needs approval' });
  expect(fleet.count('done')).toBe(2);
  fleet.course = resume(pause(fleet.course, 'lunch'));
  fleet.run(5);
  expect(fleet.course.status).toBe('awaiting-approval');
  fleet.course = pause(approve(fleet.course), 'lunch');
  expect(() => approve(fleet.course)).toThrow(/The rollout is paused \(lunch\) and cannot be approved/);
  fleet.run(20);
  expect(fleet.sends).toHaveLength(2);
  fleet.course = resume(fleet.course);
  expect(fleet.run(20).course.status).toBe('done');
  expect(() => pause(fleet.course, '')).toThrow(/done/);
});

test('a soaking wave delays the next one', () => {
  const fleet = new Simulation(many(4), { waves: [{ devices: 1, soakMinutes: 1440 }, {}] }).run(1400);
  expect(fleet.sends).toHaveLength(1);
  expect(fleet.run(100).course.status).toBe('done');
});

test('no minute has more beginnings than the rate, wherever it starts', () => {
  const fleet = new Simulation(many(12), { waves: [{}], perMinute: 3 }).run(6, 1 / 8);
  const begun = fleet.sends.map(({ minute }) => minute);
  expect(begun).toHaveLength(12);
  for (const from of begun)
    expect(begun.filter((minute) => minute >= from && minute < from + 1).length).toBeLessThanOrEqual(3);
});

test('devices are begun only while their window is open', () => {
  const window = { days: ['tue'], from: '02:00', to: '03:00', zone: 'UTC' };
  const fleet = new Simulation(many(6), { waves: [{}], window, perMinute: 1 }).run(DAY / MINUTE);
  const open = (16 * 60) as number; // from Monday 10:00 to Tuesday 02:00
  expect(fleet.sends.map(({ minute }) => minute)).toEqual([0, 1, 2, 3, 4, 5].map((i) => open + i));
});

test('what passed while the hub was away is not held against a device', () => {
  const fleet = new Simulation([{ ...GOOD, takes: 'ignores' }, ...many(3)], { waves: [{}] }).run(30).sleep(600).run(20);
  expect(fleet.phase(0)).toBe('sent');
  expect(fleet.run(20).phase(0)).toBe('failed');
});

test('after a resume failed devices count no more, or are tried again', () => {
  const habits = [{ ...GOOD, takes: 'refuses' as const }, ...many(9)];
  for (const retry of [false, true]) {
    const fleet = new Simulation(habits, { waves: [{ devices: 1 }, {}] }).run(20);
    fleet.course = resume(fleet.course);
    fleet.devices = afterResume(fleet.devices, retry);
    fleet.run(40);
    expect(fleet.course.status).toBe(retry ? 'stopped' : 'done');
    expect(fleet.sends.filter(({ name }) => name === 'yard/d0')).toHaveLength(retry ? 2 : 1);
  }
});

test('an abort leaves out who has not begun, and takes back from others only when asked', () => {
  const fleet = new Simulation([...many(3), { ...GOOD, takes: 'ignores' }, { online: [], takes: 'applies' }], {
    waves: [{}],
  }).run(20);
  const fates = (rollBack: boolean) => fleet.devices.map((device) => afterAbort(device, rollBack));
  expect(fates(false)).toEqual(['keep', 'keep', 'keep', 'take-back', 'leave-out']);
  expect(fates(true)).toEqual(['take-back', 'take-back', 'take-back', 'take-back', 'leave-out']);
  fleet.course = abort(fleet.course, 'enough');
  const before = fleet.devices;
  fleet.run(10);
  expect(fleet.devices).toEqual(before);
  expect(() => abort(fleet.course, '')).toThrow(/aborted \(enough\)/);
});

const habitOf = fc.record({
  online: fc.oneof(
    { weight: 4, arbitrary: fc.constant(ALWAYS) },
    fc.constant([]),
    fc.tuple(fc.nat(50), fc.integer({ min: 1, max: 200 })).map(([from, length]) => [[from, from + length] as const]),
  ),
  takes: fc.oneof(
    { weight: 6, arbitrary: fc.constant('applies' as const) },
    fc.constantFrom('refuses' as const, 'rolls-back' as const, 'dies' as const, 'ignores' as const, 'sickens' as const),
  ),
});

const settingsOf = fc.record({
  waves: fc.array(
    fc.oneof(
      fc.record({ devices: fc.integer({ min: 1, max: 8 }), soakMinutes: fc.nat(5) }),
      fc.record({ percent: fc.integer({ min: 1, max: 100 }), perMinute: fc.integer({ min: 1, max: 5 }) }),
    ),
    { minLength: 1, maxLength: 4 },
  ),
  perMinute: fc.integer({ min: 1, max: 20 }),
  atOnce: fc.integer({ min: 1, max: 10 }),
  successPercent: fc.nat(100),
  quorumPercent: fc.nat(100),
  errorPercent: fc.nat(100),
  errorAfter: fc.integer({ min: 1, max: 10 }),
});

test('for any fleet and any settings: rates hold, waves keep their order, who is away never fails, and every end has a reason', () => {
  fc.assert(
    fc.property(fc.array(habitOf, { minLength: 1, maxLength: 25 }), settingsOf, (habits, settings) => {
      const fleet = new Simulation(habits, settings);
      for (let minute = 0; minute < 120; minute += 1) {
        const before = fleet.course;
        fleet.run(1);
        const { course, devices, definition } = fleet;
        const begun = fleet.sends.filter((send) => send.minute === fleet.minute).length;
        const underWay = devices.filter(({ phase }) => ['sent', 'working', 'proving'].includes(phase)).length;
        const broken = [
          begun > (definition.waves[course.wave]!.perMinute ?? definition.perMinute) &&
            'more begun than the rate allows',
          underWay > definition.atOnce && 'more under way than allowed',
          course.wave < before.wave && 'a wave goes back',
          devices.some(({ phase, wave }) => phase !== 'pending' && wave > course.wave) && 'a later wave is begun',
          before.status === 'stopped' && course.status !== 'stopped' && 'goes on by itself after a stop',
          course.status === 'stopped' && !course.reason?.includes('%') && 'stops without saying why',
          course.status === 'stopped' && devices.some(({ phase }) => phase === 'sent') && 'stopped, and yet wished',
          devices.some(({ phase }, i) => habits[i]!.online.length === 0 && phase !== 'pending') &&
            'who is away is judged',
          devices.some(({ phase }, i) => phase === 'done' && habits[i]!.takes !== 'applies') &&
            'a bad one is called done',
        ].filter((what) => what !== false);
        if (broken.length > 0) throw new Error(`minute ${minute}: ${broken.join(', ')}`);
      }
      // Thresholds hold whenever it is running.
      const { definition, course } = fleet;
      const [failed, done] = [fleet.count('failed') + fleet.count('silent'), fleet.count('done')];
      if (course.status === 'running' && failed + done >= definition.errorAfter) {
        expect(100 * failed).toBeLessThanOrEqual(definition.errorPercent * (failed + done));
      }
      if (course.status === 'done') expect(fleet.count('pending')).toBe(0);
    }),
    { numRuns: 150 },
  );
});

test('a fleet without faults always comes to its end, whatever the settings', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), settingsOf, (size, settings) => {
      const fleet = new Simulation(many(size), settings);
      for (let i = 0; i < 30 && fleet.course.status !== 'done'; i += 1) fleet.run(50);
      expect(fleet.course.status).toBe('done');
      expect(fleet.count('done')).toBe(size);
    }),
    { numRuns: 40 },
  );
});
