// A BSP folder as NVIDIA's archive leaves it, with stand-ins for its tools, and a host that has what they need.
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ToolOrder } from './l4t/tool.ts';

const TOOL = fileURLToPath(new URL('../../dist/test/fakes/l4t/tool.js', import.meta.url));

/** First lines of /etc/nv_tegra_release: real ones, and 36.9 which does not exist. */
const RELEASES: Record<string, string> = {
  '32.7.1':
    '# R32 (release), REVISION: 7.1, GCID: 29689809, BOARD: t186ref, EABI: aarch64, DATE: Wed Feb  2 21:33:23 UTC 2022',
  '35.6.0':
    '# R35 (release), REVISION: 6.0, GCID: 37391689, BOARD: t186ref, EABI: aarch64, DATE: Wed Aug 28 09:12:27 UTC 2024',
  '36.4.3':
    '# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: Wed Jan  8 01:49:37 UTC 2025',
  '38.4.0':
    '# R38 (release), REVISION: 4.0, GCID: 43443517, BOARD: generic, EABI: aarch64, DATE: Wed Dec 31 00:15:19 UTC 2025',
  '36.9.0':
    '# R36 (release), REVISION: 9.0, GCID: 1, BOARD: generic, EABI: aarch64, DATE: Wed Jan  8 01:49:37 UTC 2025',
};

const CONFIGURATIONS = [
  'jetson-orin-nano-devkit',
  'jetson-orin-nano-devkit-super',
  'jetson-agx-orin-devkit',
  'jetson-nano-devkit',
  'jetson-agx-thor-devkit',
];
const LAYOUTS = [
  ...['tools/kernel_flash/flash_l4t_t234_nvme.xml', 'bootloader/generic/cfg/flash_t234_qspi.xml'],
  ...['tools/kernel_flash/flash_l4t_external.xml', 'bootloader/t186ref/cfg/flash_t234_qspi.xml'],
];
const TOOLS = [
  'flash.sh',
  'l4t_initrd_flash.sh',
  'tools/kernel_flash/l4t_initrd_flash.sh',
  'tools/board_automation/boardctl',
];

/** Makes Linux_for_Tegra; what was there is gone. */
export function makeBsp(folder: string, l4t = '36.4.3', withUser = true): string {
  rmSync(folder, { recursive: true, force: true });
  const write = (path: string, content: string, mode = 0o644) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
    chmodSync(join(folder, path), mode);
  };
  for (const tool of TOOLS) write(tool, `#!/bin/sh\nexec '${process.execPath}' '${TOOL}' "$0" "$@"\n`, 0o755);
  for (const layout of LAYOUTS) write(layout, '<partition_layout/>\n');
  for (const name of CONFIGURATIONS) write(`${name}.conf`, 'CHIPID=0x23\n');
  const people = withUser ? 'lena:x:1000:1000::/home/lena:/bin/bash\n' : '';
  write(
    'rootfs/etc/passwd',
    `root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n${people}`,
  );
  write('rootfs/etc/nv_tegra_release', `${RELEASES[l4t]}\n`);
  return folder;
}

/** Makes a PC with Ubuntu and the programs that the tools need. @returns folder for PATH */
export function makeHost(root: string): string {
  const write = (path: string, content: string, mode = 0o644) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content, { mode });
  };
  write('etc/os-release', 'PRETTY_NAME="Ubuntu 22.04.5 LTS"\nID=ubuntu\nID_LIKE=debian\n');
  write('proc/cpuinfo', 'flags\t\t: fpu vme de pse\n');
  write('proc/sys/net/ipv6/conf/all/disable_ipv6', '0\n');
  write('sys/module/usbcore/parameters/autosuspend', '-1\n');
  for (const program of ['python3', 'dtc', 'rsync', 'sshpass', 'exportfs', 'ip'])
    write(`bin/${program}`, '#!/bin/sh\n', 0o755);
  return join(root, 'bin');
}

/** What the tools shall do, run by run. @param folder where the orders stand; @param root whose sysfs they change */
export function orderTools(folder: string, root: string, runs: readonly (readonly ToolOrder[])[]): void {
  mkdirSync(folder, { recursive: true });
  rmSync(join(folder, 'runs.jsonl'), { force: true });
  writeFileSync(join(folder, 'orders.json'), JSON.stringify({ root, runs }));
  process.env.FAKE_L4T = folder;
}

export interface ToolRun {
  readonly program: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly pid: number;
}

/** How the tools were called so far. */
export function toolRuns(folder: string): ToolRun[] {
  const lines = readFileSync(join(folder, 'runs.jsonl'), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line));
}
