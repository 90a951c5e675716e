// earshot fleet release keys: who may sign releases. The list that devices hold changes only by the word of a key that they trust.
import { Command } from 'commander';
import type { KeyList } from '../../runtime/device/trusted-keys.ts';
import { printJson, UserError } from '../command.ts';
import { addKey, beginChain, readKeyChain, revokeKey } from './release-keys.ts';

/** Key, expires and json are options of "fleet release" itself, with the same meaning: commander gives them to it. */
interface Options {
  readonly key?: string;
  readonly spare?: string;
  readonly expires?: Date;
  readonly reason: string;
  readonly json?: boolean;
}

const EXAMPLES = `
keys.json goes to devices when they are set up ("earshot update trust keys.json --first") and in each runtime release; it holds no
secret. A spare key that lies in a safe can revoke the other one, should it be stolen. A device takes a list only when it goes on
from the one it has: to replace a key, add the new one, release with --keys, sign with the new one, then revoke the old one.
Private keys that do not exist are made, with mode 0600. --key names the one that signs.

Examples:
  earshot fleet release keys new keys.json --key release.key --spare spare.key
  earshot fleet release keys add keys.json release-2027.key --key release.key --expires 2028-12-31
  earshot fleet release keys revoke keys.json 4f6b1c2a9d8e7f60 --key spare.key --reason "laptop stolen"
  earshot fleet release keys list keys.json
`;

export function releaseKeysCommand(): Command {
  const keys = new Command('keys')
    .summary('keys that sign releases: make, add, revoke, list')
    .addHelpText('after', EXAMPLES);
  keys.description('Keeps the list of keys whose releases devices install.');
  const begin = new Command('new').summary('begin a list with a new key').argument('<list>', 'to write');
  begin
    .option('--spare <file>', 'a second key, to be kept in a safe')
    .action(async (file: string, _, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const files = [signer(options), ...(options.spare ? [options.spare] : [])];
      tell(file, await beginChain(file, files, options.expires ?? null), options);
    });
  const add = new Command('add').summary('trust one more key').argument('<list>', 'to go on with');
  add.argument('<key>', 'private key').action(async (file: string, key: string, _, command: Command) => {
    const options = command.optsWithGlobals<Options>();
    tell(file, await addKey(file, signer(options), key, options.expires ?? null), options);
  });
  const revoke = new Command('revoke').summary('do not trust a key any more').argument('<list>', 'to go on with');
  revoke
    .argument('<id>', 'of the key, as "list" shows it')
    .requiredOption('--reason <text>', 'which devices tell when they refuse a release of it')
    .action(async (file: string, id: string, _, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      tell(file, await revokeKey(file, signer(options), id, options.reason), options);
    });
  const list = new Command('list').summary('verify a list and show its keys').argument('<list>', 'to read');
  list.action(async (file: string, _, command: Command) => {
    tell(file, (await readKeyChain(file)).newest, command.optsWithGlobals<Options>());
  });
  for (const command of [begin, add, revoke, list]) keys.addCommand(command.configureHelp({ showGlobalOptions: true }));
  return keys;
}

function signer({ key }: Options): string {
  if (key !== undefined) return key;
  throw new UserError('--key is needed: the private key that signs the list.');
}

function tell(file: string, list: KeyList, { json: asJson }: Options): void {
  if (asJson) {
    printJson({ file, ...list });
    return;
  }
  const lines = list.keys.map(({ id, expires: until, revoked }) => {
    const state =
      revoked !== null ? `revoked: ${revoked}` : until === null ? 'trusted' : `trusted until ${until.slice(0, 10)}`;
    return `  ${id}  ${state}`;
  });
  process.stdout.write(`${file}: list ${list.serial} of ${list.made}\n${lines.join('\n')}\n`);
}
