// Debian's Chromium for tests of the hub's page; where it is missing the tests say so, and how to get it.
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const place = process.env.CHROMIUM ?? PLACES.find((path) => existsSync(path));

/** The test function where Chromium is installed; elsewhere one that says that the test was left out, and why. */
export function chromiumTest(title: string, job: () => Promise<void>, timeoutMs?: number): void {
  if (hasChromium) test(title, job, timeoutMs);
  else test.skip(`${title} (left out: Chromium is not installed; apt-get install chromium brings it)`, job);
}

export const hasChromium = place !== undefined;

/** @throws Error when it is not installed */
export function startChromium(): Promise<Browser> {
  if (!place) throw new Error('Chromium is not installed: apt-get install chromium, or set CHROMIUM to its path.');
  // Its sandbox needs a user that is not root.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: place, args });
}
