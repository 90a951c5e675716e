// The clock of a live stream against cards that run fast or slow, deliver late, or lose samples in silence.
import { StreamClock } from '../../../runtime/capture/stream-clock.ts';

const RATE = 48000;
const PERIOD = 960;

/** Delivers seconds of sound from a card of another rate, each period up to so many ms late; @returns what was found */
function deliver(clock: StreamClock, seconds: number, ppm: number, lateMs: number, gap = { at: -1, samples: 0 }) {
  const realRate = RATE * (1 + ppm / 1e6);
  let position = 0;
  let taken = 0; // by the card, lost ones included
  let lost = 0;
  let wrongRate: number | undefined;
  for (let n = 1; n * PERIOD <= seconds * RATE; n += 1) {
    taken += PERIOD;
    if (n === gap.at) taken += gap.samples;
    const nowMs = (1000 * taken) / realRate + lateMs * Math.abs(Math.sin(n * 12.9898));
    position += PERIOD;
    if (n === 1) clock.begin(nowMs, 0, PERIOD);
    else {
      const found = clock.arrived(nowMs, position, PERIOD);
      lost += found.lostSamples;
      position += found.lostSamples;
      wrongRate ??= found.wrongRate;
    }
  }
  return { lost, wrongRate, position, endMs: (1000 * taken) / realRate };
}

test.each([0, 40, -40, 180, -180])('a drift of %d ppm is told within 5 ppm after some minutes', (ppm) => {
  const clock = new StreamClock(RATE);
  const { position, endMs, lost, wrongRate } = deliver(clock, 600, ppm, 4);
  expect(Math.abs(clock.driftPpm! - ppm)).toBeLessThan(5);
  expect(Math.abs(clock.timeOf(position)! - endMs)).toBeLessThan(5);
  expect({ lost, wrongRate }).toEqual({ lost: 0, wrongRate: undefined });
});

test('a drift is not told before it can be known', () => {
  const clock = new StreamClock(RATE);
  deliver(clock, 40, 100, 2);
  expect(clock.driftPpm).toBeNull();
});

test('samples that vanish without a word are noticed and counted', () => {
  const clock = new StreamClock(RATE);
  const { lost, position, endMs } = deliver(clock, 30, 0, 3, { at: 500, samples: 9600 });
  expect(Math.abs(lost - 9600)).toBeLessThan(100);
  expect(Math.abs(clock.timeOf(position)! - endMs)).toBeLessThan(3);
});

test('a card that runs at 44.1 kHz where 48 were asked is told with its rate, slow or fast', () => {
  expect(deliver(new StreamClock(RATE), 20, -81_250, 2).wrongRate).toBeCloseTo(44_100, -3);
  expect(deliver(new StreamClock(RATE), 20, 88_400, 2).wrongRate).toBeCloseTo(52_243, -3);
});

test('what was missed over a break is counted from the end of the sound before', () => {
  const clock = new StreamClock(RATE);
  clock.begin(1000, 0, 960);
  clock.arrived(1020, 1920, 960);
  expect(clock.begin(3020, 1920, 960)).toBe(95_040);
  expect(clock.timeOf(1920 + 95_040 + 960)).toBeCloseTo(3020, 6);
});
