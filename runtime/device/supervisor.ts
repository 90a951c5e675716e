// What systemd is told: ready, alive, stopping. Node has no Unix datagram sockets, so systemd's own program carries each word.
import { spawn } from 'node:child_process';

/** A sign of life each third of what the watchdog allows. */
const SIGNS_PER_WATCHDOG = 3;

type Tell = (words: readonly string[]) => Promise<void>;

/** The service manager that started us, where there is one (sd_notify(3)); elsewhere it is told nothing. */
export class Supervisor {
  readonly #tell: Tell | undefined;
  readonly #signEveryMs: number;
  #lastSignMs = Number.NEGATIVE_INFINITY;
  #last: Promise<void> = Promise.resolve();

  /** @param environment NOTIFY_SOCKET and WATCHDOG_USEC as systemd sets them */
  constructor(environment: NodeJS.ProcessEnv, tell: Tell = (words) => systemdNotify(words, environment)) {
    this.#tell = environment.NOTIFY_SOCKET ? tell : undefined;
    const watchdogMicroseconds = Number(environment.WATCHDOG_USEC);
    const watched = this.#tell && watchdogMicroseconds > 0;
    this.#signEveryMs = watched ? watchdogMicroseconds / 1000 / SIGNS_PER_WATCHDOG : Number.POSITIVE_INFINITY;
  }

  get isWatched(): boolean {
    return Number.isFinite(this.#signEveryMs);
  }

  /** Everything runs. @param status one line for `systemctl status` */
  ready(status: string): Promise<void> {
    return this.#say(['READY=1', `STATUS=${status}`]);
  }

  status(status: string): Promise<void> {
    return this.#say([`STATUS=${status}`]);
  }

  stopping(reason: string): Promise<void> {
    return this.#say(['STOPPING=1', `STATUS=${reason}`]);
  }

  /** Called by what must not stand still; passes the sign on as often as the watchdog needs it. */
  alive(): void {
    const now = performance.now();
    if (now - this.#lastSignMs < this.#signEveryMs) return;
    this.#lastSignMs = now;
    void this.#say(['WATCHDOG=1']);
  }

  /** One after the other, so that READY is not overtaken. A word that cannot be told is systemd's to miss. */
  #say(words: readonly string[]): Promise<void> {
    const tell = this.#tell;
    if (!tell) return Promise.resolve();
    this.#last = this.#last.then(() => tell(words)).catch(() => undefined);
    return this.#last;
  }
}

/** systemd-notify(1) waits until the word has arrived; the unit has NotifyAccess=all, since it is a process of its own. */
function systemdNotify(words: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('systemd-notify', words, { stdio: 'ignore', env });
    child.once('error', reject);
    child.once('exit', () => resolve());
  });
}
