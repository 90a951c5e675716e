// What earshot board list says of a made-up sysfs: every kind of thing, its names and its next step; the rules; the profiles.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { boardModules } from '../../../boards/board.ts';
import { nextStep } from '../../../tools/board/next-step.ts';
import { plugged } from '../../../tools/board/plugged.ts';
import { udevRules } from '../../../tools/board/udev-rules.ts';
import { usbDevicesByLibrary } from '../../../tools/board/usb-library.ts';
import { earshot, jsonLines } from '../../earshot.ts';
import { apx, gadget, type PluggedUsb, plugUsb } from '../../fakes/usb-tree.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'earshot-list-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const TOPO: PluggedUsb = {
  instance: '1-5',
  id: '0955:7045',
  product: 'TOPO',
  ttys: { '00': 'ttyACM3', '02': 'ttyACM4' },
};
const FTDI: PluggedUsb = {
  ...{ instance: '1-6', id: '0403:6001', manufacturer: 'FTDI', product: 'FT232R USB UART', serial: 'A5XK3RJT' },
  ttys: { '00': 'ttyUSB0' },
};
const MOUSE: PluggedUsb = { instance: '1-7', id: '046d:c077', product: 'USB Optical Mouse' };

test('recovery mode, booted boards, half-flashed ones, debug ports and adapters are told apart, the rest is left out', async () => {
  const all = [apx('1-2', '7523'), gadget('1-3', '142'), { instance: '1-4', id: '0955:7035' }, TOPO, FTDI, MOUSE];
  plugUsb(root, all);
  const found = (await plugged(root))!;
  expect(
    found.map(({ kind, device, modules }) => [kind, device.instance, modules.map(({ module }) => module.name)]),
  ).toEqual([
    ['recovery', '1-2', ['orin-nano-8gb']],
    ['booted', '1-3', []],
    ['flashing', '1-4', []],
    ['debug', '1-5', []],
    ['adapter', '1-6', []],
  ]);
});

test('every module of every profile is recognised in recovery mode', async () => {
  const ids = [...new Set(boardModules().flatMap(({ module }) => module.recoveryUsb))];
  plugUsb(
    root,
    ids.map((id, i) => apx(`3-${i + 1}`, id.split(':')[1]!)),
  );
  const found = (await plugged(root))!;
  expect(found).toHaveLength(ids.length);
  const names = new Set(found.flatMap(({ modules }) => modules.map(({ module }) => module.name)));
  const usb = boardModules().filter(({ module }) => module.recoveryUsb.length > 0);
  expect([...names].sort()).toEqual(usb.map(({ module }) => module.name).sort());
});

test('the next step is a command that can be typed, with the place where several boards wait', async () => {
  plugUsb(root, [apx('1-2', '7323'), gadget('1-3', '142'), FTDI]);
  const [recovery, booted, adapter] = (await plugged(root))!;
  expect(nextStep(recovery!, false)).toBe(
    'Ready to be flashed: earshot board flash --board orin-nx-16gb --bsp Linux_for_Tegra --storage nvme',
  );
  expect(nextStep(recovery!, true)).toMatch(/--instance 1-2$/);
  expect(nextStep(booted!, false)).toMatch(
    /"earshot board provision SITE\/DEVICE --serial \S+usb-NVIDIA_Linux_for_Tegra_142-if02" .*192\.168\.55\.1/,
  );
  expect(nextStep(adapter!, false)).toMatch(
    /115200 baud on \/dev\/serial\/by-id\/usb-FTDI_FT232R_USB_UART_A5XK3RJT-if00/,
  );
});

test('the command tells it to people and to programs, and says what to do when nothing or no USB is there', async () => {
  plugUsb(root, [apx('1-2', '7523'), gadget('1-3', '142')]);
  const human = await earshot(['board', 'list', '--root', root]);
  expect(human.stdout).toMatch(
    /^orin-nano-8gb, recovery mode\n {2}usb {6}0955:7523 at 1-2, 480 Mbit\/s\n {2}next {5}Ready/,
  );
  const json = jsonLines((await earshot(['board', 'list', '--root', root, '--json'])).stdout);
  expect(json).toMatchObject([
    { kind: 'recovery', instance: '1-2', usb: '0955:7523', modules: ['orin-nano-8gb'], ports: [] },
    { kind: 'booted', serial: '142', networks: ['usb0', 'usb1'], ports: [{ path: '/dev/ttyACM0' }] },
  ]);
  plugUsb(root, []);
  expect((await earshot(['board', 'list', '--root', root])).stdout).toMatch(
    /^Nothing that earshot knows is plugged in: /,
  );
  rmSync(join(root, 'sys'), { recursive: true });
  expect((await earshot(['board', 'list', '--root', root])).stdout).toMatch(/^This machine shows no USB devices/);
});

test('--watch tells what comes and goes, and ends with Ctrl-C', async () => {
  plugUsb(root, []);
  const cli = new URL('../../../dist/tools/cli.js', import.meta.url).pathname;
  const child = spawn(process.execPath, [cli, 'board', 'list', '--watch', '--json', '--root', root]);
  const told: Record<string, unknown>[] = [];
  child.stdout.on('data', (text) => told.push(...jsonLines(String(text))));
  const until = async (count: number) => {
    while (told.length < count && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 50));
  };
  plugUsb(root, [apx('1-2', '7523')]);
  await until(1);
  plugUsb(root, []);
  await until(2);
  child.kill('SIGINT');
  const code = await new Promise((resolve) => child.once('exit', resolve));
  expect([code, told]).toMatchObject([
    0,
    [
      { change: 'there', instance: '1-2' },
      { change: 'gone', usb: '0955:7523' },
    ],
  ]);
});

test('where there is no sysfs the usb package is asked, and a machine without USB is no crash', async () => {
  const devices = await usbDevicesByLibrary();
  // Here, in a container, there may be no USB at all; on a PC there are devices with ids.
  for (const { id } of devices ?? []) expect(id).toMatch(/^[0-9a-f]{4}:[0-9a-f]{4}$/);
  expect(devices === undefined).toBe(!existsSync('/sys/bus/usb/devices'));
});

test('the udev rules name every id, and each line is a rule', async () => {
  const rules = udevRules();
  const lines = rules.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  for (const line of lines) expect(line).toMatch(/^(\S+(==|=|\+=)"[^"]*"(, |$))+$/);
  for (const { board, module } of boardModules()) {
    for (const id of [...module.recoveryUsb, ...board.usb.gadget])
      expect(rules).toContain(`ATTRS{idProduct}=="${id.split(':')[1]}"`);
  }
  expect((await earshot(['board', 'list', '--udev'])).stdout).toBe(rules);
});

test('a profile is printed with its sources and what its JetPacks cannot run, and a mistyped name gets the nearest', async () => {
  const nano = await earshot(['board', 'show', 'nano']);
  expect(nano.stdout).toMatch(/4\.6\.1: L4T 32\.7\.1, .*glibc 2\.27; CANNOT RUN Node\.js 20 \(glibc 2\.28\)/);
  expect(nano.stdout).toMatch(/from public guides|from public flashing guides/);
  const all = await earshot(['board', 'show']);
  expect(all.stdout.trim().split('\n')).toHaveLength(boardModules().length);
  const wrong = await earshot(['board', 'show', 'orin-nanno']);
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('did you mean "orin-nano"')]);
});
