// What the service writes down: JSON lines for the journal, plain lines for a person; each kind of line so often a minute at most.
import pino, { type Logger } from 'pino';
import { hideSecrets, withoutSecrets } from './secrets.ts';

const PER_MINUTE = 10;
const MINUTE_MS = 60_000;

export type Level = 'info' | 'warn' | 'error';

/** Writes lines of the form { time, level, code, msg, ... }. A code is a name in kebab-case, the same for the same kind of line. */
export interface Log {
  info(code: string, message: string, fields?: Record<string, unknown>): void;
  warn(code: string, message: string, fields?: Record<string, unknown>): void;
  error(code: string, message: string, fields?: Record<string, unknown>): void;
  /** Tells what the limit has held back so far. */
  flush(): void;
}

export interface LogOptions {
  readonly write: (line: string) => void;
  /** Plain lines in place of JSON. */
  readonly plain: boolean;
  /** Lines of one code within a minute; more are counted, and their number is told when the minute is over. Default 10. */
  readonly perMinute?: number;
  /** Milliseconds on a clock that only goes forward. */
  readonly now?: () => number;
}

export function createLog({ write, plain, perMinute = PER_MINUTE, now = () => performance.now() }: LogOptions): Log {
  const logger = pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    { write: (line: string) => write(plain ? plainLine(line) : line) },
  );
  return new LimitedLog(logger, perMinute, now);
}

class LimitedLog implements Log {
  readonly #logger: Logger;
  readonly #perMinute: number;
  readonly #now: () => number;
  readonly #windows = new Map<string, { readonly sinceMs: number; lines: number; held: number }>();

  constructor(logger: Logger, perMinute: number, now: () => number) {
    this.#logger = logger;
    this.#perMinute = perMinute;
    this.#now = now;
  }

  info(code: string, message: string, fields?: Record<string, unknown>): void {
    this.#write('info', code, message, fields);
  }

  warn(code: string, message: string, fields?: Record<string, unknown>): void {
    this.#write('warn', code, message, fields);
  }

  error(code: string, message: string, fields?: Record<string, unknown>): void {
    this.#write('error', code, message, fields);
  }

  flush(): void {
    for (const code of [...this.#windows.keys()]) this.#close(code);
  }

  #write(level: Level, code: string, message: string, fields: Record<string, unknown> = {}): void {
    const now = this.#now();
    for (const [other, window] of this.#windows) if (now - window.sinceMs >= MINUTE_MS) this.#close(other);
    const window = this.#windows.get(code) ?? { sinceMs: now, lines: 0, held: 0 };
    this.#windows.set(code, window);
    if (window.lines >= this.#perMinute) {
      window.held += 1;
      return;
    }
    window.lines += 1;
    this.#logger[level]({ code, ...(hideSecrets(fields) as object) }, withoutSecrets(message));
  }

  #close(code: string): void {
    const held = this.#windows.get(code)?.held ?? 0;
    this.#windows.delete(code);
    if (held > 0) this.#logger.warn({ code, heldBack: held }, `${held} more lines like this were held back`);
  }
}

/** '12:00:01 warn  broker-lost: No broker answers. {"retrySeconds":4}' */
function plainLine(line: string): string {
  const { time, level, code, msg, ...fields } = JSON.parse(line) as Record<string, string>;
  const rest = Object.keys(fields).length > 0 ? ` ${JSON.stringify(fields)}` : '';
  return `${time!.slice(11, 19)} ${level!.padEnd(5)} ${code}: ${msg}${rest}\n`;
}
