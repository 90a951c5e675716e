// npm run screenshots [-- NAME...]: pictures of the hub's page for the docs, from simulated devices at a forest and an office.
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { startChromium } from './chromium.ts';
import { USERS } from './fleet-hub.ts';
import { signIn, visit } from './fleet-page.ts';
import { LONG, startFleetStack } from './fleet-stack.ts';

const IMAGES = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const MOST_BYTES = 200_000;
/** Pixels of the screen for each of the page. */
const SCALE = 1.5;

interface Shot {
  readonly name: string;
  readonly path: string;
  readonly scheme: 'light' | 'dark';
  /** Until sounds were heard and pictures came. */
  readonly waitMs: number;
  readonly site?: string;
}

const SHOTS: readonly Shot[] = [
  { name: 'fleet-devices', path: '/devices', scheme: 'light', waitMs: 1500 },
  { name: 'fleet-map', path: '/map', scheme: 'dark', waitMs: 16_000, site: 'forest' },
  { name: 'fleet-live', path: '/devices/forest/clearing', scheme: 'light', waitMs: 24_000 },
  { name: 'fleet-health', path: '/devices/forest/clearing/health', scheme: 'dark', waitMs: 2500 },
  { name: 'fleet-events', path: '/devices/forest/clearing/events', scheme: 'light', waitMs: 2500 },
  { name: 'fleet-search', path: '/events?class=chainsaw', scheme: 'dark', waitMs: 2500 },
  { name: 'fleet-alarms', path: '/alarms', scheme: 'light', waitMs: 2500 },
  { name: 'fleet-rollout', path: '/rollouts/quieter-forest', scheme: 'dark', waitMs: 2500 },
  { name: 'fleet-settings', path: '/devices/office/lobby/settings', scheme: 'light', waitMs: 2500 },
];

const FURNITURE: readonly [method: string, path: string, body: unknown][] = [
  ['PUT', 'alarm-rules/hot', { name: 'hot', kind: 'figure', figure: 'celsius', above: 60, severity: 'critical' }],
  [
    'PUT',
    'alarm-rules/chainsaw',
    { name: 'chainsaw', kind: 'event', classes: ['chainsaw'], minScore: 0.5, severity: 'critical', clearSeconds: 600 },
  ],
  ['PUT', 'devices/office/lobby/note', { addTags: ['ground-floor', 'north'], zone: 'Europe/Berlin' }],
  [
    'POST',
    'rollouts',
    {
      name: 'quieter-forest',
      note: 'health every 20 s',
      change: { settings: { healthSeconds: 20 } },
      target: { rule: { sites: ['forest'] } },
      waves: [{ percent: 25 }, { approval: true }],
    },
  ],
  ['POST', 'webhooks', { url: 'https://desk.example.org/earshot', topics: ['alarm', 'rollout'] }],
];

const wanted = process.argv.slice(2);
const stack = await startFleetStack(LONG);
const browser = await startChromium();
const quiet = stack.soundOn(2600);
try {
  await mkdir(IMAGES, { recursive: true });
  await furnish();
  for (const shot of SHOTS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) await take(shot);
} finally {
  quiet();
  await browser.close();
  await stack.stop();
}

/** What an operator would have at hand: a rule that is broken, a rollout under way, a wish, notes, a webhook. */
async function furnish(): Promise<void> {
  const api = `${stack.url}/api/v1`;
  const json = { 'content-type': 'application/json' };
  const login = JSON.stringify({ name: 'anna', password: USERS.anna.password });
  const signedIn = await fetch(`${api}/login`, { method: 'POST', headers: json, body: login });
  const cookie = signedIn.headers.get('set-cookie')!.split(';')[0]!;
  const { csrfToken } = (await signedIn.json()) as { csrfToken: string };
  const headers = { ...json, cookie, 'x-csrf-token': csrfToken };
  for (const [method, path, body] of FURNITURE) {
    const response = await fetch(`${api}/${path}`, { method, headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  }
}

async function take({ name, path, scheme, waitMs, site }: Shot): Promise<void> {
  const opened = await visit(browser, stack.url, { scheme, height: 720, scale: SCALE });
  await opened.open('/devices');
  await signIn(opened, 'anna', USERS.anna.password);
  await opened.open(path);
  if (site) await opened.page.getByLabel('Site').selectOption(site);
  if (path === '/devices/forest/clearing') stack.sound('chainsaw');
  await opened.page.waitForTimeout(waitMs);
  const picture = await opened.page.screenshot();
  const file = join(IMAGES, `${name}.png`);
  await sharp(picture).png({ palette: true, colours: 80, effort: 10 }).toFile(file);
  const { size } = await stat(file);
  console.log(`${file}: ${Math.round(size / 1000)} kB`);
  if (size > MOST_BYTES) throw new Error(`${file} has ${size} bytes, more than ${MOST_BYTES}`);
  await opened.context.close();
}
