// Temperatures, power, loads, clocks, fan and throttling of the board from its files in /sys and /proc.
import { cpuLoads, memoryUse, type ProcessorTimes, processorTimes } from './proc-files.ts';
import type { SensorFiles } from './sensor-files.ts';

/** What the board says of itself; null and absent entries are unknown. */
export interface BoardReading {
  /** Thermal zone to degrees Celsius. */
  readonly celsius: Readonly<Record<string, number | null>>;
  /** Power rail to watts. */
  readonly watts: Readonly<Record<string, number | null>>;
  readonly totalWatts: number | null;
  readonly gpu: { readonly load: number | null; readonly hertz: number | null };
  /** Mean load of the cores, and the clock of each; null for a core that is off. */
  readonly cpu: { readonly load: number | null; readonly hertz: readonly (number | null)[] };
  readonly memory: { readonly totalBytes: number | null; readonly availableBytes: number | null };
  /** Speed of the fan as a share, and its turns; a board without fan has neither. */
  readonly fan: { readonly share: number | null; readonly rpm: number | null };
  readonly throttling: { readonly active: boolean | null; readonly reasons: readonly string[] };
}

/** Names of GPU nodes in the device tree: Xavier, TX2, Orin, Thor, and the plain one of R36. */
const GPU_NODES = ['gv11b', 'gp10b', 'ga10b', 'gb10b', 'gpu'];
/** Load in per mille: R32, R34 and R35, R36 and later. */
const GPU_LOADS = [
  '/sys/devices/gpu.0/load',
  '/sys/devices/platform/gpu.0/load',
  '/sys/devices/platform/17000000.gpu/load',
  '/sys/devices/platform/bus@0/17000000.gpu/load',
];
/** Rails that are the whole board's; a board without one is the sum of its rails. */
const TOTAL_RAILS = ['VDD_IN', 'POM_5V_IN', 'VIN'];
const HIGHEST_PWM = 255;

/** Reads all sensors of a board. Nothing is kept open; what appears late after boot (GPU nodes) is found at the next reading. */
export class BoardSensors {
  readonly #files: SensorFiles;
  #times: ProcessorTimes | undefined;

  constructor(files: SensorFiles) {
    this.#files = files;
  }

