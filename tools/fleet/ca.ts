// earshot fleet ca: the fleet's own authority: who may speak, under which name, until when.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { writeOwn } from '../../runtime/device/device-key.ts';
import { REASONS, type Reason } from '../../runtime/device/x509.ts';
import { printJson, UserError } from '../command.ts';
import { readPassphrase } from '../passphrase.ts';
import { DEFAULT_FOLDER, locked, readAuthorities } from './ca-folder.ts';
import { initAuthority, renewAuthority } from './ca-init.ts';
import { type Issue, ROLES, type Role, readRegister } from './ca-register.ts';
import { BROKER_FILES, revoke, writeBrokerFiles } from './ca-revoke.ts';
import { DEVICE_DAYS, type Issued, signOperator, signRequest, signServer } from './ca-sign.ts';
import { makeToken } from './ca-tokens.ts';

const DAY_MS = 86_400_000;
const RELOAD = 'copy the folder broker to the broker and let it read again (systemctl reload mosquitto)';

const EXAMPLES = `
The authority is a folder of files; docs/security.md tells who trusts whom. Keep root.key of it in a safe place: it is wanted
only to renew the signing authority.

Examples:
  earshot fleet ca init earshot-ca --name mills
  earshot fleet ca server broker.lan 192.168.1.2
  earshot fleet ca operator hub --role hub
  earshot fleet ca enrol-token north/mill-3 --hours 24
  earshot fleet ca sign mill-3.csr --site north --device mill-3 --out mill-3.pem
  earshot fleet ca revoke north/mill-3 --reason keyCompromise
  earshot fleet ca list
`;

interface Shared {
  readonly ca: string;
  readonly json?: boolean;
}

export function fleetCaCommand(): Command {
  const ca = new Command('ca')
    .summary('certificates of devices, brokers and people')
    .description('Makes and keeps the certificates by which a broker knows who speaks.')
    .addHelpText('after', EXAMPLES);
  for (const command of [init(), sign(), server(), operator(), enrolToken(), revokeCommand(), crl(), list(), renew()])
    ca.addCommand(command);
  return ca;
}

function init(): Command {
  return new Command('init')
    .summary('make the authority of a new fleet')
    .argument('<folder>', 'folder to make')
    .option('--name <name>', 'of the fleet, in the names of its authorities', fleetName, 'earshot')
    .option(
      '--passphrase-file <file>',
      'encrypts the key of the root (default: asked, or the first line of standard input)',
    )
    .option('--json', 'print one JSON object')
    .action(
      async (
        folder: string,
        { name, passphraseFile, json }: { name: string; passphraseFile?: string; json?: boolean },
      ) => {
        await initAuthority(
          folder,
          name,
          await readPassphrase('Passphrase for the root of the fleet', { file: passphraseFile, twice: true }),
        );
        if (json) printJson({ folder, name });
        else
          say(
            `${folder} is the authority of the fleet. Keep ${join(folder, 'root.key')} and its passphrase apart from it, and ${folder} in the backup.\n` +
              'Next: earshot fleet ca server NAME for the broker, earshot fleet ca operator hub --role hub for the hub, earshot fleet acl for the access rules.',
          );
      },
    );
}

function sign(): Command {
  return shared(new Command('sign').summary('sign the request that a device made'))
    .argument('<request>', 'certificate request in PEM; - reads standard input')
    .requiredOption('--site <id>', 'site of the device')
    .requiredOption('--device <id>', 'its name in the site')
    .option('--days <n>', 'how long it holds', days, DEVICE_DAYS)
    .option('--replace', 'another key has this name: revoke its certificate')
    .option('--out <file>', 'certificate with its chain (default: standard output)')
    .action(
      async (
        file: string,
        options: Shared & { site: string; device: string; days: number; replace?: boolean; out?: string },
      ) => {
        const { ca: folder, out, json, ...rest } = options;
        const issued = await signRequest({ folder, request: await textOf(file), ...rest });
        if (out) await writeOwn(out, issued.chain);
        else if (!json) process.stdout.write(issued.chain);
        if (json) printJson({ ...issued, ...(out && { file: out }) });
        else process.stderr.write(`${told(issued)}\n`);
      },
    );
}

