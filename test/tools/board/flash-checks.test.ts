// What is checked before a flash: the BSP, the machine, and which board is plugged in; each refusal is a sentence with the way out.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { boardModules } from '../../../boards/board.ts';
import { readBsp } from '../../../tools/board/flash-bsp.ts';
import { FAULT_NAMES, faultIn } from '../../../tools/board/flash-faults.ts';
import { checkHost } from '../../../tools/board/flash-host.ts';
import { claimBsp } from '../../../tools/board/flash-lock.ts';
import { FlashOutput } from '../../../tools/board/flash-output.ts';
import { chooseTargets } from '../../../tools/board/flash-targets.ts';
import { plugged } from '../../../tools/board/plugged.ts';
import { findModule } from '../../../tools/find-board.ts';
import { earshot } from '../../earshot.ts';
import { makeBsp, makeHost } from '../../fakes/l4t-tree.ts';
import { apx, gadget, type PluggedUsb, plugUsb } from '../../fakes/usb-tree.ts';

let work: string;
let root: string;
let bsp: string;
const path = process.env.PATH;
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'earshot-checks-'));
  root = join(work, 'root');
  bsp = makeBsp(join(work, 'Linux_for_Tegra'));
  process.env.PATH = `${makeHost(root)}:${path}`;
});
afterEach(() => {
  process.env.PATH = path;
  rmSync(work, { recursive: true });
});

const orinNano = findModule('orin-nano-8gb');
const read = (board = 'orin-nano-8gb', storage: 'nvme' | 'emmc' | 'sd' = 'nvme') =>
  readBsp(bsp, findModule(board), { storage });

test('a whole BSP names its release, its JetPack and its command', async () => {
  expect(await read()).toMatchObject({
    l4t: '36.4.3',
    jetpack: { jetpack: '6.2' },
    configuration: 'jetson-orin-nano-devkit',
    notes: [],
  });
  makeBsp(bsp, '35.6.0');
  expect((await read()).way.arguments).toContain('tools/kernel_flash/flash_l4t_external.xml');
});

test('an image without a user says what will ask for one', async () => {
  makeBsp(bsp, '36.4.3', false);
  expect((await read()).notes).toEqual([
    expect.stringMatching(/no user: .*\(oem-config\), which "earshot board provision" answers/),
  ]);
});

test.each<[string, () => void, RegExp]>([
  [
    'a folder that is not there',
    () => rmSync(bsp, { recursive: true }),
    /There is no folder .*: unpack NVIDIA's Jetson_Linux archive/,
  ],
  [
    'an archive',
    () => {
      rmSync(bsp, { recursive: true });
      writeFileSync(bsp, '');
    },
    /is a file: unpack it with "tar xf/,
  ],
  [
    'the folder around it',
    () => {
      rmSync(bsp, { recursive: true });
      makeBsp(join(bsp, 'Linux_for_Tegra'));
    },
    /give .*Linux_for_Tegra\/Linux_for_Tegra to --bsp/,
  ],
  ['another folder', () => unlinkSync(join(bsp, 'flash.sh')), /is no BSP, it has no flash\.sh/],
  [
    'an empty root filesystem',
    () => rmSync(join(bsp, 'rootfs'), { recursive: true }),
    /rootfs is empty: unpack .*"sudo tar xpf/,
  ],
  [
    'binaries not applied',
    () => unlinkSync(join(bsp, 'rootfs/etc/nv_tegra_release')),
    /run "sudo \.\/apply_binaries\.sh"/,
  ],
  [
    'a torn release file',
    () => writeFileSync(join(bsp, 'rootfs/etc/nv_tegra_release'), '# R36 (rel'),
    /does not name a release \("# R36 \(rel"\)/,
  ],
  [
    'an unknown release',
    () => makeBsp(bsp, '36.9.0'),
    /is R36\.9\.0, a release that earshot does not know: .*6\.2 \(R36\.4\.3\)/,
  ],
  [
    'the release of another board',
    () => makeBsp(bsp, '38.4.0'),
    /is R38\.4\.0 \(JetPack 7\.1\), which does not run on this board/,
  ],
  [
    'a missing layout',
    () => unlinkSync(join(bsp, 'tools/kernel_flash/flash_l4t_t234_nvme.xml')),
    /lacks tools\/kernel_flash\/flash_l4t_t234_nvme\.xml/,
  ],
  [
    'a missing board file',
    () => unlinkSync(join(bsp, 'jetson-orin-nano-devkit.conf')),
    /does not know the board "jetson-orin-nano-devkit": it has jetson-agx-orin-devkit,/,
  ],
])('%s is refused', async (_, spoil, message) => {
  spoil();
  await expect(read()).rejects.toMatchObject({ name: 'UserError', message: expect.stringMatching(message) });
});

