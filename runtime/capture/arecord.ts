// arecord as a child process: what it is asked, what its complaints mean, and how it is ended. The one door to ALSA.
import { type ChildProcess, spawn } from 'node:child_process';
import type { SampleFormat } from '../../boards/microphones.ts';

const PERIOD_MICROSECONDS = 20_000;
const BUFFER_MICROSECONDS = 500_000;
/** After SIGTERM; a child in an uninterruptible call then dies whenever the kernel lets it. */
const GRACE_MS = 500;
const LONGEST_LINE = 500;

export interface Recording {
  /** ALSA name of the device. */
  readonly pcm: string;
  readonly channels: number;
  readonly rate: number;
  readonly sampleFormat: SampleFormat;
}

/** What a line that arecord writes means for us; 'note' means nothing. */
export type Complaint =
  | { readonly kind: 'overrun'; readonly lostMs: number }
  | {
      readonly kind: 'unplugged' | 'busy' | 'refused' | 'wrong-rate' | 'no-such-device' | 'note';
      readonly text: string;
    };

/** Lines of alsa-utils' aplay.c and of alsa-lib, in the C locale. */
const COMPLAINTS: readonly (readonly [RegExp, Exclude<Complaint['kind'], 'overrun'>])[] = [
  [/rate is not accurate/i, 'wrong-rate'],
  [/read error: |: No such device|File descriptor in bad state|xrun: (prepare|resume) error/i, 'unplugged'],
  [/Device or resource busy/i, 'busy'],
  [/(Channels count|Sample format|Access type) no[nt] available|Unable to install hw params/i, 'refused'],
  [/audio open error|No such file or directory|cannot find card/i, 'no-such-device'],
];

/** Reads one line of standard error. */
export function readComplaint(line: string): Complaint {
  const overrun = /overrun!!! \(at least ([\d.]+) ms long\)/.exec(line);
  if (overrun) return { kind: 'overrun', lostMs: Number(overrun[1]) };
  const kind = COMPLAINTS.find(([pattern]) => pattern.test(line))?.[1] ?? 'note';
  return { kind, text: line };
}

/** Arguments of arecord: raw samples on standard output, a period of 20 ms, half a second of buffer in the kernel. */
export function arecordArguments({ pcm, channels, rate, sampleFormat }: Recording): string[] {
  const sound = ['-c', String(channels), '-r', String(rate), '-f', sampleFormat, '-t', 'raw'];
  const times = [`--period-time=${PERIOD_MICROSECONDS}`, `--buffer-time=${BUFFER_MICROSECONDS}`];
  return ['-q', '-D', pcm, ...sound, ...times];
}

export interface ArecordEvents {
  /** Valid during the call. */
  readonly onBytes: (bytes: Buffer) => void;
  readonly onComplaint: (complaint: Complaint) => void;
  /** Once, when no more bytes will come; not after stop(). */
  readonly onEnd: (how: string) => void;
}

/** One run of arecord. */
export class Arecord {
  readonly #child: ChildProcess;
  #line = '';
  #ended = false;

  /** @param program arecord, or what stands for it */
  constructor(program: string, recording: Recording, { onBytes, onComplaint, onEnd }: ArecordEvents) {
    const child = spawn(program, arecordArguments(recording), {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // a Ctrl-C in the terminal is for us: we end the child ourselves, after the last sound
      env: { ...process.env, LC_ALL: 'C', LANGUAGE: 'C' },
    });
    this.#child = child;
    const end = (how: string) => {
      if (this.#ended) return;
      this.#ended = true;
      if (this.#line !== '') onComplaint(readComplaint(this.#line));
      onEnd(how);
    };
    child.stdout.on('data', (bytes: Buffer) => this.#ended || onBytes(bytes));
    child.stderr.setEncoding('utf8').on('data', (text: string) => this.#ended || this.#read(text, onComplaint));
    child.once('error', (error: NodeJS.ErrnoException) =>
      end(error.code === 'ENOENT' ? `${program} was not found: install alsa-utils` : error.message),
    );
    child.once('close', (code, signal) => end(signal ? `ended by ${signal}` : `ended with code ${code}`));
  }

  /** Ends the child; resolves when it has gone, or soon after when it hangs in the kernel. No event comes any more. */
  async stop(): Promise<void> {
    this.#ended = true;
    const child = this.#child;
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    const killer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
    let giveUp: NodeJS.Timeout | undefined;
    const hanging = new Promise<void>((resolve) => {
      giveUp = setTimeout(resolve, 2 * GRACE_MS);
    });
    await Promise.race([gone, hanging]);
    clearTimeout(killer);
    clearTimeout(giveUp);
    child.stdout?.destroy(); // children of a script keep the pipe open
    child.stderr?.destroy();
    child.unref();
  }

  /** Complaints come in pieces; garbage without an end of line is cut. */
  #read(text: string, onComplaint: ArecordEvents['onComplaint']): void {
    const lines = (this.#line + text).split(/[\r\n]+/);
    this.#line = lines.pop()!.slice(-LONGEST_LINE);
    for (const line of lines) if (line.trim() !== '') onComplaint(readComplaint(line.slice(0, LONGEST_LINE)));
  }
}
