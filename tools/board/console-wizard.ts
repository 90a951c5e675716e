// The questions of a first boot on the console: oem-config of JetPack 4 to 6 and nv-oobe of JetPack 7, answered page by page.
// A fallback: a board that was flashed with an account never asks. Not seen on hardware; see docs/hardware-checklist.md.
import { UserError } from '../command.ts';
import type { Console } from './console.ts';
import type { Account } from './console-login.ts';

interface Page {
  readonly name: string;
  /** On the text of the screen, without line drawing. */
  readonly title: RegExp;
  readonly answer: (console: Console) => void;
}

const TAB = '\t';
const ENTER = '\r';
/** For the slowest page, which makes the account and the swap file. */
const PAGE_MS = 600_000;
const QUIET_MS = 20_000;
/** A page is drawn in pieces. */
const SETTLE_MS = 500;
/** Whatever happens, a wizard that asks more than this is going in circles. */
const MOST_PAGES = 40;

/** Answers until the login prompt is there. Pages may come in any order; what is not known is left as it is offered. */
export async function answerWizard(
  console: Console,
  account: Account,
  hostname: string,
  settleMs = SETTLE_MS,
): Promise<void> {
  const { user, newPassword } = account;
  const type = (text: string, secret?: string) => (at: Console) => {
    // The fields of newt take the text as typed; Tab leads to the button.
    if (secret === undefined) at.press(`${text}${TAB}${ENTER}`);
    else at.say(`${secret}${TAB}`, secret);
  };
  const accept = (at: Console) => at.press(`${TAB}${ENTER}`);
  const pages: Page[] = [
    { name: 'start', title: /press enter to start system configuration/i, answer: (at) => at.press(ENTER) },
    { name: 'licence', title: /license for customer use|end user license/i, answer: accept },
    { name: 'language', title: /select (?:a )?language|language for/i, answer: accept },
    { name: 'location', title: /select your location|country, territory/i, answer: accept },
    { name: 'keyboard', title: /keyboard layout|configure the keyboard/i, answer: accept },
    { name: 'locales', title: /configure locales/i, answer: accept },
    { name: 'time zone', title: /time ?zone/i, answer: accept },
    { name: 'clock', title: /system clock set to utc/i, answer: accept },
    { name: 'full name', title: /full name for the new user/i, answer: type(user) },
    { name: 'user name', title: /username for your account/i, answer: type(user) },
    { name: 'password again', title: /re-enter password/i, answer: type('', newPassword) },
    { name: 'password', title: /choose a password|password for the new user/i, answer: type('', newPassword) },
    { name: 'weak password', title: /use weak password/i, answer: accept },
    { name: 'partition', title: /app partition size/i, answer: accept },
    { name: 'swap', title: /swap ?file/i, answer: accept },
    { name: 'network', title: /do not configure the network|primary network interface/i, answer: accept },
    { name: 'hostname', title: /\bhostname\b/i, answer: type(hostname) },
    { name: 'power mode', title: /nvpmodel mode/i, answer: accept },
    { name: 'browser', title: /chromium/i, answer: accept },
  ];
  const patterns = Object.fromEntries([['login', /login: *$/i], ...pages.map(({ name, title }) => [name, title])]);
  for (let count = 0; count < MOST_PAGES; count += 1) {
    const { which } = await console.expect<string>(patterns, 'answering the questions of the first boot', {
      timeoutMs: PAGE_MS,
      quiet: { afterMs: QUIET_MS, act: () => console.press(ENTER) },
    });
    if (which === 'login') {
      console.press(ENTER); // the prompt was used up by this look at it
      return;
    }
    await console.settle(settleMs, 10 * settleMs);
    pages.find(({ name }) => name === which)!.answer(console);
  }
  throw new UserError(
    `The first-boot questions on ${console.path} do not end: answer them by hand (screen ${console.path} 115200), or flash the board with an account, then provision again.`,
  );
}
