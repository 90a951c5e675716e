// Requests to the hub: JSON over the same origin, with the token that proves the page is ours. An error is a sentence.

/** What the hub refused, in its own words. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

type Query = Readonly<Record<string, string | number | undefined>>;

let csrfToken = '';
let onSignedOut: () => void = () => {};

/** @param signedOut is called when the hub no longer knows the session */
export function configureApi(token: string, signedOut: () => void): void {
  csrfToken = token;
  onSignedOut = signedOut;
}

export function apiAddress(path: string, query: Query = {}): string {
  const given = Object.entries(query).flatMap(([key, value]) =>
    value === undefined || value === '' ? [] : [[key, String(value)]],
  );
  const search = new URLSearchParams(given).toString();
  return `/api/v1/${path}${search && `?${search}`}`;
}

/** @throws ApiError with the hub's sentence, or one about the way to the hub */
export function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  return request<T>('GET', apiAddress(path, query), undefined, signal);
}

/**
 * @param seen version of what is changed, as it was seen: the hub refuses when it is another by now
 * @throws ApiError
 */
export function send<T = unknown>(
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
  seen?: number,
): Promise<T> {
  return request<T>(method, apiAddress(path), body, undefined, seen === undefined ? {} : { 'if-match': `"${seen}"` });
}

async function request<T>(
  method: string,
  address: string,
  body?: unknown,
  signal?: AbortSignal,
  more: Readonly<Record<string, string>> = {},
): Promise<T> {
  const response = await fetch(address, {
    method,
    credentials: 'same-origin',
    headers: {
      ...more,
      ...(method !== 'GET' && { 'x-csrf-token': csrfToken }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  }).catch((error: Error) => {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, 'The hub does not answer. Look whether it runs (earshot fleet serve), then try again.');
  });
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  const answer: unknown = isJson ? await response.json() : undefined;
  if (response.ok) return answer as T;
  if (response.status === 401 && !address.endsWith('/login')) onSignedOut();
  throw new ApiError(response.status, sentenceOf(answer) ?? `The hub answered with status ${response.status}.`);
}

function sentenceOf(answer: unknown): string | undefined {
  if (typeof answer !== 'object' || answer === null || !('error' in answer)) return undefined;
  return typeof answer.error === 'string' ? answer.error : undefined;
}
