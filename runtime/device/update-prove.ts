// Runs the new code in its slot, by itself, before it is switched to: does it start, does the network compute what it must?
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Slots, slotFolder } from './launcher.ts';

/** Building an engine on a small board takes minutes. */
const LIMIT_MS = 45 * 60_000;
const LAST_LINES = 20;

export interface ProveOptions {
  readonly root: string;
  readonly slots: Slots;
  /** Settings of the device. */
  readonly config: string;
  readonly onLine?: (line: string) => void;
  readonly limitMs?: number;
}

/** @throws Error with the last words of the new code when it does not run here */
export function proveSlot({ root, slots, config, onLine = () => {}, limitMs = LIMIT_MS }: ProveOptions): Promise<void> {
  const folder = slotFolder(root, slots.runtime!);
  const own = join(folder, 'node', 'bin', 'node');
  const model = slots.model === null ? [] : ['--model', slotFolder(root, slots.model)];
  const args = [join(folder, 'bin', 'earshot.js'), 'update', 'prove', '--config', config, ...model];
  return new Promise((resolve, reject) => {
    const command = existsSync(own) ? own : process.execPath;
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: limitMs, killSignal: 'SIGKILL' });
    const lines: string[] = [];
    const hear = (chunk: Buffer) => {
      for (const line of chunk.toString().split('\n').filter(Boolean)) {
        lines.push(line);
        if (lines.length > LAST_LINES) lines.shift();
        onLine(line);
      }
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('error', (error) => reject(new Error(`it cannot be started: ${error.message}.`)));
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else
        reject(
          new Error(
            lines.findLast((line) => line.startsWith('error:'))?.slice(7) ??
              lines.at(-1) ??
              `it ended with ${signal ?? code}.`,
          ),
        );
    });
  });
}
