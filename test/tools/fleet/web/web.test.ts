// The hub's page in Debian's Chromium, before the real hub: broker, database, HTTP server, and devices that publish over MQTT.
import type { Browser, Cookie } from 'playwright-core';
import { chromiumTest, hasChromium, startChromium } from '../../../chromium.ts';
import { USERS } from '../../../fleet-hub.ts';
import { accessibilityFaults, signIn, type Visit, visit } from '../../../fleet-page.ts';
import { type FleetStack, startFleetStack } from '../../../fleet-stack.ts';

const HOSTILE = '<img src=x onerror="window.hacked = true">';

let stack: FleetStack;
let browser: Browser;

beforeAll(async () => {
  if (!hasChromium) return;
  stack = await startFleetStack();
  browser = await startChromium();
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await stack?.stop();
}, 60_000);

/** Of each user who has signed in: the hub lets nobody do so often. */
const sessions = new Map<string, Cookie[]>();

async function signedIn(user: keyof typeof USERS = 'anna'): Promise<Visit> {
  const opened = await visit(browser, stack.url);
  await opened.context.addCookies(sessions.get(user) ?? []);
  await opened.open('/devices');
  if (!sessions.has(user)) await signIn(opened, user, USERS[user].password);
  await opened.page.getByRole('navigation', { name: 'Pages' }).waitFor();
  sessions.set(user, await opened.context.cookies());
  return opened;
}

/** In the dark the same pages differ by their colours alone. */
const COLOURS = ['color-contrast'];

const PAGES: readonly { readonly path: string; readonly sees: string }[] = [
  { path: '/devices', sees: 'clearing' },
  { path: '/map', sees: 'faces 40°' },
  { path: '/devices/forest/clearing', sees: 'NVIDIA Jetson Orin Nano' },
  { path: '/devices/forest/clearing/events', sees: 'Missing events' },
  { path: '/devices/forest/clearing/health', sees: 'Temperature' },
  { path: '/devices/forest/clearing/settings', sees: 'tracking.minimumSeconds' },
  { path: '/devices/forest/clearing/clips', sees: 'a mark' },
  { path: '/devices/forest/clearing/log', sees: 'Ask for the newest lines' },
  { path: '/events', sees: 'forest/clearing' },
  { path: '/alarms', sees: 'device-silent' },
  { path: '/rollouts', sees: 'New rollout' },
  { path: '/quarantine', sees: 'every message was understood' },
  { path: '/users', sees: 'operator' },
  { path: '/webhooks', sees: 'Nobody is called' },
  { path: '/audit', sees: 'login' },
  { path: '/account', sees: 'Change the password' },
];

/** Waits until words can be seen; names in closed lists do not count. */
async function seen({ page }: Visit, words: string, timeout = 15_000): Promise<void> {
  await page.getByText(words).locator('visible=true').first().waitFor({ timeout });
}

for (const scheme of ['light', 'dark'] as const) {
  chromiumTest(
    `every page opens in ${scheme}, asks no other host, logs no error and has no serious fault against WCAG`,
    async () => {
      const opened = await visit(browser, stack.url, { scheme });
      await opened.open('/devices');
      expect(await accessibilityFaults(opened)).toEqual([]);
      opened.troubles.length = 0; // before the login the hub refuses to say who is signed in
      await signIn(opened, 'anna', USERS.anna.password);
      for (const { path, sees } of PAGES) {
        await opened.open(path);
        await seen(opened, sees);
        expect({ path, faults: await accessibilityFaults(opened, scheme === 'dark' ? COLOURS : undefined) }).toEqual({
          path,
          faults: [],
        });
      }
      expect(opened.troubles).toEqual([]);
      expect(opened.strangers).toEqual([]);
      await opened.context.close();
    },
    120_000,
  );
}

chromiumTest('a wrong password is told and shows nothing of the fleet', async () => {
  const opened = await visit(browser, stack.url);
  await opened.open('/devices');
  await opened.page.getByLabel('Name').fill('anna');
  await opened.page.getByLabel('Password').fill('not the password');
  await opened.page.getByRole('button', { name: 'Sign in' }).click();
  expect(await opened.page.getByRole('alert').textContent()).toMatch(/wrong/i);
  expect(await opened.page.getByText('clearing').count()).toBe(0);
  await opened.context.close();
});

