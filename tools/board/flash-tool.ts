// Runs one of NVIDIA's tools, which need root: through sudo when we are not, line by line, and stops it with all it started.
import { execFile, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { UserError } from '../command.ts';

export interface ToolCommand {
  /** Below the folder of the BSP, e.g. flash.sh. */
  readonly program: string;
  readonly arguments: readonly string[];
  /** Folder of the BSP: the tools find their files from there. */
  readonly folder: string;
}

const STOP_MS = 5000;

export const isRoot = (): boolean => process.getuid?.() === 0;

/** What is started: the tool itself for root, sudo for others; -n: sudo never asks in the middle of something. */
function argvOf({ program, arguments: args }: ToolCommand): [string, ...string[]] {
  const tool = [`./${program}`, ...args] as [string, ...string[]];
  return isRoot() ? tool : ['sudo', '-n', '--', ...tool];
}

/** The command as one would type it in a shell in the folder of the BSP, always with sudo: it needs root. */
export function typed({ program, arguments: args }: ToolCommand): string {
  return ['sudo', `./${program}`, ...args].map(quoted).join(' ');
}

const quoted = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** Lets sudo ask for its password in this terminal, before anything begins. earshot neither sees nor keeps it. */
export async function prepareSudo(say: (line: string) => void): Promise<void> {
  if (isRoot()) return;
  const run = promisify(execFile);
  try {
    await run('sudo', ['-n', 'true']);
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new UserError("NVIDIA's tools need root, and there is no sudo here: run earshot as root.");
    }
  }
  if (!process.stdin.isTTY) {
    throw new UserError(`NVIDIA's tools need root: run "sudo -v" in this terminal first, or run earshot as root.`);
  }
  say("NVIDIA's tools need root: sudo asks for your password now. earshot neither sees nor keeps it.");
  const code = await new Promise<number | null>((resolve, reject) => {
    spawn('sudo', ['-v'], { stdio: 'inherit' }).once('error', reject).once('exit', resolve);
  });
  if (code !== 0) throw new UserError('sudo did not let you be root: nothing was done.');
}

/** Keeps the permission of sudo fresh while long tools run. @returns what ends that */
export function keepSudo(): () => void {
  if (isRoot()) return () => undefined;
  const timer = setInterval(() => {
    execFile('sudo', ['-n', '-v'], () => undefined); // when it ends, the next tool says so
  }, 60_000);
  return () => clearInterval(timer);
}

export interface ToolEnd {
  /** null: ended by a signal. */
  readonly code: number | null;
}

/**
 * Runs a tool to its end.
 * @param onLine gets every line of both outputs; a progress bar that draws over itself gives a line each time
 * @param signal stops the tool and everything it started
 */
export async function runTool(
  command: ToolCommand,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<ToolEnd> {
  const [program, ...args] = argvOf(command);
  const child = spawn(program, args, { cwd: command.folder, env: process.env, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) splitLines(stream, onLine);
  const stop = () => void stopTree(child.pid!);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop);
  try {
    return await new Promise<ToolEnd>((resolve, reject) => {
      child.once('error', (error) =>
        reject(new UserError(`${program} cannot be started (${error.message}).`, { cause: error })),
      );
      child.once('close', (code) => resolve({ code }));
    });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function splitLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let held = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (held + text).split(/\r\n|\n|\r/);
    held = lines.pop()!;
    for (const line of lines) onLine(line);
  });
  stream.on('end', () => {
    if (held !== '') onLine(held);
  });
}

/** Asks a process and all below it to end, and ends what stays. */
async function stopTree(root: number): Promise<void> {
  await kill(await treeOf(root), 'TERM');
  await new Promise((resolve) => setTimeout(resolve, STOP_MS).unref());
  await kill(await treeOf(root), 'KILL');
}

async function kill(pids: readonly number[], name: 'TERM' | 'KILL'): Promise<void> {
  if (pids.length === 0) return;
  if (!isRoot()) {
    // What runs as root can be stopped by root only; some of them ended by themselves meanwhile.
    await promisify(execFile)('sudo', ['-n', 'kill', `-${name}`, ...pids.map(String)]).catch(() => undefined);
    return;
  }
  for (const pid of pids) {
    try {
      process.kill(pid, `SIG${name}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // ended by itself meanwhile
    }
  }
}

/** The process and its descendants, as long as they live. */
async function treeOf(root: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = new Map<number, number>();
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined); // ended meanwhile
    const parent = stat && Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (parent) parents.set(pid, parent);
  }
  const tree = parents.has(root) ? [root] : [];
  for (const known of tree) for (const [pid, parent] of parents) if (parent === known) tree.push(pid);
  return tree;
}
