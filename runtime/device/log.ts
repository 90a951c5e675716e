// What the service writes down: JSON lines for the journal, plain lines for a person; each kind of line so often a minute at most.
import pino, { type Logger } from 'pino';
import { hideSecrets, withoutSecrets } from './secrets.ts';

const PER_MINUTE = 10;
const MINUTE_MS = 60_000;
/** Lines remembered, for a person far away. */
const REMEMBERED = 200;

export type Level = 'info' | 'warn' | 'error';

/** Writes lines of the form { time, level, code, msg, ... }. A code is a name in kebab-case, the same for the same kind of line. */
export interface Log {
  info(code: string, message: string, fields?: Record<string, unknown>): void;
  warn(code: string, message: string, fields?: Record<string, unknown>): void;
  error(code: string, message: string, fields?: Record<string, unknown>): void;
  /** Tells what the limit has held back so far. */
  flush(): void;
  /** The newest lines as JSON, oldest first: at most the last 200. */
  recent(lines: number): string[];
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
  const recent: string[] = [];
  const logger = pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    {
      write(line: string) {
        recent.push(line.trimEnd());
        if (recent.length > REMEMBERED) recent.shift();
        write(plain ? plainLine(line) : line);
      },
    },
  );
  return new LimitedLog(logger, perMinute, now, recent);
}

/** The command log: {lines} gives the newest lines, 50 unless told otherwise. */
export function logCommand(log: Log): (given: Readonly<Record<string, unknown>>) => { lines: string[] } {
  return ({ lines = 50 }) => {
    if (typeof lines !== 'number' || !(Number.isInteger(lines) && lines >= 1 && lines <= REMEMBERED))
      throw new RangeError(`lines must be 1 to ${REMEMBERED}, not ${JSON.stringify(lines)}`);
    return { lines: log.recent(lines) };
  };
}

class LimitedLog implements Log {
  readonly #logger: Logger;
  readonly #perMinute: number;
  readonly #now: () => number;
  readonly #windows = new Map<string, { readonly sinceMs: number; lines: number; held: number }>();

  readonly #recent: readonly string[];

  constructor(logger: Logger, perMinute: number, now: () => number, recent: readonly string[]) {
    this.#recent = recent;
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

  recent(lines: number): string[] {
    return this.#recent.slice(-lines);
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
