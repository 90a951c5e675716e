// From scores to events: what a user would call one sound, where it came from, and when it is told.
import fc from 'fast-check';
import { angleBetween, unitVector } from '../../../runtime/directions.ts';
import type { Scores, SoundEvent } from '../../../runtime/signals.ts';
import { Tracker, type TrackerOptions } from '../../../runtime/tracking/tracker.ts';

const FRAME_SECONDS = 0.1;

interface Frame {
  readonly activity: number;
  readonly azimuth?: number;
  readonly elevation?: number;
}

type Settings = TrackerOptions['settings'];

/** Scores of one class, or of several given as columns. */
function scoresOf(columns: readonly (readonly Frame[])[], firstFrame = 0, discontinuity = false): Scores {
  const frames = columns[0]!.length;
  const activity = new Float32Array(frames * columns.length);
  const direction = new Float32Array(frames * columns.length * 3);
  for (let i = 0; i < frames; i += 1) {
    for (const [c, column] of columns.entries()) {
      const { activity: a, azimuth = 0, elevation = 0 } = column[i]!;
      activity[i * columns.length + c] = a;
      direction.set(unitVector(azimuth, elevation), (i * columns.length + c) * 3);
    }
  }
  return { firstFrame, frames, frameSeconds: FRAME_SECONDS, activity, direction, discontinuity };
}

function trackerOf(events: SoundEvent[], classes = 1, settings?: Settings): Tracker {
  return new Tracker({
    manifest: {
      labels: Array.from({ length: classes }, (_, c) => `class ${c}`),
      thresholds: { onset: Array(classes).fill(0.5), offset: Array(classes).fill(0.3) },
    },
    ...{ frameSeconds: FRAME_SECONDS, settings, onEvent: (event) => events.push(event) },
  });
}

function track(column: readonly Frame[], settings?: Settings): SoundEvent[] {
  const events: SoundEvent[] = [];
  const tracker = trackerOf(events, 1, settings);
  tracker.push(scoresOf([column]));
  tracker.end();
  return events;
}

const sound = (frames: number, azimuth = 0, elevation = 0, activity = 0.9): Frame[] =>
  Array.from({ length: frames }, () => ({ activity, azimuth, elevation }));
const silence = (frames: number): Frame[] => Array.from({ length: frames }, () => ({ activity: 0 }));

const ended = (events: readonly SoundEvent[]) => events.filter(({ phase }) => phase === 'offset');
const times = (events: readonly SoundEvent[]) =>
  ended(events).map(({ startSeconds, endSeconds }) => [startSeconds, endSeconds].map((s) => Number(s.toFixed(6))));

test('a siren of two seconds becomes one event, with its times at the edges of its frames', () => {
  const events = track([...silence(10), ...sound(20, 40, 10), ...silence(10)]);
  expect(events.map(({ phase }) => phase)).toEqual(['onset', 'update', 'offset']);
  expect(times(events)).toEqual([[1, 3]]);
  expect(events[2]).toMatchObject({ label: 'class 0', classIndex: 0, trackId: 1 });
  expect(events[2]!.azimuth).toBeCloseTo(40, 4);
  expect(events[2]!.elevation).toBeCloseTo(10, 4);
  expect(events[2]!.score).toBeCloseTo(0.9, 6);
  expect(events[2]!.spreadDegrees).toBeLessThan(0.1);
});

test('an onset is told with the frame that makes the sound long enough, not later', () => {
  const events: SoundEvent[] = [];
  const tracker = trackerOf(events);
  tracker.push(scoresOf([sound(1)]));
  expect(events).toEqual([]);
  tracker.push(scoresOf([sound(1)], 1));
  expect(events).toMatchObject([{ phase: 'onset', startSeconds: 0, endSeconds: 0.2 }]);
});

test('a click shorter than the minimum is no event', () => {
  expect(track([...silence(5), ...sound(1), ...silence(5)])).toEqual([]);
  expect(track([...silence(5), ...sound(3), ...silence(5)], { minimumSeconds: 0.4 })).toEqual([]);
});

