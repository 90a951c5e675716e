// From whatever a serial console shows to a prompt of the shell: boot noise, login, a password that must be changed, the wizard.
import { UserError } from '../command.ts';
import { type Console, ConsoleTimeout } from './console.ts';

export interface Account {
  readonly user: string;
  /** Tried in this order, each once: a second wrong one could lock the account. */
  readonly passwords: readonly string[];
  /** What a board takes that asks for a new password at the first login. */
  readonly newPassword: string;
}

export interface LoginTimes {
  /** For a board that boots: until a prompt is there. Default 8 minutes, since a first boot may resize a disk. */
  readonly bootMs?: number;
  /** For an answer of login(1), which waits two seconds after a wrong password. Default a minute. */
  readonly answerMs?: number;
  /** Silence after which Enter is pressed. Default 5 s. */
  readonly quietMs?: number;
  /** Silence after which the board is taken to have said all it had to. Default 0.4 s. */
  readonly settleMs?: number;
}

type Pace = Required<LoginTimes>;

/** Who is needed to go on: 'shell' when a prompt is there, 'wizard' when the first-boot questions are asked. */
export type Arrival = { readonly at: 'shell'; readonly password?: string } | { readonly at: 'wizard' };

const LOGIN = /login: *$/i;
const PASSWORD = /(?:^|\n)[^\n]{0,40}password(?: for [^\n:]+)?: *$/i;
const REFUSED = /login incorrect|authentication failure|maximum number of tries|account (?:is )?locked/i;
const SHELL = /(?:^|\n)[^\n]{0,120}[$#] *$/;
/** JetPack 7 asks each second for Enter; JetPack 4 to 6 draw pages under these headings. */
const WIZARD = /press enter to start system configuration|system configuration +[^\n]*\n|license for customer use/i;
const CHANGE_OLD = /(?:^|\n)(?:\(current\) unix|current) password: *$/i;
const CHANGE_NEW = /(?:^|\n)(?:enter )?new (?:unix )?password: *$/i;
const CHANGE_AGAIN = /(?:^|\n)re-?(?:type|enter) (?:the )?new (?:unix )?password: *$/i;
/** A boot loader that takes any key as a wish to stop. */
const BOOTLOADER = /press esc|hit any key|u-boot|uefi|grub|jetson (?:system )?firmware/i;
/** After the boot loader spoke, silence is no reason to press a key for so long. */
const BOOTLOADER_QUIET_MS = 40_000;
const LONGEST_SETTLE_MS = 10_000;
const PROBE = 'echo earshot-$((6*7))-here';
const PROBE_ANSWER = /earshot-42-here/;

/** Logs in. @throws UserError naming what stands in the way */
export async function logIn(console: Console, account: Account, times: LoginTimes = {}): Promise<Arrival> {
  const { bootMs = 480_000, answerMs = 60_000, quietMs = 5000, settleMs = 400 } = times;
  const pace = { bootMs, answerMs, quietMs, settleMs };
  const passwords = [...account.passwords];
  for (let attempt = 0; attempt < 8; attempt += 1) {
    const { which } = await waitForPrompt(console, pace);
    if (which === 'wizard') return { at: 'wizard' };
    if (which === 'shell') {
      if (await isShell(console, pace)) return { at: 'shell' };
      continue;
    }
    const password = passwords[0];
    if (password === undefined) throw refused(console, account);
    const answer = await answerLogin(console, account, password, pace);
    if (answer === 'in') return { at: 'shell', password };
    if (answer === 'changed') return { at: 'shell', password: account.newPassword };
    if (answer === 'refused') passwords.shift();
    if (passwords.length === 0) throw refused(console, account);
  }
  throw new UserError(`${console.path} shows login prompts but no login comes about: look into the transcript.`);
}

/**
 * Presses Enter where nothing is said, but not to a boot loader; then waits until all these Enters are answered, since a name
 * typed before would be taken for a password.
 */
async function waitForPrompt(console: Console, { bootMs, quietMs, settleMs }: Pace) {
  const deadline = Date.now() + bootMs;
  let bootloaderMs = 0;
  const act = (heard: string) => {
    if (BOOTLOADER.test(heard.slice(-2000))) {
      bootloaderMs ||= Date.now();
      if (Date.now() - bootloaderMs < BOOTLOADER_QUIET_MS) return;
    }
    console.press('\r');
  };
  const patterns = { wizard: WIZARD, login: LOGIN, shell: SHELL };
  const task = 'waiting for a login prompt';
  for (;;) {
    await console.expect(patterns, task, {
      timeoutMs: deadline - Date.now(),
      keeps: true,
      quiet: { afterMs: quietMs, act },
    });
    await console.settle(settleMs, LONGEST_SETTLE_MS);
    const still = await console.expect(patterns, task, { timeoutMs: 1 }).catch(timedOut);
    if (still) return still;
  }
}

function timedOut(error: Error): undefined {
  if (!(error instanceof ConsoleTimeout)) throw error;
  return undefined;
}

/** Types name and password once. 'again': the prompt came back before a password was asked for, so nothing was tried. */
async function answerLogin(
  console: Console,
  { user, newPassword }: Account,
  password: string,
  pace: Pace,
): Promise<'in' | 'changed' | 'refused' | 'again'> {
  console.say(user);
  const asked = await console.expect(
    { change: CHANGE_OLD, password: PASSWORD, refused: REFUSED, login: LOGIN, shell: SHELL },
    `logging in as ${user}`,
    { timeoutMs: pace.answerMs },
  );
  if (asked.which === 'login') return 'again';
  if (asked.which === 'refused') return 'refused';
  if (asked.which === 'shell') return (await isShell(console, pace)) ? 'in' : 'again';
  console.say(password, password);
  for (let isChanged = false; ; ) {
    const { which } = await console.expect(
      {
        ...{ again: CHANGE_AGAIN, new: CHANGE_NEW, old: CHANGE_OLD },
        ...{ refused: REFUSED, login: LOGIN, shell: SHELL },
      },
      `logging in as ${user}`,
      { timeoutMs: pace.answerMs },
    );
    if (which === 'old') console.say(password, password);
    else if (which === 'new' || which === 'again') console.say(newPassword, newPassword);
    else if (which === 'refused' || which === 'login') return 'refused';
    else if (await isShell(console, pace)) return isChanged ? 'changed' : 'in';
    if (which === 'again') isChanged = true;
  }
}

/** A line that ends in $ or # may be anything; only a shell does sums. */
async function isShell(console: Console, { answerMs, settleMs }: Pace): Promise<boolean> {
  console.say(PROBE);
  const patterns = { answer: PROBE_ANSWER, login: LOGIN };
  const quiet = { afterMs: 3000, act: () => console.say(PROBE) };
  const waiting = { timeoutMs: Math.min(answerMs, 20_000), quiet };
  const answer = await console.expect(patterns, 'looking for a shell', waiting).catch(timedOut);
  await console.settle(settleMs, LONGEST_SETTLE_MS);
  return answer?.which === 'answer';
}

function refused(console: Console, { user, passwords }: Account): UserError {
  const tried = passwords.length === 1 ? 'the password' : `${passwords.length} passwords`;
  return new UserError(
    `The board on ${console.path} does not take ${tried} for ${user}: name the right account (--user, --password-file). ` +
      'Nothing was tried twice, so that no account is locked.',
  );
}
