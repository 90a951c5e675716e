// Who a rollout is for and when: rules over devices, waves, maintenance windows by the clock on the wall.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { AlarmRule } from '../../../tools/fleet/alarm-rules.ts';
import { parseRollout, RolloutDefinition } from '../../../tools/fleet/rollout-definition.ts';
import {
  type Candidate,
  devicesOf,
  draw,
  fits,
  TargetRule,
  Wave,
  waveSizes,
} from '../../../tools/fleet/rollout-target.ts';
import { isOpen, MaintenanceWindow } from '../../../tools/fleet/rollout-window.ts';

const candidate = (device: string, more: Partial<Candidate> = {}): Candidate => ({
  ...{ site: 'mill', device, tags: [], board: null, model: null, version: null },
  ...more,
});

test.each([
  [{ sites: ['mill'] }, true],
  [{ sites: ['harbour', 'MILL'] }, true],
  [{ sites: ['harbour'] }, false],
  [{ boards: ['*orin nano*'] }, true],
  [{ boards: ['NVIDIA*Nano*Kit'] }, true],
  [{ boards: ['NVIDIA*Xavier*'] }, false],
  [{ boards: ['orin nano'] }, false],
  [{ tags: ['roof'] }, true],
  [{ tags: ['roof'], sites: ['harbour'] }, false],
  [{ devices: ['mill/ear-*'] }, true],
  [{ devices: ['ear-3'] }, true],
  [{ models: ['office-*'] }, true],
  [{ versions: ['0.1.*'] }, false],
  [{ percent: 100 }, true],
])('the rule %j holds for a device as it should', (rule, expected) => {
  const board = 'NVIDIA Jetson Orin Nano Developer Kit';
  expect(fits(TargetRule.parse(rule), candidate('ear-3', { tags: ['roof', 'dry'], board, model: 'office-foa' }))).toBe(
    expected,
  );
});

test('a percentage takes that share of devices, always the same ones, and others for another seed', () => {
  const names = Array.from({ length: 4000 }, (_, i) => candidate(`d${i}`));
  const take = (percent: number, seed = '') =>
    new Set(names.filter((each) => fits(TargetRule.parse({ percent, seed }), each)).map(({ device }) => device));
  const [tenth, half, other] = [take(10), take(50), take(10, 'b')];
  expect(tenth.size).toBeGreaterThan(340); // 400 expected, standard deviation 19
  expect(tenth.size).toBeLessThan(460);
  expect(take(10)).toEqual(tenth);
  expect([...tenth].every((name) => half.has(name))).toBe(true);
  expect([...tenth].filter((name) => other.has(name)).length).toBeLessThan(80);
  // python3 -c "import hashlib; print(hashlib.sha256(b'r\\nmill/d0').hexdigest()[:12])"
  expect(draw('r', 'mill/d0')).toBe(0x9e27511739ae / 2 ** 48);
});

test('rules change the order from rollout to rollout; a list keeps its own', () => {
  const all = Array.from({ length: 50 }, (_, i) => candidate(`d${i}`));
  const target = { rule: TargetRule.parse({}), follow: false };
  expect(devicesOf(target, all, 'a')).toEqual(devicesOf(target, [...all].reverse(), 'a'));
  expect(devicesOf(target, all, 'a')).not.toEqual(devicesOf(target, all, 'b'));
  expect(devicesOf({ devices: ['mill/z', 'mill/a', 'mill/z'] }, all, 'a')).toEqual(['mill/z', 'mill/a']);
});

test('waves hold every device once, in any division', () => {
  const wave = fc.oneof(
    fc.record({ devices: fc.integer({ min: 1, max: 50 }) }),
    fc.record({ percent: fc.integer({ min: 1, max: 100 }) }),
    fc.constant({}),
  );
  fc.assert(
    fc.property(fc.array(wave, { minLength: 1, maxLength: 6 }), fc.nat(300), (waves, total) => {
      const sizes = waveSizes(
        waves.map((each) => Wave.parse(each)),
        total,
      );
      return (
        sizes.length === waves.length && sizes.every((size) => size >= 0) && sizes.reduce((a, b) => a + b, 0) === total
      );
    }),
  );
  expect(
    waveSizes(
      [{ percent: 5 }, { devices: 3 }, {}].map((each) => Wave.parse(each)),
      30,
    ),
  ).toEqual([2, 3, 25]);
});

