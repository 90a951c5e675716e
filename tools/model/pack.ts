// earshot model pack: a model as one signed file that devices take.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { boards as knownBoards, jetpacks as knownJetpacks } from '../../boards/board.ts';
import { findModel } from '../../runtime/inference/model-files.ts';
import { nearestName } from '../../runtime/nearest-name.ts';
import { printJson, UserError } from '../command.ts';
import { clockSeconds, countingNumber, day } from '../pack-options.ts';
import { makeKeyPair, publicKeyFile, readSigningKey } from '../signing-key.ts';
import { makeBundle } from '../write-bundle.ts';
import { writeWhole } from '../write-whole.ts';
import { sha256, WEIGHTS } from './model-folder.ts';
import { FILES } from './quantise/targets.ts';
import { TENSORRT_TARGETS } from './verify-files.ts';

interface Options {
  readonly key: string;
  readonly newKey?: boolean;
  readonly out?: string;
  readonly sequence?: number;
  readonly board?: readonly string[];
  readonly jetpack?: readonly string[];
  readonly expires?: Date;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
The bundle holds what a device needs: the manifest, the network in all its forms and the golden windows; not the weights, which
are only needed to build it again. Devices hold the public key (KEY.pub) and take a bundle only when it is signed with KEY, is
not older than what they run, and is for them. Keep KEY safe: who has it can send models to your devices.

Time and sequence come from the clock, or from SOURCE_DATE_EPOCH: then the same model gives the same bytes.

Examples:
  earshot model pack models/office-foa --key release.key --new-key
  earshot model pack lab --key release.key --out lab-7.bundle --sequence 7 --board orin-nano --jetpack 6.2 --expires 2027-06-30
`;

export function packCommand(): Command {
  return new Command('pack')
    .summary('put a model into one signed file for devices')
    .description('Writes a signed bundle of a model (Ed25519); docs/bundle-format.md describes it.')
    .argument('<model>', 'model folder, or the name of a shipped model')
    .requiredOption('--key <file>', 'private key that signs, readable by you alone')
    .option('--new-key', 'make that key and its public half (FILE.pub) first')
    .option('--out <file>', 'bundle to write (default: NAME-SEQUENCE.bundle)')
    .option('--sequence <number>', 'grows with every bundle (default: seconds since 1970)', countingNumber)
    .option('--board <names...>', 'only for these boards')
    .option('--jetpack <releases...>', 'only for these JetPacks')
    .option('--expires <date>', 'not to be installed after this day', day)
    .option('--dry-run', 'check everything, write nothing; makes no key')
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(pack);
}

async function pack(name: string, options: Options): Promise<void> {
  const { key, newKey, dryRun, json, board = null, jetpack = null, expires = null } = options;
  checkNames(
    '--board',
    board,
    knownBoards().map((each) => each.name),
  );
  checkNames(
    '--jetpack',
    jetpack,
    knownJetpacks().map((each) => each.jetpack),
  );
  const model = await findModel(name, 'foa');
  const files = await contentsOf(model.folder, model.manifest);
  if (newKey && !dryRun) await makeKeyPair(key);
  if (newKey && dryRun) throw new UserError('--new-key writes a key, --dry-run writes nothing: give one of them.');
  const created = new Date(1000 * clockSeconds());
  const sequence = options.sequence ?? clockSeconds();
  const contents = {
    kind: 'model' as const,
    name: model.manifest.name,
    sequence,
    created,
    expires,
    minimumSequence: 0,
    requires: { boards: board, jetpacks: jetpack, architecture: null, glibc: null },
    files,
  };
  const { bytes, manifest } = makeBundle(contents, await readSigningKey(key));
  const out = options.out ?? `${model.manifest.name}-${sequence}.bundle`;
  if (!dryRun) await writeWhole(out, bytes);
  const result = { file: out, written: !dryRun, bytes: bytes.length, sha256: sha256(bytes), ...manifest };
  if (json) printJson(result);
  else
    process.stdout.write(
      `${out}: ${(bytes.length / 2 ** 20).toFixed(2)} MiB, ${manifest.files.length} files, sequence ${sequence}${dryRun ? ' (not written)' : ''}; devices verify it with ${publicKeyFile(key)}.\n`,
    );
}

function checkNames(option: string, given: readonly string[] | null, known: readonly string[]): void {
  const unknown = given?.find((each) => !known.includes(each));
  if (unknown === undefined) return;
  throw new UserError(
    `${option} ${unknown} is not known, did you mean "${nearestName(unknown, known)}"? Known: ${known.join(', ')}.`,
  );
}

type Manifest = Awaited<ReturnType<typeof findModel>>['manifest'];

/** The files the manifest names, but the weights; TensorRT's forms join the manifest, so that the device checks them too. */
async function contentsOf(folder: string, manifest: Manifest): Promise<Map<string, Uint8Array>> {
  const forTensorrt = TENSORRT_TARGETS.map((target) => FILES[target].file);
  const names = [...Object.keys(manifest.files), ...forTensorrt.filter((file) => existsSync(join(folder, file)))];
  const files = new Map<string, Uint8Array>();
  for (const name of new Set(names)) if (name !== WEIGHTS) files.set(name, await readFile(join(folder, name)));
  const hashes = Object.fromEntries([...files].map(([name, bytes]) => [name, sha256(bytes)]));
  files.set('manifest.json', Buffer.from(`${JSON.stringify({ ...manifest, files: hashes }, null, 2)}\n`));
  return files;
}
