// Flashing from end to end: stand-ins for NVIDIA's tools, and a made-up sysfs in which boards come and go.
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flashBoards } from '../../../tools/board/flash-boards.ts';
import { type FlashOptions, prepareFlash } from '../../../tools/board/flash-job.ts';
import type { FlashRun } from '../../../tools/board/flash-run.ts';
import { earshot, jsonLines } from '../../earshot.ts';
import type { ToolOrder } from '../../fakes/l4t/tool.ts';
import { makeBsp, makeHost, orderTools, toolRuns } from '../../fakes/l4t-tree.ts';
import { apx, gadget, type PluggedUsb, plugUsb } from '../../fakes/usb-tree.ts';

let work: string;
let bsp: string;
let root: string;
const path = process.env.PATH;
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'earshot-flash-'));
  root = join(work, 'root');
  bsp = makeBsp(join(work, 'Linux_for_Tegra'));
  process.env.PATH = `${makeHost(root)}:${path}`;
});
afterEach(() => {
  process.env.PATH = path;
  rmSync(work, { recursive: true, force: true });
});

const SERIAL = '1424623012345';
const initrd = (instance: string): PluggedUsb => ({ instance, id: '0955:7035', product: 'L4T', speedMbps: 480 });
const plug = (...devices: PluggedUsb[]): ToolOrder => ({ plug: devices });
/** A run of the initrd tool that ends well: what it says, and the board that boots. */
const WELL: readonly ToolOrder[] = [plug(initrd('1-2')), { replay: 'initrd-r36' }, plug(gadget('1-2', SERIAL))];

const order = (...runs: (readonly ToolOrder[])[]) => orderTools(join(work, 'orders'), root, runs);
const runs = () => toolRuns(join(work, 'orders'));
const OPTIONS = () => ({
  ...{ board: 'orin-nano-8gb', bsp, storage: 'nvme' as const, instance: [], root, logs: join(work, 'logs') },
  ...{ space: 0.001, minutes: 1, answerMinutes: 0.015 },
});

/** Flashes within this process. @returns the boards, in the order of their places */
async function flash(more: Partial<FlashOptions> = {}): Promise<readonly FlashRun[]> {
  const { plan, runs: boards } = await prepareFlash({ ...OPTIONS(), ...more });
  await flashBoards(plan, boards, () => undefined, new AbortController().signal);
  for (const { log } of boards) log.close();
  return boards;
}

/** Flashes by the command. */
const command = (...more: string[]) => earshot([...COMMAND(), ...more], undefined, process.env);
const COMMAND = () => [
  ...['board', 'flash', '--board', 'orin-nano-8gb', '--bsp', bsp, '--storage', 'nvme', '--root', root],
  ...['--logs', join(work, 'logs'), '--space', '0.001', '--answer-minutes', '0.03'],
];
const logs = () => readdirSync(join(work, 'logs')).filter((name) => name.endsWith('.log'));
const logText = () =>
  logs()
    .map((name) => readFileSync(join(work, 'logs', name), 'utf8'))
    .join('\n');
const state = (instance = '1-2', board = 'orin-nano-8gb') =>
  JSON.parse(readFileSync(join(work, 'logs', `${board}-${instance}.json`), 'utf8'));

/** NVIDIA Jetson Linux Developer Guide, Quick Start of R36.4: the command for an Orin Nano with NVMe. */
const R36_NVME = [
  ...['--external-device', 'nvme0n1p1', '-c', 'tools/kernel_flash/flash_l4t_t234_nvme.xml'],
  ...['-p', '-c bootloader/generic/cfg/flash_t234_qspi.xml', '--showlogs', '--network', 'usb0'],
];

