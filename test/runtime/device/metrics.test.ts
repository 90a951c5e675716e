// Figures for Prometheus: its format, its names, and that what is unknown is absent.
import { networkInterfaces } from 'node:os';
import { Faults } from '../../../runtime/device/faults.ts';
import { figuresOf, type HeartbeatInput, heartbeat } from '../../../runtime/device/heartbeat.ts';
import { createLog } from '../../../runtime/device/log.ts';
import { exposition, MetricsServer } from '../../../runtime/device/metrics.ts';

const faults = new Faults(createLog({ write: () => undefined, plain: false }));
const input: HeartbeatInput = {
  listening: {
    ...{ uptimeSeconds: 12, streamSeconds: 10, levelsDbfs: [-40, -41, -42, -43], lostSamples: 480, discontinuities: 1 },
    ...{ stages: { features: 0.02, inference: 0.05 }, inference: { backend: 'test', medianMs: 40, p95Ms: null } },
  },
  ...{ streamRestarts: 2, outbox: { queued: 3, acknowledged: 7, dropped: 0 }, model: 'm', version: '1.2.3' },
  identity: { model: null, compatible: [], serial: null, l4t: null, kernel: null, machineBootId: null },
  lastExit: { reason: null, time: null, startsLastHour: 1 },
  self: {
    board: {
      ...{ celsius: { cpu: 47.5, cv0: null }, watts: { VDD_IN: 4.5 }, totalWatts: 4.5 },
      ...{ gpu: { load: null, hertz: 305e6 }, cpu: { load: 0.25, hertz: [] }, fan: { share: null, rpm: null } },
      ...{ memory: { totalBytes: null, availableBytes: null }, throttling: { active: false, reasons: [] } },
    },
    ...{ clock: { synced: null, offsetMs: null }, disk: { totalBytes: 100, freeBytes: 50 }, hangingSensors: [] },
    memoryController: { load: null, hertz: null },
  },
  faults: faults.list,
  recentFactor: 0.09,
};
const beat = heartbeat(input);

test('figures stand under their names with labels, in base units, and unknown ones are absent', async () => {
  const text = await exposition(figuresOf(beat, { 'source-failed': 2 }));
  const lines = text.split('\n');
  expect(lines).toContain('earshot_temperature_celsius{zone="cpu"} 47.5');
  expect(lines).toContain('earshot_rail_power_watts{rail="VDD_IN"} 4.5');
  expect(lines).toContain('earshot_inference_latency_seconds{quantile="0.5"} 0.04');
  expect(lines).toContain('earshot_lost_samples_total 480');
  expect(lines).toContain('# TYPE earshot_lost_samples_total counter');
  expect(lines).toContain('earshot_throttled 0');
  expect(lines).toContain('earshot_fault{code="source-failed"} 0');
  expect(lines).toContain('earshot_faults_total{code="source-failed"} 2');
  expect(text).not.toMatch(/cv0|quantile="0\.95"|gpu_load|clock_synchronized|memory_available|NaN|null/);
});

test('every name follows the rules of Prometheus', async () => {
  const units =
    /_(seconds|bytes|ratio|celsius|watts|hertz|decibels|messages|info|total|fault|throttled|synchronized|hour)$/;
  for (const { name, help } of figuresOf(beat, {})) {
    expect(name).toMatch(/^earshot_[a-z_]+$/);
    expect(name).toMatch(units);
    expect(help.length).toBeGreaterThan(3);
  }
});

test('they are served on the loopback interface alone, and nothing else is', async () => {
  const server = new MetricsServer(async () => figuresOf(beat, {}));
  const port = await server.start(0);
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await answer.text()).toContain('earshot_uptime_seconds 12');
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${port}/metrics`, { method: 'POST' })).status).toBe(404);
    const outside = Object.values(networkInterfaces())
      .flat()
      .find((face) => face?.family === 'IPv4' && !face.internal);
    if (outside) await expect(fetch(`http://${outside.address}:${port}/metrics`)).rejects.toThrow();
    await expect(new MetricsServer(async () => []).start(port)).rejects.toThrow(/EADDRINUSE/);
  } finally {
    await server.stop();
  }
});

test('a fault is one entry from its beginning to its end, and is counted each time', () => {
  const lines: string[] = [];
  const list = new Faults(createLog({ write: (line) => lines.push(line), plain: false }));
  list.raise('broker-lost', 'No broker answers.');
  list.raise('broker-lost', 'No broker answers.');
  list.raise('broker-lost', 'The broker refuses us.');
  expect(list.list).toEqual([
    { code: 'broker-lost', message: 'The broker refuses us.', since: expect.any(String), count: 1 },
  ]);
  list.clear('broker-lost');
  list.clear('broker-lost');
  list.set('broker-lost', null, 'unknown changes nothing');
  expect([list.list, lines.length]).toEqual([[], 3]);
  list.set('broker-lost', true, 'No broker answers.');
  expect(list.list[0]!.count).toBe(2);
});

test('a fault that was over when it was noticed is shown for a while', async () => {
  const list = new Faults(createLog({ write: () => undefined, plain: false }));
  list.note('clock-jumped', 'by 3 s', 30);
  expect(list.has('clock-jumped')).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(list.has('clock-jumped')).toBe(false);
  expect(list.counts).toEqual({ 'clock-jumped': 1 });
});

test('the real-time factor is that of late, and of the whole stream only before there is one', () => {
  expect(beat.realTimeFactor).toBe(0.09);
  expect(heartbeat({ ...input, recentFactor: null }).realTimeFactor).toBeCloseTo(0.07);
});
