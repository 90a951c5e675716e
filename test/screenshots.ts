// npm run screenshots: pictures of the hub's page for the docs, from simulated devices at a forest and an office.
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
];

const stack = await startFleetStack(LONG);
const browser = await startChromium();
const quiet = stack.soundOn(2600);
try {
  await mkdir(IMAGES, { recursive: true });
  for (const shot of SHOTS) await take(shot);
} finally {
  quiet();
  await browser.close();
  await stack.stop();
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
  await sharp(picture).png({ palette: true, colours: 96, effort: 10 }).toFile(file);
  const { size } = await stat(file);
  console.log(`${file}: ${Math.round(size / 1000)} kB`);
  if (size > MOST_BYTES) throw new Error(`${file} has ${size} bytes, more than ${MOST_BYTES}`);
  await opened.context.close();
}
