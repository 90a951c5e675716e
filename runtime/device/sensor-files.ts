// Small files of /sys and /proc read so that none can stall the device: a child reads them, and is left behind when it hangs.
import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

const TIMEOUT_MS = 1000;
/** A file that hung is asked again after this time. */
const SHUN_MS = 600_000;

/**
 * Reads sensor files below a root. A read of sysfs may block for ever (cv zones of Orin Nano); in this process it would hold one of
 * the four threads that also write the outbox, so one short-lived grep reads all files and is killed when it takes too long.
 */
export class SensorFiles {
  readonly #root: string;
  readonly #shunnedUntilMs = new Map<string, number>();

  /** @param root '/' on a board; a folder with a tree of files in tests */
  constructor(root: string) {
    this.#root = root;
  }

  /** Files that hung lately: they are unknown until they are asked again. */
  get hanging(): string[] {
    const now = performance.now();
    return [...this.#shunnedUntilMs].filter(([, until]) => until > now).map(([file]) => file);
  }

  /** Paths that match a pattern with * in it, sorted with numbers by value; none where a folder is missing. */
  async find(pattern: string): Promise<string[]> {
    const levels = pattern.split('/').filter(Boolean);
    let found = [''];
    for (const level of levels) {
      const next = found.map(async (path) => (level.includes('*') ? this.#matches(path, level) : [`${path}/${level}`]));
      found = (await Promise.all(next)).flat();
    }
    return found.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  }

  /** Contents without the last newline, by path; a file that is missing, refuses or hangs is not among them. */
  async read(paths: readonly string[]): Promise<Map<string, string>> {
    const contents = new Map<string, string>();
    let wanted = paths.filter((path) => !this.hanging.includes(path));
    while (wanted.length > 0) {
      const reading = await this.#readUntilHang(wanted, contents);
      if (!reading.hung) break;
      this.#shunnedUntilMs.set(reading.hung, performance.now() + SHUN_MS);
      wanted = wanted.slice(wanted.indexOf(reading.hung) + 1);
    }
    return contents;
  }

  /** Reads until a file hangs. @returns the one that hung: the first that the child has said nothing of */
  #readUntilHang(paths: readonly string[], contents: Map<string, string>): Promise<{ hung: string | undefined }> {
    const names = new Map(paths.map((path) => [join(this.#root, path), path]));
    const child = spawn('grep', ['-aHZ', '--line-buffered', '', ...names.keys()], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C' },
    });
    let [output, complaints] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaints += text;
    });
    return new Promise((resolve) => {
      const finish = (inTime: boolean) => {
        child.removeAllListeners().on('error', () => undefined);
        clearTimeout(timer);
        this.#collect(output, names, contents);
        const silent = (path: string) => !contents.has(path) && !complaints.includes(`${join(this.#root, path)}: `);
        const last = paths.findLastIndex((path) => !silent(path));
        resolve({ hung: inTime ? undefined : paths[last + 1] });
      };
      const timer = setTimeout(() => {
        // A child in an uninterruptible read does not die; it is left to the kernel, and nobody waits for it.
        child.kill('SIGKILL');
        child.stdout.destroy();
        child.stderr.destroy();
        child.unref();
        finish(false);
      }, TIMEOUT_MS);
      child.once('error', () => finish(true)); // no grep: every sensor is unknown, and doctor says so
      child.once('close', () => finish(true));
    });
  }

  /** Lines of grep -HZ: the file's name, NUL, one line of the file. */
  #collect(output: string, names: ReadonlyMap<string, string>, contents: Map<string, string>): void {
    for (const row of output.split('\n')) {
      const end = row.indexOf('\0');
      const path = names.get(row.slice(0, Math.max(0, end)));
      if (path === undefined) continue;
      const [before, line] = [contents.get(path), row.slice(end + 1)];
      contents.set(path, before === undefined ? line : `${before}\n${line}`);
    }
  }

  async #matches(folder: string, pattern: string): Promise<string[]> {
    const entries = await readdir(join(this.#root, folder)).catch(() => []); // this board has no such folder
    const [begin, end] = pattern.split('*') as [string, string];
    const fits = (name: string) =>
      name.length >= begin.length + end.length && name.startsWith(begin) && name.endsWith(end);
    return entries.filter(fits).map((name) => `${folder}/${name}`);
  }
}