function server(): Command {
  return shared(new Command('server').summary('a certificate with its key for a broker or hub'))
    .argument('<hosts...>', 'names and addresses under which devices reach it')
    .option('--days <n>', 'how long it holds', days, DEVICE_DAYS)
    .option(
      '--out <folder>',
      `folder for ${BROKER_FILES.certificate} and ${BROKER_FILES.key} (default: broker in the authority's)`,
    )
    .action(
      async (
        hosts: string[],
        { ca: folder, days: length, out = join(folder, 'broker'), json }: Shared & { days: number; out?: string },
      ) => {
        const issued = await signServer(folder, hosts, length);
        await writePair(join(out, BROKER_FILES.certificate), join(out, BROKER_FILES.key), issued);
        tell(issued, { certificate: join(out, BROKER_FILES.certificate), key: join(out, BROKER_FILES.key) }, json);
      },
    );
}

function operator(): Command {
  return shared(new Command('operator').summary('a certificate with its key for a hub or a person'))
    .argument('<name>', 'who it is, e.g. hub or ann')
    .addOption(
      new Option('--role <role>', 'hub stores and answers, operator commands, viewer reads')
        .choices(ROLES)
        .default('viewer'),
    )
    .option('--days <n>', 'how long it holds', days, DEVICE_DAYS)
    .option('--out <folder>', "folder for NAME.pem and NAME.key (default: people in the authority's)")
    .action(
      async (
        name: string,
        {
          ca: folder,
          role,
          days: length,
          out = join(folder, 'people'),
          json,
        }: Shared & { role: Role; days: number; out?: string },
      ) => {
        const issued = await signOperator(folder, name, role, length);
        const files = {
          certificate: join(out, `${name}.pem`),
          key: join(out, `${name}.key`),
          ca: join(out, 'root.pem'),
        };
        await writePair(files.certificate, files.key, issued);
        await writeOwn(files.ca, issued.root);
        tell(issued, files, json);
        if (!json) say('Write the access rules again, so that the broker knows the name: earshot fleet acl.');
      },
    );
}

function enrolToken(): Command {
  return shared(new Command('enrol-token').summary('let one device fetch its certificate from the hub, once'))
    .argument('<name>', 'SITE/DEVICE')
    .option('--hours <n>', 'how long the token may be used', hours, 24)
    .option('--out <file>', 'write the token there, readable by you alone (default: standard output)')
    .action(
      async (name: string, { ca: folder, hours: length, out, json }: Shared & { hours: number; out?: string }) => {
        const { token, expires } = await makeToken(folder, name, length);
        if (out) await writeOwn(out, `${token}\n`);
        if (json) printJson({ name, expires, ...(out ? { file: out } : { token }) });
        else if (!out) process.stdout.write(`${token}\n`);
        if (!json)
          process.stderr.write(
            `Good for ${name} until ${expires.toISOString()}; on the device: earshot enrol --hub URL --token-file FILE\n`,
          );
      },
    );
}

function revokeCommand(): Command {
  return shared(new Command('revoke').summary('certificates of a name no longer hold'))
    .argument('<name>', 'SITE/DEVICE, a host or a person')
    .addOption(new Option('--reason <reason>', 'why').choices(REASONS).default('unspecified'))
    .action(async (name: string, { ca: folder, reason, json }: Shared & { reason: Reason }) => {
      const revoked = await revoke(folder, name, reason);
      if (json) printJson({ name, reason, serials: revoked.map(({ serial }) => serial) });
      else
        say(
          `${name}: ${revoked.length} revoked. Now write the access rules (earshot fleet acl), which also silence who is connected, and ${RELOAD}.`,
        );
    });
}

