// What memory this process takes, and took at most.
import { readFileSync } from 'node:fs';

/** Memory of this process in bytes; where the kernel hides it (qemu-user), the most that it ever had. */
export function residentBytes(): number {
  return process.memoryUsage.rss() || peakResidentBytes();
}

/**
 * The most memory in bytes that this process ever had: VmHWM of proc(5), which starts anew with each program. The maxRSS of getrusage(2)
 * does not: a program started by a large process has that one's size as its own, so it counts only where there is no /proc (macOS).
 */
export function peakResidentBytes(): number {
  const kibibytes = statusOfProcess().match(/^VmHWM:\s+(\d+) kB$/m)?.[1] ?? process.resourceUsage().maxRSS;
  return 1024 * Number(kibibytes);
}

function statusOfProcess(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return '';
  }
}