test('a board is flashed by the command of the developer guide, and done when it shows itself', async () => {
  plugUsb(root, [apx('1-2', '7523')]);
  order(WELL);
  const { code, stdout, stderr } = await command();
  expect([code, stderr]).toEqual([0, expect.stringContaining('booting the flashing system')]);
  expect(runs()).toMatchObject([
    {
      program: 'l4t_initrd_flash.sh',
      folder: bsp,
      args: ['--usb-instance', '1-2', ...R36_NVME, 'jetson-orin-nano-devkit', 'internal'],
    },
  ]);
  expect(stdout).toMatch(
    /^orin-nano-8gb at 1-2: flashed in \d+ s, booted and there on \/dev\/serial\/by-id\/usb-NVIDIA_Linux_for_Tegra_1424623012345-if02/,
  );
  expect(state()).toMatchObject({
    written: expect.any(String),
    answered: expect.any(String),
    error: null,
    l4t: '36.4.3',
  });
  expect(logText()).toContain('Waiting for device to expose ssh');
  expect(logText()).toContain('$ sudo ./tools/kernel_flash/l4t_initrd_flash.sh --usb-instance 1-2 ');
  expect(logText()).toContain(" -p '-c bootloader/generic/cfg/flash_t234_qspi.xml' --showlogs");
  expect(statSync(join(work, 'logs', logs()[0]!)).mode & 0o777).toBe(0o600);
});

test('stages are told as they come, one JSON object each', async () => {
  plugUsb(root, [apx('1-2', '7523')]);
  order([{ replay: 'initrd-images' }, { waitMs: 50 }, ...WELL]);
  const { stdout } = await command('--json');
  const told = jsonLines(stdout);
  const stages = told.filter(({ type }) => type === 'stage').map(({ stage }) => stage);
  expect(stages).toEqual([...new Set(stages)]);
  expect(stages).toEqual(expect.arrayContaining(['images', 'boot', 'connect', 'write', 'answer', 'done']));
  expect(told.at(-1)).toMatchObject({ type: 'result', instance: '1-2', ok: true, answer: { instance: '1-2' } });
});

test.each<[string, readonly ToolOrder[], RegExp]>([
  [
    'a tool that loses the board over USB',
    [{ replay: 'usb-timeout' }, { exit: 1 }],
    /USB connection broke while the tool was writing: take another cable .* without a hub/,
  ],
  [
    'recovery mode that was used up',
    [{ replay: 'used-session' }, { exit: 1 }],
    /recovery session that an earlier run has used up: cut its power/,
  ],
  [
    'a board that never comes up',
    [{ replay: 'initrd-no-boot' }, { exit: 4 }],
    /did not come up with the flashing system: .*debug console/,
  ],
  [
    'a USB network that does not answer',
    [{ replay: 'initrd-no-network' }, { exit: 5 }],
    /USB network does not answer: let the firewall pass fc00:1:1::\/48/,
  ],
  [
    'a disk that is full',
    [{ say: 'cp: error writing system.img: No space left on device' }, { exit: 1 }],
    /a disk is full: .*make room/,
  ],
  [
    'a root filesystem that is not there',
    [{ say: "cp: cannot stat '/bsp/rootfs/boot/initrd': No such file or directory" }, { exit: 1 }],
    /root file system of the BSP is not whole/,
  ],
  [
    'an unknown end',
    [{ say: 'something nobody has seen' }, { exit: 7 }],
    /exit code 7, its last line was "something nobody has seen": look into the log/,
  ],
  [
    'an exit code 0 after a failure, as tee gives it',
    [{ replay: 'initrd-no-boot' }, { exit: 0 }],
    /did not come up with the flashing system/,
  ],
  [
    'an exit code 0 without a word of success',
    [{ replay: 'initrd-images' }],
    /ended as if all were well but never said that it succeeded/,
  ],
])('%s is a failure that says the way out', async (_, orders, message) => {
  plugUsb(root, [apx('1-2', '7523')]);
  order(orders);
  expect(await flash()).toMatchObject([{ failure: expect.stringMatching(message), answer: null }]);
  expect(state()).toMatchObject({ written: null, answered: null, error: expect.stringMatching(message) });
});

test.each<[string, PluggedUsb[], RegExp]>([
  ['stays away', [], /did not show itself on USB within 1 s: look at its debug console/],
  ['is in recovery mode again', [apx('1-2', '7523')], /after 1 s the board is in recovery mode: take the jumper off/],
  ['hangs in the flashing system', [initrd('1-2')], /still in the flashing system: cut its power/],
  ['is another one that was there before', [gadget('1-7', 'other')], /did not show itself/],
])('success on paper is none when the board %s', async (_, after, message) => {
  plugUsb(root, [apx('1-2', '7523'), ...after.filter(({ instance }) => instance !== '1-2')]);
  order([{ replay: 'initrd-r36' }, plug(...after)]);
  expect(await flash()).toMatchObject([{ failure: expect.stringMatching(message), answer: null }]);
  expect(state()).toMatchObject({ written: expect.any(String), answered: null });
});