test.each([
  ['2026-11-24T01:59:00Z', false],
  ['2026-11-24T02:00:00Z', true],
  ['2026-11-24T04:59:59Z', true],
  ['2026-11-24T05:00:00Z', false],
  ['2026-11-25T02:00:00Z', false], // a Wednesday
])('a window on Tuesdays from 2 to 5 is, at %s, open: %s', (time, open) => {
  const window = MaintenanceWindow.parse({ days: ['tue'], from: '02:00', to: '05:00', zone: 'UTC' });
  expect(isOpen(window, null, Date.parse(time))).toBe(open);
});

test.each([
  ['2026-11-23T23:30:00Z', true], // Monday night
  ['2026-11-24T01:59:00Z', true], // belongs to Monday
  ['2026-11-24T02:00:00Z', false],
  ['2026-11-24T23:30:00Z', false],
  ['2026-11-22T23:30:00Z', false],
])('a window over midnight belongs to the day it opened: at %s open: %s', (time, open) => {
  const window = MaintenanceWindow.parse({ days: ['mon'], from: '22:00', to: '02:00', zone: 'UTC' });
  expect(isOpen(window, null, Date.parse(time))).toBe(open);
});

// Clocks in Berlin went from 02:00 CET to 03:00 CEST at 01:00 UTC on 29 March 2026, and back at 01:00 UTC on 25 October 2026.
test.each([
  ['2026-03-29T00:59:00Z', false, '02:00'], // 01:59 CET
  ['2026-03-29T01:00:00Z', true, '02:00'], // 03:00 CEST
  ['2026-03-29T01:59:00Z', true, '02:00'],
  ['2026-03-29T02:00:00Z', false, '02:00'],
  ['2026-10-25T00:30:00Z', true, '02:00'], // 02:30 CEST
  ['2026-10-25T01:30:00Z', true, '02:00'], // 02:30 CET, the second time
  ['2026-10-25T03:00:00Z', false, '02:00'],
])('a change of clocks: at %s the window 02:00-04:00 in Berlin is open: %s', (time, open) => {
  const given = { from: '02:00', to: '04:00' };
  expect(isOpen(MaintenanceWindow.parse({ ...given, zone: 'Europe/Berlin' }), 'Asia/Tokyo', Date.parse(time))).toBe(
    open,
  );
  expect(isOpen(MaintenanceWindow.parse({ ...given, zone: 'device' }), 'Europe/Berlin', Date.parse(time))).toBe(open);
});

const change = { settings: { healthSeconds: 10 } };
const target = { devices: ['mill/a'] };

test.each([
  [{ name: 'a b', change, target }, /name: must be 1 to 64 letters/],
  [{ name: 'a', change: {}, target }, /change: must name settings or a release/],
  [
    { name: 'a', change: { settings: { privacy: 'off' } }, target },
    /privacy is not changed from far; the nearest that is: position/,
  ],
  [{ name: 'a', change: { settings: { healthSeconds: 0 } }, target }, /healthSeconds: Too small/],
  [{ name: 'a', change, target: { devices: ['a'] } }, /target.*/],
  [
    { name: 'a', change, target, waves: [{ devices: 1, percent: 2 }] },
    /waves.0: must have devices or percent, not both/,
  ],
  [{ name: 'a', change, target, window: { from: '25:00', to: '01:00' } }, /window.from: must be a time/],
  [
    { name: 'a', change, target, window: { from: '23:00', to: '01:00', zone: 'Berlin' } },
    /window.zone: must be device or a time zone/,
  ],
  [{ name: 'a', change, target, speed: 3 }, /speed.*all: name, note, change/],
  [
    { name: 'a', target, change: { release: { name: 'r', sequence: 1, sha256: 'a'.repeat(64), url: 'file:///x' } } },
    /url: must be an http/,
  ],
])('a rollout that breaks a rule is refused: %#', (json, message) => {
  expect(() => parseRollout(json, 'rollout.json')).toThrow(message);
});

test('the page on rollouts names every field, and its examples are valid', () => {
  const page = readFileSync(new URL('../../../docs/fleet-rollouts.md', import.meta.url), 'utf8');
  const fields = [
    ...page
      .split('### All fields')[1]!
      .split('###')[0]!
      .matchAll(/`(\w+)`/g),
  ].map((match) => match[1]);
  expect(Object.keys(RolloutDefinition.shape).filter((key) => !fields.includes(key))).toEqual([]);
  const [rollout, rule] = [...page.matchAll(/```json\n(.*?)```/gs)].map((match) => JSON.parse(match[1]!));
  expect(parseRollout(rollout, 'page').waves).toHaveLength(3);
  expect(AlarmRule.parse(rule).kind).toBe('event');
});
