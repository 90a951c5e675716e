// One device that floods does not keep the hub from storing what the others say.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { type EventMessage, encode } from '../../../runtime/uplink/topics.ts';
import { Collector } from '../../../tools/fleet/collector.ts';
import { openDatabase } from '../../../tools/fleet/database.ts';
import { type Flood, FloodGuard } from '../../../tools/fleet/flood.ts';
import { migrate } from '../../../tools/fleet/migrations.ts';
import { listQuarantine } from '../../../tools/fleet/quarantine.ts';
import { mosquittoTest, startMosquitto } from '../../mosquitto.ts';

const LIMITS = { perSecond: 20, burst: 200 };
const payload = (bytes = 500) => new Uint8Array(bytes);
const topic = (device: string) => `seld/v1/yard/${device}/event/siren`;

test('a device may say its due for ever, and a burst at once', () => {
  let nowMs = 0;
  const guard = new FloodGuard(LIMITS, () => nowMs);
  const admitted = (n: number) =>
    Array.from({ length: n }, () => guard.admits(topic('a'), payload())).filter(Boolean).length;
  expect(admitted(1000)).toBe(200);
  for (let second = 0; second < 50; second += 1) {
    nowMs += 1000;
    expect(admitted(20)).toBe(20);
  }
  expect(guard.report()).toEqual([{ site: 'yard', device: 'a', shed: 800 }]);
  expect(guard.report()).toEqual([]);
  nowMs += 10_000;
  expect(admitted(1000)).toBe(200);
});

test('the flood of one device costs no other anything; long and broken messages cost more', () => {
  const guard = new FloodGuard(LIMITS, () => 0);
  for (let i = 0; i < 1000; i += 1) guard.admits(topic('a'), payload());
  expect(guard.admits(topic('b'), payload())).toBe(true);
  const long = Array.from({ length: 50 }, () => guard.admits(topic('c'), payload(100_000))).filter(Boolean).length;
  expect(long).toBe(Math.floor(200 / 13));
  for (let i = 0; i < 2; i += 1) guard.blame(topic('d'));
  expect(Array.from({ length: 10 }, () => guard.admits(topic('d'), payload())).filter(Boolean)).toHaveLength(2);
});

test('a batch that the database did not take is not counted again', () => {
  const guard = new FloodGuard({ perSecond: 1, burst: 10 }, () => 0);
  const batch = Array.from({ length: 10 }, () => payload());
  for (let attempt = 0; attempt < 5; attempt += 1)
    expect(batch.every((each) => guard.admits(topic('a'), each))).toBe(true);
  expect(guard.admits(topic('a'), payload())).toBe(false);
});

function event(device: string, seq: number): string {
  const time = new Date().toISOString();
  const message: EventMessage = {
    ...{ schema: 'seld/event/1', site: 'yard', device, bootId: 'b1', id: `${device}/b1/${seq}`, seq, track: seq },
    ...{
      phase: 'end',
      class: 'siren',
      score: 0.75,
      frame: 'microphone',
      azimuth: 12.5,
      elevation: -3,
      direction: [1, 0, 0],
    },
    ...{ spreadDegrees: 2, bearingDegrees: null, headingDegrees: null, position: null, startSeconds: 1, endSeconds: 2 },
    ...{ startTime: time, endTime: time, sentTime: time, clock: { source: 'system', synced: null, offsetMs: null } },
  };
  return encode('event', message).payload;
}

mosquittoTest(
  'while one device sends 1,000 times its due every event of the others is stored, and the flood is told',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'earshot-flood-'));
    const broker = await startMosquitto('max_inflight_messages 2000');
    const database = await openDatabase(folder);
    await migrate(database);
    const floods: Flood[] = [];
    const stored = new Map<string, number>();
    const collector = new Collector({
      ...{ url: broker.url, clientId: 'hub', database, flood: { perSecond: 20, burst: 1000 } },
      onEvents: (events) => {
        for (const { device, seq } of events) if (device !== 'loud') stored.set(`${device}/${seq}`, performance.now());
      },
      onFlood: (flood) => void floods.push(flood),
    });
    await collector.start();
    const [loud, quiet] = await Promise.all([1, 2].map(() => connectAsync(broker.url, { protocolVersion: 5 })));
    let isOver = false;
    let sent = 0;
    const flood = (async () => {
      while (!isOver) {
        const first = sent + 1;
        sent += 100;
        await Promise.all(
          Array.from({ length: 100 }, (_, i) =>
            loud!.publishAsync(topic('loud'), event('loud', first + i), { qos: 1 }),
          ),
        );
      }
    })();
    const sentMs = new Map<string, number>();
    for (let seq = 1; seq <= 50; seq += 1) {
      for (const device of ['a', 'b', 'c', 'd']) {
        sentMs.set(`${device}/${seq}`, performance.now());
        await quiet!.publishAsync(topic(device), event(device, seq), { qos: 1 });
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    isOver = true;
    await flood;
    for (const deadline = Date.now() + 5000; stored.size < 200 && Date.now() < deadline; )
      await new Promise((resolve) => setTimeout(resolve, 20));
    const latencies = [...stored].map(([id, atMs]) => atMs - sentMs.get(id)!).sort((a, b) => a - b);
    process.stdout.write(
      `flood: ${sent} messages, ${floods[0]?.shed} shed at the first report; others stored after ${latencies[100]?.toFixed(0)} ms (median), ${latencies.at(-1)?.toFixed(0)} ms (longest)\n`,
    );
    expect(stored.size).toBe(200);
    expect(sent).toBeGreaterThan(5000);
    expect(floods[0]).toMatchObject({ site: 'yard', device: 'loud' });
    expect((await listQuarantine(database)).map(({ reason }) => reason).join()).toMatch(
      /^flood: \d+ messages were not stored/,
    );
    const [row] = await database.query<{ n: number }>("select count(*)::int as n from event where device = 'loud'");
    expect(row!.n).toBeLessThan(2000);
    await collector.stop();
    await Promise.all([loud!.endAsync(true), quiet!.endAsync(true)]);
    await database.close();
    rmSync(folder, { recursive: true });
    await broker.stop();
  },
  60_000,
);
