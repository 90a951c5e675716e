// /proc/stat and /proc/meminfo as figures.

/** Ticks of all cores since boot. */
export interface ProcessorTimes {
  readonly busy: number;
  readonly total: number;
}

/** First line of /proc/stat: user nice system idle iowait irq softirq steal; guest times are inside user. See proc(5). */
export function processorTimes(stat: string): ProcessorTimes | undefined {
  const match = /^cpu +(\d+(?: \d+){3,})/m.exec(stat);
  if (!match) return undefined;
  const ticks = match[1]!.split(' ').slice(0, 8).map(Number);
  const total = ticks.reduce((sum, value) => sum + value, 0);
  return { total, busy: total - ticks[3]! - (ticks[4] ?? 0) };
}

/** Share of time that the cores were busy between two looks; null before the second. */
export function cpuLoads(before: ProcessorTimes | undefined, after: ProcessorTimes | undefined): number | null {
  if (!before || !after || after.total <= before.total) return null;
  return Math.min(1, Math.max(0, (after.busy - before.busy) / (after.total - before.total)));
}

/** MemAvailable is what a new program could have without swapping (Linux 3.14 and later). */
export function memoryUse(meminfo: string): { totalBytes: number | null; availableBytes: number | null } {
  const bytes = (name: string) => {
    const match = new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(meminfo);
    return match ? Number(match[1]) * 1024 : null;
  };
  return { totalBytes: bytes('MemTotal'), availableBytes: bytes('MemAvailable') };
}
