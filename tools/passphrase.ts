// Secrets that a person types: never shown, never on the command line; from a file or a pipe where no person is.
import { readFile, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { othersCanRead } from '../runtime/secret-file.ts';
import { UserError } from './command.ts';

/**
 * Asks at the terminal, or reads the first line of standard input or of a file that nobody else may read.
 * @param twice typed again, for a new one
 * @throws UserError when the file is open to others, nothing comes, or the two differ
 */
export async function readPassphrase(
  question: string,
  { file, twice = false }: { file?: string; twice?: boolean } = {},
): Promise<string> {
  if (file !== undefined) return fromFile(file);
  if (!process.stdin.isTTY) return firstLine();
  const first = await ask(`${question}: `);
  if (twice && (await ask('The same again: ')) !== first) throw new UserError('The two passphrases differ: try again.');
  return first;
}

async function fromFile(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(`The passphrase file ${file} cannot be read (${cause.code}).`, { cause });
  });
  if (othersCanRead(await stat(file)))
    throw new UserError(`The passphrase file ${file} can be read by others: run chmod 600 ${file}.`);
  return text.split(/\r?\n/)[0]!;
}

async function firstLine(): Promise<string> {
  for await (const line of createInterface({ input: process.stdin })) return line;
  throw new UserError('No passphrase came on standard input: type it at a terminal, pipe it, or give a file.');
}

async function ask(question: string): Promise<string> {
  process.stderr.write(question);
  const silent = new Writable({ write: (_bytes, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('SIGINT', () => reject(new UserError('Stopped before a passphrase was given.')));
      lines.once('close', () => reject(new UserError('No passphrase was given.')));
    });
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