test('a board that comes back on the bus of another speed has answered', async () => {
  plugUsb(root, [apx('1-2', '7523')]);
  order([{ replay: 'initrd-r36' }, plug(gadget('2-4', SERIAL))]);
  expect(await flash()).toMatchObject([{ failure: null, answer: { instance: '2-4' } }]);
});

test('a module that says it is another one is stopped before it is written', async () => {
  plugUsb(root, [apx('1-2', '7523')]);
  order([{ replay: 'other-module' }, { hang: true }]);
  const [board] = await flash();
  expect(board!.failure).toMatch(
    /says that it is p3767-0001, and orin-nano-8gb is p3767-0003 or p3767-0005: name the right board/,
  );
  expect(existsSync(`/proc/${runs()[0]!.pid}`)).toBe(false);
});

test('a tool that hangs is stopped after its time, and its last line is told', async () => {
  plugUsb(root, [apx('1-2', '7523')]);
  order([{ say: 'Waiting for target to boot-up...' }, { hang: true }]);
  const [board] = await flash({ minutes: 0.04 });
  expect(board!.failure).toMatch(/not ended after 0.04 minutes, .*"Waiting for target to boot-up\.\.\."/);
  expect(existsSync(`/proc/${runs()[0]!.pid}`)).toBe(false);
});

test('a run that was killed in the middle goes on where it stopped, with the images that were made', async () => {
  plugUsb(root, [apx('1-2', '7523')]);
  order([{ replay: 'initrd-no-boot' }, { exit: 4 }], WELL);
  expect(await flash()).toMatchObject([{ failure: expect.any(String) }]);
  expect(state()).toMatchObject({ images: expect.any(String), written: null });
  expect(await flash({ resume: true })).toMatchObject([{ failure: null }]);
  expect(runs()[1]!.args).toEqual([
    '--usb-instance',
    '1-2',
    '--flash-only',
    ...R36_NVME,
    'jetson-orin-nano-devkit',
    'internal',
  ]);
});

test('images that were not made yet are not taken', async () => {
  plugUsb(root, [apx('1-2', '7523')]);
  order([{ replay: 'usb-timeout' }, { exit: 1 }], WELL);
  await flash();
  expect(state()).toMatchObject({ images: null, written: null });
  expect(await flash({ resume: true })).toMatchObject([{ failure: null }]);
  expect(runs()[1]!.args).toEqual(runs()[0]!.args);
});

test('a board that was written but had not answered is only waited for', async () => {
  plugUsb(root, [apx('1-2', '7523')]);
  order([{ replay: 'initrd-r36' }, plug()]);
  expect(await flash()).toMatchObject([{ failure: expect.any(String) }]);
  plugUsb(root, [gadget('1-2', SERIAL)]);
  const resumed = { resume: true, instance: ['1-2'] };
  expect(await flash(resumed)).toMatchObject([{ failure: null, answer: { instance: '1-2' } }]);
  expect(runs()).toHaveLength(1);
  await expect(flash(resumed)).rejects.toThrow(/answered already/);
});

test('nothing to resume, and settings of another run, are refused', async () => {
  plugUsb(root, [apx('1-2', '7523')]);
  await expect(flash({ resume: true })).rejects.toThrow(/There is nothing to resume/);
  order([{ replay: 'usb-timeout' }, { exit: 1 }]);
  await flash();
  const other = { resume: true, configuration: 'jetson-orin-nano-devkit-super' };
  await expect(flash(other)).rejects.toThrow(/was for configuration jetson-orin-nano-devkit,/);
});

