// Sensors of boards as their kernels show them, and sensors that refuse, hang or are not there.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BoardSensors } from '../../../runtime/device/board-sensors.ts';
import { SensorFiles } from '../../../runtime/device/sensor-files.ts';
import { AGX_ORIN_THROTTLED, hangOn, NANO, ORIN_NANO, plantTree } from '../../fakes/board-tree.ts';

test('an Orin Nano with JetPack 6 tells temperatures, power, loads, clocks and its fan', async () => {
  const root = await plantTree(ORIN_NANO);
  const sensors = new BoardSensors(new SensorFiles(root));
  const reading = await sensors.read();
  expect(reading.celsius).toEqual({ cpu: 47.687, gpu: 48.625, cv0: null, tj: 48.7 });
  expect(reading.watts).toEqual({ VDD_IN: 4.56, VDD_CPU_GPU_CV: 0.47616 });
  expect(reading.totalWatts).toBe(4.56);
  expect(reading.gpu).toEqual({ load: 0.125, hertz: 305e6 });
  expect(reading.fan).toEqual({ share: 0.2, rpm: 1510 });
  expect(reading.memory).toEqual({ totalBytes: 7803000 * 1024, availableBytes: 6e6 * 1024 });
  expect(reading.cpu).toEqual({ load: null, hertz: [729.6e6, 1510.4e6] });
  expect(reading.throttling).toEqual({ active: false, reasons: [] });
  writeFileSync(join(root, '/proc/stat'), 'cpu  130 0 120 740 110 0 0 0 0 0\n');
  expect((await sensors.read()).cpu.load).toBeCloseTo(0.5, 9); // 50 of 100 ticks were neither idle nor waiting
});

test('a Nano with JetPack 4 tells its power in milliwatts and its GPU load at the old place', async () => {
  const reading = await new BoardSensors(new SensorFiles(await plantTree(NANO))).read();
  expect(reading.celsius).toEqual({ ao: 37 });
  expect(reading.watts).toEqual({ POM_5V_IN: 1.997, POM_5V_GPU: 0.04 });
  expect(reading.totalWatts).toBe(1.997);
  expect(reading.gpu).toEqual({ load: 0, hertz: null });
  expect(reading.throttling).toEqual({ active: null, reasons: [] });
});

test('a board that is throttled says by what, and one without a rail for all of it sums its rails', async () => {
  const reading = await new BoardSensors(new SensorFiles(await plantTree(AGX_ORIN_THROTTLED))).read();
  expect(reading.throttling).toEqual({
    active: true,
    reasons: ['over-current VDD_GPU_SOC', 'held down by thermal-devfreq-0'],
  });
  expect(reading.totalWatts).toBe(28.5);
});

test('a machine without any of it knows nothing, which is not zero', async () => {
  const reading = await new BoardSensors(new SensorFiles(await plantTree({}))).read();
  expect(reading).toEqual({
    ...{ celsius: {}, watts: {}, totalWatts: null, gpu: { load: null, hertz: null }, cpu: { load: null, hertz: [] } },
    ...{ memory: { totalBytes: null, availableBytes: null }, fan: { share: null, rpm: null } },
    throttling: { active: null, reasons: [] },
  });
});

test('sensors that hang are unknown, cost a second each once, and hide none of the others', async () => {
  const root = await plantTree(ORIN_NANO);
  const hung = ['/sys/class/thermal/thermal_zone2/temp', '/sys/class/hwmon/hwmon1/curr1_input'];
  for (const path of hung) hangOn(root, path);
  const files = new SensorFiles(root);
  const sensors = new BoardSensors(files);
  const started = performance.now();
  const reading = await sensors.read();
  expect(performance.now() - started).toBeLessThan(6000);
  expect(reading.celsius).toEqual({ cpu: 47.687, gpu: 48.625, cv0: null, tj: 48.7 });
  expect(reading.watts).toEqual({ VDD_IN: null, VDD_CPU_GPU_CV: 0.47616 });
  expect(reading.totalWatts).toBeNull();
  expect(reading.gpu.load).toBe(0.125);
  expect(files.hanging.sort()).toEqual([...hung].sort());
  const again = performance.now();
  expect((await sensors.read()).celsius).toMatchObject({ tj: 48.7, cv0: null });
  expect(performance.now() - again).toBeLessThan(900);
});
