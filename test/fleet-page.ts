// The hub's page in a real browser: signs in, and notes whatever goes wrong there: errors of the console, requests to strangers.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Browser, BrowserContext, Page } from 'playwright-core';

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors and warnings of the console, exceptions, answers of 400 and more. */
  readonly troubles: string[];
  /** Requests to any other host than the hub. */
  readonly strangers: string[];
  /** Opens a page by what stands behind its #. */
  open(path: string): Promise<void>;
}

export interface VisitOptions {
  readonly scheme?: 'light' | 'dark';
  readonly width?: number;
  readonly height?: number;
  /** Pixels of the screen for each of the page. */
  readonly scale?: number;
}

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** @param url of the hub */
export async function visit(browser: Browser, url: string, options: VisitOptions = {}): Promise<Visit> {
  const { scheme = 'light', width = 1280, height = 860, scale = 1 } = options;
  const context = await browser.newContext({
    ...{ viewport: { width, height }, colorScheme: scheme, deviceScaleFactor: scale },
  });
  const page = await context.newPage();
  const troubles: string[] = [];
  const strangers: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) troubles.push(`${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => troubles.push(String(error.stack)));
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== url) strangers.push(request.url());
  });
  const open = async (path: string) => {
    await page.goto(`${url}/#${path}`);
    await page.locator('h1').first().waitFor();
  };
  return { page, context, troubles, strangers, open };
}

export async function signIn({ page }: Visit, name: string, password: string): Promise<void> {
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
}

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
  }[];
}

const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/**
 * What axe-core finds of serious and critical faults against WCAG 2.2 A and AA, as sentences.
 * @param rules these alone
 */
export async function accessibilityFaults({ page }: Visit, rules?: readonly string[]): Promise<string[]> {
  // Through the debugger: the page's own rules allow no script of strangers.
  await page.evaluate(await readFile(AXE, 'utf8'));
  const runOnly = rules ? { type: 'rule', values: rules } : { type: 'tag', values: WCAG };
  const { violations } = await page.evaluate<AxeResult>(`axe.run(document, ${JSON.stringify({ runOnly })})`);
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
    );
}
