// The log of a board's flashing: every command and every line, with the time since it began and without secrets.
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { withoutSecrets } from '../../runtime/device/secrets.ts';

/** Options of NVIDIA's and other programs that a password follows; their -p may also be followed by options ("-c ..."). */
const PASSWORD_OPTIONS = /((?:^|\s)(?:-p|--pass(?:word)?)\s+)(?!["']?-)("[^"]*"|'[^']*'|\S+)/g;

export class FlashLog {
  readonly file: string;
  readonly #folder: string;
  #descriptor: number | undefined;
  readonly #began = performance.now();

  /** @param folder made with the first line; the file is readable by its owner alone */
  constructor(folder: string, board: string, instance: string, began: string) {
    this.#folder = folder;
    this.file = join(folder, `${board}-${instance}-${began.replace(/\.\d+Z$/, 'Z').replaceAll(':', '')}.log`);
  }

  /** Written at once: after a power cut the log shows how far it came. */
  write(line: string): void {
    if (this.#descriptor === undefined) {
      mkdirSync(this.#folder, { recursive: true });
      this.#descriptor = openSync(this.file, 'a', 0o600);
    }
    const seconds = ((performance.now() - this.#began) / 1000).toFixed(1).padStart(8);
    writeSync(this.#descriptor, `${seconds}  ${withoutPasswords(line)}\n`);
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

/** A line of a tool without what is secret in it. */
export const withoutPasswords = (line: string): string => withoutSecrets(line).replace(PASSWORD_OPTIONS, '$1[hidden]');