  async read(): Promise<BoardReading> {
    const files = this.#files;
    const [zones, devfreq, hwmon, iio, cooling, cpus] = await Promise.all([
      files.find('/sys/class/thermal/thermal_zone*'),
      files.find('/sys/class/devfreq/*'),
      files.find('/sys/class/hwmon/hwmon*'),
      files.find('/sys/bus/i2c/drivers/ina3221x/*/iio:device*'),
      files.find('/sys/class/thermal/cooling_device*'),
      files.find('/sys/devices/system/cpu/cpu*/cpufreq/scaling_cur_freq'),
    ]);
    const channels = [1, 2, 3];
    const of = (folders: string[], ...names: string[]) =>
      folders.flatMap((folder) => names.map((n) => `${folder}/${n}`));
    const contents = await files.read([
      ...['/proc/stat', '/proc/meminfo', '/proc/device-tree/model'],
      ...of(zones, 'type', 'temp'),
      ...of(devfreq, 'device/of_node/name', 'cur_freq'),
      ...GPU_LOADS,
      ...of(hwmon, 'name', 'pwm1', 'rpm', 'fan1_input'),
      ...of(hwmon, ...channels.flatMap((k) => [`in${k}_label`, `in${k}_input`, `curr${k}_input`])),
      ...of(hwmon, ...channels.flatMap((k) => [`curr${k}_max_alarm`, `curr${k}_crit_alarm`])),
      ...of(iio, ...[0, 1, 2].flatMap((k) => [`rail_name_${k}`, `in_power${k}_input`])),
      ...of(cooling, 'type', 'cur_state'),
      ...cpus,
    ]);
    const tree = new Tree(contents);
    const watts = { ...hwmonRails(tree, hwmon), ...iioRails(tree, iio) };
    const before = this.#times;
    this.#times = processorTimes(contents.get('/proc/stat') ?? '');
    return {
      celsius: temperatures(tree, zones),
      watts,
      totalWatts: totalOf(watts),
      gpu: gpu(tree, devfreq),
      cpu: { load: cpuLoads(before, this.#times), hertz: cpus.map((path) => scaled(tree.number(path), 1000)) },
      memory: memoryUse(contents.get('/proc/meminfo') ?? ''),
      fan: fan(tree, hwmon),
      throttling: throttling(tree, hwmon, cooling),
    };
  }
}

/** Contents of files as words and numbers. */
class Tree {
  readonly #contents: ReadonlyMap<string, string>;

  constructor(contents: ReadonlyMap<string, string>) {
    this.#contents = contents;
  }

  word(path: string): string | null {
    return this.#contents.get(path)?.replaceAll('\0', '').trim() || null;
  }

  number(path: string): number | null {
    const word = this.word(path);
    return word !== null && /^-?\d+$/.test(word) ? Number(word) : null;
  }
}

function scaled(value: number | null, factor: number): number | null {
  return value === null ? null : value * factor;
}

/** Zones in thousandths of a degree; -256000 is a zone that is powered off, PMIC a constant. Equal names are numbered. */
function temperatures(tree: Tree, zones: readonly string[]): Record<string, number | null> {
  const celsius: Record<string, number | null> = {};
  for (const zone of zones) {
    const name = tree
      .word(`${zone}/type`)
      ?.replace(/-therm(al)?$/i, '')
      .toLowerCase();
    if (!name || name.startsWith('pmic')) continue;
    const value = tree.number(`${zone}/temp`);
    let key = name;
    for (let k = 2; key in celsius; k += 1) key = `${name}-${k}`;
    celsius[key] = value === null || value <= -256_000 ? null : value / 1000;
  }
  return celsius;
}

function gpu(tree: Tree, devfreq: readonly string[]): BoardReading['gpu'] {
  const load = GPU_LOADS.map((path) => tree.number(path)).find((value) => value !== null) ?? null;
  const node = devfreq.find(
    (folder) => GPU_NODES.includes(tree.word(`${folder}/device/of_node/name`) ?? '') || folder.endsWith('/gpu-gpc-0'), // Thor
  );
  return { load: scaled(load, 1 / 1000), hertz: node === undefined ? null : tree.number(`${node}/cur_freq`) };
}

/** INA3221 of JetPack 5 and later: millivolts and milliamperes; label NC is not connected. */
function hwmonRails(tree: Tree, hwmon: readonly string[]): Record<string, number | null> {
  const rails: Record<string, number | null> = {};
  for (const folder of hwmon) {
    if (tree.word(`${folder}/name`) !== 'ina3221') continue;
    for (const k of [1, 2, 3]) {
      const name = tree.word(`${folder}/in${k}_label`);
      const [millivolts, milliamperes] = [
        tree.number(`${folder}/in${k}_input`),
        tree.number(`${folder}/curr${k}_input`),
      ];
      if (!name || name === 'NC') continue;
      rails[name] = millivolts === null || milliamperes === null ? null : (millivolts * milliamperes) / 1e6;
    }
  }
  return rails;
}

/** INA3221 of JetPack 4: milliwatts. */
function iioRails(tree: Tree, iio: readonly string[]): Record<string, number | null> {
  const rails: Record<string, number | null> = {};
  for (const folder of iio) {
    for (const k of [0, 1, 2]) {
      const name = tree.word(`${folder}/rail_name_${k}`);
      if (name && name !== 'NC') rails[name] = scaled(tree.number(`${folder}/in_power${k}_input`), 1 / 1000);
    }
  }
  return rails;
}

/** The board's own sum where it has one; a sum with an unknown part is unknown. */
function totalOf(watts: Readonly<Record<string, number | null>>): number | null {
  const own = TOTAL_RAILS.find((name) => name in watts);
  if (own) return watts[own]!;
  const parts = Object.values(watts);
  return parts.length === 0 || parts.includes(null) ? null : parts.reduce<number>((sum, part) => sum + part!, 0);
}

function fan(tree: Tree, hwmon: readonly string[]): BoardReading['fan'] {
  const folders = hwmon.filter((folder) =>
    ['pwmfan', 'pwm_tach', 'pwm-fan'].includes(tree.word(`${folder}/name`) ?? ''),
  );
  const first = (...names: string[]) =>
    folders.flatMap((folder) => names.map((name) => tree.number(`${folder}/${name}`))).find((n) => n !== null) ?? null;
  return { share: scaled(first('pwm1'), 1 / HIGHEST_PWM), rpm: first('rpm', 'fan1_input') };
}

/** Over-current alarms of the power monitor, and cooling devices that hold clocks down; unknown where the board shows neither. */
function throttling(tree: Tree, hwmon: readonly string[], cooling: readonly string[]): BoardReading['throttling'] {
  const alarms = hwmon.flatMap((folder) =>
    [1, 2, 3].flatMap((k) =>
      ['max', 'crit'].map((kind) => {
        const name = tree.word(`${folder}/in${k}_label`) ?? `channel ${k}`;
        return { reason: `over-current ${name}`, value: tree.number(`${folder}/curr${k}_${kind}_alarm`) };
      }),
    ),
  );
  const held = cooling
    .map((folder) => ({ name: tree.word(`${folder}/type`) ?? '', value: tree.number(`${folder}/cur_state`) }))
    .filter(({ name }) => /throttle|cpufreq|devfreq|gpu|cpu/i.test(name))
    .map(({ name, value }) => ({ reason: `held down by ${name}`, value }));
  const known = [...alarms, ...held].filter(({ value }) => value !== null);
  const reasons = [...new Set(known.filter(({ value }) => value! > 0).map(({ reason }) => reason))];
  return { active: known.length === 0 ? null : reasons.length > 0, reasons };
}