test('a score between the two thresholds keeps an event going but starts none', () => {
  const weak = sound(10, 0, 0, 0.4);
  expect(track([...silence(3), ...weak, ...silence(3)])).toEqual([]);
  expect(times(track([...sound(3), ...weak, ...silence(5)]))).toEqual([[0, 1.3]]);
});

test('a short gap is bridged, a longer one parts two events', () => {
  expect(times(track([...sound(5), ...silence(2), ...sound(5), ...silence(5)]))).toEqual([[0, 1.2]]);
  expect(times(track([...sound(5), ...silence(3), ...sound(5), ...silence(5)]))).toEqual([
    [0, 0.5],
    [0.8, 1.3],
  ]);
});

test('an event that goes on is told again every second', () => {
  const events = track(sound(45));
  expect(events.map(({ phase }) => phase)).toEqual(['onset', 'update', 'update', 'update', 'update', 'offset']);
  const told = events.map(({ endSeconds }) => endSeconds);
  for (const [i, seconds] of [0.2, 1.2, 2.2, 3.2, 4.2, 4.5].entries()) expect(told[i]).toBeCloseTo(seconds, 6);
});

test('two classes sound at once without disturbing each other', () => {
  const events: SoundEvent[] = [];
  const tracker = trackerOf(events, 2);
  const first = [...sound(10, 90), ...silence(10)];
  const second = [...silence(5), ...sound(15, -90)];
  tracker.push(scoresOf([first, second]));
  tracker.end();
  expect(ended(events).map(({ classIndex, azimuth }) => [classIndex, Math.round(azimuth)])).toEqual([
    [0, 90],
    [1, -90],
  ]);
  expect(new Set(events.map(({ trackId }) => trackId)).size).toBe(2);
});

test('the same class from another place without a pause is a second event', () => {
  const events = track([...sound(10, 20), ...sound(10, 100), ...silence(5)]);
  expect(times(events)).toEqual([
    [0, 1],
    [1, 2],
  ]);
  expect(ended(events).map(({ azimuth }) => Math.round(azimuth))).toEqual([20, 100]);
  expect(events.map(({ phase, trackId }) => `${phase} ${trackId}`)).toEqual([
    'onset 1',
    'offset 1',
    'onset 2',
    'offset 2',
  ]);
});

test('a stray direction of two frames neither parts an event nor bends its direction', () => {
  const events = track([...sound(10, 20), ...sound(2, 170), ...sound(10, 20), ...silence(5)]);
  expect(times(events)).toEqual([[0, 2.2]]);
  expect(ended(events)[0]!.azimuth).toBeCloseTo(20, 3);
});

test('a source that walks slowly round the microphone stays one event, its direction follows', () => {
  const walk = Array.from({ length: 200 }, (_, i) => ({ activity: 0.9, azimuth: i * 0.8 }));
  const events = track([...walk, ...silence(5)]);
  expect(times(events)).toEqual([[0, 20]]);
  expect(ended(events)[0]!.azimuth).toBeGreaterThan(120);
});

test('the direction of a sound behind the microphone does not flip to the front', () => {
  const column = Array.from({ length: 20 }, (_, i) => ({ activity: 0.9, azimuth: i % 2 === 0 ? 175 : -175 }));
  const [event] = ended(track(column));
  expect(angleBetween(event!.azimuth, event!.elevation, 180, 0)).toBeLessThan(1);
  expect(event!.spreadDegrees).toBeCloseTo(5, 0);
});

test('active frames weigh more in the direction than weak ones', () => {
  const column = [...sound(10, 0, 0, 0.9), ...sound(10, 20, 0, 0.3)];
  expect(ended(track(column, { fadeSeconds: 1000 }))[0]!.azimuth).toBeCloseTo(5, 0);
});

test('a break in the stream ends what sounds; what follows is new', () => {
  const events: SoundEvent[] = [];
  const tracker = trackerOf(events);
  tracker.push(scoresOf([sound(10)]));
  tracker.push(scoresOf([sound(10)], 30, true));
  tracker.end();
  expect(times(events)).toEqual([
    [0, 1],
    [3, 4],
  ]);
});

