// earshot model unpack: what a device does with a bundle, on the bench: verify it, and write its files.
import { Command, InvalidArgumentError } from 'commander';
import { unpackBundle, verifyBundle } from '../../runtime/device/bundle.ts';
import { readPublicKey } from '../../runtime/device/trusted-keys.ts';
import { printJson } from '../command.ts';

interface Options {
  readonly key: readonly string[];
  readonly out?: string;
  readonly sequence?: number;
  readonly board?: string;
  readonly jetpack?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Signature, sequence, board, expiry and every file are verified before anything is written; without --out nothing is.

Examples:
  earshot model unpack office-foa-7.bundle --key release.key.pub
  earshot model unpack office-foa-7.bundle --key release.key.pub --out received --sequence 6 --board orin-nano
`;

export function unpackCommand(): Command {
  return new Command('unpack')
    .summary('verify a signed bundle, and write its files')
    .description('Verifies a bundle as a device does and writes the model into a new folder.')
    .argument('<bundle>', 'file of "earshot model pack"')
    .requiredOption('--key <files...>', 'public keys that are trusted')
    .option('--out <folder>', 'folder to write, which must not exist; without it the bundle is only verified')
    .option('--sequence <number>', 'refuse bundles older than this', wholeNumber)
    .option('--board <name>', 'refuse bundles that are not for this board')
    .option('--jetpack <release>', 'refuse bundles that are not for this JetPack')
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(unpack);
}

function wholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number.');
}

async function unpack(file: string, { key, out, sequence, board, jetpack, json }: Options): Promise<void> {
  const keys = await Promise.all(key.map(readPublicKey));
  const rules = { keys, sequence, board, jetpack, now: new Date() };
  const manifest = out ? await unpackBundle(file, out, rules) : await verifyBundle(file, rules);
  if (json) printJson({ file, folder: out ?? null, ...manifest });
  else {
    const { name, kind, files } = manifest;
    const done = out ? `its ${files.length} files are in ${out}` : `${files.length} files, nothing written`;
    process.stdout.write(
      `${file}: ${kind} ${name}, sequence ${manifest.sequence}, made ${manifest.created}; signed by a trusted key, ${done}.\n`,
    );
  }
}
