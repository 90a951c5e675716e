// Fetches over HTTP(S) what may take hours: goes on where it broke off, keeps to a rate, and waits longer after each failure.
import { createWriteStream } from 'node:fs';
import { readFile, rm, stat, truncate } from 'node:fs/promises';
import { get as getHttp, Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { get as getHttps, Agent as HttpsAgent } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { BundleError } from './bundle-error.ts';
import { readState, writeState } from './state-file.ts';

const IDLE_MS = 30_000;
const MOST_REDIRECTS = 3;
const [FIRST_WAIT_MS, LONGEST_WAIT_MS] = [1000, 120_000];
const DEFAULT_TRIES = 10;

export interface DownloadOptions {
  readonly bytesPerSecond?: number | null;
  /** PEM; only a server that is signed by it is talked to. Default: those that the system trusts. */
  readonly ca?: string;
  /** The device's own certificate and key, PEM. */
  readonly certificate?: string;
  readonly key?: string;
  /** Failures in a row, without a byte between them, after which it gives up. */
  readonly tries?: number;
  /** Default: the first wait is up to 1 s. */
  readonly firstWaitMs?: number;
  readonly signal?: AbortSignal;
}

/** What a server answers that will not change by asking again. */
class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** One client for all that is fetched from a server: connections are kept, the rate is that of all together. */
export class Downloader {
  readonly #options: DownloadOptions;
  readonly #agents = { 'http:': new HttpAgent({ keepAlive: true }), 'https:': new HttpsAgent({ keepAlive: true }) };
  #received = 0;
  #startedMs = performance.now();

  constructor(options: DownloadOptions) {
    this.#options = options;
  }

  /** Bytes of bodies that came so far. */
  get received(): number {
    return this.#received;
  }

  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  /**
   * Bytes from start to end (exclusive), fewer where the file ends.
   * @returns undefined when the server has no such thing
   * @throws BundleError
   */
  range(url: string, start: number, end: number): Promise<Buffer | undefined> {
    return this.#patiently(url, async (moved) => {
      const response = await this.#get(url, { range: `bytes=${start}-${end - 1}` });
      const skip = response.statusCode === 206 ? 0 : start;
      const chunks: Buffer[] = [];
      let length = 0;
      for await (const chunk of response as AsyncIterable<Buffer>) {
        moved();
        await this.#keepRate(chunk.length);
        chunks.push(chunk);
        length += chunk.length;
        if (length >= skip + end - start) break;
      }
      return Buffer.concat(chunks).subarray(skip, skip + end - start);
    });
  }

  /**
   * Fetches a whole file; what came before a failure, also of the machine, is not fetched again.
   * @param limitBytes more is refused, whatever the server says
   * @returns false when the server has no such thing
   * @throws BundleError
   */
  async file(url: string, file: string, limitBytes: number, onBytes?: (received: number) => void): Promise<boolean> {
    const notes = `${file}.json`;
    const done = await this.#patiently(url, async (moved) => {
      const known = (await readState(notes)) as { url?: string; etag?: string; whole?: boolean } | undefined;
      let have = known?.url === url ? ((await stat(file).catch(() => undefined))?.size ?? 0) : 0;
      if (known?.url === url && known.whole) return true;
      const headers = have > 0 ? { range: `bytes=${have}-`, ...(known?.etag && { 'if-range': known.etag }) } : {};
      const response = await this.#get(url, headers);
      // A server that does not know ranges, or whose file has changed, sends all of it.
      if (response.statusCode !== 206 || !response.headers['content-range']?.startsWith(`bytes ${have}-`)) have = 0;
      if (response.statusCode === 206 && have === 0) throw new Error('it sent another part than was asked for');
      const { etag } = response.headers;
      if (have === 0) await rm(file, { force: true });
      else await truncate(file, have);
      await writeState(notes, { url, etag });
      await pipeline(
        response,
        async function* (this: void, chunks: AsyncIterable<Buffer>) {
          for await (const chunk of chunks) {
            have += chunk.length;
            if (have > limitBytes) throw new Refused(0, `it sends more than the ${limitBytes} bytes that it should`);
            yield chunk;
          }
        },
        async function* (this: void, chunks: AsyncIterable<Buffer>) {
          for await (const chunk of chunks) {
            moved();
            onBytes?.(have);
            yield chunk;
          }
        },
        (chunks: AsyncIterable<Buffer>) => this.#slowly(chunks),
        createWriteStream(file, { flags: 'a' }),
      );
      await writeState(notes, { url, etag, whole: true });
      return true;
    });
    return done ?? false;
  }

  async *#slowly(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      await this.#keepRate(chunk.length);
      yield chunk;
    }
  }

  async #keepRate(bytes: number): Promise<void> {
    this.#received += bytes;
    const { bytesPerSecond } = this.#options;
    if (!bytesPerSecond) return;
    const aheadMs = (1000 * this.#received) / bytesPerSecond - (performance.now() - this.#startedMs);
    if (aheadMs > 0) await this.#sleep(aheadMs);
    // Time in which nothing came is not made up for later by a burst.
    else if (aheadMs < -1000) this.#startedMs -= aheadMs;
  }

  /** Tries again and again; the wait is anywhere up to a limit that doubles (full jitter), so that a fleet does not come all at once. */
  async #patiently<T>(url: string, work: (moved: () => void) => Promise<T>): Promise<T | undefined> {
    const { tries = DEFAULT_TRIES, firstWaitMs = FIRST_WAIT_MS, signal } = this.#options;
    for (let failures = 0; ; ) {
      try {
        return await work(() => {
          failures = 0;
        });
      } catch (error) {
        if (error instanceof Refused && (error.status === 404 || error.status === 410)) return undefined;
        const { code, message } = error as NodeJS.ErrnoException;
        const isDisk = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EROFS' || code === 'EACCES';
        if (isDisk) throw new BundleError('disk', `Cannot keep what comes from ${url}: ${code}.`, { cause: error });
        failures += 1;
        if (error instanceof Refused || failures >= tries || signal?.aborted) {
          throw new BundleError('network', `Cannot fetch ${url}: ${message}.`, { cause: error });
        }
        await this.#sleep(Math.random() * Math.min(LONGEST_WAIT_MS, firstWaitMs * 2 ** failures));
      }
    }
  }

  #sleep(ms: number): Promise<void> {
    const { signal } = this.#options;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  async #get(url: string, headers: Record<string, string>, redirects = 0): Promise<IncomingMessage> {
    const response = await this.#ask(url, headers);
    const { statusCode = 0, headers: answer } = response;
    if (statusCode === 200 || statusCode === 206) return response;
    response.resume();
    if ([301, 302, 303, 307, 308].includes(statusCode) && answer.location && redirects < MOST_REDIRECTS) {
      const next = new URL(answer.location, url);
      if (next.protocol === 'http:' && url.startsWith('https:'))
        throw new Refused(statusCode, 'it leads away from TLS');
      return this.#get(next.href, headers, redirects + 1);
    }
    if (statusCode === 416) {
      // What we have is longer than what is there: it is another file.
      throw new Error('it has no such part');
    }
    const why = `the server answers ${statusCode} ${response.statusMessage ?? ''}`.trim();
    if (statusCode >= 500 || statusCode === 429 || statusCode === 408) throw new Error(why);
    throw new Refused(statusCode, why);
  }

  #ask(url: string, headers: Record<string, string>): Promise<IncomingMessage> {
    const { ca, certificate, key, signal } = this.#options;
    const { protocol } = new URL(url);
    if (protocol !== 'http:' && protocol !== 'https:') throw new Refused(0, 'only http and https are fetched');
    const agent = this.#agents[protocol];
    const tls = protocol === 'https:' ? { ...(ca && { ca }), ...(certificate && { cert: certificate, key }) } : {};
    const get = protocol === 'https:' ? getHttps : getHttp;
    return new Promise((resolve, reject) => {
      const request = get(url, { ...tls, headers, agent, signal, timeout: IDLE_MS }, resolve);
      request.once('timeout', () => request.destroy(new Error(`nothing came for ${IDLE_MS / 1000} s`)));
      request.once('error', reject);
    });
  }
}

/** PEM files as the settings name them. @throws BundleError naming the one that cannot be read */
export async function readPem(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  return readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new BundleError('unreadable', `Cannot read ${file}: ${cause.code}.`, { cause });
  });
}
