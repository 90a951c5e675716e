// Who the board is, whether its clock is right, and why the runtime ended the last time.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { boardIdentity, l4tRelease } from '../../../runtime/device/board-identity.ts';
import { clockSync } from '../../../runtime/device/clock-sync.ts';
import { ExitRecord } from '../../../runtime/device/last-exit.ts';
import { SensorFiles } from '../../../runtime/device/sensor-files.ts';
import { ORIN_NANO, plantTree } from '../../fakes/board-tree.ts';
import { temporaryFolder } from '../../loudness-model.ts';

test('a Jetson says its model, its modules, its serial number and its release', async () => {
  const root = await plantTree({ ...ORIN_NANO, '/proc/sys/kernel/osrelease': '5.15.148-tegra\n' });
  expect(await boardIdentity(new SensorFiles(root))).toEqual({
    model: 'NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super',
    compatible: ['nvidia,p3768-0000+p3767-0005-super', 'nvidia,p3767-0005', 'nvidia,tegra234'],
    ...{ serial: '1424623012345', l4t: '36.4.3', kernel: '5.15.148-tegra', machineBootId: null },
  });
});

test('releases of JetPack 4 to 7 are told by their file', () => {
  const line = (release: string) => `# R${release}, GCID: 1, BOARD: t186ref, EABI: aarch64, DATE: Wed Feb  2 2022`;
  expect(l4tRelease(line('32 (release), REVISION: 7.1'))).toBe('32.7.1');
  expect(l4tRelease(line('38 (release), REVISION: 4.0'))).toBe('38.4.0');
  expect(l4tRelease('Debian')).toBeNull();
});

test('another machine is no Jetson, but has a kernel', async () => {
  const { model, l4t, machineBootId } = await boardIdentity(new SensorFiles('/'));
  expect([model, l4t]).toEqual([null, null]);
  expect(machineBootId).toMatch(/^[0-9a-f-]{36}$/);
});

/** `chronyc -c tracking` as chrony 4.2 prints it (chronyc(1)); the last field is the leap status. */
const CHRONY =
  'A9FEA97B,169.254.169.123,4,1700000000.123456789,-0.000123,0.000001,0.00002,-12.3,-0.001,0.1,0.0005,0.0002,64.2,Normal';

test('chrony tells that the clock is right and by how much, systemd only that it is', async () => {
  const chrony = async (program: string) => (program === 'chronyc' ? CHRONY : 'no\n');
  expect(await clockSync(chrony)).toEqual({ synced: true, offsetMs: expect.closeTo(-0.123, 6) });
  const lost = async () => CHRONY.replace('Normal', 'Not synchronised');
  expect(await clockSync(lost)).toEqual({ synced: false, offsetMs: null });
  const systemd = (word: string) => async (program: string) => {
    if (program === 'chronyc') throw new Error('ENOENT');
    return `${word}\n`;
  };
  expect(await clockSync(systemd('yes'))).toEqual({ synced: true, offsetMs: null });
  expect(await clockSync(systemd('no'))).toEqual({ synced: false, offsetMs: null });
  expect(await clockSync(() => Promise.reject(new Error('ENOENT')))).toEqual({ synced: null, offsetMs: null });
});

test('asked of this machine the clock is right, wrong or unknown, and the answer comes in time', async () => {
  const started = performance.now();
  expect([true, false, null]).toContain((await clockSync()).synced);
  expect(performance.now() - started).toBeLessThan(5000);
});

test('a start tells how the run before it ended: by itself, killed, or with the machine', async () => {
  const folder = await temporaryFolder();
  const begin = (bootId: string, machineBootId: string) => ExitRecord.begin(folder, { bootId, machineBootId });
  const first = await begin('a', 'm1');
  expect(first.last).toEqual({ reason: null, time: null, startsLastHour: 1 });
  await first.end('stopped: SIGTERM');
  const second = await begin('b', 'm1');
  expect(second.last).toEqual({ reason: 'stopped: SIGTERM', time: expect.any(String), startsLastHour: 2 });
  expect((await begin('c', 'm1')).last.reason).toBe('killed or crashed');
  expect((await begin('d', 'm2')).last).toMatchObject({
    reason: 'power cut or restart of the machine',
    startsLastHour: 4,
  });
});

test('a record that the disk spoilt is none, and readable by nobody else', async () => {
  const folder = await temporaryFolder();
  writeFileSync(join(folder, 'last-exit.json'), '{"bootId": "a", "ma');
  expect((await ExitRecord.begin(folder, { bootId: 'b', machineBootId: null })).last.reason).toBeNull();
  expect(execFileSync('stat', ['-c', '%a', join(folder, 'last-exit.json')], { encoding: 'utf8' }).trim()).toBe('600');
});
