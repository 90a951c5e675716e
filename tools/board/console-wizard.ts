// The questions of a first boot on the console, answered page by page; boards/first-boot.json has the pages of each wizard.
// A fallback: a board that was flashed with an account never asks. Not seen on hardware; see docs/hardware-checklist.md.
import type { WizardPage } from '../../boards/first-boot.ts';
import { UserError } from '../command.ts';
import type { Console } from './console.ts';
import type { Account } from './console-login.ts';

const TAB = '\t';
const ENTER = '\r';
/** For the slowest page, which makes the account and the swap file. */
const PAGE_MS = 600_000;
const QUIET_MS = 20_000;
/** A page is drawn in pieces. */
const SETTLE_MS = 500;
/** Whatever happens, a wizard that asks more than this is going in circles. */
const MOST_PAGES = 40;

export interface WizardAnswers {
  readonly account: Account;
  readonly hostname: string;
}

/** Answers until the login prompt is there. Pages may come in any order; what is not asked for is left as it is offered. */
export async function answerWizard(
  console: Console,
  pages: readonly WizardPage[],
  answers: WizardAnswers,
  settleMs = SETTLE_MS,
): Promise<void> {
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
    answer(console, pages.find(({ name }) => name === which)!, answers);
  }
  throw new UserError(
    `The first-boot questions on ${console.path} do not end: answer them by hand (screen ${console.path} 115200), or flash the board with an account, then provision again.`,
  );
}

/** The fields of newt take the text as typed; Tab leads to the button. */
function answer(console: Console, page: WizardPage, { account: { user, newPassword }, hostname }: WizardAnswers): void {
  const keys = {
    enter: '',
    accept: TAB,
    user: `${user}${TAB}`,
    hostname: `${hostname}${TAB}`,
    password: `${newPassword}${TAB}`,
  }[page.answer];
  if (page.answer === 'password') console.say(keys, newPassword);
  else console.press(`${keys}${ENTER}`);
}
