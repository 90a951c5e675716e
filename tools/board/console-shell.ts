// Commands over a serial console, as root: sent in short pieces that are checked before they run, answers read until they are whole.
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { UserError } from '../command.ts';
import { type Console, ConsoleLost, ConsoleTimeout } from './console.ts';
import { type Account, type Arrival, type LoginTimes, logIn } from './console-login.ts';
import { quoted, type Shell, type ShellResult } from './shell.ts';

/** Far below the 4095 characters of a terminal's line (N_TTY), and short enough to be sent again cheaply. */
const PIECE = 180;
const ATTEMPTS = 6;
/** A small board that is busy with its first boot. */
const DEFAULT_MS = 180_000;
const ANSWER_MS = 30_000;
/** A mark that was garbled is asked for again; while a script runs, the question waits in the terminal. */
const ASK_AGAIN_MS = 10_000;
const LOGIN_BACK = /login: *$/i;
const SUDO_PROMPT = 'earshot-asks:';
/** Bytes that a script may bring over this line. */
const MOST_BYTES = 2 ** 17;

/**
 * Defined in the board's shell once a login. e: script in base64, in pieces. q SUM N: runs it when it arrived whole, its
 * output into a file. w N: says again how that ended, 'garbled' where it never began. a N: shows the file. Marks are put together by printf, so that an echo of the line shows none.
 * Only root can look into the folder d.
 */
const FUNCTIONS = [
  '(umask 077; mkdir -p $d); e=',
  's() { sha256sum | cut -c1-16; }',
  'm() { printf "\\n@%s-%s@\\n" "$1" "$2"; }',
  'q() { n=$2; c=garbled; [ "$(printf %s "$e" | s)" = "$1" ] && {',
  'printf %s "$e" | base64 -d >$d/i; sh $d/i >$d/o 2>&1 </dev/null; c=$?; rm -f $d/i; }; m $n $c; }',
  'w() { [ "$n" = "$1" ] || c=garbled; m "$1" $c; }',
  'a() { m $1 begin; base64 -w 76 $d/o; printf "\\n@%s-%s@\\n" $1 "$(base64 -w 0 $d/o | s)"; }',
];

export interface ConsoleShellOptions {
  readonly console: Console;
  readonly account: Account;
  readonly times?: LoginTimes;
  /** Answers the questions of a first boot; afterwards the account is there. */
  readonly wizard?: (console: Console) => Promise<void>;
  /** Of the board, for scripts and their output; default one that is gone at the next boot. */
  readonly folder?: string;
}

/** A shell of root on a serial console. A reboot or a pulled cable in the middle: it logs in again and runs the command again. */
export class ConsoleShell implements Shell {
  readonly #options: ConsoleShellOptions;
  #mark = 0;
  #isIn = false;
  /** The password that the board took; undefined when somebody was logged in already. */
  password: string | undefined;

  constructor(options: ConsoleShellOptions) {
    this.#options = options;
  }

