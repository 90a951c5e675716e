// The one door to ssh2: commands and files over SSH, to a host whose key is known beforehand.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import ssh2, { type ClientChannel } from 'ssh2';
import { UserError } from '../command.ts';
import { quoted, type Shell, type ShellResult } from './shell.ts';
import { fingerprintOf } from './ssh-hosts.ts';
import type { Transcript } from './transcript.ts';

export interface SshTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Private key, as a file of OpenSSH holds it; else the agent's. */
  readonly privateKey?: Uint8Array;
  readonly passphrase?: string;
  /** Path of the socket of ssh-agent. */
  readonly agent?: string;
  /** Fingerprint of the only host key that will do, 'SHA256:...'. */
  readonly fingerprint: string;
  readonly transcript: Transcript;
}

const READY_MS = 60_000;
const COMMAND_MS = 180_000;
const KEEPALIVE_MS = 10_000;
const MOST_OUTPUT = 2 ** 24;

/** The public half of a private key: 'ssh-ed25519 AAAA...'. @throws UserError when it is none, or locked */
export function publicKeyOf(privateKey: Uint8Array, passphrase?: string): string {
  const parsed = ssh2.utils.parseKey(Buffer.from(privateKey), passphrase);
  if (parsed instanceof Error)
    throw new UserError(`This is no private key of SSH that can be used: ${parsed.message}.`);
  const key = Array.isArray(parsed) ? parsed[0]! : parsed;
  return `${key.type} ${key.getPublicSSH().toString('base64')}`;
}

/** A connection; scripts go through standard input of sudo, so that no process list shows them. */
export class SshShell implements Shell {
  readonly #target: SshTarget;
  readonly #client = new ssh2.Client();
  #isOpen = false;

  constructor(target: SshTarget) {
    this.#target = target;
  }

  get name(): string {
    const { user, host, port } = this.#target;
    return `ssh ${user}@${host}${port === 22 ? '' : `:${port}`}`;
  }

  /** @throws UserError: unreachable, another host key, or the key is not taken */
  async open(): Promise<void> {
    const { host, port, user: username, privateKey, passphrase, agent, fingerprint, transcript } = this.#target;
    let shown: string | undefined;
    this.#client.on('close', () => {
      this.#isOpen = false;
    });
    await new Promise<void>((resolve, reject) => {
      this.#client
        .on('ready', resolve)
        .on('error', (cause) => reject(this.#explain(cause, shown)))
        .connect({
          ...{ host, port, username, passphrase, readyTimeout: READY_MS, keepaliveInterval: KEEPALIVE_MS },
          ...(privateKey ? { privateKey: Buffer.from(privateKey) } : { agent }),
          algorithms: { serverHostKey: ['ssh-ed25519'] },
          hostVerifier: (key: Buffer) => {
            shown = fingerprintOf(key);
            return shown === fingerprint;
          },
        });
    });
    this.#isOpen = true;
    transcript.note(`${this.name} is open`);
  }

  async run(script: string, timeoutMs = COMMAND_MS): Promise<ShellResult> {
    const { transcript } = this.#target;
    transcript.sent(script);
    const result = await this.#execute(
      'LC_ALL=C sudo -n sh -s',
      async (channel) => void channel.end(script),
      timeoutMs,
    );
    transcript.heard(`${result.output}\n`);
    return result;
  }

  async put(file: string, content: string | Uint8Array, mode: string): Promise<void> {
    await this.#receive(file, mode, async (channel) => void channel.end(content), COMMAND_MS);
  }

  /** Sends a file of this machine. @param onBytes called with the bytes sent so far */
  async send(local: string, file: string, onBytes: (sent: number) => void, timeoutMs: number): Promise<void> {
    const { size } = await stat(local);
    const feed = (channel: ClientChannel) =>
      new Promise<void>((resolve, reject) => {
        let sent = 0;
        const source = createReadStream(local).once('error', reject);
        source.on('data', (chunk) => {
          sent += chunk.length;
          onBytes(Math.min(sent, size));
        });
        channel.once('close', () => source.destroy());
        source.pipe(channel).once('finish', resolve);
      });
    await this.#receive(file, '644', feed, timeoutMs);
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    const closed = new Promise<void>((resolve) => void this.#client.once('close', () => resolve()));
    this.#client.end();
    await closed;
  }

  /** Writes beside the file, then renames. */
  async #receive(file: string, mode: string, feed: Feed, timeoutMs: number): Promise<void> {
    const partial = `${file}.partial`;
    const script = `umask 077; cat >${quoted(partial)} && chmod ${mode} ${quoted(partial)} && sync ${quoted(partial)} && mv ${quoted(partial)} ${quoted(file)}`;
    this.#target.transcript.sent(`(a file) > ${file}`);
    const { code, output } = await this.#execute(`sudo -n sh -c ${quoted(script)}`, feed, timeoutMs);
    if (code === 0) return;
    const wayOut = /No space left/.test(output) ? ' Make room there, and provision again.' : '';
    throw new UserError(`${file} could not be written on the board: ${output.trim().slice(-300)}.${wayOut}`);
  }

  #execute(command: string, feed: Feed, timeoutMs: number): Promise<ShellResult> {
    return new Promise((resolve, reject) => {
      const lost = (error?: Error) => reject(this.#explain(error ?? new Error('the connection broke'), undefined));
      const timer = setTimeout(() => {
        reject(new UserError(`${this.name}: a command did not end within ${Math.round(timeoutMs / 1000)} s.`));
        this.#client.destroy();
      }, timeoutMs);
      const broken = () => lost();
      this.#client.once('close', broken);
      const settle = () => {
        clearTimeout(timer);
        this.#client.off('close', broken);
      };
      this.#client.exec(command, (error, channel) => {
        if (error) {
          settle();
          lost(error);
          return;
        }
        let output = '';
        let code: number | undefined;
        const collect = (data: Buffer) => {
          output = (output + data.toString('utf8')).slice(-MOST_OUTPUT);
        };
        channel.on('data', collect).stderr.on('data', collect);
        channel.on('exit', (status: number | null) => {
          code = status ?? 255;
        });
        channel.on('close', () => {
          settle();
          if (code === undefined) lost();
          else resolve({ code, output });
        });
        // The far end may refuse before it has taken everything; its output tells why.
        feed(channel).catch(() => channel.end());
      });
    });
  }

  #explain(cause: Error & { level?: string; code?: string }, shown: string | undefined): Error {
    const { fingerprint } = this.#target;
    if (shown !== undefined && shown !== fingerprint)
      return new UserError(
        `${this.name} shows the host key ${shown}, but ${fingerprint} is pinned: another machine, or a board that was flashed anew. ` +
          'Provision it over its serial console (--serial), which reads the new key from the board itself.',
        { cause },
      );
    if (cause.level === 'client-authentication')
      return new UserError(
        `${this.name} does not take this key: give the one it was provisioned with (--identity), or provision over the console.`,
        { cause },
      );
    const reason = cause.message.replace(/[.\s]+$/, '');
    return new UserError(
      `${this.name} cannot be reached (${reason}): is it on, in this network, and is port 22 open on the way?`,
      { cause },
    );
  }
}

type Feed = (channel: ClientChannel) => Promise<void>;
