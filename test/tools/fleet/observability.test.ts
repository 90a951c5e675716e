// Dashboard and alerts for Prometheus and Grafana: every figure they name is one that hub or device gives, and the files have their form.
import { readFileSync } from 'node:fs';
import { figuresOf, type Heartbeat } from '../../../runtime/device/heartbeat.ts';
import { exposition } from '../../../runtime/device/metrics.ts';
import { metricsText, RequestCounts } from '../../../tools/fleet/http/figures.ts';
import type { Hub } from '../../../tools/fleet/http/hub.ts';

const read = (path: string) => readFileSync(new URL(`../../../docs/${path}`, import.meta.url), 'utf8');

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly datasource: { readonly uid: string };
  }[];
}
const dashboard = JSON.parse(read('grafana/earshot.json')) as {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
  readonly [key: string]: unknown;
};
const alerts = read('prometheus/alerts.yml');

/** Names in an expression, of metrics of ours. */
const metricsIn = (text: string) => text.match(/\bearshot_[a-z0-9_]+\b/g) ?? [];

/** A device of which everything is known. */
const BEAT: Heartbeat = {
  ...{
    uptimeSeconds: 1,
    streamSeconds: 1,
    levelsDbfs: [-20],
    lostSamples: 0,
    discontinuities: 0,
    stages: { features: 0.1 },
  },
  inference: { backend: 'cuda', medianMs: 4, p95Ms: 6, droppedWindows: 0 },
  ...{ realTimeFactor: 0.2, streamRestarts: 0, memoryBytes: 1, heapBytes: 1, version: '1', model: 'm' },
  lastExit: { reason: null, time: null, startsLastHour: 1 } as Heartbeat['lastExit'],
  clock: { source: 'system', synced: true, offsetMs: 1 } as Heartbeat['clock'],
  board: { model: null, serial: null, l4t: null, kernel: null } as Heartbeat['board'],
  ...{ celsius: { cpu: 50 }, power: { totalWatts: 5, watts: { in: 5 } }, gpu: { load: 0.5, hertz: 1 } },
  ...{ cpu: { load: 0.5, hertz: [1] }, memoryController: { load: 0.1, hertz: 1 } as Heartbeat['memoryController'] },
  ...{ systemMemory: { totalBytes: 2, availableBytes: 1 }, disk: { totalBytes: 2, freeBytes: 1 } },
  ...{ fan: { share: 0.5, rpm: 1 }, throttling: { active: false, reasons: [] }, hangingSensors: [], faults: [] },
  outbox: { queued: 0, acknowledged: 0, dropped: 0 },
};

const hub = {
  database: {
    description: 'none',
    query: async (sql: string) => (sql.includes('from device') ? [{ state: 'ready', count: 1 }] : []),
  },
  status: () => ({
    ...{
      broker: 'none',
      isOnline: true,
      fresh: 0,
      duplicates: 0,
      quarantined: 0,
      received: 0,
      reconnects: 0,
      lagSeconds: 0,
    },
  }),
} as unknown as Hub;

/** What Prometheus reads from hub and device: names and labels of each sample. */
async function given(): Promise<Map<string, Set<string>>> {
  const requests = new RequestCounts();
  requests.note('GET', '/x', 200);
  const text = (await metricsText(hub, 0, requests)) + (await exposition(figuresOf(BEAT, { 'microphone-lost': 1 })));
  const samples = new Map<string, Set<string>>();
  for (const [, name, labels = ''] of text.matchAll(/^([a-z_0-9]+)(?:\{(.*)\})? /gm)) {
    samples.set(name!, new Set([...labels.matchAll(/([a-z]+)="/g)].map((match) => match[1]!)));
  }
  return samples;
}

test('every figure of the dashboard and of the alerts is one that hub or device gives', async () => {
  const samples = await given();
  const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  const queries = dashboard.templating.list.flatMap(({ definition = '' }) => definition);
  const named = [...expressions, ...queries, alerts].flatMap(metricsIn);
  expect(new Set(named).size).toBeGreaterThan(25);
  expect(named.filter((name) => !samples.has(name))).toEqual([]);
  const labelled = [...[...expressions, alerts].join('\n').matchAll(/(earshot_[a-z0-9_]+)\{([a-z]+)/g)];
  expect(labelled.filter(([, name, label]) => label !== 'instance' && !samples.get(name!)!.has(label!))).toEqual([]);
});

test('the rate of a figure is taken only where it counts up', () => {
  const text = JSON.stringify(dashboard) + alerts;
  const rated = [...text.matchAll(/\b(?:rate|increase)\((earshot_[a-z0-9_]+)/g)].map((match) => match[1]!);
  expect(rated.length).toBeGreaterThan(8);
  expect(rated.filter((name) => !name.endsWith('_total'))).toEqual([]);
});

test('the dashboard has what Grafana asks for, and panels that do not lie on each other', () => {
  expect(dashboard).toMatchObject({
    uid: 'earshot',
    title: 'earshot',
    schemaVersion: 39,
    time: { from: 'now-6h', to: 'now' },
  });
  const { panels } = dashboard;
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const taken = new Set<string>();
  for (const { type, title, gridPos, targets } of panels) {
    expect(['row', 'timeseries', 'stat']).toContain(type);
    expect(title).not.toBe('');
    expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    if (type !== 'row')
      expect(targets!.map(({ datasource }) => datasource.uid.replace(/\W/g, ''))).toContain('datasource');
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        expect(taken.has(`${x},${y}`)).toBe(false);
        taken.add(`${x},${y}`);
      }
    }
  }
  const variables = new Set(dashboard.templating.list.map(({ name }) => name));
  const used = JSON.stringify(panels)
    .match(/\$\{?([a-z]+)\}?/g)!
    .map((text) => text.replace(/\W/g, ''));
  expect(used.filter((name) => !variables.has(name))).toEqual([]);
});

test('every alert says when, how bad and what it means', () => {
  const rules = alerts.split(/^ +- alert: /m).slice(1);
  expect(rules.length).toBeGreaterThan(10);
  for (const rule of rules) {
    expect(rule).toMatch(/^Earshot[A-Za-z]+\n/);
    expect(rule).toMatch(/\n +expr: \S/);
    expect(rule).toMatch(/\n +labels: \{ severity: (warning|critical) \}/);
    expect(rule).toMatch(/\n +summary: '.+'/);
  }
});
