// Commands run on a board as root, over whatever leads there; and how a text becomes one word of such a command.
import { UserError } from '../command.ts';

export interface ShellResult {
  /** Exit status. */
  readonly code: number;
  /** Standard output and standard error, in the order they came. */
  readonly output: string;
}

export interface Shell {
  /** What leads there, for messages: 'ssh nvidia@192.168.55.1'. */
  readonly name: string;
  /** Runs a script of POSIX sh as root; it never stands in a process list. @param timeoutMs default a minute */
  run(script: string, timeoutMs?: number): Promise<ShellResult>;
  /** Puts a file there, whole or not at all. @param mode as chmod takes it; owner root */
  put(file: string, content: string | Uint8Array, mode: string): Promise<void>;
  close(): Promise<void>;
}

/** A text as one word of sh. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The output of a script, trimmed. @throws UserError with its last lines when it fails. @param task what was tried, for the error */
export async function must(shell: Shell, task: string, script: string, timeoutMs?: number): Promise<string> {
  const { code, output } = await shell.run(script, timeoutMs);
  if (code === 0) return output.trim();
  throw new UserError(`${task} failed on the board: ${lastLines(output) || `exit status ${code}`}`);
}

/** Whether a script ends well. */
export async function holds(shell: Shell, script: string): Promise<boolean> {
  return (await shell.run(script)).code === 0;
}

function lastLines(output: string): string {
  return output.trim().split('\n').slice(-3).join(' / ').slice(-400);
}
