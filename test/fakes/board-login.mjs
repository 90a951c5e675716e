// A board behind a serial console, as far as logging in goes: boots, asks for name and password, gives a real shell.
// Faults are ordered by variables of the environment, see FAULTS. Runs on a terminal of its own (socat ... EXEC:...,pty,setsid,ctty).
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const folder = process.env.BOARD_FOLDER;
/** What may go wrong, separated by spaces. */
const FAULTS = new Set((process.env.BOARD_FAULTS ?? '').split(' '));
const USER = 'nvidia';
const password = () => readFileSync(join(folder, 'password'), 'utf8');
const say = (text) => process.stdout.write(text);
const stty = (...words) => execFileSync('stty', words, { stdio: 'inherit' });

mkdirSync(join(folder, 'bin'), { recursive: true });
if (!existsSync(join(folder, 'password'))) writeFileSync(join(folder, 'password'), 'nvidia');
// Where tests run as root, the shell must look like that of an ordinary user, and as root's after sudo.
program('id', '[ "$1" = -u ] && { echo $BOARD_UID; exit; }; exec /usr/bin/id "$@"');
program(
  'sudo',
  'while [ $# -gt 1 ]; do [ "$1" = -p ] && prompt=$2; shift; done; printf %s "$prompt"; stty -echo; read word; stty echo; echo\n' +
    `[ "$word" = "$(cat ${join(folder, 'password')})" ] || { echo "Sorry, try again."; exit 1; }; BOARD_UID=0 PS1='# ' exec sh -i +m`,
);
program('reboot', `touch ${join(folder, 'rebooting')}; kill -9 "$(cat ${join(folder, 'shell')})"`);
program('dmesg', 'exit 0');

function program(name, body) {
  writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
}

/** One line as the terminal gives it. */
async function readLine() {
  let line = '';
  for (;;) {
    const data = await new Promise((resolve) => {
      process.stdin.once('data', resolve);
      process.stdin.resume();
    });
    process.stdin.pause();
    line += data.toString();
    if (/[\r\n]/.test(line)) return line.replace(/[\r\n]+[\s\S]*$/, '');
  }
}

async function boot() {
  const forget = () => undefined;
  process.stdin.on('data', forget);
  await delay(100); // what was typed before the power came on is lost
  process.stdin.off('data', forget).pause();
  say('\r\nJetson UEFI firmware (version 36.4.3)\r\nPress ESC to enter Setup, F11 to enter Boot Manager\r\n');
  const key = await Promise.race([new Promise((resolve) => process.stdin.once('data', resolve)), delay(700)]);
  process.stdin.removeAllListeners('data').pause();
  if (key) {
    say('\r\nUEFI setup was entered\r\n');
    await delay(3_600_000);
  }
  say(
    '[    0.000000] Booting Linux on physical CPU 0x0000000000\r\n[    1.204711] systemd[1]: Detected architecture arm64.\r\n',
  );
}

async function login() {
  for (;;) {
    if (FAULTS.delete('garbled')) say('\r\ntegra-ub\u0000ntu l\u00c3gi\ufffd:');
    else say('\r\ntegra-ubuntu login: ');
    if (FAULTS.has('kernel')) say('[   34.100231] random: crng init done\r\n');
    const name = await readLine();
    if (name === '') continue;
    appendFileSync(join(folder, 'tries'), 'x');
    say('Password: ');
    stty('-echo');
    const word = await readLine();
    stty('echo');
    say('\r\n');
    if (FAULTS.has('slow')) await delay(1500);
    if (name === USER && word === password()) return;
    say('Login incorrect\r\n');
  }
}

async function changePassword() {
  if (!FAULTS.has('expired') || existsSync(join(folder, 'changed'))) return;
  say(
    'You are required to change your password immediately (administrator enforced).\r\nChanging password for nvidia.\r\n',
  );
  stty('-echo');
  say('Current password: ');
  await readLine();
  say('\r\nNew password: ');
  const first = await readLine();
  say('\r\nRetype new password: ');
  const second = await readLine();
  stty('echo');
  if (first !== second) process.exit(1);
  writeFileSync(join(folder, 'password'), first);
  writeFileSync(join(folder, 'changed'), '');
  say('\r\npasswd: password updated successfully\r\n');
}

if (FAULTS.has('boots')) await boot();
for (;;) {
  if (FAULTS.has('echo-off')) stty('-echo');
  await login();
  await changePassword();
  say('Welcome to Ubuntu 22.04.5 LTS\r\nLast login: Thu Jan  1 00:00:41 UTC 1970 on ttyTCU0\r\n');
  const environment = {
    ...process.env,
    PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
    PS1: `${USER}@tegra-ubuntu:~$ `,
  };
  const shell = spawn('sh', ['-i', '+m'], { stdio: 'inherit', env: environment });
  writeFileSync(join(folder, 'shell'), String(shell.pid));
  const chatter = FAULTS.has('kernel')
    ? setInterval(
        () => say(`[  ${(performance.now() / 1000).toFixed(6)}] usb 1-2.1: reset high-speed USB device number 4\r\n`),
        20,
      )
    : undefined;
  await new Promise((resolve) => shell.once('exit', resolve));
  clearInterval(chatter);
  stty('sane');
  if (!existsSync(join(folder, 'rebooting'))) continue;
  rmSync(join(folder, 'rebooting'));
  await boot();
}
