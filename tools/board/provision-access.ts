// First contact over the console: a keeper's account with a key, SSH that takes keys alone, and the host key that proves the board.
import { UserError } from '../command.ts';
import { lookAtFiles, putFiles } from './provision-files.ts';
import type { Plan } from './provision-plan.ts';
import { notSo, type Step, so } from './provision-step.ts';
import { holds, must, type Shell } from './shell.ts';
import { fingerprintOf, hostKeyOf, type KnownHosts } from './ssh-hosts.ts';

const HOST_KEY = '/etc/ssh/ssh_host_ed25519_key.pub';
/** Read before sshd_config's own lines: the first value of a word counts (sshd_config(5)). */
const SSHD_FILE = '/etc/ssh/sshd_config.d/00-earshot.conf';
const SSHD = 'PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin no\n';
const SSHD_WANTED = ['passwordauthentication no', 'kbdinteractiveauthentication no', 'permitrootlogin no'];

/** The account that comes in over SSH, and becomes root without a password, since it has none. */
export function keeperStep(shell: Shell, { keeper }: Plan, publicKey: string): Step {
  const sudoers = { path: `/etc/sudoers.d/${keeper}`, content: `${keeper} ALL=(ALL) NOPASSWD: ALL\n`, mode: '440' };
  const home = `/home/${keeper}`;
  const keys = {
    path: `${home}/.ssh/authorized_keys`,
    content: `${publicKey}\n`,
    mode: '600',
    owner: `${keeper}:${keeper}`,
  };
  return {
    name: 'keeper',
    aim: `account ${keeper} with the key of --identity, allowed to become root`,
    async look() {
      if (!(await holds(shell, `id -u ${keeper}`))) return notSo(`no account ${keeper}`);
      if (!(await holds(shell, `[ "$(passwd -S ${keeper} | cut -d' ' -f2)" != P ]`)))
        return notSo(`${keeper} has a password`);
      return lookAtFiles(shell, [sudoers, keys]);
    },
    async make() {
      await must(
        shell,
        `making the account ${keeper}`,
        `id -u ${keeper} >/dev/null 2>&1 || useradd --create-home --shell /bin/bash --user-group ${keeper}
         usermod --lock ${keeper}
         install -d -m 700 -o ${keeper} -g ${keeper} ${home}/.ssh
         command -v sudo >/dev/null || { echo "there is no sudo: apt-get install sudo"; exit 1; }`,
      );
      await putFiles(shell, [keys, sudoers]);
      await must(shell, 'checking the rules of sudo', 'visudo -c >/dev/null');
    },
  };
}

/** SSH that runs and takes keys alone. */
export function sshServerStep(shell: Shell): Step {
  const file = { path: SSHD_FILE, content: SSHD, mode: '644' };
  return {
    name: 'ssh server',
    aim: 'runs, takes keys alone, nobody as root',
    async look() {
      const { code, output } = await shell.run('mkdir -p /run/sshd; PATH=$PATH:/usr/sbin sshd -T');
      if (code !== 0) return notSo('no SSH server that can run');
      const settings = new Set(output.toLowerCase().split('\n'));
      const open = SSHD_WANTED.filter((line) => !settings.has(line));
      if (open.length > 0) return notSo(`not yet: ${open.join(', ')}`);
      if (!(await holds(shell, `[ -s ${HOST_KEY} ] && ss -Hltn 'sport = :22' | grep -q .`)))
        return notSo('it does not run');
      return so('keys alone');
    },
    async make() {
      if (!(await holds(shell, 'PATH=$PATH:/usr/sbin command -v sshd')))
        throw new UserError('There is no SSH server on the board: apt-get install openssh-server there, then go on.');
      await putFiles(shell, [file]);
      await must(
        shell,
        'starting the SSH server',
        `[ -s ${HOST_KEY} ] || ssh-keygen -q -t ed25519 -N '' -f ${HOST_KEY.slice(0, -4)}
         unit=ssh; systemctl cat ssh >/dev/null 2>&1 || unit=sshd
         systemctl is-enabled --quiet $unit || systemctl enable --quiet $unit
         systemctl restart $unit`,
      );
    },
  };
}

/** The board's host key, read from the board itself. */
export function hostKeyStep(shell: Shell, device: string, hosts: KnownHosts): Step {
  const read = async () => {
    const [type, key] = (await must(shell, 'reading the host key', `cat ${HOST_KEY}`)).split(/\s+/);
    return `${type} ${key}`;
  };
  return {
    name: 'host key',
    aim: 'read over the console and pinned, so that SSH needs no blind trust',
    async look() {
      const [own, pinned] = [await read(), await hosts.find(device)];
      if (own === pinned) return so(fingerprintOf(hostKeyOf(own)));
      return notSo(pinned ? 'another one is pinned: the board was flashed anew' : 'none is pinned');
    },
    make: async () => hosts.pin(device, await read()),
  };
}

/** A password of its own for the account that flashing left: two boards never share one, and the console stays a way in. */
export function passwordStep(
  shell: Shell,
  { user }: Plan,
  { taken, wanted }: { readonly taken: string | undefined; readonly wanted: string },
): Step {
  let isSet = taken === wanted;
  return {
    name: 'console password',
    aim: `${user} gets one of its own, kept in the device's folder here`,
    look: async () => (isSet ? so('its own') : notSo('the one that flashing left')),
    async make() {
      await must(shell, `setting the password of ${user}`, `chpasswd <<'END'\n${user}:${wanted}\nEND`);
      isSet = true;
    },
  };
}

/** Addresses of the board that SSH may find it under, best first: what does not lead off the board is left out. */
export async function addressesOf(shell: Shell): Promise<string[]> {
  const output = await must(
    shell,
    'asking for addresses',
    'ip -o -4 addr show scope global | tr -s " " | cut -d" " -f2,4',
  );
  const rows = output.split('\n').map((row) => row.split(' '));
  const isOwn = (name: string) => /^(docker|br-|veth|virbr|lo)/.test(name);
  return rows.filter(([name, address]) => address && !isOwn(name!)).map(([, address]) => address!.split('/')[0]!);
}
