// earshot enrol: on a device: its own key, a request for a certificate, and the certificate from the hub or from a file.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { type Config, readConfig } from '../runtime/config.ts';
import { deviceRequest, storeCertificate } from '../runtime/device/device-key.ts';
import { type EnrolOptions, enrolDevice, renewCertificate } from '../runtime/device/enrol.ts';
import { readState, writeState } from '../runtime/device/state-file.ts';
import type { CertificateFacts } from '../runtime/device/x509.ts';
import { othersCanRead } from '../runtime/secret-file.ts';
import { printJson, UserError } from './command.ts';

const SETTINGS = '/etc/earshot/device.json';
/** Remembers the hub in the state folder, so that renewal needs no words. */
const HUB_FILE = 'hub.json';

const EXAMPLES = `
The settings say who the device is (site, device) and where its files lie: tls.key, tls.certificate, tls.ca. The key is made here
when there is none, and never leaves the device.

Examples:
  earshot enrol --hub https://hub.lan:8443 --token-file token
  earshot enrol --request > mill-3.csr
  earshot enrol --certificate mill-3.pem
  earshot enrol --renew
`;

interface Options {
  readonly config: string;
  readonly hub?: string;
  readonly tokenFile?: string;
  readonly request?: boolean;
  readonly certificate?: string;
  readonly renew?: boolean;
  readonly json?: boolean;
}

export function enrolCommand(): Command {
  return new Command('enrol')
    .summary("get this device's certificate from its fleet")
    .description('Makes the key of this device and gets a certificate for it, by which brokers know who speaks.')
    .option('--config <file>', 'settings of the device', SETTINGS)
    .option('--hub <url>', 'hub of the fleet (for --renew default: where it enrolled)')
    .option('--token-file <file>', 'enrolment token that the operator of the fleet made')
    .option('--request', 'print a certificate request for earshot fleet ca sign')
    .option('--certificate <file>', 'store the certificate that was signed; - reads standard input')
    .option('--renew', 'renew the certificate when less than a third of its time is left')
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(enrol);
}

async function enrol(options: Options): Promise<void> {
  const { tokenFile, request, certificate, renew, json } = options;
  const ways = [tokenFile !== undefined, request === true, certificate !== undefined, renew === true].filter(Boolean);
  if (ways.length !== 1) throw new UserError('Give one of --token-file, --request, --certificate and --renew.');
  const config = await readConfig(options.config);
  const { name, files } = identityOf(config, options.config);
  if (request) return printRequest(await deviceRequest(files.key, name), json);
  if (certificate !== undefined) return tell(await storeCertificate(await textOf(certificate), files, name), json);
  const hub = options.hub ?? (renew ? await rememberedHub(config) : undefined);
  if (hub === undefined)
    throw new UserError('--hub is missing: give the address of the hub, e.g. https://hub.lan:8443.');
  const facts = renew
    ? await renewCertificate({ hub, name, files })
    : await enrolDevice({ hub, name, files }, await tokenOf(tokenFile!));
  if (facts) await writeState(join(config.stateFolder, HUB_FILE), { hub });
  tell(facts, json);
}

function identityOf({ site, device, tls }: Config, file: string): Pick<EnrolOptions, 'name' | 'files'> {
  const { key, certificate, ca } = tls ?? {};
  if (key !== undefined && certificate !== undefined && ca !== undefined)
    return { name: { site, device }, files: { key, certificate, ca } };
  throw new UserError(
    `${file} does not say where the device keeps who it is: set tls.key, tls.certificate and tls.ca.`,
  );
}

async function rememberedHub({ stateFolder }: Config): Promise<string | undefined> {
  return z.object({ hub: z.string() }).safeParse(await readState(join(stateFolder, HUB_FILE))).data?.hub;
}

async function tokenOf(file: string): Promise<string> {
  const token = (await textOf(file)).trim();
  if (file !== '-' && othersCanRead(await stat(file)))
    throw new UserError(`--token-file ${file} can be read by others: run chmod 600 ${file}.`);
  return token;
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

function printRequest(request: string, json: boolean | undefined): void {
  if (json) printJson({ request });
  else process.stdout.write(request);
}

function tell(facts: CertificateFacts | undefined, json: boolean | undefined): void {
  const until = facts?.notAfter.toISOString();
  if (json) printJson({ changed: facts !== undefined, ...(facts && { name: facts.subject.commonName, until }) });
  else if (facts) process.stdout.write(`${facts.subject.commonName} has a certificate until ${until!.slice(0, 10)}.\n`);
  else process.stdout.write('More than a third of the time of the certificate is left: nothing to do.\n');
}
