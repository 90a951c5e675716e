// What must never be read in a log or a support bundle, and how it is hidden there.

/** Names of settings and fields whose values are secret; a path to a key file is none. */
const SECRET_KEY = /pass(word|phrase|wd)?$|secret|token|apikey|privatekey|^key$|^pin$|authorization|cookie/i;
const HIDDEN = '[hidden]';
const PEM = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g;
/** User and password within a URL. */
const USER_INFO = /(\b[a-z][a-z0-9+.-]*:\/\/)[^@/\s"']+@/gi;
/** 'password=...', 'token: ...' within a text, as programs print them. */
const ASSIGNED =
  /\b([\w-]*(?:password|passphrase|secret|token|apikey|authorization)["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;"']+)/gi;

/** A text without private keys, passwords in URLs, and values that are said to be secret. */
export function withoutSecrets(text: string): string {
  return text.replace(PEM, HIDDEN).replace(USER_INFO, `$1${HIDDEN}@`).replace(ASSIGNED, `$1${HIDDEN}`);
}

/** A copy of a JSON value in which what is secret by its name or its looks is hidden. */
export function hideSecrets(value: unknown): unknown {
  if (typeof value === 'string') return withoutSecrets(value);
  if (Array.isArray(value)) return value.map(hideSecrets);
  if (value instanceof Error) return withoutSecrets(value.message);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      SECRET_KEY.test(key) && inner !== null && inner !== undefined ? HIDDEN : hideSecrets(inner),
    ]),
  );
}
