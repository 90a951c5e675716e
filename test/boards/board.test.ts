// The board profiles and the JetPacks: every file keeps the schema, and they agree with each other, with recorded lines, with the
// binaries that run on boards and with TensorRT's table.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  Board,
  boardModules,
  boards,
  cannotRun,
  isOlder,
  jetpacks,
  modulesInRecovery,
  needs,
} from '../../boards/board.ts';
import { precisionsOf, tensorrtOfL4t, trtexecRelease } from '../../models/tensorrt.ts';
import { GPUS } from '../../models/tensorrt-releases.ts';
import { parseTegrastats } from '../../runtime/device/tegrastats.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const jetsons = boards().filter(({ sm }) => sm !== null);

test('every family of Jetson and the virtual board have a profile, named like its file', () => {
  expect(boards().map(({ name }) => name)).toEqual([
    ...['agx-orin', 'agx-thor', 'agx-xavier', 'nano', 'orin-nano', 'orin-nx', 'tx2', 'xavier-nx', 'virt-arm64'],
  ]);
});

test('every module that people can buy has a name of its own', () => {
  const names = boardModules().map(({ module }) => module.name);
  expect(names).toEqual(
    expect.arrayContaining([
      ...['orin-nano-4gb', 'orin-nano-8gb', 'orin-nx-8gb', 'orin-nx-16gb', 'agx-orin-32gb', 'agx-orin-64gb'],
      ...['xavier-nx', 'agx-xavier', 'tx2', 'nano', 'agx-thor', 'virt-arm64'],
    ]),
  );
  expect(new Set(names).size).toBe(names.length);
});

test('an unknown key of a profile is refused, and so is a group without a source', () => {
  const [board] = boards();
  expect(() => Board.parse({ ...board, colour: 'green' })).toThrow(/colour/);
  expect(() => Board.parse({ ...board, sources: { ...board!.sources, flash: [] } })).toThrow(/flash/);
});

test('boards name JetPacks that are known, each in the order of release', () => {
  const order = jetpacks().map(({ jetpack }) => jetpack);
  for (const { name, jetpacks: own } of boards()) {
    expect([name, own.map((each) => order.indexOf(each))]).toEqual([
      name,
      own.map((each) => order.indexOf(each)).toSorted((a, b) => a - b),
    ]);
    expect(own.filter((each) => !order.includes(each))).toEqual([]);
  }
});

test('no L4T release belongs to two JetPacks, and each brings the TensorRT of the releases table', () => {
  const releases = jetpacks().flatMap(({ l4t, tensorrt }) => l4t.map((each) => ({ each, tensorrt })));
  expect(new Set(releases.map(({ each }) => each)).size).toBe(releases.length);
  for (const { each, tensorrt } of releases) {
    expect([each, tensorrtOfL4t(each)]).toEqual([each, tensorrt.split('.').slice(0, 2).join('.')]);
  }
});

test('the GPU of every Jetson is known, and what TensorRT computes in is among what it can', () => {
  for (const { name, sm, precisions } of jetsons) {
    expect([name, GPUS.some((gpu) => gpu.sm === sm)]).toEqual([name, true]);
    expect(precisions).toEqual(expect.arrayContaining([...precisionsOf(sm!)]));
    if (!precisionsOf(sm!).includes('int8')) expect([name, precisions]).toEqual([name, ['fp32', 'fp16']]);
  }
  expect(jetpacks().map(({ tensorrt }) => trtexecRelease(tensorrt))).toContain('10.3');
});

// OE4T/meta-tegra find-jetson-usb.sh lists these for boards from Xavier on; 7326 is in its documentation, the older two in public guides.
test('the USB ids of recovery mode are those that OE4T/meta-tegra looks for, and the older ones', () => {
  const ids = new Set(boardModules().flatMap(({ module }) => module.recoveryUsb));
  const known = '7019|7819|7919|7e19|7023|7026|7223|7226|7323|7423|7523|7623'.split('|');
  expect([...ids].sort()).toEqual([...known, '7326', '7c18', '7f21'].map((id) => `0955:${id}`).sort());
  expect(modulesInRecovery('0955:7523').map(({ module }) => module.name)).toEqual(['orin-nano-8gb']);
  expect(modulesInRecovery('0955:7f21').map(({ module }) => module.name)).toEqual(['nano', 'nano-2gb']);
});