chromiumTest('the keyboard alone signs in, finds a device, opens it and comes back', async () => {
  const opened = await visit(browser, stack.url);
  const { page } = opened;
  await opened.open('/devices');
  await page.keyboard.press('Tab');
  await page.keyboard.type('anna');
  await page.keyboard.press('Tab');
  await page.keyboard.type(USERS.anna.password);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Fleet' }).waitFor();
  await tabTo(opened, 'Skip to the content');
  await page.keyboard.press('Enter');
  expect(await page.evaluate('document.activeElement.tagName')).toBe('MAIN');
  await tabTo(opened, 'search');
  await page.keyboard.type('lobby');
  await page.getByText('1 of').waitFor();
  await tabTo(opened, 'Device');
  await page.keyboard.press('Enter');
  expect(await page.locator('th[aria-sort="descending"]').textContent()).toContain('Device');
  await tabTo(opened, 'office/lobby');
  expect(await outline(opened)).toBeGreaterThan(0);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'office/lobby' }).waitFor();
  await tabTo(opened, 'Health');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Over time' }).waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: 'Directions' }).waitFor();
  await opened.context.close();
});

/** More than once around the page: where the focus begins after the login's fields are gone is the browser's affair. */
const MOST_TABS = 200;

/** Tabs until what has the focus says so. */
async function tabTo({ page }: Visit, words: string): Promise<void> {
  for (let i = 0; i < MOST_TABS; i++) {
    await page.keyboard.press('Tab');
    const said = await page.evaluate<string>(
      "document.activeElement.type === 'search' ? 'search' : document.activeElement === document.body ? '' : document.activeElement.textContent",
    );
    if (said.trim().startsWith(words)) return;
  }
  throw new Error(`the focus never came to ${words}`);
}

/** Pixels of the outline of what has the focus. */
function outline({ page }: Visit): Promise<number> {
  return page.evaluate('Number.parseFloat(getComputedStyle(document.activeElement).outlineWidth)');
}

chromiumTest('what a device calls itself is text, whatever it looks like', async () => {
  await stack.hostile(HOSTILE);
  const opened = await signedIn();
  for (const path of [
    '/devices?find=hostile',
    '/devices/forest/hostile',
    '/devices/forest/hostile/events',
    '/events',
    '/map',
  ]) {
    await opened.open(path);
    await seen(opened, path === '/map' ? 'hostile' : HOSTILE);
  }
  await opened.open('/quarantine');
  await opened.page.getByRole('button', { name: 'Show' }).first().click();
  await seen(opened, '{"<img src=x onerror=');
  await opened.page.getByRole('button', { name: 'Try all again' }).click();
  await seen(opened, '0 stored, 1 stay.');
  expect(await opened.page.evaluate("({ hacked: 'hacked' in window, images: document.images.length })")).toEqual({
    hacked: false,
    images: 0,
  });
  await opened.context.close();
});

chromiumTest(
  'the live tab shows levels, directions and the spectrogram as the device hears them, keeps a sound on request and plays it',
  async () => {
    const opened = await signedIn();
    await opened.open('/devices/forest/clearing');
    stack.sound('chainsaw');
    await opened.page.getByRole('meter', { name: 'channel W' }).waitFor({ timeout: 20_000 });
    await opened.page.getByRole('img', { name: /chainsaw at azimuth/ }).waitFor({ timeout: 20_000 });
    expect(await inked(opened, '.spectrogram canvas')).toBeGreaterThan(100);
    expect(await inked(opened, '.compass canvas')).toBeGreaterThan(10_000);
    await opened.page.getByRole('button', { name: 'Keep the last seconds' }).click();
    await opened.page.getByText('mark: done.').waitFor({ timeout: 20_000 });
    await opened.open('/devices/forest/clearing/clips');
    await opened.page.getByRole('button', { name: 'Fetch from the device' }).first().click();
    await opened.page.getByRole('button', { name: 'Play' }).first().click({ timeout: 20_000 });
    await opened.page.getByLabel('mark-1.wav').waitFor();
    expect(await opened.page.evaluate(SECONDS_OF_SOUND)).toBeCloseTo(0.5, 2);
    await opened.context.close();
  },
);

