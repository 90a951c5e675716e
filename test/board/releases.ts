// Signed releases for the virtual board, made by earshot fleet release as a keeper of devices makes them.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../runtime/worker-file.ts';
import { fetchNode, installPackage } from '../arm64/package.ts';

export interface ReleaseMaker {
  /** List of trusted keys. */
  readonly keys: string;
  /** @returns path of the bundle */
  make(name: string, sequence: number): string;
}

/** @param folder for keys and bundles */
export function releaseMaker(folder: string): ReleaseMaker {
  const [key, keys] = [join(folder, 'release.key'), join(folder, 'keys.json')];
  if (!existsSync(keys)) earshot('fleet', 'release', 'keys', 'new', keys, '--key', key);
  return {
    keys,
    make(name, sequence) {
      const bundle = join(folder, `${name}.bundle`);
      const node = fetchNode();
      const sum = createHash('sha256').update(readFileSync(node)).digest('hex');
      earshot(
        ...['fleet', 'release', '--key', key, '--keys', keys, '--out', bundle, '--name', name],
        ...['--sequence', String(sequence), '--modules', join(installPackage(), 'node_modules')],
        ...['--node', node, '--node-sums', sum, '--model', 'office-foa'],
      );
      return bundle;
    },
  };
}

/** @returns standard output */
export function earshot(...words: string[]): string {
  const program = join(PACKAGE_ROOT, 'bin', 'earshot.js');
  return execFileSync('nice', [process.execPath, program, ...words], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
