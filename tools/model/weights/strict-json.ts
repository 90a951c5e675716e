// JSON for files of strangers: keys that come twice are refused, objects are maps, nesting is bounded.
import { WeightsError } from './tensor.ts';

export type Json = null | boolean | number | string | readonly Json[] | ReadonlyMap<string, Json>;

const DEEPEST = 8;
const WORD = /[[\]{},:]|-?\d{1,20}(?:\.\d{1,20})?(?:[eE][+-]?\d{1,3})?|true|false|null/y;

/** @throws WeightsError when the text is no JSON, has a key twice, or nests deeper than headers of weights do */
export function parseStrictJson(text: string): Json {
  const scanner = new Scanner(text);
  const value = parseValue(scanner, scanner.next(), 0);
  scanner.end();
  return value;
}

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next token: a bracket, comma, colon, string with its quotes, number or word. */
  next(): string {
    while (' \t\n\r'.includes(this.#text.charAt(this.#at)) && this.#at < this.#text.length) this.#at += 1;
    const start = this.#at;
    WORD.lastIndex = start;
    this.#at = this.#text[start] === '"' ? this.#stringEnd(start) : WORD.test(this.#text) ? WORD.lastIndex : start;
    if (this.#at === start) throw new WeightsError(`the header is no JSON at character ${start}`);
    return this.#text.slice(start, this.#at);
  }

  /** Past the closing quote; where there is none, the start. */
  #stringEnd(start: number): number {
    for (let at = start + 1; at < this.#text.length; at += 1) {
      if (this.#text[at] === '"') return at + 1;
      if (this.#text[at] === '\\') at += 1;
    }
    return start;
  }

  expect(token: string): void {
    if (this.next() !== token) throw new WeightsError(`the header lacks a ${token} before character ${this.#at}`);
  }

  end(): void {
    if (!/^[ \t\n\r]*$/.test(this.#text.slice(this.#at))) throw new WeightsError('the header goes on after its JSON');
  }
}

function parseValue(scanner: Scanner, token: string, depth: number): Json {
  if (depth > DEEPEST) throw new WeightsError(`the header nests deeper than ${DEEPEST}`);
  if (token === '{') return parseObject(scanner, depth);
  if (token === '[') return parseArray(scanner, depth);
  if (/^[\]},:]$/.test(token)) throw new WeightsError(`the header has a ${token} where a value belongs`);
  return plain(token) as Json;
}

function parseObject(scanner: Scanner, depth: number): ReadonlyMap<string, Json> {
  const object = new Map<string, Json>();
  let token = scanner.next();
  while (token !== '}') {
    const key = plain(token);
    if (typeof key !== 'string') throw new WeightsError('the header has a key that is no text');
    if (object.has(key)) throw new WeightsError(`the header names ${JSON.stringify(key.slice(0, 100))} twice`);
    scanner.expect(':');
    object.set(key, parseValue(scanner, scanner.next(), depth + 1));
    token = separator(scanner, '}');
  }
  return object;
}

function parseArray(scanner: Scanner, depth: number): readonly Json[] {
  const array: Json[] = [];
  let token = scanner.next();
  while (token !== ']') {
    array.push(parseValue(scanner, token, depth + 1));
    token = separator(scanner, ']');
  }
  return array;
}

/** What follows a comma, or the closing bracket. A comma before the bracket is refused as JSON has it. */
function separator(scanner: Scanner, close: string): string {
  const token = scanner.next();
  if (token === close) return close;
  if (token !== ',') throw new WeightsError(`the header has a ${token.slice(0, 20)} where a comma belongs`);
  const next = scanner.next();
  if (next === close) throw new WeightsError(`the header has a comma before a ${close}`);
  return next;
}

/** Text, number or word; undefined for a bracket. */
function plain(token: string): string | number | boolean | null | undefined {
  if (/^[[\]{},:]$/.test(token)) return undefined;
  try {
    return JSON.parse(token);
  } catch (cause) {
    throw new WeightsError(`the header has the text ${token.slice(0, 40)}, which is no JSON`, { cause });
  }
}
