// Board profiles: what a board is, computes with, runs, and how it is flashed and reached. One JSON file per family of modules in
// jetson/ and virtual/; jetpacks.json says what each JetPack brings, needs.json what earshot's programs ask of it.
import { readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';

const FOLDER = new URL(import.meta.url.includes('/dist/boards/') ? '../../boards/' : './', import.meta.url);

const version = z.string().regex(/^\d+(\.\d+){1,2}$/, 'must be numbers with dots');
const sources = z.array(z.string().min(1)).min(1);
const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);
const usbId = z.string().regex(/^[0-9a-f]{4}:[0-9a-f]{4}$/, 'must be vendor:product in lower-case hexadecimal');
const insideBsp = z.string().regex(/^[A-Za-z0-9_]+(\/[A-Za-z0-9_.]+)*\.sh$|^flash\.sh$/, 'must be a script of the BSP');

/** What asks the first questions of a board without a user (first-boot.json). */
export const FIRST_BOOT_WIZARDS = ['oem-config', 'nv-oobe'] as const;

export const STORAGES = ['nvme', 'emmc', 'sd'] as const;
export type Storage = (typeof STORAGES)[number];

const Module = z.strictObject({
  name: name.describe('what --board takes'),
  summary: z.string(),
  memoryGib: z.array(z.number().positive()).min(1).describe('as sold; CPU and GPU share it'),
  dlaCores: z.int().min(0).describe('deep learning accelerators; earshot does not use them'),
  parts: z.array(z.string().regex(/^p\d{4}(-\d{4})?$/)).describe('part numbers of the module'),
  recoveryUsb: z.array(usbId).describe('what it shows in recovery mode'),
});

const FlashWay = z.strictObject({
  storage: z.enum(STORAGES).describe('where the root file system goes'),
  l4t: z.array(z.int().positive()).min(1).describe('majors of Linux for Tegra that take this command'),
  modules: z.array(name).min(1).optional().describe('modules that have this storage; all when absent'),
  configuration: z.string().describe('NVIDIA name of the board with its carrier'),
  program: insideBsp,
  arguments: z.array(z.string()).describe('before configuration and rootDevice'),
  rootDevice: z.string(),
  reset: z.array(z.string()).min(1).optional().describe('program of the BSP and arguments that restart it afterwards'),
});

const SerialConsole = z.strictObject({
  name: z.enum(['gadget', 'debug']),
  device: z
    .string()
    .regex(/^tty\w+$/)
    .describe('on the board'),
  baud: z.int().positive(),
  usb: usbId.nullable().describe('what the host sees; null: an adapter of your own'),
  interface: z
    .string()
    .regex(/^\d\d$/)
    .nullable()
    .describe('number of the USB interface'),
  connector: z.string(),
});

export const Board = z.strictObject({
  format: z.literal('earshot-board'),
  version: z.literal(1),
  name,
  summary: z.string(),
  chip: z.string().describe('NVIDIA name of the system on chip'),
  tegraChipId: z.int().nullable().describe('tegra_chip_id of the kernel; null: unknown'),
  sm: z.int().positive().nullable().describe('compute capability of the GPU without the dot: 87 is 8.7; null: no GPU'),
  precisions: z
    .array(z.enum(['fp32', 'fp16', 'int8', 'fp8', 'fp4']))
    .min(1)
    .describe('what it computes fast in'),
  jetpacks: z.array(version).describe('releases that run on it, oldest first'),
  modules: z.array(Module).min(1),
  recoveryEntry: z.string().nullable().describe('how a person puts it into recovery mode'),
  usb: z.strictObject({
    gadget: z.array(usbId).describe('what a booted board shows: network, terminal, disk'),
    flashing: z.array(usbId).describe('what it shows while it is being flashed'),
  }),
  flash: z.array(FlashWay),
  configurations: z.array(z.string()).describe('NVIDIA names known to fit a carrier of it'),
  consoles: z.array(SerialConsole),
  powerModes: z.array(z.string()).describe('by name: numbers differ from release to release'),
  sensors: z.strictObject({
    power: z.array(z.string()).describe('rails of its power monitor'),
    temperatures: z.array(z.string()).describe('thermal zones, in lower case'),
  }),
  sources: z.strictObject({
    ...{ compute: sources, modules: sources, jetpacks: sources, recoveryEntry: sources, usb: sources },
    ...{ flash: sources, consoles: sources, powerModes: sources, sensors: sources },
  }),
});
export type Board = z.infer<typeof Board>;
export type BoardModule = Board['modules'][number];
export type FlashWay = Board['flash'][number];

const Jetpacks = z.strictObject({
  format: z.literal('earshot-jetpacks'),
  version: z.literal(1),
  sources,
  releases: z.array(
    z.strictObject({
      jetpack: version,
      l4t: z.array(version).min(1).describe('releases of Linux for Tegra, as /etc/nv_tegra_release has them'),
      tensorrt: version,
      cuda: version,
      cudnn: version,
      ubuntu: version,
      glibc: version,
      kernel: version,
      firstBoot: z.enum(FIRST_BOOT_WIZARDS).describe('the wizard of a board without a user'),
    }),
  ),
});
export type Jetpack = z.infer<typeof Jetpacks>['releases'][number];

const Needs = z.strictObject({
  format: z.literal('earshot-needs'),
  version: z.literal(1),
  sources,
  programs: z.array(z.strictObject({ program: z.string(), glibc: version, for: z.enum(['runtime', 'tools']) })),
});
export type Need = z.infer<typeof Needs>['programs'][number];

/** A JSON file of this folder. */
export function readBoardFile(file: string): unknown {
  return JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'));
}

/** All families of boards, Jetsons first, by name. @throws ZodError when a file breaks the schema */
export function boards(): Board[] {
  const read = (folder: string) =>
    readdirSync(new URL(`./${folder}/`, FOLDER))
      .filter((file) => file.endsWith('.json'))
      .sort()
      .map((file) => Board.parse(readBoardFile(`${folder}/${file}`)));
  return [...read('jetson'), ...read('virtual')];
}

/** All JetPacks, oldest first. */
export function jetpacks(): Jetpack[] {
  return Jetpacks.parse(readBoardFile('jetpacks.json')).releases;
}

/** What earshot's programs on arm64 need of the system's C library. */
export function needs(): Need[] {
  return Needs.parse(readBoardFile('needs.json')).programs;
}

/** A module, with the family that it belongs to. */
export interface BoardChoice {
  readonly board: Board;
  readonly module: BoardModule;
}

/** All modules of all boards. */
export function boardModules(): BoardChoice[] {
  return boards().flatMap((board) => board.modules.map((module) => ({ board, module })));
}

/** Modules that show a USB id in recovery mode: some share one. */
export function modulesInRecovery(usb: string): BoardChoice[] {
  return boardModules().filter(({ module }) => module.recoveryUsb.includes(usb));
}

/** Programs of the runtime that do not run natively on a JetPack, because its C library is older than theirs. */
export function cannotRun(jetpack: Jetpack): Need[] {
  return needs().filter((need) => need.for === 'runtime' && isOlder(jetpack.glibc, need.glibc));
}

/** Compares numbers with dots: 2.9 is older than 2.28. */
export function isOlder(version: string, than: string): boolean {
  const [a, b] = [version.split('.').map(Number), than.split('.').map(Number)];
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) < (b[i] ?? 0);
  }
  return false;
}