  get #folder(): string {
    return this.#options.folder ?? '/run/earshot-console';
  }

  get name(): string {
    return `the console ${this.#options.console.path}`;
  }

  async open(): Promise<void> {
    await this.#options.console.open();
    await this.#withReturn(() => this.#enter());
  }

  /** Commands are run again when the board went down in their middle: they must bear that. */
  async run(script: string, timeoutMs = DEFAULT_MS): Promise<ShellResult> {
    if (Buffer.byteLength(script) > MOST_BYTES) throw new Error('too long for a serial line');
    return this.#withReturn(async () => {
      if (!this.#isIn) await this.#enter();
      this.#options.console.note(script);
      const code = await this.#start(script, timeoutMs);
      return { code, output: await this.#output() };
    });
  }

  async put(file: string, content: string | Uint8Array, mode: string): Promise<void> {
    const name = quoted(file);
    const body = Buffer.from(content).toString('base64').replace(/.{76}/g, '$&\n');
    const script = `set -e; umask 077; base64 -d >${name}.partial <<'END'\n${body}\nEND\nchmod ${mode} ${name}.partial; mv ${name}.partial ${name}`;
    const { code, output } = await this.run(script);
    if (code !== 0) throw new UserError(`${file} could not be written on the board: ${output.trim()}`);
  }

  /** Leaves no shell of root behind on the console. */
  async close(): Promise<void> {
    const { console } = this.#options;
    if (this.#isIn) {
      this.#isIn = false;
      try {
        console.press('rm -rf "$d"\r');
        console.say('exit');
        await console.expect({ login: LOGIN_BACK }, 'logging out', { timeoutMs: 10_000 });
      } catch (error) {
        if (!(error instanceof ConsoleLost || error instanceof ConsoleTimeout)) throw error;
      }
    } else if (console.isOpen) console.press('\u0003'); // out of a question for a password
    await console.close();
  }

  /** Again from the login, as often as the cable is pulled or the board boots. */
  async #withReturn<T>(job: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await job();
      } catch (error) {
        if (!(error instanceof ConsoleLost) || attempt >= ATTEMPTS) throw error;
        this.#isIn = false;
        await this.#options.console.open();
      }
    }
  }

  async #enter(): Promise<void> {
    const { console, account, times, wizard } = this.#options;
    let arrival: Arrival = await logIn(console, account, times);
    if (arrival.at === 'wizard') {
      if (!wizard)
        throw new UserError(`The board on ${console.path} asks its first-boot questions; answer them first.`);
      await wizard(console);
      arrival = await logIn(console, { ...account, passwords: [account.newPassword] }, times);
      if (arrival.at === 'wizard')
        throw new UserError(`The board on ${console.path} asks its first-boot questions again.`);
    }
    this.password = arrival.password ?? this.password;
    await this.#becomeRoot();
    await this.#prepare();
    this.#isIn = true;
  }

  async #becomeRoot(): Promise<void> {
    const { console, account } = this.#options;
    const password = this.password ?? account.passwords[0] ?? '';
    // The prompt is put together by the shell, so that an echo of the line is not taken for it; login and sudo leave together.
    const [head, tail] = [SUDO_PROMPT.slice(0, 4), SUDO_PROMPT.slice(4)];
    const command = `[ "$(id -u)" = 0 ] && exec sh || exec sudo -p '${head}''${tail}' sh`;
    console.say(command);
    const patterns = {
      asked: new RegExp(`${SUDO_PROMPT} *$`),
      root: /(?:^|\n)[^\n]{0,120}# *$/,
      missing: /sudo: (?:command )?not found/,
    };
    const first = await console.expect(patterns, 'becoming root', { timeoutMs: ANSWER_MS });
    if (first.which === 'missing') throw new UserError(`There is no sudo on the board: log in as root (--user root).`);
    if (first.which === 'root') return;
    console.say(password, password);
    const after = {
      wrong: /try again|incorrect password/i,
      forbidden: /not in the sudoers|not allowed/i,
      root: patterns.root,
    };
    const { which } = await console.expect(after, 'becoming root', { timeoutMs: ANSWER_MS });
    if (which === 'root') return;
    throw new UserError(
      which === 'wrong'
        ? `sudo does not take the password of ${account.user}.`
        : `${account.user} may not become root on the board: name an account of the group sudo (--user).`,
    );
  }

  /** A quiet shell: no echo, no prompt, no history, and a kernel that speaks only of emergencies. */
  async #prepare(): Promise<void> {
    const { console } = this.#options;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      console.say('stty -echo; PS1=; PS2=; unset HISTFILE; export LC_ALL=C TERM=dumb; dmesg -n 1 2>/dev/null; :');
      for (const line of [`d=${quoted(this.#folder)}`, ...FUNCTIONS]) {
        console.say(line);
        await delay(5);
      }
      const script = encode('exit 42');
      console.say(`e=${script}`);
      const code = await this.#call(sumOf(script), 5000).catch(timedOut);
      if (code === 42) return;
      console.press('\u0003\r'); // out of a half-read line
      await delay(200);
    }
    throw new UserError(
      `The shell on ${console.path} does not take commands whole: is the cable bad? The transcript has what came.`,
    );
  }

  /** @returns exit status */
  async #start(script: string, timeoutMs: number): Promise<number> {
    const { console } = this.#options;
    const encoded = encode(script);
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      console.press('e=\r');
      for (let at = 0; at < encoded.length; at += PIECE) console.press(`e="$e"${encoded.slice(at, at + PIECE)}\r`);
      const code = await this.#call(sumOf(encoded), timeoutMs);
      if (code !== undefined) return code;
    }
    throw new UserError(
      `${console.path} garbles what is sent, ${ATTEMPTS} times one after the other: is the cable bad?`,
    );
  }

  /** @returns exit status; undefined when the script arrived garbled */
  async #call(sum: string, timeoutMs: number): Promise<number | undefined> {
    const { console } = this.#options;
    this.#mark += 1;
    console.press(`q ${sum} ${this.#mark}\r`);
    const patterns = { done: new RegExp(`@${this.#mark}-(\\d+|garbled)@`), login: LOGIN_BACK };
    const mark = this.#mark;
    const quiet = { afterMs: ASK_AGAIN_MS, act: () => console.press(`w ${mark}\r`) };
    const { which, match } = await console.expect(patterns, 'running a command', { timeoutMs, quiet });
    if (which === 'login') throw new ConsoleLost('the board has booted');
    return match[1] === 'garbled' ? undefined : Number(match[1]);
  }

  /** Reads the output again until its sum is right: the kernel may have spoken into it. */
  async #output(): Promise<string> {
    const { console } = this.#options;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      this.#mark += 1;
      console.press(`a ${this.#mark}\r`);
      const end = new RegExp(`@${this.#mark}-begin@\\n([^@]*)@${this.#mark}-([0-9a-f]{16})@`);
      const answer = await console
        .expect({ whole: end, login: LOGIN_BACK }, 'reading an answer', { timeoutMs: ANSWER_MS })
        .catch(timedOut);
      if (answer?.which === 'login') throw new ConsoleLost('the board has booted');
      if (!answer) continue;
      const encoded = answer.match[1]!.replace(/[^A-Za-z0-9+/=]/g, '');
      if (sumOf(encoded) === answer.match[2]) return Buffer.from(encoded, 'base64').toString('utf8');
    }
    throw new UserError(
      `${console.path} garbles what the board says, ${ATTEMPTS} times one after the other: is the cable bad?`,
    );
  }
}

const encode = (script: string): string => Buffer.from(script).toString('base64');
const sumOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

function timedOut(error: Error): undefined {
  if (!(error instanceof ConsoleTimeout)) throw error;
  return undefined;
}
