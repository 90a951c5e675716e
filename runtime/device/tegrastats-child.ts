// NVIDIA's tegrastats kept running beside us, for what sysfs does not show: its newest line, unknown when it is old.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { parseTegrastats, type Tegrastats } from './tegrastats.ts';

const INTERVAL_MS = 5000;
/** A figure older than this many intervals is no figure. */
const STALE_INTERVALS = 3;
const FIRST_RESTART_MS = 1000;
const SLOWEST_RESTART_MS = 60_000;

export interface TegrastatsChildOptions {
  /** Default: tegrastats on the PATH. */
  readonly program?: string;
  readonly intervalMs?: number;
  readonly firstRestartMs?: number;
}

/** Supervises the child: it is started again when it ends or falls silent, ever more slowly, and never waited for. */
export class TegrastatsChild {
  readonly #program: string;
  readonly #intervalMs: number;
  readonly #firstRestartMs: number;
  #child: ChildProcess | undefined;
  #latest: { readonly reading: Tegrastats; readonly atMs: number } | undefined;
  #restartMs: number;
  #timer: NodeJS.Timeout | undefined;
  #stopped = true;
  #restarts = 0;

  constructor(options: TegrastatsChildOptions = {}) {
    this.#program = options.program ?? 'tegrastats';
    this.#intervalMs = options.intervalMs ?? INTERVAL_MS;
    this.#firstRestartMs = options.firstRestartMs ?? FIRST_RESTART_MS;
    this.#restartMs = this.#firstRestartMs;
  }

  /** The newest reading; undefined when there is none, or none that is new enough. */
  get reading(): Tegrastats | undefined {
    const { reading, atMs } = this.#latest ?? { atMs: 0 };
    return performance.now() - atMs <= STALE_INTERVALS * this.#intervalMs ? reading : undefined;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Starts the child; a machine without tegrastats is no Jetson, and stays without. */
  start(): void {
    this.#stopped = false;
    this.#spawn();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#child?.kill('SIGKILL');
    this.#child?.stdout?.destroy(); // children of a script keep the pipe open
    this.#child = undefined;
  }

  #spawn(): void {
    const args = ['--interval', String(this.#intervalMs)];
    const child = spawn(this.#program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child = child;
    this.#watch();
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#latest = { reading: parseTegrastats(line), atMs: performance.now() };
      this.#restartMs = this.#firstRestartMs;
      this.#watch();
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') this.stop();
      else this.#restartLater(child);
    });
    child.once('exit', () => this.#restartLater(child));
  }

  /** A child that says nothing for some intervals hangs. */
  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#child?.kill('SIGKILL'), STALE_INTERVALS * this.#intervalMs).unref();
  }

  #restartLater(child: ChildProcess): void {
    if (this.#stopped || this.#child !== child) return;
    this.#child = undefined;
    this.#restarts += 1;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#spawn(), this.#restartMs).unref();
    this.#restartMs = Math.min(SLOWEST_RESTART_MS, 2 * this.#restartMs);
  }
}
