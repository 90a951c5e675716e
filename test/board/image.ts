// The disk of the virtual board: Debian for arm64 as a freshly flashed board has it, made by mmdebstrap, kept in a cache.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** What a flashed board brings that earshot leans on; no Node.js: a release carries its own. */
const PACKAGES = [
  ...['systemd-sysv', 'udev', 'dbus', 'login', 'passwd', 'sudo', 'adduser', 'kmod', 'iproute2'],
  ...['linux-image-cloud-arm64', 'initramfs-tools', 'openssh-server', 'network-manager', 'systemd-timesyncd'],
  ...['alsa-utils', 'openssl', 'ca-certificates', 'xz-utils'],
];
const SUITE = 'bookworm';
const DISK_BYTES = 3 * 2 ** 30;
/** The account that flashing leaves behind, as l4t_create_default_user.sh makes one: known, and to be made unique. */
export const FLASHED_USER = 'nvidia';
export const FLASHED_PASSWORD = 'nvidia';
const HOSTNAME = 'tegra-ubuntu';

/** Runs in the folder $1 of the new system, before its disk is made. */
const CUSTOMISE = `set -eu
root="$1"
echo ${HOSTNAME} >"$root/etc/hostname"
printf '127.0.0.1 localhost\\n127.0.1.1 ${HOSTNAME}\\n' >"$root/etc/hosts"
echo '/dev/vda / ext4 defaults,noatime 0 1' >"$root/etc/fstab"
chroot "$root" useradd -m -s /bin/bash -G sudo,audio ${FLASHED_USER}
echo '${FLASHED_USER}:${FLASHED_PASSWORD}' | chroot "$root" chpasswd
: >"$root/etc/machine-id"
rm -f "$root"/etc/ssh/ssh_host_*
cat >"$root/etc/systemd/system/ssh-host-keys.service" <<'END'
[Unit]
Description=host keys of this board, made at its first boot
Before=ssh.service
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key
[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key
[Install]
WantedBy=multi-user.target
END
ln -sf ../ssh-host-keys.service "$root/etc/systemd/system/multi-user.target.wants/ssh-host-keys.service"
for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer dpkg-db-backup.timer e2scrub_reap.service
do rm -f "$root"/etc/systemd/system/*.wants/$unit; done
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/doc/* "$root"/usr/share/man/*
`;

export interface BoardImage {
  /** Raw ext4, to be used read-only below an overlay. */
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
}

/** Where everything that is costly to make is kept, outside the working tree. */
export const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'earshot', 'board');

const NEEDS: Record<string, string> = {
  'qemu-system-aarch64': 'qemu-system-arm',
  'qemu-img': 'qemu-utils',
  'qemu-aarch64-static': 'qemu-user-static',
  mmdebstrap: 'mmdebstrap',
  mke2fs: 'e2fsprogs',
};

/** What has to be installed first; undefined when nothing is missing. */
export function missingPrograms(): string | undefined {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const missing = Object.keys(NEEDS).filter((program) => spawnSync(program, ['--version'], { env }).error);
  if (missing.length === 0) return undefined;
  return `The virtual board needs ${missing.join(', ')}: apt-get install -y ${missing.map((program) => NEEDS[program]).join(' ')}`;
}

/** The image from the cache, or made now: some ten minutes, as root. */
export function boardImage(tell: (line: string) => void): BoardImage {
  const system = join(CACHE, `system-${hash([PACKAGES, SUITE])}`);
  const folder = join(CACHE, `image-${hash([PACKAGES, SUITE, DISK_BYTES, CUSTOMISE])}`);
  const image = {
    disk: join(folder, 'disk.ext4'),
    kernel: join(folder, 'vmlinuz'),
    initrd: join(folder, 'initrd.img'),
  };
  if (existsSync(folder)) return image;
  if (process.getuid?.() !== 0) throw new Error('The image is made as root, once: sudo npm run test:board');
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, 'making-'));
  try {
    if (!existsSync(system)) {
      tell('installs Debian for arm64 into a folder, by mmdebstrap and qemu-user: some ten minutes, once');
      install(join(work, 'system'));
      renameSync(join(work, 'system'), system);
    }
    tell('makes the disk of the virtual board');
    makeDisk(system, work, join(work, 'image'));
    renameSync(join(work, 'image'), folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return image;
}

function hash(recipe: unknown): string {
  return createHash('sha256').update(JSON.stringify(recipe)).digest('hex').slice(0, 12);
}

function install(folder: string): void {
  registerInterpreter();
  run('mmdebstrap', [
    ...['--architectures=arm64', '--variant=apt', '--mode=root', '--skip=check/qemu'],
    ...['--aptopt=Apt::Install-Recommends "false"', `--include=${PACKAGES.join(',')}`, SUITE, folder],
    ...sourcesOfThisMachine(),
  ]);
}

function makeDisk(system: string, work: string, image: string): void {
  const [root, script] = [join(work, 'root'), join(work, 'customise')];
  mkdirSync(image);
  run('cp', ['-a', '--reflink=auto', system, root]);
  registerInterpreter();
  writeFileSync(script, CUSTOMISE);
  run('sh', [script, root]);
  for (const name of ['vmlinuz', 'initrd.img']) {
    const found = readdirSync(join(root, 'boot')).find((file) => file.startsWith(`${name}-`));
    if (!found) throw new Error(`no ${name} in the new system`);
    cpSync(join(root, 'boot', found), join(image, name));
  }
  run('mke2fs', ['-q', '-t', 'ext4', '-d', root, join(image, 'disk.ext4'), `${DISK_BYTES / 2 ** 20}M`]);
}

/** Debian's archive as this machine is told to reach it. */
function sourcesOfThisMachine(): string[] {
  return ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list']
    .filter((file) => existsSync(file))
    .slice(0, 1);
}

/** Lets the kernel start programs of arm64 by qemu (binfmt_misc), as the package binfmt-support would at boot. */
function registerInterpreter(): void {
  const folder = '/proc/sys/fs/binfmt_misc';
  if (!existsSync(join(folder, 'register'))) run('mount', ['-t', 'binfmt_misc', 'binfmt_misc', folder]);
  if (existsSync(join(folder, 'qemu-aarch64'))) return;
  const magic = '\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00';
  const mask = '\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\x00\\xfe\\xff\\xff\\xff';
  const interpreter = execFileSync('which', ['qemu-aarch64-static'], { encoding: 'utf8' }).trim();
  writeFileSync(join(folder, 'register'), `:qemu-aarch64:M::${magic}:${mask}:${interpreter}:F`);
}

function run(program: string, args: readonly string[]): void {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const { status, stderr, error } = spawnSync('nice', [program, ...args], {
    env,
    encoding: 'utf8',
    maxBuffer: 2 ** 27,
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr.slice(-2000)}`);
}