test('several boards are flashed at once, each with its log, and one that fails does not stop the other', async () => {
  plugUsb(root, [apx('1-2', '7523'), apx('1-3', '7523')]);
  const images: readonly ToolOrder[] = [{ replay: 'initrd-images' }];
  const both: readonly ToolOrder[] = [
    ...[
      { replay: 'initrd-mass' },
      { board: '1-2', replay: 'initrd-board' },
      { board: '1-3', replay: 'initrd-no-network' },
    ],
    ...[plug(gadget('1-2', SERIAL), apx('1-3', '7523')), { say: 'Flash complete (WITH FAILURES)' }, { exit: 1 }],
  ];
  order(images, both);
  const flashed = await flash({ all: true });
  expect(runs().map(({ args }) => args)).toEqual([
    [
      ...[
        '--usb-instance',
        '1-2',
        '--no-flash',
        '--massflash',
        '2',
        ...R36_NVME.filter((each) => each !== '--showlogs'),
      ],
      ...['jetson-orin-nano-devkit', 'internal'],
    ],
    ['--flash-only', '--massflash', '2', '--network', 'usb0'],
  ]);
  expect(flashed).toMatchObject([
    { instance: '1-2', failure: null, answer: { instance: '1-2' } },
    { instance: '1-3', failure: expect.stringMatching(/USB network does not answer/) },
  ]);
  expect([state('1-2').answered, state('1-3').written]).toEqual([expect.any(String), null]);
  expect(logs()).toHaveLength(2);
  // The one that failed is tried again, alone.
  order([
    plug(gadget('1-2', SERIAL)),
    { replay: 'initrd-r36' },
    plug(gadget('1-2', SERIAL), gadget('1-3', 'second', 1)),
  ]);
  const again = await flash({ all: true, resume: true });
  expect([again.map(({ failure }) => failure), runs().map(({ args }) => args.slice(0, 3))]).toEqual([
    [null],
    [['--usb-instance', '1-3', '--flash-only']],
  ]);
});

test('one after the other: a tool that cannot do several, and --jobs 1', async () => {
  makeBsp(bsp, '35.6.0');
  plugUsb(root, [apx('1-2', '7023'), apx('1-3', '7023')]);
  const well = (instance: string, ...others: PluggedUsb[]) =>
    [{ replay: 'flash-r35' }, plug(gadget(instance, instance), ...others)] as const;
  order(well('1-2', apx('1-3', '7023')), well('1-3', gadget('1-2', '1-2', 1)));
  const emmc = { board: 'agx-orin-64gb', storage: 'emmc', all: true } as const;
  expect(await flash(emmc)).toMatchObject([{ failure: null }, { failure: null }]);
  expect(runs().map(({ program, args }) => [program, ...args])).toEqual([
    ['flash.sh', '--usb-instance', '1-2', 'jetson-agx-orin-devkit', 'internal'],
    ['flash.sh', '--usb-instance', '1-3', '-r', 'jetson-agx-orin-devkit', 'internal'],
  ]);
  plugUsb(root, [apx('1-2', '7023'), apx('1-3', '7023')]);
  await expect(flash({ ...emmc, jobs: 2 })).rejects.toThrow(
    /flash\.sh flashes one board after the other: leave --jobs out/,
  );
  makeBsp(bsp);
  plugUsb(root, [apx('1-2', '7523'), apx('1-3', '7523'), apx('1-4', '7523')]);
  await expect(flash({ all: true, jobs: 2 })).rejects.toThrow(
    /all 3 boards at once, or one after the other: give --jobs 3/,
  );
});

test('passwords and keys of a tool do not reach the log', async () => {
  plugUsb(root, [apx('1-2', '7523')]);
  order([
    { say: 'sshpass -p topsecret1 ssh root@fe80::1' },
    { say: 'l4t_create_default_user.sh -u lena -p topsecret2 -n ear-1' },
    { say: 'password=topsecret3' },
    ...WELL,
  ]);
  expect(await flash()).toMatchObject([{ failure: null }]);
  expect(logText()).toContain('sshpass -p [hidden]');
  expect(logText()).not.toMatch(/topsecret/);
});

test('a dry run prints every command, says what would stop it, and touches nothing', async () => {
  plugUsb(root, [apx('1-2', '7523')]);
  order(WELL);
  const { code, stdout } = await command('--dry-run');
  expect(code).toBe(0);
  expect(stdout).toContain(`cd ${bsp}\n# flash the board at 1-2\n`);
  expect(stdout).toContain(
    "\nsudo ./tools/kernel_flash/l4t_initrd_flash.sh --usb-instance 1-2 --external-device nvme0n1p1 -c tools/kernel_flash/flash_l4t_t234_nvme.xml -p '-c bootloader/generic/cfg/flash_t234_qspi.xml' --showlogs --network usb0 jetson-orin-nano-devkit internal\n",
  );
  plugUsb(root, [gadget('1-2', SERIAL)]);
  const booted = await command('--dry-run');
  expect([booted.code, booted.stdout]).toEqual([1, expect.stringContaining('would stop: The board at 1-2 is booted')]);
  expect(booted.stdout).toContain('--usb-instance PLACE');
  expect([existsSync(join(work, 'logs')), existsSync(join(work, 'orders', 'runs.jsonl'))]).toEqual([false, false]);
});

