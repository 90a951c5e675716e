// A process of a bench that is told lines and answers in JSON lines.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

export class ChildLines {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  /** @param file compiled program; @param order its one argument, as JSON */
  constructor(file: string, order: object) {
    this.#child = spawn(process.execPath, [file, JSON.stringify(order)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** The next line it says. @throws Error when it has ended */
  async next<Line>(): Promise<Line> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('a process of the bench ended early');
    return JSON.parse(value) as Line;
  }

  tell(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Tells a line and gives the answer. */
  ask<Line>(line: string): Promise<Line> {
    this.tell(line);
    return this.next<Line>();
  }

  /** Tells it to end, and waits until it has. */
  async end(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.tell('end');
    await gone;
  }
}
