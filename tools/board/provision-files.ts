// Files that provisioning puts on a board: there with this content, owner and mode, or put there.
import { createHash } from 'node:crypto';
import { type Look, notSo, so } from './provision-step.ts';
import { must, quoted, type Shell } from './shell.ts';

export interface BoardFile {
  readonly path: string;
  readonly content: string;
  /** As chmod takes it. */
  readonly mode: string;
  /** USER:GROUP; default root:root. */
  readonly owner?: string;
}

/** Looks whether all are there as they shall be. */
export async function lookAtFiles(shell: Shell, files: readonly BoardFile[]): Promise<Look> {
  const lines = files.map(({ path }) => {
    const name = quoted(path);
    return `stat -c '%a %U:%G' ${name} 2>/dev/null || echo missing; sha256sum <${name} 2>/dev/null | cut -c1-64 || true; echo`;
  });
  const parts = (await must(shell, 'looking at files', `${lines.join('\n')}\n`)).split(/\n\n+/);
  const wrong = files.filter(({ mode, owner = 'root:root', content }, i) => {
    const [rights, sum] = (parts[i] ?? '').split('\n');
    return rights !== `${mode} ${owner}` || sum !== sha256(content);
  });
  return wrong.length === 0
    ? so(files.map(({ path }) => path).join(', '))
    : notSo(`${wrong.map(({ path }) => path).join(', ')} to be written`);
}

export async function putFiles(shell: Shell, files: readonly BoardFile[]): Promise<void> {
  for (const { path, content, mode, owner = 'root:root' } of files) {
    const folder = path.slice(0, path.lastIndexOf('/'));
    await must(shell, `making ${folder}`, `mkdir -p ${quoted(folder)}`);
    await shell.put(path, content, mode);
    await must(shell, `giving ${path} to ${owner}`, `chown ${owner} ${quoted(path)}`);
  }
}

export const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');