test('Thor is reset after flashing, since it waits for that', async () => {
  makeBsp(bsp, '38.4.0');
  plugUsb(root, [apx('1-2', '7026')]);
  order([{ replay: 'initrd-board' }], [plug(gadget('1-2', SERIAL))]);
  const [board] = await flash({ board: 'agx-thor' });
  expect([board!.failure, runs().map(({ program, args }) => [program, ...args])]).toEqual([
    null,
    [
      ['l4t_initrd_flash.sh', '--usb-instance', '1-2', 'jetson-agx-thor-devkit', 'internal'],
      ['boardctl', '-t', 'topo', 'reset'],
    ],
  ]);
});

test('Ctrl-C stops the tool, keeps the state and says how to go on', async () => {
  plugUsb(root, [apx('1-2', '7523')]);
  order([{ say: '*  Step 1: Generate flash packages *' }, { hang: true }]);
  const { spawn } = await import('node:child_process');
  const cli = new URL('../../../dist/tools/cli.js', import.meta.url).pathname;
  const child = spawn(process.execPath, [cli, ...COMMAND()], {
    env: process.env,
  });
  let told = '';
  child.stderr.on('data', (text) => {
    told += text;
  });
  while (!told.includes('making the images') && child.exitCode === null)
    await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGINT');
  const code = await new Promise((resolve) => child.once('exit', resolve));
  expect([code, told]).toEqual([
    1,
    expect.stringMatching(/interrupted; the last that the tool said was "\* {2}Step 1.*--resume/),
  ]);
  expect(existsSync(`/proc/${runs()[0]!.pid}`)).toBe(false);
  expect(state().error).toMatch(/^interrupted/);
});

test('without root the tool runs through sudo, which is never asked in the middle', async () => {
  if (process.getuid!() !== 0)
    throw new Error('this test gives up the rights of root: run the tests as root, as CI does');
  plugUsb(root, [apx('1-2', '7523')]);
  order(WELL);
  const { execFileSync, spawnSync } = await import('node:child_process');
  const { writeFileSync } = await import('node:fs');
  const sudo = join(root, 'bin', 'sudo');
  writeFileSync(
    sudo,
    `#!/bin/sh\nprintf "%s\\n" "$*" >> '${work}/sudo.txt'\nshift\n[ "$1" = -- ] && shift\nexec "$@"\n`,
  );
  chmodSync(sudo, 0o755);
  execFileSync('chown', ['-R', '65534:65534', work]);
  const cli = new URL('../../../dist/tools/cli.js', import.meta.url).pathname;
  const options = { uid: 65534, gid: 65534, cwd: work, encoding: 'utf8', env: process.env } as const;
  const args = [cli, ...COMMAND()];
  const run = spawnSync(process.execPath, args, options);
  expect([run.status, run.stderr]).toEqual([0, expect.any(String)]);
  const asked = readFileSync(join(work, 'sudo.txt'), 'utf8').trim().split('\n');
  expect(asked).toEqual([
    '-n true',
    expect.stringMatching(/^-n -- \.\/tools\/kernel_flash\/l4t_initrd_flash\.sh --usb-instance 1-2/),
  ]);
  // A sudo that wants a password where nobody can type one.
  writeFileSync(sudo, '#!/bin/sh\necho "sudo: a password is required" >&2\nexit 1\n');
  plugUsb(root, [apx('1-2', '7523')]);
  execFileSync('chown', ['-R', '65534:65534', work]);
  const refused = spawnSync(process.execPath, args, { ...options, input: '' });
  expect([refused.status, refused.stderr]).toEqual([
    1,
    expect.stringContaining('run "sudo -v" in this terminal first'),
  ]);
});