test('what a booted or half-flashed board shows is never taken for recovery mode', () => {
  const others = boards().flatMap(({ usb, consoles }) => [
    ...usb.gadget,
    ...usb.flashing,
    ...consoles.map((c) => c.usb),
  ]);
  expect(others.filter((id) => id && modulesInRecovery(id).length > 0)).toEqual([]);
});

test('every storage has a command for each release that it is flashed with, and one only', () => {
  for (const { board, module } of boardModules()) {
    const majors = new Set(
      jetpacks()
        .filter(({ jetpack }) => board.jetpacks.includes(jetpack))
        .flatMap(({ l4t }) => l4t.map((each) => Number(each.split('.')[0]))),
    );
    for (const way of board.flash) {
      expect([module.name, way.l4t.filter((major) => !majors.has(major))]).toEqual([module.name, []]);
      expect(board.configurations).toContain(way.configuration);
    }
    for (const major of majors) {
      const own = board.flash.filter((way) => way.l4t.includes(major) && (way.modules?.includes(module.name) ?? true));
      expect([module.name, major, new Set(own.map(({ storage }) => storage)).size]).toEqual([
        ...[module.name, major, own.length],
      ]);
      if (module.name !== 'tx2-nx') expect([module.name, major, own.length > 0]).toEqual([module.name, major, true]);
    }
  }
});

test('sensors are named as recorded lines of tegrastats name them', () => {
  const folder = join(ROOT, 'test/fixtures/tegrastats');
  const recorded = readdirSync(folder).filter((file) => file.endsWith('.txt') && !file.includes('testfixture'));
  for (const { name, sensors } of jetsons) {
    const own = recorded.filter((file) => file.startsWith(name) || (name === 'agx-thor' && file.startsWith(name)));
    expect([name, own.length > 0]).toEqual([name, true]);
    for (const file of own) {
      const line = parseTegrastats(readFileSync(join(folder, file), 'utf8'))!;
      const zones = Object.keys(line.celsius).map((zone) => zone.toLowerCase());
      expect([file, zones.filter((zone) => !sensors.temperatures.includes(zone))]).toEqual([file, []]);
      expect([file, Object.keys(line.watts).filter((rail) => !sensors.power.includes(rail))]).toEqual([file, []]);
    }
  }
});

test('earshot cannot run natively on JetPack 4, and can on every later one', () => {
  const unable = jetpacks().filter((each) => cannotRun(each).length > 0);
  expect(unable.map(({ jetpack }) => jetpack)).toEqual(['4.6', '4.6.1']);
  expect(cannotRun(unable[0]!)).toContainEqual({ program: 'Node.js 20', glibc: '2.28', for: 'runtime' });
  expect([isOlder('2.9', '2.28'), isOlder('2.28', '2.28'), isOlder('2.27', '2.28.1')]).toEqual([true, false, true]);
});

test('the C library that programs are said to need is the newest that their arm64 binaries name', () => {
  const newest = (file: string) =>
    [...readFileSync(join(ROOT, 'node_modules', file), 'latin1').matchAll(/GLIBC_(\d+\.\d+)/g)]
      .map((match) => match[1]!)
      .reduce((best, each) => (isOlder(best, each) ? each : best));
  const said = Object.fromEntries(needs().map(({ program, glibc }) => [program, glibc]));
  expect(newest('onnxruntime-node/bin/napi-v6/linux/arm64/libonnxruntime.so.1')).toBe(said['onnxruntime-node 1.30']);
  const prebuild = readdirSync(join(ROOT, 'node_modules/@serialport/bindings-cpp/prebuilds/linux-arm64'));
  const glibc = prebuild.find((file) => file.includes('glibc'))!;
  expect(newest(`@serialport/bindings-cpp/prebuilds/linux-arm64/${glibc}`)).toBe(said['serialport 13']);
});
