// What NVIDIA's flashing tools ask of the machine they run on, checked before anything is touched.
import { constants } from 'node:fs';
import { access, readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../command.ts';
import type { Bsp } from './flash-bsp.ts';

export interface HostOptions {
  /** Folder that has /proc, /etc and /sys. */
  readonly root: string;
  /** Room on the BSP's disk, in units of 10^9 bytes. */
  readonly spaceGb: number;
  readonly architecture?: string;
}

/** Program -> Debian package; l4t_flash_prerequisites.sh of the BSP installs them. */
const PROGRAMS = { python3: 'python3', dtc: 'device-tree-compiler', rsync: 'rsync' };
const INITRD_PROGRAMS = { sshpass: 'sshpass', exportfs: 'nfs-kernel-server', ip: 'iproute2' };

/** Tools that boot the board into a Linux of their own, and talk to it over a USB network. */
export const usesInitrd = ({ way }: Pick<Bsp, 'way'>) => way.program.endsWith('l4t_initrd_flash.sh');

/**
 * @returns what the user should know, without being a reason to stop
 * @throws UserError when this machine cannot flash: processor, system, programs, IPv6, space
 */
export async function checkHost(bsp: Bsp, options: HostOptions): Promise<string[]> {
  const { root, architecture = process.arch } = options;
  if (process.platform !== 'linux' || architecture !== 'x64') {
    throw new UserError(
      `NVIDIA's flashing tools run on x86-64 Linux, and this is ${process.platform} on ${architecture}: flash from a PC with Ubuntu.`,
    );
  }
  await checkPrograms(bsp);
  if (usesInitrd(bsp) && (await text(root, 'proc/sys/net/ipv6/conf/all/disable_ipv6')) === '1') {
    throw new UserError(
      'IPv6 is switched off here, and the tool talks to the board over it: run "sudo sysctl net.ipv6.conf.all.disable_ipv6=0".',
    );
  }
  await checkSpace(bsp.folder, options.spaceGb);
  return notes(root);
}

async function checkPrograms(bsp: Bsp): Promise<void> {
  const wanted = { ...PROGRAMS, ...(usesInitrd(bsp) ? INITRD_PROGRAMS : {}) };
  const missing: string[] = [];
  for (const [program, debianPackage] of Object.entries(wanted)) {
    if (!(await isInstalled(program))) missing.push(`${program} (${debianPackage})`);
  }
  if (missing.length === 0) return;
  throw new UserError(
    `NVIDIA's tools need ${missing.join(', ')}: run "sudo ./tools/l4t_flash_prerequisites.sh" in ${bsp.folder}, or install the packages.`,
  );
}

async function isInstalled(program: string): Promise<boolean> {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  const looks = folders.map((folder) =>
    access(join(folder, program), constants.X_OK).then(
      () => true,
      () => false,
    ),
  );
  return (await Promise.all(looks)).includes(true);
}

async function checkSpace(folder: string, spaceGb: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const freeGb = (bavail * bsize) / 1e9;
  if (freeGb >= spaceGb) return;
  throw new UserError(
    `The disk of ${folder} has ${freeGb.toFixed(0)} GB free, and the images need about ${spaceGb}: make room, or say with --space what yours need.`,
  );
}

async function notes(root: string): Promise<string[]> {
  const release = (await text(root, 'etc/os-release')) ?? '';
  const isUbuntu = /^ID(_LIKE)?=.*ubuntu/m.test(release);
  const name = /^PRETTY_NAME="?([^"\n]*)/m.exec(release)?.[1] ?? 'an unknown system';
  const isVirtual = /^flags\s*:.*\bhypervisor\b/m.test((await text(root, 'proc/cpuinfo')) ?? '');
  const sleeps = Number((await text(root, 'sys/module/usbcore/parameters/autosuspend')) ?? -1) >= 0;
  return [
    ...(isUbuntu ? [] : [`NVIDIA tests its tools on Ubuntu; this is ${name}.`]),
    ...(isVirtual ? ['This is a virtual machine: USB devices that come and go get lost in many of them.'] : []),
    ...(sleeps
      ? [
          'USB devices are put to sleep here, which has broken flashing: the rules of "earshot board list --udev" keep boards awake.',
        ]
      : []),
  ];
}

/** @returns undefined where the kernel has no such file */
async function text(root: string, file: string): Promise<string | undefined> {
  return readFile(join(root, file), 'utf8').then(
    (content) => content.trim(),
    () => undefined,
  );
}
