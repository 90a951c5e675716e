// What was said to a board and what it said, kept for later, with every secret masked.
import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { withoutSecrets } from '../../runtime/device/secrets.ts';
import { plainText } from './console-text.ts';

const MASK = '[hidden]';
/** Shorter ones stand in ordinary words. */
const SHORTEST_SECRET = 4;
/** A script on its way over the console may hold a secret that the encoding hides from a search. */
const ENCODED = /[A-Za-z0-9+/=]{60,}/g;
const LONGEST_HELD = 4096;

export type Direction = 'sent' | 'heard' | 'note';
const SIGNS: Record<Direction, string> = { sent: '>', heard: '<', note: '#' };

/** A file of lines "TIME SIGN text": > sent, < heard, # what was being done. Readable by its owner alone. */
export class Transcript {
  readonly #file: string;
  readonly #secrets = new Set<string>();
  /** What was heard of a line that has not ended: a secret must not slip through in two halves. */
  #held = '';

  constructor(file: string) {
    this.#file = file;
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  }

  /** From now on this text is masked, wherever it appears. */
  hide(secret: string): void {
    if (secret.length >= SHORTEST_SECRET) this.#secrets.add(secret);
  }

  sent(text: string): void {
    this.#write('sent', text);
  }

  note(text: string): void {
    this.#write('note', text);
  }

  /** Takes pieces as they come; writes whole lines. */
  heard(piece: string): void {
    const lines = (this.#held + piece).split('\n');
    this.#held = lines.pop()!;
    if (lines.length > 0) this.#write('heard', lines.join('\n'));
    if (this.#held.length > LONGEST_HELD) this.flush();
  }

  /** Writes the line that has not ended, such as a prompt. */
  flush(): void {
    if (this.#held !== '') this.#write('heard', this.#held);
    this.#held = '';
  }

  /** A text without the secrets. */
  masked(text: string): string {
    let masked = text;
    for (const secret of this.#secrets) masked = masked.replaceAll(secret, MASK);
    return withoutSecrets(masked).replace(ENCODED, (run) => `[${run.length} encoded characters]`);
  }

  #write(direction: Direction, text: string): void {
    const time = new Date().toISOString();
    const lines = this.masked(plainText(text)).split('\n');
    const written = lines.filter((line) => line.trim() !== '').map((line) => `${time} ${SIGNS[direction]} ${line}\n`);
    if (written.length > 0) appendFileSync(this.#file, written.join(''), { mode: 0o600 });
  }
}
