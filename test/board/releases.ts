// Signed releases for the virtual board, made by earshot fleet release as a keeper of devices makes them; and one that does not run.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KEYS_IN_BUNDLE } from '../../runtime/device/trusted-keys.ts';
import { PACKAGE_ROOT } from '../../runtime/worker-file.ts';
import { releaseFiles } from '../../tools/fleet/release-files.ts';
import { readSigningKey } from '../../tools/signing-key.ts';
import { makeBundle } from '../../tools/write-bundle.ts';
import { fetchNode, installPackage } from '../arm64/package.ts';

export interface ReleaseMaker {
  /** List of trusted keys. */
  readonly keys: string;
  /** @returns path of the bundle */
  make(name: string, sequence: number): string;
  /** One that proves well and does not listen: signed as well as any other. */
  makeBroken(name: string, sequence: number): Promise<string>;
}

const MODELS = ['office-foa'];
const BROKEN = `if (process.argv[2] === 'run') process.exit(1);\nawait import('../dist/tools/cli.js');\n`;

/** @param folder for keys and bundles */
export function releaseMaker(folder: string): ReleaseMaker {
  const [key, keys] = [join(folder, 'release.key'), join(folder, 'keys.json')];
  if (!existsSync(keys)) earshot('fleet', 'release', 'keys', 'new', keys, '--key', key);
  const modules = () => join(installPackage(), 'node_modules');
  return {
    keys,
    make(name, sequence) {
      const bundle = join(folder, `${name}.bundle`);
      const node = fetchNode();
      const sum = createHash('sha256').update(readFileSync(node)).digest('hex');
      earshot(
        ...['fleet', 'release', '--key', key, '--keys', keys, '--out', bundle, '--name', name],
        ...['--sequence', String(sequence), '--modules', modules()],
        ...['--node', node, '--node-sums', sum, '--model', ...MODELS],
      );
      return bundle;
    },
    async makeBroken(name, sequence) {
      const bundle = join(folder, `${name}.bundle`);
      const more = new Map([[KEYS_IN_BUNDLE, readFileSync(keys)]]);
      const node = readFileSync(fetchNode());
      const inputs = { architecture: 'arm64', modules: modules(), node, models: MODELS, more } as const;
      const { files, executables } = await releaseFiles(inputs);
      files.set('bin/earshot.js', Buffer.from(BROKEN));
      const requires = { boards: null, jetpacks: null, architecture: 'arm64', glibc: null } as const;
      const times = { created: new Date(), expires: null };
      const contents = {
        kind: 'runtime',
        name,
        sequence,
        minimumSequence: 0,
        requires,
        ...times,
        files,
        executables,
      } as const;
      writeFileSync(bundle, makeBundle(contents, await readSigningKey(key)).bytes);
      return bundle;
    },
  };
}

/** @returns standard output */
export function earshot(...words: string[]): string {
  const args = [join(PACKAGE_ROOT, 'bin', 'earshot.js'), ...words];
  return execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}
