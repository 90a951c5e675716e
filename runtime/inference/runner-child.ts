// One runner process: started, asked one thing at a time, ended. Whatever it does, every question is answered or fails in time.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import {
  type Frame,
  FrameReader,
  frameHeader,
  PROTOCOL_VERSION,
  ProtocolError,
  REPLY,
  REQUEST,
  readError,
} from './runner-protocol.ts';

const GOODBYE_MS = 2000;
const STDERR_LINES_KEPT = 20;
/** What a child needs to find libraries; the rest of the environment may hold secrets. */
const ENVIRONMENT = /^(PATH|HOME|TMPDIR|LANG|LD_LIBRARY_PATH|CUDA_.*)$/;

export interface RunnerOptions {
  /** Program and arguments. */
  readonly command: readonly [string, ...string[]];
  /** Added to its environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Each line that the runner prints to stderr. */
  readonly onLine?: (line: string) => void;
}

/** The runner ended, hung, or answered with what is no answer; it has been killed. */
export class RunnerLost extends Error {}

/** The runner said that it cannot do what was asked, and goes on. */
export class RunnerRefusal extends Error {
  readonly code: string;

  constructor({ code, message }: { code: string; message: string }) {
    super(message);
    this.code = code;
  }
}

interface Question {
  readonly sequence: number;
  readonly expected: number;
  readonly resolve: (payload: Uint8Array) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class RunnerChild {
  readonly #child: ChildProcess;
  readonly #stdin: Writable;
  readonly #reader: FrameReader;
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #exited: Promise<void>;
  #question: Question | undefined;
  #sequence = 0;
  #lost: RunnerLost | undefined;
  #lines: string[] = [];

  constructor({ command: [program, ...args], environment, onLine }: RunnerOptions) {
    this.#onLine = onLine;
    this.#reader = new FrameReader((frame) => this.#answer(frame));
    const inherited = Object.entries(process.env).filter(([name]) => ENVIRONMENT.test(name));
    const env = { ...Object.fromEntries(inherited), ...environment };
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env });
    this.#stdin = this.#child.stdin!;
    // A pipe that broke is told by the exit that broke it.
    this.#stdin.on('error', () => undefined);
    this.#child.stdout!.on('data', (bytes: Buffer) => this.#read(bytes));
    this.#listen(this.#child.stderr!);
    this.#exited = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#lose(`cannot be started: ${error.message}`);
        resolve();
      });
      this.#child.once('close', (code, signal) => {
        this.#lose(`ended (${signal ?? `exit code ${code}`})`);
        resolve();
      });
    });
  }

  /** Why it can be asked nothing more; undefined while it lives. */
  get lost(): RunnerLost | undefined {
    return this.#lost;
  }

  /** Newest lines of its stderr. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Agrees on the protocol. @returns what the runner says of itself, JSON */
  hello(timeoutMs: number): Promise<Uint8Array> {
    const version = new Uint8Array(new Uint32Array([PROTOCOL_VERSION]).buffer);
    return this.ask('hello', [version], timeoutMs);
  }

  /**
   * Asks and waits; the pieces of the payload are written one after the other.
   * @throws RunnerLost when it ends, answers with something else or takes longer, RunnerRefusal when it says no
   */
  ask(what: 'hello' | 'info' | 'scores' | 'pong', pieces: readonly Uint8Array[], timeoutMs: number) {
    if (this.#lost) return Promise.reject(this.#lost);
    if (this.#question) return Promise.reject(new Error('the runner answers one question at a time'));
    this.#sequence += 1;
    const sequence = this.#sequence;
    return new Promise<Uint8Array>((resolve, reject) => {
      const late = () => this.#kill(`did not answer within ${timeoutMs / 1000} s`);
      const timer = setTimeout(late, timeoutMs);
      this.#question = { sequence, expected: REPLY[what], resolve, reject, timer };
      this.#send(REQUEST[QUESTIONS[what]], sequence, pieces);
    });
  }

  /** Lets it end by itself, or ends it. */
  async stop(): Promise<void> {
    if (!this.#lost) {
      this.#send(REQUEST.stop, this.#sequence + 1, []);
      this.#stdin.end();
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), GOODBYE_MS);
      await this.#exited;
      clearTimeout(timer);
    }
    await this.#exited;
  }

  #send(type: number, sequence: number, pieces: readonly Uint8Array[]): void {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.#stdin.cork();
    for (const piece of [frameHeader(type, sequence, length), ...pieces]) this.#stdin.write(piece);
    this.#stdin.uncork();
  }

  #read(bytes: Uint8Array): void {
    if (this.#lost) return;
    try {
      this.#reader.push(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#kill(`spoke no protocol: ${error.message}`);
    }
  }

  #answer({ type, sequence, payload }: Frame): void {
    const question = this.#question;
    if (type === REPLY.stopped) return;
    if (!question || sequence !== question.sequence) this.#kill('answered what was not asked');
    else if (type !== REPLY.error && type !== question.expected) this.#kill(`answered with a frame of type ${type}`);
    else {
      clearTimeout(question.timer);
      this.#question = undefined;
      if (type === REPLY.error) question.reject(new RunnerRefusal(readError(payload)));
      else question.resolve(payload);
    }
  }

  #kill(reason: string): void {
    this.#lose(reason);
    this.#child.kill('SIGKILL');
  }

  #lose(reason: string): void {
    this.#lost ??= new RunnerLost(reason);
    const question = this.#question;
    this.#question = undefined;
    if (!question) return;
    clearTimeout(question.timer);
    question.reject(this.#lost);
  }

  #listen(stderr: Readable): void {
    let rest = '';
    const told = (line: string) => {
      if (line.trim() === '') return;
      this.#lines = [...this.#lines, line].slice(-STDERR_LINES_KEPT);
      this.#onLine?.(line);
    };
    stderr.setEncoding('utf8');
    stderr.on('data', (text: string) => {
      const lines = (rest + text).split(/\r?\n/);
      rest = lines.pop()!.slice(-4096);
      for (const line of lines) told(line);
    });
    stderr.on('end', () => told(rest));
  }
}

const QUESTIONS = { hello: 'hello', info: 'load', scores: 'infer', pong: 'ping' } as const;