/** Length of the sound that the browser has decoded the head of. */
const SECONDS_OF_SOUND = `new Promise((resolve) => {
  const audio = document.querySelector('audio');
  if (audio.readyState > 0) resolve(audio.duration);
  else audio.onloadedmetadata = () => resolve(audio.duration);
})`;

/** Pixels of a canvas that are painted. */
function inked({ page }: Visit, canvas: string): Promise<number> {
  return page.evaluate(`{
    const canvas = document.querySelector(${JSON.stringify(canvas)});
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    data.filter((value, i) => i % 4 === 3 && value > 0).length;
  }`);
}

chromiumTest('the map draws bearings as they come and the place that several devices agree on', async () => {
  const opened = await signedIn();
  await opened.open('/map');
  await seen(opened, 'faces 40°');
  stack.sound('chainsaw');
  await opened.page.locator('.ray').first().waitFor({ state: 'attached', timeout: 15_000 });
  await opened.page.locator('.source-mark ellipse').first().waitFor({ state: 'attached', timeout: 20_000 });
  await opened.page.getByRole('application').focus();
  const before = await opened.page.locator('.device-mark g').first().getAttribute('transform');
  await opened.page.keyboard.press('ArrowLeft');
  await opened.page.locator(`.device-mark g[transform="${before}"]`).first().waitFor({ state: 'detached' });
  await opened.context.close();
});

chromiumTest('events are found by class and score, and more come by pages', async () => {
  const opened = await signedIn();
  await opened.open('/events');
  await opened.page.getByRole('button', { name: 'Show more' }).waitFor();
  await opened.page.getByLabel('Class').selectOption('chainsaw');
  const answered = opened.page.waitForResponse(/events\?.*minScore=0.6/);
  await opened.page.getByLabel('Score at least').fill('0.6');
  await opened.page.waitForURL(/class=chainsaw.*minScore=0.6/);
  const rows = opened.page.getByRole('table', { name: 'Events' }).locator('tbody tr');
  await (await answered).finished();
  await opened.page.waitForTimeout(300);
  await rows.filter({ hasNotText: 'chainsaw' }).first().waitFor({ state: 'detached' });
  for (const row of await rows.all())
    expect(Number(await row.locator('td').nth(5).textContent())).toBeGreaterThanOrEqual(0.6);
  const download = opened.page.waitForEvent('download');
  await opened.page.getByRole('link', { name: 'Export CSV' }).click();
  expect((await download).suggestedFilename()).toMatch(/csv$/);
  await opened.context.close();
});

chromiumTest('an operator changes a setting and sees the device take it; a viewer is not offered to', async () => {
  const opened = await signedIn('otto');
  await opened.open('/devices/office/lobby/settings');
  const { page } = opened;
  await page.getByLabel('Wished settings').fill('{ "healthSeconds": ');
  await page.getByRole('button', { name: 'Send to the device' }).click();
  await page.getByText('This is no JSON').waitFor();
  await page.getByLabel('Wished settings').fill('{ "healthSeconds": 45 }');
  await page.getByRole('button', { name: 'Send to the device' }).click();
  await page.getByText('The device uses what is wished.').waitFor({ timeout: 20_000 });
  await page.getByRole('row', { name: /healthSeconds 45 45/ }).waitFor();
  expect(await page.getByRole('link', { name: 'Users' }).count()).toBe(0);
  await opened.context.close();
  const viewer = await signedIn('vera');
  await viewer.open('/devices/office/lobby/settings');
  await viewer.page.getByText('healthSeconds').first().waitFor();
  expect(await viewer.page.getByRole('button', { name: 'Send to the device' }).count()).toBe(0);
  await viewer.context.close();
});