test('storage that a board lacks is refused with what it has', async () => {
  await expect(read('orin-nano-8gb', 'emmc')).rejects.toThrow(
    /orin-nano-8gb has no emmc .*: it can be flashed to nvme or sd/,
  );
  await expect(read('orin-nano-4gb', 'sd')).rejects.toThrow(/it can be flashed to nvme\.$/);
});

test('JetPack 4 is refused before anything is touched, since Node does not run on it, unless it is wanted all the same', async () => {
  makeBsp(bsp, '32.7.1');
  await expect(read('nano', 'sd')).rejects.toThrow(
    /glibc 2\.27, older than what Node\.js 20 \(2\.28\) .* need: earshot does not run on it natively/,
  );
  const allowed = await readBsp(bsp, findModule('nano'), { storage: 'sd', allowUnsupported: true });
  expect(allowed.notes[0]).toMatch(/earshot will not run on it natively/);
});

test('the machine must be a PC with the programs, IPv6 and room', async () => {
  const host = { root, spaceGb: 0.001, architecture: 'x64' };
  const whole = await read();
  expect(await checkHost(whole, host)).toEqual([]);
  await expect(checkHost(whole, { ...host, architecture: 'arm64' })).rejects.toThrow(
    /run on x86-64 Linux, and this is linux on arm64/,
  );
  await expect(checkHost(whole, { ...host, spaceGb: 1e6 })).rejects.toThrow(
    /has \d+ GB free, and the images need about 1000000: make room/,
  );
  writeFileSync(join(root, 'proc/sys/net/ipv6/conf/all/disable_ipv6'), '1\n');
  await expect(checkHost(whole, host)).rejects.toThrow(/IPv6 is switched off .*sysctl/);
  unlinkSync(join(root, 'bin/sshpass'));
  await expect(checkHost(whole, host)).rejects.toThrow(
    /need sshpass \(sshpass\): run "sudo \.\/tools\/l4t_flash_prerequisites\.sh"/,
  );
});

test('what makes flashing fail on many machines is noted', async () => {
  writeFileSync(join(root, 'etc/os-release'), 'PRETTY_NAME="Fedora Linux 41"\nID=fedora\n');
  writeFileSync(join(root, 'proc/cpuinfo'), 'flags\t\t: fpu hypervisor\n');
  writeFileSync(join(root, 'sys/module/usbcore/parameters/autosuspend'), '2\n');
  expect(await checkHost(await read(), { root, spaceGb: 0.001, architecture: 'x64' })).toEqual([
    expect.stringContaining('this is Fedora Linux 41'),
    expect.stringContaining('virtual machine'),
    expect.stringContaining('put to sleep'),
  ]);
});

const DEBUG: PluggedUsb = { instance: '1-5', id: '0955:7045', ttys: { '00': 'ttyACM3' } };
test.each<[string, PluggedUsb[], readonly string[], RegExp]>([
  ['nothing', [], [], /^No orin-nano-8gb is in recovery mode: connect .* join the pins FC REC and GND/],
  [
    'another board',
    [apx('1-2', '7323')],
    [],
    /^The board in recovery mode at 1-2 is orin-nx-16gb \(0955:7323\), not orin-nano-8gb: .*"--board orin-nx-16gb"/,
  ],
  [
    'a booted board',
    [gadget('1-2', '1')],
    [],
    /^The board at 1-2 is booted \(0955:7020\), not in recovery mode: put it/,
  ],
  [
    'a half-flashed board',
    [{ instance: '1-2', id: '0955:7035' }],
    [],
    /^The board at 1-2 is half flashed \(0955:7035\): cut its power/,
  ],
  ['only a debug port', [DEBUG], [], /^Only the debug port of the board is plugged in/],
  [
    'two boards when one was meant',
    [apx('1-2', '7523'), apx('1-8.4', '7523')],
    [],
    /^2 boards are in recovery mode, at 1-2 and 1-8\.4: name one with "--instance 1-2", or .* --all/,
  ],
  [
    'a place where nothing is',
    [apx('1-2', '7523')],
    ['1-9'],
    /^Nothing is plugged in at 1-9: orin-nano-8gb is in recovery mode at 1-2\.$/,
  ],
  [
    'a place where another board is',
    [apx('1-2', '7523'), apx('1-3', '7423')],
    ['1-3'],
    /^The board in recovery mode at 1-3 is orin-nx-8gb/,
  ],
])('with %s plugged in, it says what is there and what to do', async (_, devices, instances, message) => {
  plugUsb(root, devices);
  const found = await plugged(root);
  expect(() => chooseTargets(found, orinNano, { instances, all: false })).toThrow(message);
});