test('times lie where a sound begins and ends within frames that it fills in part', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.5, max: 1.5, noNaN: true }),
      fc.double({ min: 0.4, max: 2, noNaN: true }),
      (from, seconds) => {
        const frames = Array.from({ length: 45 }, (_, i): Frame => {
          const [start, end] = [i * FRAME_SECONDS, (i + 1) * FRAME_SECONDS];
          return { activity: Math.max(0, Math.min(end, from + seconds) - Math.max(start, from)) / FRAME_SECONDS };
        });
        const [event] = ended(track(frames));
        expect(Math.abs(event!.startSeconds - from)).toBeLessThan(0.01);
        // Ends are looked for where sounds in rooms have died away: up to 17 ms early for one that stops at once.
        const endError = event!.endSeconds - (from + seconds);
        expect(endError).toBeGreaterThan(-0.017);
        expect(endError).toBeLessThan(0.006);
      },
    ),
  );
});

test('an unsure sound has the times of a sure one: what it reaches decides, not the threshold', () => {
  const sure = [0, 0.4, 1, 1, 1, 0.7, 0].map((activity) => ({ activity }));
  const unsure = sure.map(({ activity }) => ({ activity: 0.6 * activity }));
  expect(times(track(unsure))).toEqual(times(track(sure)));
});

test('a sound that dies away ends before half of the activity beside its end is gone', () => {
  const dying = [0, 1, 1, 1, 0.8, 0.6, 0.4, 0.2, 0].map((activity) => ({ activity }));
  const [[, end]] = times(track(dying)) as [[number, number]];
  expect(end).toBeCloseTo(0.67, 6); // 0.6 is gone to 0.39 there, to 0.3 only 30 ms later
});

test('a direction counts little while another class sounds', () => {
  const events: SoundEvent[] = [];
  const tracker = trackerOf(events, 2);
  const [alone, pulled] = [sound(10, 0, 0, 1), sound(10, 30, 0, 1)];
  tracker.push(
    scoresOf([
      [...alone, ...pulled],
      [...silence(10), ...sound(10, 90, 0, 1)],
    ]),
  );
  tracker.end();
  const [first] = ended(events).filter(({ classIndex }) => classIndex === 0);
  expect(first!.azimuth).toBeGreaterThan(0);
  expect(first!.azimuth).toBeLessThan(6); // 15 and more were all frames to count alike
});

/** Any scores at all: noise, plateaus, jumping directions. */
const anyFrames = fc.array(
  fc.record({
    activity: fc.oneof(fc.constantFrom(0, 0.29, 0.31, 0.49, 0.51, 1), fc.float({ min: 0, max: 1, noNaN: true })),
    azimuth: fc.oneof(fc.constantFrom(0, 40, 90, 180, -90), fc.integer({ min: -180, max: 180 })),
    elevation: fc.integer({ min: -90, max: 90 }),
  }),
  { minLength: 1, maxLength: 120 },
);

test('whatever the scores, no event is much shorter than the minimum and each has onset, updates, offset in turn', () => {
  fc.assert(
    fc.property(anyFrames, fc.constantFrom(0.1, 0.2, 0.3, 0.5), (frames, minimumSeconds) => {
      const events = track(frames, { minimumSeconds });
      const open = new Set<number>();
      const known = new Set<number>();
      let lastEnd = 0;
      for (const { phase, trackId, startSeconds, endSeconds, azimuth, elevation, direction, score } of events) {
        expect(known.has(trackId)).toBe(phase !== 'onset');
        expect(open.has(trackId)).toBe(phase !== 'onset');
        known.add(trackId);
        if (phase === 'offset') open.delete(trackId);
        else open.add(trackId);
        expect(open.size).toBeLessThanOrEqual(1);
        // Its first and its last frame may sound in part; what went before does so altogether.
        expect(endSeconds - startSeconds).toBeGreaterThan(Math.max(0, minimumSeconds - 2 * FRAME_SECONDS));
        expect(endSeconds).toBeLessThanOrEqual(frames.length * FRAME_SECONDS + 1e-9);
        if (phase === 'onset') expect(startSeconds).toBeGreaterThanOrEqual(lastEnd - 1e-9);
        if (phase === 'offset') lastEnd = endSeconds;
        expect(Math.hypot(...direction)).toBeCloseTo(1, 6);
        expect(Math.abs(azimuth)).toBeLessThanOrEqual(180);
        expect(Math.abs(elevation)).toBeLessThanOrEqual(90);
        expect(score).toBeGreaterThan(0);
        expect(score).toBeLessThanOrEqual(1);
      }
      expect(open.size).toBe(0);
    }),
    { numRuns: 400 },
  );
});

