// Name, wireless network and clock of a board, by the means that its system has.
import { UserError } from '../command.ts';
import { type BoardFile, lookAtFiles, putFiles } from './provision-files.ts';
import type { Plan } from './provision-plan.ts';
import { notSo, type Step, so } from './provision-step.ts';
import { holds, must, type Shell } from './shell.ts';

/** A certificate of today looks wrong to a clock that is off by more. */
const CLOCK_SLACK_SECONDS = 5;

export function hostnameStep(shell: Shell, hostname: string): Step {
  const check = `[ "$(cat /etc/hostname)" = ${hostname} ] && [ "$(uname -n)" = ${hostname} ] && grep -qw ${hostname} /etc/hosts`;
  return {
    name: 'hostname',
    aim: hostname,
    look: async () => ((await holds(shell, check)) ? so(hostname) : notSo('another name')),
    async make() {
      await must(
        shell,
        'setting the hostname',
        `echo ${hostname} >/etc/hostname; hostname ${hostname}
         sed -i '/^127\\.0\\.1\\.1[[:space:]]/d' /etc/hosts; printf '127.0.1.1\\t${hostname}\\n' >>/etc/hosts`,
      );
    },
  };
}

/** @param password hidden from transcripts by the caller */
export function wifiStep(shell: Shell, ssid: string, password: string): Step {
  if (!/^[\x20-\x7e]{8,63}$/.test(password))
    throw new UserError('The password of a wireless network (WPA2, WPA3) has 8 to 63 plain characters.');
  const isUp = 'nmcli -t -f NAME connection show --active 2>/dev/null | grep -qx earshot-wifi';
  const file: BoardFile = {
    path: '/etc/NetworkManager/system-connections/earshot-wifi.nmconnection',
    mode: '600',
    content:
      '[connection]\nid=earshot-wifi\ntype=wifi\nautoconnect=true\n\n' +
      `[wifi]\nmode=infrastructure\nssid=${keyfile(ssid)}\n\n` +
      `[wifi-security]\nkey-mgmt=wpa-psk\npsk=${keyfile(password)}\n\n[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=auto\n`,
  };
  return {
    name: 'wireless network',
    aim: `joins ${ssid}`,
    async look() {
      const files = await lookAtFiles(shell, [file]);
      if (!files.isSo) return notSo('not known to the board');
      return (await holds(shell, isUp)) ? so(`joined ${ssid}`) : notSo('known, not joined');
    },
    async make() {
      if (!(await holds(shell, 'systemctl is-active --quiet NetworkManager')))
        throw new UserError(
          'The board has no NetworkManager, which joins wireless networks: set it up by hand, then leave --wifi out.',
        );
      // By a file: nmcli would show the password in its arguments.
      await putFiles(shell, [file]);
      await must(
        shell,
        `joining ${ssid}`,
        'nmcli connection reload && nmcli --wait 60 connection up earshot-wifi',
        90_000,
      );
    },
  };
}

/** A value of a GKeyFile: backslashes and outer blanks are escaped. */
function keyfile(value: string): string {
  return value.replaceAll('\\', '\\\\').replace(/^ /, '\\s').replaceAll(';', '\\;');
}

/** The clock: set by time servers, and by this machine where none answers yet, since certificates have dates. */
export function clockStep(shell: Shell, { ntp }: Plan, now: () => number = Date.now): Step {
  const chrony = {
    path: '/etc/chrony/sources.d/earshot.sources',
    mode: '644',
    content: ntp.map((host) => `server ${host} iburst\n`).join(''),
  };
  const timesyncd = {
    path: '/etc/systemd/timesyncd.conf.d/earshot.conf',
    mode: '644',
    content: `[Time]\nNTP=${ntp.join(' ')}\n`,
  };
  const hasChrony = () => holds(shell, 'systemctl is-enabled --quiet chrony 2>/dev/null');
  const files = async () => (ntp.length === 0 ? [] : [(await hasChrony()) ? chrony : timesyncd]);
  const service = async () => ((await hasChrony()) ? 'chrony' : 'systemd-timesyncd');
  const offSeconds = async () => {
    const before = now();
    const board = Number(await must(shell, 'asking for the time', 'date +%s.%N'));
    return board - (before + now()) / 2000;
  };
  return {
    name: 'clock',
    aim: ntp.length > 0 ? `follows ${ntp.join(', ')}` : 'follows the time servers that the board knows',
    async look() {
      const off = await offSeconds();
      if (Math.abs(off) > CLOCK_SLACK_SECONDS) return notSo(`off by ${off.toFixed(0)} s`);
      const servers = await lookAtFiles(shell, await files());
      if (!servers.isSo) return notSo('does not know these time servers');
      if (!(await holds(shell, `systemctl is-enabled --quiet ${await service()}`))) return notSo('no service keeps it');
      return so(`within ${CLOCK_SLACK_SECONDS} s of this machine, kept by ${await service()}`);
    },
    async make() {
      await putFiles(shell, await files());
      await must(
        shell,
        'starting the keeper of the clock',
        `systemctl enable --quiet ${await service()} && systemctl restart ${await service()}`,
      );
      if (Math.abs(await offSeconds()) > CLOCK_SLACK_SECONDS)
        await must(
          shell,
          'setting the clock',
          `date -s @${(now() / 1000).toFixed(1)} >/dev/null; hwclock -w 2>/dev/null || true`,
        );
    },
  };
}
