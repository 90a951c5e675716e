// Wishes: how changes join and come apart again, and how a device's own words are held against them.
import fc from 'fast-check';
import {
  Change,
  changed,
  checkSettings,
  drift,
  hasRelease,
  NO_WISH,
  overlap,
  same,
  takenBack,
} from '../../../tools/fleet/desired.ts';

const release = (sequence: number) => ({
  name: `earshot-${sequence}`,
  sequence,
  sha256: 'a'.repeat(64),
  url: 'https://hub.lan/b',
});
const reported = { version: 3, desiredVersion: 3, state: 'applied' as const, errors: [] };

test('a change sets, leaves and takes back settings', () => {
  const wish = changed(changed(NO_WISH, { settings: { healthSeconds: 10, headingDegrees: 90 } }), {
    release: release(4),
  });
  expect(wish).toEqual({ settings: { healthSeconds: 10, headingDegrees: 90 }, release: release(4) });
  expect(changed(wish, { settings: { headingDegrees: null } })).toEqual({
    settings: { healthSeconds: 10 },
    release: release(4),
  });
  expect(changed(wish, { release: null }).release).toBeNull();
});

test('a change taken back leaves what was before it, except where somebody has set it anew', () => {
  const before = { settings: { healthSeconds: 30 }, release: release(4) };
  const change = { settings: { healthSeconds: 10, headingDegrees: 90 }, release: release(5) };
  const after = changed(before, change);
  expect(takenBack(after, change, before)).toEqual(before);
  const edited = changed(after, { settings: { headingDegrees: 180 }, release: release(6) });
  expect(takenBack(edited, change, before)).toEqual({
    settings: { healthSeconds: 30, headingDegrees: 180 },
    release: release(6),
  });
});

test('for any wish and change, taking it back at once gives the wish again', () => {
  const value = fc.oneof(fc.integer(), fc.record({ a: fc.integer(), b: fc.string() }));
  const settings = fc.dictionary(fc.constantFrom('healthSeconds', 'position', 'tracking'), value);
  fc.assert(
    fc.property(settings, settings, (had, set) => {
      const wish = { settings: had, release: null };
      return same(takenBack(changed(wish, { settings: set }), { settings: set }, wish), wish);
    }),
  );
});

test('changes of the same setting or of releases overlap, others do not', () => {
  expect(overlap({ settings: { healthSeconds: 1 } }, { settings: { healthSeconds: 2 } })).toBe(true);
  expect(overlap({ settings: { healthSeconds: 1 } }, { settings: { headingDegrees: 2 } })).toBe(false);
  expect(overlap({ release: release(1) }, { release: null })).toBe(true);
  expect(overlap({ release: release(1) }, { settings: { healthSeconds: 1 } })).toBe(false);
});

test('a device that is as wished has no drift; each difference is a line', () => {
  const wish = { version: 3, settings: { healthSeconds: 10 }, release: null };
  expect(drift(wish, { ...reported, settings: { healthSeconds: 10 } })).toEqual([]);
  expect(drift({ ...wish, version: 0 }, null)).toEqual([]);
  expect(drift(wish, null)).toEqual(['version 3 is wished, the device has said nothing of its settings']);
  expect(drift(wish, { ...reported, version: 2, desiredVersion: 2, settings: { healthSeconds: 30 } })).toEqual([
    'version 3 is wished, version 2 is in use',
    'healthSeconds is 30, wished 10',
  ]);
  const errors = [{ key: 'healthSeconds', message: 'too small' }];
  expect(drift(wish, { ...reported, version: 2, state: 'refused', errors })).toEqual([
    'version 3 is refused: healthSeconds: too small',
  ]);
  expect(
    drift(
      { ...wish, release: release(5) },
      { ...reported, settings: { healthSeconds: 10 }, release: { name: 'r', sequence: 5, state: 'downloading' } },
    ),
  ).toEqual(['release earshot-5 (5) is wished: downloading']);
});

test('a device has a release when it runs it or a newer one', () => {
  const with_ = (sequence: number, state: string) => ({ ...reported, release: { name: 'r', sequence, state } });
  expect(hasRelease(with_(5, 'done'), release(5))).toBe(true);
  expect(hasRelease(with_(5, 'trial'), release(5))).toBe(false);
  expect(hasRelease(with_(6, 'idle'), release(5))).toBe(true);
  expect(hasRelease(with_(4, 'done'), release(5))).toBe(false);
  expect(hasRelease(reported, release(5))).toBe(false);
});

test('settings are checked as the device would', () => {
  expect(() => checkSettings({ headingDegrees: 90, position: null })).not.toThrow();
  expect(() => checkSettings({ headingDegrees: 400 })).toThrow(/headingDegrees/);
  expect(() => checkSettings({ tracking: { gapSecond: 1 } })).toThrow(/the nearest is tracking.gapSeconds/);
  expect(() => checkSettings({ broker: 'mqtt://evil' })).toThrow(/broker is not changed from far/);
  expect(Change.safeParse({ settings: {} }).success).toBe(false);
});