function crl(): Command {
  return shared(new Command('crl').summary('write the lists of revoked certificates again')).action(
    async ({ ca: folder, json }: Shared) => {
      const until = await locked(folder, () => writeBrokerFiles(folder));
      const files = [BROKER_FILES.devicesList, BROKER_FILES.operatorsList].map((name) => join(folder, 'broker', name));
      if (json) printJson({ files, until });
      else
        say(
          `${files.join(' and ')} hold until ${until.toISOString().slice(0, 10)}; later the broker would take nobody. Now ${RELOAD}.`,
        );
    },
  );
}

function list(): Command {
  return shared(new Command('list').summary('what was signed; what ends first stands first')).action(
    async ({ ca: folder, json }: Shared) => {
      const now = new Date();
      await readAuthorities(folder);
      const rows = [...(await readRegister(folder)).issues.values()].sort(
        (a, b) => Number(!!a.revoked) - Number(!!b.revoked) || a.notAfter.getTime() - b.notAfter.getTime(),
      );
      if (json) for (const row of rows) printJson({ ...row, state: stateOf(row, now) });
      else
        for (const row of rows)
          say(
            `${row.notAfter.toISOString().slice(0, 10)}  ${stateOf(row, now).padEnd(8)} ${row.kind.padEnd(8)} ${row.name}  ${row.serial}`,
          );
      if (!json && rows.length === 0) say('Nothing was signed yet.');
    },
  );
}

function renew(): Command {
  return shared(new Command('renew').summary('a new signing authority; what the old one signed still holds'))
    .option(
      '--passphrase-file <file>',
      'opens the key of the root (default: asked, or the first line of standard input)',
    )
    .action(async ({ ca: folder, passphraseFile, json }: Shared & { passphraseFile?: string }) => {
      const until = await renewAuthority(
        folder,
        await readPassphrase('Passphrase of the root', { file: passphraseFile }),
      );
      if (json) printJson({ folder, until });
      else say(`The new signing authority holds until ${until.toISOString().slice(0, 10)}. Now ${RELOAD}.`);
    });
}

function shared(command: Command): Command {
  return command.option('--ca <folder>', "the authority's folder", DEFAULT_FOLDER).option('--json', 'print JSON');
}

function stateOf({ revoked, notAfter }: Issue, now: Date): string {
  if (revoked) return 'revoked';
  if (notAfter <= now) return 'over';
  return notAfter.getTime() - now.getTime() < 30 * DAY_MS ? 'ending' : 'holds';
}

async function writePair(
  certificate: string,
  keyFile: string,
  { chain, key }: Issued & { key: string },
): Promise<void> {
  await writeOwn(keyFile, key);
  await writeOwn(certificate, chain);
}

function tell(issued: Issued, files: Readonly<Record<string, string>>, json: boolean | undefined): void {
  const { serial, name, notAfter } = issued;
  if (json) printJson({ serial, name, notAfter, files });
  else say(`${told(issued)}: ${Object.values(files).join(', ')}`);
}

function told({ name, notAfter, isNew }: Issued): string {
  return `${name} ${isNew ? 'is certified' : 'was certified before'} until ${notAfter.toISOString().slice(0, 10)}`;
}

async function textOf(file: string): Promise<string> {
  if (file !== '-') {
    return readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
      throw new UserError(`${file} cannot be read (${cause.code}).`, { cause });
    });
  }
  let text = '';
  for await (const chunk of process.stdin) text += chunk;
  return text;
}

function days(text: string): number {
  return whole(text, 3650);
}

function hours(text: string): number {
  return whole(text, 24 * 30);
}

function whole(text: string, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${most}.`);
}

function fleetName(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9 -]{0,35}$/.test(text)) return text;
  throw new InvalidArgumentError('It must be 1 to 36 letters, digits, spaces or hyphens.');
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