test('one board of the kind is taken, whatever else is plugged in; hubs and slow cables are noted', async () => {
  plugUsb(root, [apx('1-2.1', '7523'), apx('1-3', '7423'), gadget('1-4', '1'), DEBUG]);
  expect(chooseTargets(await plugged(root), orinNano, { instances: [], all: false })).toEqual({
    instances: ['1-2.1'],
    notes: [expect.stringContaining('hangs on a hub')],
  });
  plugUsb(root, [{ ...apx('1-2', '7523'), speedMbps: 12 }]);
  expect(chooseTargets(await plugged(root), orinNano, { instances: [], all: false }).notes).toEqual([
    expect.stringContaining('12 Mbit/s instead of 480: take another cable'),
  ]);
});

// The strings of section "Flash errors" of NVIDIA's scripts and public threads, as docs/boards.md lists them.
test.each([
  ['[   0.0139 ] ERROR: failed to read rcm_state', 'used-session'],
  ['[   0.1213 ] ERROR: might be timeout in USB write.', 'usb-write'],
  ['Error: Return value 3', 'board-session'],
  ['--- Error: Reading board information failed.', 'board-id'],
  ['Error: probing the target board failed.', 'board-id'],
  ['Parsing board information failed.', 'board-id'],
  ['Failed to initialize partition table from GPT.', 'partition-table'],
  [
    'Device failed to boot to the initrd flash kernel. Please retrive the serial log during flashing to debug further.',
    'boot',
  ],
  ['Device should have booted into initrd kernel now. However, the host cannot connect to its ssh server', 'network'],
  ['Network interface disappears after discovery.', 'network'],
  ['Command failed: ping6 -c 1 fe80::1%usb0', 'network'],
  ['IPv6 is disabled. Please enable ipv6 to use this tool', 'ipv6'],
  ['SSH is not ready', 'ssh'],
  ['This configuration is no longer supported', 'configuration'],
  ['Error, too many devices in RCM mode', 'too-many-boards'],
  ['No devices to flash', 'no-board'],
  ['./flash.sh: line 212: dtc: command not found', 'program'],
  ['tar: write error: No space left on device', 'no-space'],
])('"%s" is known', (line, name) => {
  expect(faultIn(line)?.name).toBe(name);
  expect(FAULT_NAMES).toContain(name);
});

test('of several errors the particular one is told, not the general one that follows', () => {
  const output = new FlashOutput();
  for (const line of [
    '[ 0.0139 ] ERROR: failed to read rcm_state',
    'Error: Return value 3',
    'Error: probing the target board failed.',
  ]) {
    output.feed(line);
  }
  expect(output.fault?.name).toBe('used-session');
});

test('a family with several modules asks for the module', async () => {
  const { code, stderr } = await earshot(['board', 'flash', '--board', 'orin-nano', '--bsp', bsp, '--storage', 'nvme']);
  expect([code, stderr]).toEqual([1, expect.stringContaining('name the module, orin-nano-4gb or orin-nano-8gb.')]);
  expect(readdirSync(work).sort()).toEqual(['Linux_for_Tegra', 'root']);
  expect(boardModules().length).toBeGreaterThan(10);
});

test('two flashes from one BSP folder are refused; what a killed one left is taken over', async () => {
  const letGo = await claimBsp(bsp);
  await expect(claimBsp(bsp)).rejects.toThrow(/Another earshot \(process \d+\) is flashing from .*: wait for it/);
  const other = await claimBsp(join(work, 'other'));
  await other();
  await letGo();
  const dead = spawnSync('true').pid;
  const again = await claimBsp(bsp);
  const locks = readdirSync(tmpdir()).filter((name) => /^earshot-flash-.*\.lock$/.test(name));
  const file = locks.find((name) => readFileSync(join(tmpdir(), name), 'utf8') === String(process.pid))!;
  writeFileSync(join(tmpdir(), file), String(dead));
  await (await claimBsp(bsp))();
  await again();
});
