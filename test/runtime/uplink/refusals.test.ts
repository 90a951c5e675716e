// How the drain answers each reason code of MQTT 5, with a broker that answers as it is told.
import fc from 'fast-check';
import { MemoryStore } from '../../../runtime/uplink/message-store.ts';
import { fullJitter } from '../../../runtime/uplink/mqtt.ts';
import { OutboxDrain } from '../../../runtime/uplink/outbox-drain.ts';

/** A drain over messages m1 to m9; the broker answers a payload as often as the list says, then takes it. */
async function drainOf(answers: Record<string, (number | 'loss')[]>) {
  const store = new MemoryStore(100);
  for (let i = 1; i <= 9; i += 1) await store.append('topic', `m${i}`);
  const taken: string[] = [];
  let isOnline = true;
  const drain = new OutboxDrain({
    store,
    isOnline: () => isOnline,
    async publish({ payload }) {
      await new Promise((resolve) => setImmediate(resolve));
      if (!isOnline) throw new Error('the connection was lost');
      const answer = answers[payload]?.shift();
      if (answer === undefined) return void taken.push(payload);
      if (answer !== 'loss') throw Object.assign(new Error('refused'), { code: answer });
      isOnline = false;
      setTimeout(() => {
        isOnline = true;
        drain.wake();
      }, 2);
      throw new Error('the connection was lost');
    },
  });
  drain.wake();
  const deadline = Date.now() + 8000;
  while (store.queued > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
  drain.stop();
  return { taken, figures: drain.figures, queued: store.queued };
}

const others = (missing: string) => Array.from({ length: 9 }, (_, i) => `m${i + 1}`).filter((m) => m !== missing);

test.each([144, 149, 153])('reason code %i can never be mended: the message is given up and counted', async (code) => {
  const { taken, figures, queued } = await drainOf({ m4: [code] });
  expect(taken).toEqual(others('m4'));
  expect(queued).toBe(0);
  expect(figures).toMatchObject({ acknowledged: 8, denied: 1, givenUp: 1 });
});

test.each([131, 135, 151])(
  'reason code %i can be mended: the message is tried again and keeps its place',
  async (code) => {
    const { taken, figures } = await drainOf({ m1: [code, code] });
    expect(taken).toEqual(others(''));
    expect(figures).toEqual({ acknowledged: 9, denied: 2, givenUp: 0, refusal: null });
  },
);

test('a connection that is lost now and then is no reason to give a message up', async () => {
  const { taken, figures } = await drainOf({ m1: ['loss', 'loss'], m5: ['loss', 'loss', 'loss'], m9: ['loss'] });
  expect([...new Set(taken)].sort()).toEqual(others(''));
  expect(figures).toMatchObject({ denied: 0, givenUp: 0 });
});

test('a message that loses the connection each time while others are taken is given up', async () => {
  const { taken, figures, queued } = await drainOf({ m4: Array.from({ length: 99 }, () => 'loss' as const) });
  expect([...new Set(taken)].sort()).toEqual(others('m4'));
  expect(queued).toBe(0);
  expect(figures).toMatchObject({ givenUp: 1, denied: 1 });
});

test('full jitter spreads retries over the whole time, which doubles up to its bound', () => {
  fc.assert(
    fc.property(fc.nat(1000), (attempt) => {
      const wait = fullJitter(attempt, 1000, 60_000);
      return wait >= 0 && wait <= Math.min(60_000, 1000 * 2 ** attempt);
    }),
  );
  const waits = Array.from({ length: 10_000 }, () => fullJitter(20, 1000, 60_000));
  for (let tenth = 0; tenth < 10; tenth += 1) {
    const within = waits.filter((wait) => wait >= 6000 * tenth && wait < 6000 * (tenth + 1)).length;
    // 1000 expected with a standard deviation of 30.
    expect(Math.abs(within - 1000)).toBeLessThan(180);
  }
});
