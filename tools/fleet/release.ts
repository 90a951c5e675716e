// earshot fleet release: all that a device runs as one signed file: earshot, its packages, Node.js, models, profiles.
import { createHash, createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { jetpacks as knownJetpacks } from '../../boards/board.ts';
import { compareVersions } from '../../runtime/device/bundle-rules.ts';
import { KEYS_IN_BUNDLE, keyId } from '../../runtime/device/trusted-keys.ts';
import { nearestName } from '../../runtime/nearest-name.ts';
import { printJson, UserError } from '../command.ts';
import { findFamily } from '../find-board.ts';
import { clockSeconds, countingNumber, day } from '../pack-options.ts';
import { version } from '../package-version.ts';
import { readSigningKey } from '../signing-key.ts';
import { makeBundle } from '../write-bundle.ts';
import { writeWhole } from '../write-whole.ts';
import { type Architecture, type ReleaseFiles, releaseFiles } from './release-files.ts';
import { readNode, withModules } from './release-inputs.ts';
import { readKeyChain } from './release-keys.ts';
import { releaseKeysCommand } from './release-keys-command.ts';
import { addRelease, releaseAddCommand } from './release-store.ts';

interface Options {
  readonly key?: string;
  readonly keys?: string;
  readonly out?: string;
  readonly name?: string;
  readonly sequence?: number;
  readonly minimumSequence?: number;
  readonly board?: readonly string[];
  readonly jetpack?: readonly string[];
  readonly architecture: Architecture;
  readonly node?: string;
  readonly nodeSums?: string;
  readonly modules?: string;
  readonly model?: readonly string[];
  readonly expires?: Date;
  readonly store?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Takes this package as "npm run build" made it, the packages of package-lock.json for the device's processor (npm installs them into
a folder of their own; --modules takes them from one that exists), and Node.js where --node gives it; without, the Node.js that the
device was set up with runs the release. Programs for other processors are left out; a C library that is too old for one of the
JetPacks is told before anything is written. With SOURCE_DATE_EPOCH the same inputs give the same bytes.

Examples:
  earshot fleet release --key release.key --keys keys.json --board orin-nano --jetpack 6.2 6.2.1
  earshot fleet release --key release.key --keys keys.json --node node-v20.19.6-linux-arm64.tar.gz --node-sums SHASUMS256.txt
  earshot fleet release --key release.key --keys keys.json --store releases --expires 2027-06-30
`;

export function fleetReleaseCommand(): Command {
  const release = new Command('release')
    .summary('make a signed release that devices install')
    .description('Writes a runtime bundle (docs/bundle-format.md): earshot and all it needs on a device, signed.')
    .option('--key <file>', 'private key that signs, readable by you alone (required)')
    .option('--keys <file>', 'list of keys that devices trust ("fleet release keys"): goes into the release (required)')
    .option('--out <file>', 'bundle to write (default: NAME-SEQUENCE.bundle)')
    .option('--name <name>', `of the release (default: earshot-${version})`)
    .option('--sequence <number>', 'grows with every release (default: seconds since 1970)', countingNumber)
    .option('--minimum-sequence <number>', 'devices must run at least this one before', countingNumber)
    .option('--board <names...>', 'only for these boards')
    .option('--jetpack <releases...>', 'only for these JetPacks')
    .addOption(
      new Option('--architecture <name>', 'processor of the devices').choices(['arm64', 'x64']).default('arm64'),
    )
    .option('--node <file>', 'Node.js for that processor: an archive of nodejs.org or npm, or the program')
    .option('--node-sums <file>', 'SHASUMS256.txt that has its SHA-256, or the SHA-256 itself')
    .option('--modules <folder>', 'node_modules for that processor (default: npm installs them now)')
    .option('--model <names...>', 'shipped models that it brings (default: all)')
    .option('--expires <date>', 'not to be installed after this day', day)
    .option('--store <folder>', 'put it into the folder from which the hub serves releases')
    .option('--dry-run', 'check everything, write nothing')
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(makeRelease);
  release.addCommand(releaseKeysCommand());
  release.addCommand(releaseAddCommand());
  return release;
}

async function makeRelease(options: Options): Promise<void> {
  const { key: keyFile, keys: keysFile, architecture, board = null, jetpack = null, expires = null, dryRun } = options;
  if (keyFile === undefined || keysFile === undefined) {
    throw new UserError('--key and --keys are needed: "earshot fleet release keys new" makes both.');
  }
  for (const name of board ?? []) findFamily(name);
  checkJetpacks(jetpack);
  if ((options.node === undefined) !== (options.nodeSums === undefined)) {
    throw new UserError('--node and --node-sums go together: Node.js is taken only when its SHA-256 is known.');
  }
  const key = await readSigningKey(keyFile);
  const trusted = await readKeyChain(keysFile);
  const id = keyId(createPublicKey(key));
  const known = trusted.keys.find((each) => each.id === id);
  if (!known || known.revoked !== null) {
    throw new UserError(`${keysFile} does not trust the key ${id} of ${keyFile}: no device would take the release.`);
  }
  const node = options.node === undefined ? undefined : await readNode(options.node, options.nodeSums!);
  const more = new Map([[KEYS_IN_BUNDLE, await readFile(keysFile)]]);
  const collect = (modules: string) => releaseFiles({ architecture, modules, node, models: options.model, more });
  const collected = options.modules ? await collect(options.modules) : await withModules(architecture, collect);
  checkGlibc(collected, board, jetpack);
  const sequence = options.sequence ?? clockSeconds();
  const name = options.name ?? `earshot-${version}`;
  const { bytes, manifest } = makeBundle(
    {
      ...{ kind: 'runtime', name, sequence, created: new Date(1000 * clockSeconds()), expires },
      minimumSequence: options.minimumSequence ?? 0,
      requires: { boards: board, jetpacks: jetpack, architecture, glibc: collected.glibc?.version ?? null },
      ...{ files: collected.files, executables: collected.executables },
    },
    key,
  );
  const out = options.out ?? `${name}-${sequence}.bundle`;
  if (!dryRun) await writeWhole(out, bytes);
  if (!dryRun && options.store) await addRelease(options.store, out, trusted);
  const { files, ...rest } = manifest;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const mebibytes = (count: number) => `${(count / 2 ** 20).toFixed(1)} MiB`;
  if (options.json)
    printJson({ file: out, written: !dryRun, bytes: bytes.length, sha256, files: files.length, ...rest });
  else {
    const glibc = collected.glibc ? `, glibc ${collected.glibc.version} or later` : '';
    process.stdout.write(
      `${out}: ${mebibytes(bytes.length)}, ${files.length} files of ${mebibytes(manifest.payload.unpackedBytes)}, sequence ` +
        `${sequence}, linux-${architecture}${glibc}${node ? '' : ', without Node.js'}${dryRun ? ' (not written)' : ''}\nsha256 ${sha256}\n`,
    );
  }
}

function checkJetpacks(given: readonly string[] | null): void {
  const known = knownJetpacks().map(({ jetpack }) => jetpack);
  const unknown = given?.find((each) => !known.includes(each));
  if (unknown === undefined) return;
  throw new UserError(
    `--jetpack ${unknown} is not known, did you mean "${nearestName(unknown, known)}"? Known: ${known.join(', ')}.`,
  );
}

/** A release must run on each JetPack it names; where it names boards alone, on one of each board's at least. */
function checkGlibc(
  { glibc }: ReleaseFiles,
  boardNames: readonly string[] | null,
  jetpackNames: readonly string[] | null,
): void {
  if (!glibc) return;
  const releases = knownJetpacks();
  const refuse = (name: string, has: string) => {
    throw new UserError(
      `${glibc.path} needs the C library glibc ${glibc.version}, ${name} has ${has}: this release cannot run there.`,
    );
  };
  const isOld = (own: string) => compareVersions(own, glibc.version) < 0;
  const old = releases.find(({ jetpack, glibc: own }) => jetpackNames?.includes(jetpack) && isOld(own));
  if (old) refuse(`JetPack ${old.jetpack}`, old.glibc);
  for (const name of boardNames ?? []) {
    const { jetpacks } = findFamily(name);
    const own = releases.filter(({ jetpack }) => jetpacks.includes(jetpack));
    if (own.length > 0 && own.every((each) => isOld(each.glibc))) refuse(`every JetPack of ${name}`, own.at(-1)!.glibc);
  }
}
