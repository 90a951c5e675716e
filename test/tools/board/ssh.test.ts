import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fingerprintOf, hostKeyOf, KnownHosts } from '../../../tools/board/ssh-hosts.ts';
import { publicKeyOf, SshShell, type SshTarget } from '../../../tools/board/ssh-shell.ts';
import { Transcript } from '../../../tools/board/transcript.ts';
import { type Sshd, sshdTest, startSshd } from '../../sshd.ts';

let folder: string;
let sshd: Sshd | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'earshot-ssh-'));
});

afterEach(async () => {
  await sshd?.stop();
  sshd = undefined;
  rmSync(folder, { recursive: true });
});

async function shellTo(more: Partial<SshTarget> = {}): Promise<SshShell> {
  sshd ??= await startSshd();
  const { port, user, identity: privateKey, hostKey } = sshd;
  const transcript = new Transcript(join(folder, 'transcript.log'));
  const target = { host: '127.0.0.1', port, user, privateKey, fingerprint: fingerprintOf(hostKeyOf(hostKey)) };
  return new SshShell({ ...target, transcript, ...more });
}

sshdTest(
  'scripts run through standard input, so that no process list shows them, and their status comes back',
  async () => {
    const shell = await shellTo();
    await shell.open();
    const { code, output } = await shell.run(`secret=hunter2; ps -eo args | grep -c '[h]unter2'; exit 3`);
    expect({ code, output }).toEqual({ code: 3, output: '0\n' });
    await shell.close();
  },
);

sshdTest('a file of megabytes arrives whole, with its mode, and its progress is told', async () => {
  const shell = await shellTo();
  await shell.open();
  const [local, there] = [join(folder, 'local'), join(folder, "it's there")];
  writeFileSync(local, randomBytes(3_000_001));
  const told: number[] = [];
  await shell.send(local, there, (bytes) => told.push(bytes), 20_000);
  expect(readFileSync(there).equals(readFileSync(local))).toBe(true);
  expect(told.at(-1)).toBe(3_000_001);
  await shell.put(join(folder, 'key'), 'secret\n', '600');
  expect(statSync(join(folder, 'key')).mode & 0o777).toBe(0o600);
  await shell.close();
});

sshdTest('a board without room for a file says so, and nothing half-written stays under its name', async () => {
  const shell = await shellTo();
  await shell.open();
  await expect(shell.put('/dev/full/file', 'x', '600')).rejects.toThrow('could not be written on the board');
  expect(existsSync('/dev/full/file')).toBe(false);
  await shell.close();
});

sshdTest('another host key than the pinned one ends it before anything is sent', async () => {
  const shell = await shellTo({ fingerprint: 'SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' });
  await expect(shell.open()).rejects.toThrow(/shows the host key SHA256:.* but SHA256:AAAA.* is pinned.*--serial/s);
});

sshdTest('a key that the board does not know is said to be the reason', async () => {
  const file = join(folder, 'stranger');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
  const shell = await shellTo({ privateKey: readFileSync(file) });
  await expect(shell.open()).rejects.toThrow('does not take this key');
});

sshdTest('a board that is not there is an error with address and port', async () => {
  const shell = await shellTo({ port: 9 });
  await expect(shell.open()).rejects.toThrow(/ssh .*@127\.0\.0\.1:9 cannot be reached/);
});

sshdTest('a board that goes away in the middle of a command ends it with an error', async () => {
  const shell = await shellTo();
  await shell.open();
  const running = expect(shell.run('sleep 30')).rejects.toThrow('cannot be reached (the connection broke)');
  await new Promise((resolve) => setTimeout(resolve, 300));
  execFileSync('pkill', ['-P', readFileSync(join(sshd!.folder, 'pid'), 'utf8').trim()]);
  await running;
});

sshdTest('fingerprints and public keys are those that ssh-keygen shows', async () => {
  const file = join(folder, 'id');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'me', '-f', file]);
  const line = readFileSync(`${file}.pub`, 'utf8');
  const shown = execFileSync('ssh-keygen', ['-l', '-f', `${file}.pub`], { encoding: 'utf8' });
  expect(fingerprintOf(hostKeyOf(line))).toBe(shown.split(' ')[1]);
  expect(publicKeyOf(readFileSync(file))).toBe(line.split(' ').slice(0, 2).join(' ').trim());
});

test('a pinned key is found again, and a board that was flashed anew gets its new one', async () => {
  const hosts = new KnownHosts(join(folder, 'known_hosts'));
  expect(await hosts.find('north/mill-3')).toBeUndefined();
  await hosts.pin('north/mill-3', 'ssh-ed25519 AAAA root@tegra-ubuntu');
  await hosts.pin('north/mill-4', 'ssh-ed25519 BBBB');
  await hosts.pin('north/mill-3', 'ssh-ed25519 CCCC');
  expect(await hosts.find('north/mill-3')).toBe('ssh-ed25519 CCCC');
  expect(await hosts.find('north/mill-4')).toBe('ssh-ed25519 BBBB');
});

test('what is no key of SSH is refused', () => {
  expect(() => hostKeyOf('ssh-ed25519 AAAA')).toThrow('is no host key of SSH');
  expect(() => publicKeyOf(Buffer.from('nonsense'))).toThrow('no private key of SSH');
});
