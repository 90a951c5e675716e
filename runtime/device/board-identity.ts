// Which board this is and what NVIDIA software runs on it, from the files that JetPack leaves.
import type { SensorFiles } from './sensor-files.ts';

export interface BoardIdentity {
  /** As the carrier's device tree says, e.g. 'NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super'. */
  readonly model: string | null;
  /** Module and carrier, most particular first. */
  readonly compatible: readonly string[];
  readonly serial: string | null;
  /** Release of Linux for Tegra, e.g. '36.4.3'; null: no Jetson. */
  readonly l4t: string | null;
  readonly kernel: string | null;
  /** New at each start of the machine. */
  readonly machineBootId: string | null;
}

const FILES = {
  model: '/proc/device-tree/model',
  compatible: '/proc/device-tree/compatible',
  serial: '/proc/device-tree/serial-number',
  release: '/etc/nv_tegra_release',
  kernel: '/proc/sys/kernel/osrelease',
  boot: '/proc/sys/kernel/random/boot_id',
} as const;

const RELEASE = /^# R(\d+) \(release\), REVISION: ([\d.]+), GCID: (\d+), BOARD: ([^,]+), EABI: (\w+), DATE: (.+)$/m;

export async function boardIdentity(files: SensorFiles): Promise<BoardIdentity> {
  const contents = await files.read(Object.values(FILES));
  const words = (path: string) => contents.get(path)?.trim().split('\0').filter(Boolean) ?? [];
  const first = (path: string) => words(path)[0] ?? null;
  return {
    model: first(FILES.model),
    compatible: words(FILES.compatible),
    serial: first(FILES.serial),
    l4t: l4tRelease(contents.get(FILES.release) ?? ''),
    kernel: first(FILES.kernel),
    machineBootId: first(FILES.boot),
  };
}

/** '# R36 (release), REVISION: 4.3, ...' is 36.4.3. */
export function l4tRelease(text: string): string | null {
  const match = RELEASE.exec(text);
  return match ? `${match[1]}.${match[2]}` : null;
}
