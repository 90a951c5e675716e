// Follows the files that NVIDIA's mass flashing writes about each board, as they grow.
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const LOOK_EVERY_MS = 300;

/**
 * Passes on the lines of FOLDER/flash_INSTANCE_N_TIME.log, newest file of each place, without those that were there before.
 * @returns ends it after a last look
 */
export async function followLogs(
  folder: string,
  instances: readonly string[],
  onLine: (instance: string, line: string) => void,
): Promise<() => Promise<void>> {
  const before = new Set(await namesIn(folder));
  const files = new Map<string, { readonly file: string; offset: number; held: string }>();
  const look = async () => {
    for (const name of await namesIn(folder)) {
      const instance = instances.find((each) => name.startsWith(`flash_${each}_`));
      if (instance && !before.has(name) && !files.has(instance)) {
        files.set(instance, { file: join(folder, name), offset: 0, held: '' });
      }
    }
    for (const [instance, followed] of files) {
      const text = await newText(followed);
      const lines = (followed.held + text).split(/\r\n|\n|\r/);
      followed.held = lines.pop()!;
      for (const line of lines) onLine(instance, line);
    }
  };
  let looking = Promise.resolve();
  const timer = setInterval(() => {
    looking = looking.then(look);
  }, LOOK_EVERY_MS);
  return async () => {
    clearInterval(timer);
    await looking.then(look);
    for (const [instance, { held }] of files) if (held !== '') onLine(instance, held);
  };
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []; // the tool makes it
    throw error;
  });
}

async function newText(followed: { readonly file: string; offset: number }): Promise<string> {
  const handle = await open(followed.file, 'r');
  try {
    const { size } = await handle.stat();
    const bytes = Buffer.alloc(Math.max(0, size - followed.offset));
    await handle.read(bytes, 0, bytes.length, followed.offset);
    followed.offset += bytes.length;
    return bytes.toString('utf8');
  } finally {
    await handle.close();
  }
}