test('scores in chunks of any size give the same events', () => {
  fc.assert(
    fc.property(anyFrames, fc.integer({ min: 1, max: 17 }), (frames, chunk) => {
      const events: SoundEvent[] = [];
      const tracker = trackerOf(events);
      for (let from = 0; from < frames.length; from += chunk) {
        tracker.push(scoresOf([frames.slice(from, from + chunk)], from));
      }
      tracker.end();
      expect(events).toEqual(track(frames));
    }),
    { numRuns: 200 },
  );
});

describe('onsets told early', () => {
  /** Final scores of some frames, then what is known of those to come. */
  function hear(steps: readonly { final?: readonly Frame[]; early?: readonly Frame[] }[], settings?: Settings) {
    const events: SoundEvent[] = [];
    const tracker = trackerOf(events, 1, settings);
    let frame = 0;
    for (const { final = [], early = [] } of steps) {
      if (final.length > 0) tracker.push(scoresOf([final], frame));
      frame += final.length;
      if (early.length > 0) tracker.foresee(scoresOf([early], frame));
    }
    tracker.end();
    return events.map(({ phase, trackId, startSeconds, endSeconds }) => [phase, trackId, startSeconds, endSeconds]);
  }
  const near = (rows: unknown[][]) =>
    rows.map((row) => row.map((v) => (typeof v === 'number' ? Number(v.toFixed(6)) : v)));

  test('a sure onset is told before the final scores, and they go on with the same track', () => {
    const events = hear([
      { final: silence(5), early: [...silence(1), ...sound(3, 40, 0, 0.9)] },
      { final: [...silence(1), ...sound(4)] },
      { final: silence(5) },
    ]);
    expect(near(events)).toEqual([
      ['onset', 1, 0.6, 0.8],
      ['offset', 1, 0.6, 1],
    ]);
  });

  test('an onset the final scores do not have is taken back soon, and the next sound is another track', () => {
    const events = hear([
      { final: silence(5), early: sound(2, 0, 0, 0.8) },
      { final: silence(6) },
      { final: sound(4) },
    ]);
    expect(near(events)).toEqual([
      ['onset', 1, 0.5, 0.7],
      ['offset', 1, 0.5, 0.7],
      ['onset', 2, 1.1, 1.3],
      ['offset', 2, 1.1, 1.5],
    ]);
  });

  test('an onset that is not sure, or too short, waits for the final scores', () => {
    expect(hear([{ final: silence(5), early: sound(4, 0, 0, 0.7) }, { final: silence(9) }])).toEqual([]);
    expect(hear([{ final: silence(5), early: sound(1, 0, 0, 0.99) }, { final: silence(9) }])).toEqual([]);
    expect(hear([{ final: silence(5), early: sound(4, 0, 0, 1) }, { final: silence(9) }], { sureness: 1 })).toEqual([]);
  });

  test('foreseen again and again, it is told once; a sound that goes on is not foreseen', () => {
    const known = sound(3, 0, 0, 0.9);
    const events = hear([
      { final: silence(2), early: known },
      { final: sound(1), early: known },
      { final: sound(4), early: known },
    ]);
    expect(events.map(([phase, track]) => [phase, track])).toEqual([
      ['onset', 1],
      ['offset', 1],
    ]);
  });

  test('a stream that ends before the final scores ends what was foreseen', () => {
    const events = hear([{ final: silence(2), early: sound(2, 0, 0, 0.9) }]);
    expect(events.map(([phase]) => phase)).toEqual(['onset', 'offset']);
  });
});
