// The hub over its HTTP API, as the terminal commands speak with it: where it is, the token, answers checked, errors in its words.
import { readFile, stat } from 'node:fs/promises';
import type { z } from 'zod';
import { jsonOrUndefined } from '../../runtime/json-text.ts';
import { othersCanRead } from '../../runtime/secret-file.ts';
import { UserError } from '../command.ts';

/** Where `earshot fleet serve` answers when nobody says otherwise. */
export const DEFAULT_HUB = 'http://127.0.0.1:8080';
const TIMEOUT_MS = 30_000;
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

export interface HubAddress {
  /** http://HOST:PORT or https://HOST */
  readonly url: string;
  /** File with the token, of mode 0600; without one the environment's EARSHOT_TOKEN is used. */
  readonly tokenFile?: string;
}

/** A server-sent event. */
export interface HubEvent {
  readonly event: string;
  readonly data: unknown;
}

/** Values of a query; what is undefined is left out. */
export type HubQuery = Readonly<Record<string, string | number | undefined>>;

/** The hub refused, is away, or answers what this earshot does not understand. */
export class HubError extends Error {
  override name = 'UserError';
  /** HTTP status; undefined when no answer came. */
  readonly status: number | undefined;

  constructor(message: string, options?: ErrorOptions & { status?: number }) {
    super(message, options);
    this.status = options?.status;
  }
}

/** @throws UserError when the address is none, the token cannot be read, or would travel in the clear */
export async function connectHub({ url, tokenFile }: HubAddress): Promise<HubClient> {
  const base = URL.canParse(url) ? new URL(url) : undefined;
  if (!base || !/^https?:$/.test(base.protocol))
    throw new UserError(`--hub ${url}: give http://HOST:PORT or https://HOST.`);
  if (base.username || base.password)
    throw new UserError('--hub: a password in the address would stand in the list of processes; set EARSHOT_TOKEN.');
  const token = tokenFile === undefined ? process.env.EARSHOT_TOKEN : await readToken(tokenFile);
  if (token && base.protocol === 'http:' && !LOOPBACK.test(base.hostname)) {
    throw new UserError(
      `--hub ${url}: the token would travel in the clear; give https://, or a tunnel to this machine's own address.`,
    );
  }
  return new HubClient(base, token?.trim());
}

async function readToken(file: string): Promise<string> {
  const found = await stat(file).catch((cause) => {
    throw new UserError(`--token-file ${file} cannot be read (${(cause as Error).message}).`, { cause });
  });
  if (othersCanRead(found))
    throw new UserError(`${file} can be read by others: chmod 600 ${file}, and have a new token made.`);
  return readFile(file, 'utf8');
}

/** One hub; holds no connection. */
export class HubClient {
  readonly #base: URL;
  readonly #token: string | undefined;

  constructor(base: URL, token: string | undefined) {
    this.#base = base;
    this.#token = token || undefined;
  }

  get url(): string {
    return this.#base.origin;
  }

  /** @param path below /api/v1, its parts encoded by the caller. @throws HubError */
  async get<Schema extends z.ZodType>(path: string, schema: Schema, query: HubQuery = {}): Promise<z.infer<Schema>> {
    return this.#checked(path, schema, await this.#fetch('GET', path, { query }));
  }

  /** Changes something at the hub. @throws HubError */
  async send<Schema extends z.ZodType>(
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    schema: Schema,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<z.infer<Schema>> {
    return this.#checked(path, schema, await this.#fetch(method, path, { body, headers }));
  }

  /** What the hub tells as it happens, until the signal says that nobody listens any more. @throws HubError when it ends */
  async *stream(query: HubQuery, signal: AbortSignal): AsyncGenerator<HubEvent> {
    const response = await this.#fetch('GET', 'stream', { query, signal });
    let event = 'message';
    let data: string[] = [];
    for await (const line of linesOf(response, signal)) {
      if (line === '') {
        if (data.length > 0) yield { event, data: JSON.parse(data.join('\n')) };
        event = 'message';
        data = [];
      } else if (line.startsWith('event:')) event = line.slice(6).trim();
      else if (line.startsWith('data:')) data.push(line.slice(5).trimStart());
    }
    if (!signal.aborted) throw new HubError(`The hub at ${this.url} ended the stream.`);
  }

  async #fetch(
    method: string,
    path: string,
    {
      query = {},
      body,
      headers,
      signal,
    }: { query?: HubQuery; body?: unknown; headers?: Readonly<Record<string, string>>; signal?: AbortSignal },
  ): Promise<Response> {
    const url = new URL(`/api/v1/${path}`, this.#base);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, `${value}`);
    const response = await fetch(url, {
      method,
      headers: {
        ...headers,
        accept: signal ? 'text/event-stream' : 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(this.#token && { authorization: `Bearer ${this.#token}` }),
      },
      redirect: 'error',
      signal: signal ?? AbortSignal.timeout(TIMEOUT_MS),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }).catch((cause) => {
      const { message, cause: deeper } = cause as Error & { cause?: { code?: string; message?: string } };
      const reason = deeper?.code ?? deeper?.message ?? message;
      throw new HubError(`No hub answers at ${this.url} (${reason}): start "earshot fleet serve", or give --hub.`, {
        cause,
      });
    });
    if (!response.ok) throw await refusal(response, this.#token !== undefined);
    return response;
  }

  async #checked<Schema extends z.ZodType>(path: string, schema: Schema, response: Response): Promise<z.infer<Schema>> {
    const text = await response.text();
    const result = schema.safeParse(jsonOrUndefined(text));
    if (result.success) return result.data;
    const [issue] = result.error.issues;
    throw new HubError(
      `The hub's answer to ${path} is not of this earshot's version (${issue?.path.join('.') || 'answer'}: ${issue?.message}).`,
    );
  }
}

async function refusal(response: Response, hasToken: boolean): Promise<HubError> {
  const { status } = response;
  const said = jsonOrUndefined(await response.text()) as { error?: unknown } | undefined;
  if (status === 401) {
    const way = hasToken ? 'it does not know this token' : 'it wants a token: set EARSHOT_TOKEN or give --token-file';
    return new HubError(`The hub does not let us in: ${way}.`, { status });
  }
  const reason = typeof said?.error === 'string' ? said.error : `answered with status ${status}`;
  return new HubError(`The hub refuses: ${reason}`, { status });
}

async function* linesOf(response: Response, signal: AbortSignal): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const bytes of response.body ?? []) {
      rest += decoder.decode(bytes, { stream: true });
      const lines = rest.split(/\r?\n/);
      rest = lines.pop()!;
      yield* lines;
    }
  } catch (cause) {
    if (!signal.aborted) throw new HubError(`The hub ended the stream (${(cause as Error).message}).`, { cause });
  }
}
