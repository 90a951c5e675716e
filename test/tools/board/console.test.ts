import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Console, type OpenLine } from '../../../tools/board/console.ts';
import { ConsoleShell } from '../../../tools/board/console-shell.ts';
import { openSerialLine } from '../../../tools/board/serial-line.ts';
import { Transcript } from '../../../tools/board/transcript.ts';

const FAKE = fileURLToPath(new URL('../../fakes/board-login.mjs', import.meta.url));
const TIMES = { bootMs: 20_000, answerMs: 5000, quietMs: 300, settleMs: 120 };

let folder: string;
let socat: ChildProcess | undefined;
let shell: ConsoleShell | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'earshot-console-'));
  mkdirSync(join(folder, 'board'));
});

afterEach(async () => {
  await shell?.close();
  shell = undefined;
  await unplug();
  rmSync(folder, { recursive: true });
});

const hasSocat = (() => {
  try {
    execFileSync('socat', ['-V'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();
const onPty = hasSocat ? test : test.skip;
if (!hasSocat)
  test.skip('(consoles on ptys are left out: socat is not installed; apt-get install socat brings it)', () => {});

const path = () => join(folder, 'console');

/** Plugs the board's console in: a pty with the board at its other end. */
async function plug(faults = ''): Promise<void> {
  const environment = { ...process.env, BOARD_FOLDER: join(folder, 'board'), BOARD_FAULTS: faults };
  const board = `EXEC:${process.execPath} ${FAKE},pty,setsid,ctty,stderr`;
  socat = spawn('socat', [`PTY,link=${path()},rawer,wait-slave`, board], { env: environment, stdio: 'ignore' });
  while (!existsSync(path())) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function unplug(): Promise<void> {
  if (!socat || socat.exitCode !== null || socat.signalCode !== null) return;
  const gone = new Promise((resolve) => socat!.once('exit', resolve));
  socat.kill('SIGTERM');
  await gone;
  rmSync(path(), { force: true });
}

interface Trial {
  readonly passwords?: readonly string[];
  readonly open?: OpenLine;
  readonly replugMs?: number;
  readonly secret?: string;
}

async function enter({
  passwords = ['nvidia'],
  open = openSerialLine,
  replugMs,
  secret,
}: Trial = {}): Promise<ConsoleShell> {
  const transcript = new Transcript(join(folder, 'transcript.log'));
  if (secret) transcript.hide(secret);
  const console = new Console({ path: path(), open, replugMs, transcript });
  const account = { user: 'nvidia', passwords, newPassword: 'a-word-of-its-own' };
  shell = new ConsoleShell({ console, account, times: TIMES, folder: join(folder, 'run') });
  await shell.open();
  return shell;
}

onPty('commands run as root over a console, and their output and exit status come back whole', async () => {
  await plug();
  const shell = await enter();
  expect(await shell.run('id -u; echo "ä \\$ @1-0@"; exit 3')).toEqual({ code: 3, output: '0\nä $ @1-0@\n' });
  const long = await shell.run('i=0; while [ $i -lt 2000 ]; do echo "line $i"; i=$((i+1)); done');
  expect(long.output).toBe(Array.from({ length: 2000 }, (_, i) => `line ${i}\n`).join(''));
  const file = join(folder, 'a file');
  const content = "it's a\n'file' with $(things)\n".repeat(100);
  await shell.put(file, content, '640');
  expect(readFileSync(file, 'utf8')).toBe(content);
});

onPty.each([
  ['a first prompt that is garbled', 'garbled'],
  ['no echo', 'echo-off'],
  ['a board that is slow to answer', 'slow'],
  ['kernel messages within prompts and answers', 'kernel'],
  ['a board that is just booting, whose boot loader takes a key as a wish to stop', 'boots'],
])('the login gets through %s', async (_, faults) => {
  await plug(faults);
  const shell = await enter();
  const { output } = await shell.run('seq 1 500');
  expect(output.trim().split('\n')).toHaveLength(500);
});

onPty('a wrong password is said to be wrong after one try, so that no account is locked', async () => {
  await plug();
  await expect(enter({ passwords: ['ubuntu'] })).rejects.toThrow('does not take the password for nvidia');
  expect(readFileSync(join(folder, 'board', 'tries'), 'utf8')).toBe('x');
});

onPty('the password of an earlier provisioning is tried first, then the given one', async () => {
  await plug();
  const shell = await enter({ passwords: ['an-older-word', 'nvidia'] });
  expect(shell.password).toBe('nvidia');
  expect(readFileSync(join(folder, 'board', 'tries'), 'utf8')).toBe('xx');
});

onPty('a board that wants a new password at the first login gets the one prepared for it', async () => {
  await plug('expired');
  const shell = await enter();
  expect(shell.password).toBe('a-word-of-its-own');
  expect((await shell.run('echo in')).output).toBe('in\n');
});

onPty('a command is run again when the board reboots in its middle', async () => {
  await plug();
  const shell = await enter();
  const flag = join(folder, 'flag');
  const { output } = await shell.run(`[ -e ${flag} ] && { echo done; exit; }; touch ${flag}; reboot; sleep 5`);
  expect(output).toBe('done\n');
});

onPty('a cable that is pulled and plugged in again is only a pause', async () => {
  await plug();
  const shell = await enter({ replugMs: 15_000 });
  await unplug();
  const later = shell.run('echo back');
  await new Promise((resolve) => setTimeout(resolve, 500));
  await plug();
  expect((await later).output).toBe('back\n');
});

onPty('a cable that stays out is an error that says how to go on', async () => {
  await plug();
  const shell = await enter({ replugMs: 700 });
  await unplug();
  await expect(shell.run('true')).rejects.toThrow('did not come back: plug the cable in again');
});

onPty('bytes that get lost on the way out are sent again, and nothing half-received is run', async () => {
  await plug();
  let pieces = 0;
  const lossy: OpenLine = async (path, listeners) => {
    const line = await openSerialLine(path, listeners);
    return {
      close: () => line.close(),
      write: (text) => {
        const isPiece = text.startsWith('e="$e"');
        if (isPiece) pieces += 1;
        line.write(isPiece && pieces <= 2 ? `${text.slice(0, 40)}${text.slice(43)}` : text);
      },
    };
  };
  const shell = await enter({ open: lossy });
  const { output } = await shell.run(`echo once >>${join(folder, 'count')}; cat ${join(folder, 'count')}`);
  expect(output).toBe('once\n');
  expect(pieces).toBeGreaterThan(2);
});

onPty('a console that says nothing is an error that names what to look at', async () => {
  socat = spawn('socat', [`PTY,link=${path()},rawer,wait-slave`, 'EXEC:sleep 60,pty'], { stdio: 'ignore' });
  while (!existsSync(path())) await new Promise((resolve) => setTimeout(resolve, 20));
  const console = new Console({
    path: path(),
    open: openSerialLine,
    transcript: new Transcript(join(folder, 't.log')),
  });
  const account = { user: 'nvidia', passwords: ['nvidia'], newPassword: 'x' };
  const silent = new ConsoleShell({ console, account, times: { bootMs: 800, quietMs: 200 } });
  await expect(silent.open()).rejects.toThrow('which said nothing at all: is it powered, is this its console');
  await silent.close();
});

onPty('the transcript tells what was done, and no password', async () => {
  await plug();
  const shell = await enter({ passwords: ['nvidia'], secret: 'hunter2-hunter2' });
  await shell.run("printf 'keeper:hunter2-hunter2' >/dev/null");
  await shell.close();
  const text = readFileSync(join(folder, 'transcript.log'), 'utf8');
  expect(text).toContain('tegra-ubuntu login:');
  expect(text).toContain("> printf 'keeper:[hidden]' >/dev/null");
  expect(text).not.toMatch(/hunter2|> nvidia\n.*> nvidia\n/);
  expect(text).not.toContain(Buffer.from("printf 'keeper:hunter2").toString('base64').slice(0, 20));
});