chromiumTest('a hub that takes longer to answer than the page waits to ask again is waited for', async () => {
  const opened = await signedIn();
  await opened.page.route('**/forest/clearing/desired', async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 6000)); // the tab asks every 5 s
    await route.continue();
  });
  await opened.open('/devices/forest/clearing/settings');
  await seen(opened, 'tracking.minimumSeconds');
  await opened.page.unrouteAll({ behavior: 'ignoreErrors' });
  await opened.context.close();
});

chromiumTest('an address that changes while the page is first drawn is followed', async () => {
  const opened = await signedIn();
  await opened.page.addInitScript(CHANGE_BEFORE_LISTENING);
  await opened.page.reload();
  await seen(opened, 'faces 40°');
  await opened.context.close();
});

/** Goes to the map at the last moment at which nobody is told: when the page begins to listen for such changes. */
const CHANGE_BEFORE_LISTENING = `{
  const add = window.addEventListener;
  window.addEventListener = (type, ...rest) => {
    if (type === 'hashchange') history.replaceState(null, '', '#/map');
    add(type, ...rest);
  };
}`;

chromiumTest('an operator sees who is in which wave, begins a rollout and pauses it', async () => {
  const opened = await signedIn('otto');
  await opened.open('/rollouts');
  const { page } = opened;
  await page.getByRole('button', { name: 'New rollout' }).click();
  await page.getByLabel('Name', { exact: true }).fill('slower-health');
  await page.getByLabel('Sites').fill('office');
  await page.getByLabel('Waves before the last').fill('25');
  await page.getByRole('button', { name: 'Show the waves' }).click();
  await page.getByText('1 device, ').waitFor();
  await page.getByText('3 devices, ').waitFor();
  await page.getByRole('button', { name: 'Begin' }).click();
  await page.getByRole('link', { name: 'slower-health' }).click();
  await page.getByRole('heading', { name: 'What happened' }).waitFor();
  await page.getByText('created for 4 devices in 2 waves').waitFor();
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('button', { name: 'Go on', exact: true }).waitFor();
  expect(await accessibilityFaults(opened)).toEqual([]);
  await opened.context.close();
});

chromiumTest(
  'an operator adds a rule, silences the alarm that it raises, and switches the rule off',
  async () => {
    const opened = await signedIn('otto');
    await opened.open('/alarms');
    const { page } = opened;
    await page.getByRole('button', { name: 'New rule' }).click();
    await page.getByLabel('The rule as JSON').fill('{ "name": ');
    await page.getByRole('button', { name: 'Keep the rule' }).click();
    await page.getByText('This is no JSON').waitFor();
    const rule = { name: 'queue', kind: 'figure', figure: 'outboxQueued', above: -1, devices: ['office/lobby'] };
    await page.getByLabel('The rule as JSON').fill(JSON.stringify(rule));
    await page.getByRole('button', { name: 'Keep the rule' }).click();
    await page.getByRole('row', { name: /^queue figure warning/ }).waitFor();
    const alarm = page.getByRole('row', { name: /outboxQueued is .* office\/lobby/ });
    await alarm.getByRole('button', { name: 'Silence' }).click({ timeout: 40_000 });
    await alarm.getByRole('button', { name: '8 hours' }).click();
    await alarm.getByText('no word until').waitFor();
    expect(await accessibilityFaults(opened)).toEqual([]);
    await alarm.getByRole('button', { name: 'Tell again' }).click();
    await alarm.getByRole('button', { name: 'Silence' }).waitFor();
    const isOn = page.getByRole('row', { name: /^queue figure warning/ }).getByRole('checkbox');
    const saved = page.waitForResponse(/alarm-rules\/queue/);
    await isOn.uncheck();
    expect((await saved).status()).toBe(200);
    expect(await isOn.isChecked()).toBe(false);
    await opened.context.close();
    const viewer = await signedIn('vera');
    await viewer.open('/alarms');
    await viewer.page.getByRole('row', { name: /^queue figure warning/ }).waitFor();
    expect(await viewer.page.getByRole('button', { name: 'New rule' }).count()).toBe(0);
    await viewer.context.close();
  },
  90_000,
);

