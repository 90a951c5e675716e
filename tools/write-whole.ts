// Files that appear whole under their name or not at all.
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UserError } from './command.ts';

/** What a file system answers when it will not have a file, and what that means. */
const REASONS: Record<string, string> = {
  ENOSPC: 'the disk is full; make room and run it again',
  EDQUOT: 'your quota is used up; make room and run it again',
  EFBIG: 'it is longer than files may be there',
  EROFS: 'the file system cannot be written',
  EACCES: 'you may not write there',
  EPERM: 'you may not write there',
  ENOTDIR: 'a part of its path is a file',
  EISDIR: 'a folder has that name',
};

/**
 * Writes a file by way of NAME.partial beside it; its folder is made when missing.
 * @throws UserError when the file system will not have it; then what was there before is still there
 */
export async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  const partial = `${file}.partial`;
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(partial, content);
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined); // what went wrong first is what matters
    const reason = REASONS[(error as NodeJS.ErrnoException).code ?? ''];
    if (reason) throw new UserError(`Cannot write ${file}: ${reason}.`, { cause: error });
    throw error;
  }
}
