// Programs that a command of ours runs for the user: their output is the user's, and so is Ctrl-C.
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

/**
 * Runs a program to its end with this terminal; Ctrl-C reaches it, and it decides when to stop.
 * @param quiet hides its standard output
 * @returns its exit code, 128 + signal number's usual 130 when it was interrupted
 */
export async function runChild(program: string, args: readonly string[], quiet = false): Promise<number> {
  const child = spawn(program, args, { stdio: ['ignore', quiet ? 'ignore' : 'inherit', 'inherit'] });
  const passOn = (signal: NodeJS.Signals) => child.kill(signal);
  process.on('SIGINT', passOn);
  process.on('SIGTERM', passOn);
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => resolve(code ?? 130));
    });
  } finally {
    process.off('SIGINT', passOn);
    process.off('SIGTERM', passOn);
  }
}

/** Last line a failing program wrote to standard error; undefined when it ran well. */
export async function complaintOf(program: string, args: readonly string[]): Promise<string | undefined> {
  return promisify(execFile)(program, args).then(
    () => undefined,
    (error) => (error.code === 'ENOENT' ? 'it was not found' : String(error.stderr).trim().split('\n').at(-1)),
  );
}
