// Trees of /sys and /proc files as boards have them (the paths that jtop reads), made in a folder.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '../loudness-model.ts';

export type Tree = Record<string, string>;

const COMMON: Tree = {
  '/proc/stat': 'cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 100 0 100 700 100 0 0 0 0 0\n',
  '/proc/meminfo': 'MemTotal:        7803000 kB\nMemFree:          200000 kB\nMemAvailable:    6000000 kB\n',
};

/** Orin Nano, JetPack 6: hwmon power monitor, GPU behind bus@0, cv zones that refuse. */
export const ORIN_NANO: Tree = {
  ...COMMON,
  '/proc/device-tree/model': 'NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super\0',
  '/proc/device-tree/compatible': 'nvidia,p3768-0000+p3767-0005-super\0nvidia,p3767-0005\0nvidia,tegra234\0',
  '/proc/device-tree/serial-number': '1424623012345\0',
  '/etc/nv_tegra_release':
    '# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: Wed Jan  8 01:49:37 UTC 2025\n# KERNEL_VARIANT: oot\n',
  '/sys/class/thermal/thermal_zone0/type': 'cpu-thermal\n',
  '/sys/class/thermal/thermal_zone0/temp': '47687\n',
  '/sys/class/thermal/thermal_zone1/type': 'gpu-thermal\n',
  '/sys/class/thermal/thermal_zone1/temp': '48625\n',
  '/sys/class/thermal/thermal_zone2/type': 'cv0-thermal\n',
  '/sys/class/thermal/thermal_zone2/temp': '-256000\n',
  '/sys/class/thermal/thermal_zone10/type': 'tj-thermal\n',
  '/sys/class/thermal/thermal_zone10/temp': '48700\n',
  '/sys/class/thermal/cooling_device0/type': 'pwm-fan\n',
  '/sys/class/thermal/cooling_device0/cur_state': '2\n',
  '/sys/class/thermal/cooling_device1/type': 'thermal-cpufreq-0\n',
  '/sys/class/thermal/cooling_device1/cur_state': '0\n',
  '/sys/class/devfreq/17000000.gpu/device/of_node/name': 'gpu\0',
  '/sys/class/devfreq/17000000.gpu/cur_freq': '305000000\n',
  '/sys/devices/platform/bus@0/17000000.gpu/load': '125\n',
  '/sys/class/hwmon/hwmon1/name': 'ina3221\n',
  '/sys/class/hwmon/hwmon1/in1_label': 'VDD_IN\n',
  '/sys/class/hwmon/hwmon1/in1_input': '5000\n',
  '/sys/class/hwmon/hwmon1/curr1_input': '912\n',
  '/sys/class/hwmon/hwmon1/curr1_max_alarm': '0\n',
  '/sys/class/hwmon/hwmon1/curr1_crit_alarm': '0\n',
  '/sys/class/hwmon/hwmon1/in2_label': 'VDD_CPU_GPU_CV\n',
  '/sys/class/hwmon/hwmon1/in2_input': '4960\n',
  '/sys/class/hwmon/hwmon1/curr2_input': '96\n',
  '/sys/class/hwmon/hwmon1/in3_label': 'NC\n',
  '/sys/class/hwmon/hwmon2/name': 'pwmfan\n',
  '/sys/class/hwmon/hwmon2/pwm1': '51\n',
  '/sys/class/hwmon/hwmon3/name': 'pwm_tach\n',
  '/sys/class/hwmon/hwmon3/rpm': '1510\n',
  '/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq': '729600\n',
  '/sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq': '1510400\n',
};

/** Nano, JetPack 4: industrial-io power monitor, GPU load at its old place. */
export const NANO: Tree = {
  ...COMMON,
  '/proc/device-tree/model': 'NVIDIA Jetson Nano Developer Kit\0',
  '/etc/nv_tegra_release':
    '# R32 (release), REVISION: 7.1, GCID: 29689809, BOARD: t186ref, EABI: aarch64, DATE: Wed Feb  2 21:33:23 UTC 2022\n',
  '/sys/class/thermal/thermal_zone0/type': 'AO-therm\n',
  '/sys/class/thermal/thermal_zone0/temp': '37000\n',
  '/sys/class/thermal/thermal_zone4/type': 'PMIC-Die\n',
  '/sys/class/thermal/thermal_zone4/temp': '100000\n',
  '/sys/devices/gpu.0/load': '0\n',
  '/sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/rail_name_0': 'POM_5V_IN\n',
  '/sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/in_power0_input': '1997\n',
  '/sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/rail_name_1': 'POM_5V_GPU\n',
  '/sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/in_power1_input': '40\n',
};

/** AGX Orin: no rail of the whole board, an over-current alarm, clocks held down. */
export const AGX_ORIN_THROTTLED: Tree = {
  ...COMMON,
  '/sys/class/hwmon/hwmon1/name': 'ina3221\n',
  '/sys/class/hwmon/hwmon1/in1_label': 'VDD_GPU_SOC\n',
  '/sys/class/hwmon/hwmon1/in1_input': '19000\n',
  '/sys/class/hwmon/hwmon1/curr1_input': '1000\n',
  '/sys/class/hwmon/hwmon1/curr1_max_alarm': '1\n',
  '/sys/class/hwmon/hwmon1/in2_label': 'VDD_CPU_CV\n',
  '/sys/class/hwmon/hwmon1/in2_input': '19000\n',
  '/sys/class/hwmon/hwmon1/curr2_input': '500\n',
  '/sys/class/thermal/cooling_device3/type': 'thermal-devfreq-0\n',
  '/sys/class/thermal/cooling_device3/cur_state': '1\n',
};

/** Writes a tree into a new folder. @returns the folder */
export async function plantTree(tree: Tree): Promise<string> {
  const root = await temporaryFolder();
  for (const [path, content] of Object.entries(tree)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

/** Makes a file whose reading blocks for ever, as the kernel's can: a pipe that nobody writes. */
export function hangOn(root: string, path: string): void {
  execFileSync('rm', ['-f', join(root, path)]);
  execFileSync('mkfifo', [join(root, path)]);
}
