// earshot fleet acl: the access rules and settings of a broker, from the wire contract and the authority's register.
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { writeOwn } from '../../runtime/device/device-key.ts';
import { printJson } from '../command.ts';
import { emqxAccess, emqxSettings } from './acl-emqx.ts';
import { type BrokerPlace, mosquittoAccess, mosquittoSettings } from './acl-mosquitto.ts';
import { accessOf } from './acl-rules.ts';
import { DEFAULT_FOLDER, readAuthorities } from './ca-folder.ts';
import { readRegister } from './ca-register.ts';
import { BROKER_FILES } from './ca-revoke.ts';

const EXAMPLES = `
Each device may say what devices say and hear what is said to devices, below SITE/DEVICE of its certificate and nowhere else. To be
written again after a certificate of a hub or a person was signed, and after any was revoked. The files for EMQX are not tested.

Examples:
  earshot fleet acl --for mosquitto
  earshot fleet acl --for mosquitto --home-assistant homeassistant
  earshot fleet acl --for emqx --path /etc/emqx/earshot
`;

interface Options {
  readonly for: 'mosquitto' | 'emqx';
  readonly ca: string;
  readonly out?: string;
  readonly path?: string;
  readonly port: number;
  readonly operatorsPort: number;
  readonly address?: string;
  readonly homeAssistant?: string;
  readonly json?: boolean;
}

export function fleetAclCommand(): Command {
  return new Command('acl')
    .summary('access rules and settings of a broker')
    .description('Writes what a broker needs to let each device speak under its own name alone.')
    .addOption(new Option('--for <broker>', 'which broker').choices(['mosquitto', 'emqx']).default('mosquitto'))
    .option('--ca <folder>', "the authority's folder", DEFAULT_FOLDER)
    .option('--out <folder>', "folder to write to (default: broker in the authority's)")
    .option(
      '--path <folder>',
      "where that folder will lie on the broker's machine (default: /etc/mosquitto/earshot or /etc/emqx/earshot)",
    )
    .option('--port <n>', 'for devices', port, 8883)
    .option('--operators-port <n>', 'for hubs and people', port, 8884)
    .option('--address <ip>', 'to listen on (default: all)')
    .option('--home-assistant <prefix>', 'discovery prefix, where devices introduce themselves to Home Assistant')
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(writeAcl);
}

async function writeAcl(options: Options): Promise<void> {
  const { ca, out = join(ca, 'broker'), port: devicesPort, operatorsPort, address, homeAssistant, json } = options;
  await readAuthorities(ca);
  const access = accessOf(await readRegister(ca), homeAssistant);
  const place = { folder: options.path ?? `/etc/${options.for}/earshot`, devicesPort, operatorsPort, address };
  const files = filesFor(options.for, access, place);
  for (const [name, text] of files) await writeOwn(join(out, name), text);
  const written = [...files.keys()].map((name) => join(out, name));
  const { people, silenced, introductions } = access;
  if (json)
    printJson({
      files: written,
      people: people.length,
      silenced: silenced.length,
      introductions: introductions.length,
    });
  else
    process.stdout.write(
      `${written.join(', ')}: rules for every device, ${people.length} hubs and people; ${silenced.length} revoked names silenced.\n`,
    );
}

function filesFor(
  broker: Options['for'],
  access: ReturnType<typeof accessOf>,
  place: BrokerPlace,
): Map<string, string> {
  return broker === 'mosquitto'
    ? new Map([
        [BROKER_FILES.access, mosquittoAccess(access)],
        [BROKER_FILES.configuration, mosquittoSettings(place)],
      ])
    : new Map([
        ['acl.conf', emqxAccess(access)],
        ['emqx-earshot.conf', emqxSettings(place)],
      ]);
}

function port(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 65_535) return value;
  throw new InvalidArgumentError('It must be a port from 1 to 65535.');
}