chromiumTest('an administrator adds a webhook, sees its secret once, and removes it', async () => {
  const opened = await signedIn();
  await opened.open('/webhooks');
  const { page } = opened;
  await page.getByLabel('Address').fill('https://127.0.0.1/earshot');
  await page.getByRole('button', { name: 'Call it from now on' }).click();
  await page.getByRole('alert').getByText('127.0.0.1').waitFor();
  await page.getByLabel('Address').fill('https://desk.example.org/earshot');
  await page.getByLabel('sounds, each').check();
  await page.getByRole('button', { name: 'Call it from now on' }).click();
  await page.getByText(/^whsec_/).waitFor();
  await page.getByRole('row', { name: /desk\.example\.org\/earshot ?alarm, event on/ }).waitFor();
  expect(await accessibilityFaults(opened)).toEqual([]);
  await opened.open('/account');
  await opened.open('/webhooks');
  await page.getByRole('button', { name: 'Remove' }).click();
  expect(await page.getByText(/^whsec_/).count()).toBe(0);
  await page.getByRole('button', { name: 'Remove webhook' }).click();
  await page.getByText('Nobody is called').waitFor();
  await opened.context.close();
});

chromiumTest('an operator notes tags and the time zone of a device', async () => {
  const opened = await signedIn('otto');
  await opened.open('/devices/office/lobby/settings');
  const { page } = opened;
  await page.getByLabel('More tags').fill('ground-floor, north');
  await page.getByLabel('Time zone').fill('Europe/Atlantis');
  await page.getByRole('button', { name: 'Note it' }).click();
  await page.getByRole('alert').getByText('Europe/Berlin').waitFor();
  await page.getByLabel('Time zone').fill('Europe/Berlin');
  await page.getByRole('button', { name: 'Note it' }).click();
  await page.getByText('Time zone Europe/Berlin.').waitFor();
  await page.getByRole('button', { name: 'Take the tag north away' }).click();
  await page.getByText('Take the tag north away').waitFor({ state: 'detached' });
  await page.getByText('ground-floor').first().waitFor();
  expect(await accessibilityFaults(opened)).toEqual([]);
  await opened.context.close();
});

chromiumTest(
  'a broken stream is told, and found again by itself',
  async () => {
    const opened = await signedIn();
    await opened.page.getByRole('status').filter({ hasText: 'Live' }).waitFor();
    await stack.restart(async () => {
      await opened.page.getByText('Connection lost').waitFor({ timeout: 15_000 });
    });
    await opened.page.getByText('Connection lost').waitFor({ state: 'detached', timeout: 40_000 });
    await opened.context.close();
  },
  90_000,
);

chromiumTest('a thousand devices scroll without a long frame', async () => {
  await stack.crowd(1000);
  const opened = await signedIn();
  await opened.page.getByText(/1,0\d\d devices/).waitFor({ timeout: 30_000 });
  expect(await opened.page.locator('.virtual tbody tr').count()).toBeLessThan(120);
  const { framesPerSecond, longestMs } = frames(await opened.page.evaluate<number[]>(SCROLL));
  console.log(
    `1,000 devices: ${framesPerSecond.toFixed(0)} frames/s while scrolling, longest frame ${longestMs.toFixed(0)} ms`,
  );
  expect(framesPerSecond).toBeGreaterThan(25);
  await opened.context.close();
});

/** Scrolls through the table for two seconds; the times of its frames. */
const SCROLL = `new Promise((resolve) => {
  const box = document.querySelector('.virtual');
  const times = [];
  const step = (box.scrollHeight - box.clientHeight) / 120;
  const tick = (now) => {
    times.push(now);
    box.scrollTop += step;
    if (now - times[0] < 2000) requestAnimationFrame(tick);
    else resolve(times);
  };
  requestAnimationFrame(tick);
})`;

function frames(times: readonly number[]): { framesPerSecond: number; longestMs: number } {
  const gaps = times.slice(1).map((time, i) => time - times[i]!);
  return { framesPerSecond: (1000 * gaps.length) / (times.at(-1)! - times[0]!), longestMs: Math.max(...gaps) };
}
