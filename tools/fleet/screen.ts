// A terminal taken over as a whole: only lines that changed are drawn, and the terminal is given back as it was, whatever happens.
import type { ReadStream, WriteStream } from 'node:tty';

const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
/** The terminal shows all between these at once, so that nothing flickers; one that does not know them ignores them. */
const BEGIN_UPDATE = '\x1b[?2026h';
const END_UPDATE = '\x1b[?2026l';

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** The alternate screen of a terminal; enter() and leave() once. */
export class Screen {
  readonly #output: WriteStream;
  readonly #input: ReadStream | undefined;
  readonly #onKey: (key: string) => void;
  readonly #onResize: () => void;
  #shown: readonly string[] = [];
  #isEntered = false;

  /** @param onKey told what was typed, raw: 'q', '\x03' for Ctrl-C, '\x1b[A' for the cursor key up */
  constructor(output: WriteStream, input: ReadStream | undefined, onKey: (key: string) => void, onResize: () => void) {
    this.#output = output;
    this.#input = input;
    this.#onKey = onKey;
    this.#onResize = onResize;
  }

  get size(): ScreenSize {
    return { columns: this.#output.columns || 80, rows: this.#output.rows || 24 };
  }

  enter(): void {
    this.#isEntered = true;
    this.#output.write(ENTER);
    this.#output.on('resize', this.#resized);
    // Also when the process ends in another way.
    process.on('exit', this.#restore);
    if (!this.#input?.isTTY) return;
    this.#input.setRawMode(true);
    this.#input.setEncoding('utf8').on('data', this.#typed).resume();
  }

  /** Shows these lines from the top; what is below them becomes empty. Lines are no wider than the screen. */
  draw(lines: readonly string[]): void {
    const { rows } = this.size;
    const changes: string[] = [];
    for (let row = 0; row < rows; row += 1) {
      const line = lines[row] ?? '';
      if (line !== this.#shown[row]) changes.push(`\x1b[${row + 1};1H\x1b[0m\x1b[K${line}`);
    }
    this.#shown = Array.from({ length: rows }, (_, row) => lines[row] ?? '');
    if (changes.length > 0) this.#output.write(`${BEGIN_UPDATE}${changes.join('')}${END_UPDATE}`);
  }

  leave(): void {
    this.#output.off('resize', this.#resized);
    process.off('exit', this.#restore);
    this.#restore();
    if (!this.#input?.isTTY) return;
    this.#input.off('data', this.#typed).pause();
  }

  readonly #resized = () => {
    this.#shown = [];
    this.#output.write('\x1b[2J');
    this.#onResize();
  };

  readonly #typed = (text: string | Buffer) => this.#onKey(String(text));

  readonly #restore = () => {
    if (!this.#isEntered) return;
    this.#isEntered = false;
    if (this.#input?.isTTY) this.#input.setRawMode(false);
    this.#output.write(LEAVE);
  };
}
