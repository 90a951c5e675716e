// A serial console as a dialogue: say a line, wait for what the board answers. Survives a cable that is pulled and plugged in again.
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as delay } from 'node:timers/promises';
import { UserError } from '../command.ts';
import { plainText, withoutKernel } from './console-text.ts';
import { lastingName } from './lasting-name.ts';
import type { Transcript } from './transcript.ts';

/** An open serial line. */
export interface SerialLine {
  write(text: string): void;
  close(): Promise<void>;
}

export interface LineListeners {
  readonly onData: (data: Uint8Array) => void;
  /** The device is gone: pulled out, or the board's USB gadget went down. */
  readonly onGone: () => void;
}

/** Opens a port. @throws UserError when it is missing, busy or forbidden */
export type OpenLine = (path: string, listeners: LineListeners) => Promise<SerialLine>;

export interface ConsoleOptions {
  readonly path: string;
  readonly open: OpenLine;
  readonly transcript: Transcript;
  /** How long a cable may be out; default two minutes, in which a board boots again. */
  readonly replugMs?: number;
}

/** The cable was pulled, or the board went down: what was under way has to begin again. */
export class ConsoleLost extends Error {
  override name = 'ConsoleLost';
}

/** The board said nothing that was expected. */
export class ConsoleTimeout extends UserError {}

export interface Waiting {
  readonly timeoutMs: number;
  /** What was heard is not used up: the next one to wait hears it again. */
  readonly keeps?: true;
  /** Called each time nothing was heard for so long: a prompt may have been garbled or overwritten. */
  readonly quiet?: { readonly afterMs: number; readonly act: (heard: string) => void };
}

/** What was heard; which: the first of the patterns that fits. */
export interface Heard<K extends string> {
  readonly which: K;
  readonly match: RegExpExecArray;
}

const REPLUG_MS = 120_000;
const POLL_MS = 250;
/** More than any answer of ours; what is older is forgotten. */
const MOST_HELD = 2 ** 18;
const SHOWN = 300;

export class Console {
  readonly #options: ConsoleOptions;
  readonly #path: string;
  #line: SerialLine | undefined;
  #raw = '';
  #lastHeardMs = 0;
  /** Wakes the one who waits. */
  #wake: () => void = () => undefined;
  #isClosed = false;

  constructor(options: ConsoleOptions) {
    this.#options = options;
    // A number such as ttyACM0 may be another one after a replug.
    this.#path = lastingName(options.path);
  }

  get path(): string {
    return this.#path;
  }

  get isOpen(): boolean {
    return this.#line !== undefined;
  }

  /** Opens the port; after ConsoleLost, waits until it is there again. @throws UserError */
  async open(): Promise<void> {
    if (this.#line) return; // the board has booted, the cable is in
    const deadline = Date.now() + (this.#options.replugMs ?? REPLUG_MS);
    let isFirst = this.#lastHeardMs === 0;
    for (;;) {
      try {
        await this.#openNow();
        this.#lastHeardMs = Date.now();
        return;
      } catch (error) {
        if (isFirst || this.#isClosed) throw error;
        if (Date.now() > deadline)
          throw new UserError(
            `${this.#path} did not come back: plug the cable in again, then provision again (what was done is kept).`,
            { cause: error },
          );
      }
      isFirst = false;
      await delay(POLL_MS);
    }
  }

  async #openNow(): Promise<void> {
    const decoder = new StringDecoder('utf8');
    let line: SerialLine | undefined;
    line = await this.#options.open(this.#path, {
      onData: (data) => this.#hear(decoder.write(Buffer.from(data))),
      onGone: () => {
        if (this.#line === line) this.#line = undefined;
        this.#options.transcript.note(`${this.#path} is gone`);
        this.#wake();
      },
    });
    this.#line = line;
    this.#raw = '';
  }

  #hear(text: string): void {
    this.#options.transcript.heard(text);
    this.#raw = (this.#raw + text).slice(-MOST_HELD);
    this.#lastHeardMs = Date.now();
    this.#wake();
  }

  /** Says a line. @param secret what of it the transcript must not show */
  say(text: string, secret?: string): void {
    if (secret !== undefined) this.#options.transcript.hide(secret);
    this.#options.transcript.sent(text === '' ? '(Enter)' : text);
    this.#write(`${text}\r`);
  }

  /** Writes into the transcript what is going to be sent in pieces. */
  note(text: string): void {
    this.#options.transcript.sent(text);
  }

  /** Sends keys as they are, such as Tab; or text that no transcript needs. */
  press(keys: string): void {
    this.#write(keys);
  }

  #write(text: string): void {
    if (!this.#line) throw new ConsoleLost(`${this.#path} is gone`);
    this.#line.write(text);
  }

  /** What was heard since the last match, without the kernel's messages. */
  get heard(): string {
    return withoutKernel(plainText(this.#raw));
  }

  /**
   * Waits for one of several patterns, tried in their order on what was heard since the last match.
   * @throws ConsoleTimeout with what was heard last; ConsoleLost when the cable is pulled
   */
  async expect<K extends string>(patterns: Record<K, RegExp>, task: string, waiting: Waiting): Promise<Heard<K>> {
    const deadline = Date.now() + waiting.timeoutMs;
    let quietSinceMs = Date.now();
    for (;;) {
      if (!this.#line) throw new ConsoleLost(`${this.#path} is gone`);
      const heard = this.heard;
      for (const which of Object.keys(patterns) as K[]) {
        const match = patterns[which].exec(heard);
        if (!match) continue;
        this.#options.transcript.flush();
        if (!waiting.keeps) this.#raw = '';
        return { which, match };
      }
      const now = Date.now();
      if (now >= deadline) throw this.#timeout(task, waiting.timeoutMs, heard);
      quietSinceMs = Math.max(quietSinceMs, this.#lastHeardMs);
      const quietMs = waiting.quiet ? quietSinceMs + waiting.quiet.afterMs - now : Number.POSITIVE_INFINITY;
      if (quietMs <= 0) {
        waiting.quiet!.act(heard);
        quietSinceMs = now;
        continue;
      }
      await this.#anything(Math.min(deadline - now, quietMs));
    }
  }

  /** Waits until the board has said all it had to say, apart from the kernel: nothing for so long. @throws ConsoleLost */
  async settle(silenceMs: number, atMostMs: number): Promise<void> {
    const deadline = Date.now() + atMostMs;
    for (let heard = this.heard, sinceMs = Date.now(); Date.now() < Math.min(deadline, sinceMs + silenceMs); ) {
      await this.#anything(Math.max(1, sinceMs + silenceMs - Date.now()));
      if (!this.#line) throw new ConsoleLost(`${this.#path} is gone`);
      if (this.heard === heard) continue;
      heard = this.heard;
      sinceMs = Date.now();
    }
  }

  #anything(atMostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(1, atMostMs));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #timeout(task: string, timeoutMs: number, heard: string): ConsoleTimeout {
    this.#options.transcript.flush();
    const last = this.#options.transcript.masked(heard.trim().slice(-SHOWN));
    const said = last === '' ? 'nothing at all' : `"${last.replaceAll('\n', ' / ')}"`;
    const wayOut =
      last === ''
        ? ': is it powered, is this its console, and is nobody else connected to it?'
        : '; the transcript has all of it.';
    return new ConsoleTimeout(
      `${task}: no answer within ${Math.round(timeoutMs / 1000)} s on ${this.#path}, which said ${said}${wayOut}`,
    );
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#options.transcript.flush();
    const line = this.#line;
    this.#line = undefined;
    await line?.close();
  }
}
