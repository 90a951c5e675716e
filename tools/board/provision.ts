// earshot board provision: from a flashed board to a listening device, over its serial console and SSH; run again, it repairs.
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { printJson, UserError } from '../command.ts';
import { onInterruption } from '../interruption.ts';
import { readPassphrase } from '../passphrase.ts';
import { duration } from '../progress.ts';
import { type BoardRun, boardRun, provisionAll } from './provision-batch.ts';
import { readPlans } from './provision-csv.ts';
import type { Watch } from './provision-heartbeat.ts';
import { nameOf, type Plan, parsePlan } from './provision-plan.ts';
import { readRelease } from './provision-release.ts';
import { folderOf, type Means, stepsOf } from './provision-run.ts';
import { authorityOf } from './provision-sign.ts';
import { createProvisionTable } from './provision-table.ts';
import { publicKeyOf } from './ssh-shell.ts';

interface Options {
  readonly devices?: string;
  readonly serial?: string;
  readonly host?: string;
  readonly port?: number;
  readonly board?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly keeper?: string;
  readonly identity: string;
  readonly wifi?: string;
  readonly wifiPasswordFile?: string;
  readonly ntp?: string[];
  readonly settings?: string;
  readonly release?: string;
  readonly keys?: string;
  readonly ca?: string;
  readonly replace?: boolean;
  readonly watch?: string;
  readonly operator?: string;
  readonly kept: string;
  readonly jobs: number;
  readonly resume?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Every step looks first and does nothing where it is so already: run it again after a fault, and it goes on and repairs. Without
--release what runs stays; without --ca the settings bring their own way to the broker; without --watch nobody waits for the
heartbeat. docs/provisioning.md tells each step, and what has not been seen on hardware.

Examples:
  earshot board provision north/mill-3 --serial /dev/ttyACM0 --settings fleet.json --release earshot-12.bundle --keys keys.json --ca earshot-ca --dry-run
  earshot board provision north/mill-3 --serial /dev/ttyACM0 --settings fleet.json --release earshot-12.bundle --keys keys.json --ca earshot-ca --watch mqtts://broker.lan:8884 --operator people/ann.pem
  earshot board provision north/mill-3 --host 192.168.1.20 --settings fleet.json
  earshot board provision --devices mills.csv --jobs 4 --settings fleet.json --release earshot-12.bundle --keys keys.json --ca earshot-ca
`;

export function boardProvisionCommand(): Command {
  return new Command('provision')
    .summary('make a flashed board a listening device')
    .description(
      'Logs in over the serial console, pins the host key it reads there, and goes on over SSH: name, clock, release,\n' +
        'settings, a key made on the board and its certificate, doctor, service, first heartbeat.',
    )
    .argument('[name]', 'SITE/DEVICE')
    .option('--devices <file>', 'CSV of several: site,device,serial,host,port,board,hostname,latitude,longitude ...')
    .option('--serial <port>', 'serial port of the console: earshot board list shows it')
    .option('--host <address>', 'of the board for SSH (default: what its console tells)')
    .option('--port <number>', 'of SSH (default: 22)', wholeNumber)
    .option('--board <name>', 'what it must be, e.g. orin-nano-8gb: another one is left alone')
    .option('--user <name>', 'account that flashing left (default: nvidia)')
    .option('--password-file <file>', 'its password, readable by you alone (default: asked)')
    .option('--keeper <name>', 'account for SSH that is made on the board (default: earshot-keeper)')
    .option('--identity <file>', 'private key for SSH', join(homedir(), '.ssh', 'id_ed25519'))
    .option('--wifi <name>', 'wireless network to join')
    .option('--wifi-password-file <file>', 'its password, readable by you alone')
    .option('--ntp <hosts...>', 'time servers (default: those the board knows)')
    .option('--settings <file>', 'settings of the device, JSON; site, device and tls files are filled in')
    .option('--release <file>', 'bundle of "earshot fleet release"')
    .option('--keys <file>', 'list of "earshot fleet release keys": whose releases the board takes')
    .option('--ca <folder>', "the fleet's authority (earshot fleet ca), which signs the board's certificate")
    .option('--replace', 'the board was flashed anew: its new key takes the name over, the old certificate is revoked')
    .option('--watch <url>', 'broker at which the first heartbeat is waited for')
    .option('--operator <file>', 'your certificate for it; its key (.key) and root.pem lie beside it')
    .option('--kept <folder>', 'transcripts, host keys and console passwords', 'earshot-boards')
    .option('--jobs <number>', 'boards at once', wholeNumber, 4)
    .option('--resume', 'leave out devices that an earlier run has finished')
    .option('--dry-run', 'print the plan and touch nothing')
    .option('--json', 'print one JSON object per step and per board')
    .addHelpText('after', EXAMPLES)
    .action(provisionBoards);
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1 && value <= 65_535) return value;
  throw new InvalidArgumentError('It must be a whole number from 1 to 65535.');
}

async function provisionBoards(name: string | undefined, options: Options): Promise<void> {
  const plans = await plansOf(name, options);
  const means = await meansOf(plans, options);
  tellPlan(plans, means, options);
  if (options.dryRun) return;
  const runs = plans.map(boardRun);
  const table = createProvisionTable(runs, options.json ?? false);
  const interruption = new AbortController();
  onInterruption(() => interruption.abort());
  const { jobs, resume = false } = options;
  try {
    await provisionAll(runs, means, { jobs, resume, signal: interruption.signal, onChange: table.update });
  } finally {
    table.finish();
  }
  report(runs, means, options.json ?? false);
}

async function plansOf(name: string | undefined, options: Options): Promise<Plan[]> {
  const { devices, serial, host, port, board, user, keeper, wifi, ntp } = options;
  if ((name === undefined) === (devices === undefined))
    throw new UserError('Name one device as SITE/DEVICE, or several by --devices FILE.');
  const settings = options.settings === undefined ? {} : await jsonOf(options.settings);
  const given = Object.entries({ port, board, user, keeper, wifi, ntp }).filter(([, value]) => value !== undefined);
  const common = { ...Object.fromEntries(given), settings };
  if (devices !== undefined) {
    if (serial !== undefined || host !== undefined)
      throw new UserError('--serial and --host are of one board: put them into columns of the list.');
    return readPlans(devices, common);
  }
  const [site, device, ...more] = name!.split('/');
  if (device === undefined || more.length > 0) throw new UserError(`"${name}" must be SITE/DEVICE, e.g. north/mill-3.`);
  const place = { ...(serial !== undefined && { serial }), ...(host !== undefined && { host }) };
  return [parsePlan({ ...common, site, device, ...place }, name!)];
}

/** Everything that can be wrong here is found before a board is touched. */
async function meansOf(plans: readonly Plan[], options: Options): Promise<Means> {
  const { release, keys, ca, watch, wifi, wifiPasswordFile, dryRun } = options;
  if ((release === undefined) !== (keys === undefined)) throw new UserError('--release and --keys go together.');
  if ((wifi === undefined) !== (wifiPasswordFile === undefined))
    throw new UserError('--wifi and --wifi-password-file go together.');
  const identity = await readFile(options.identity).catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(
      `The private key ${options.identity} cannot be read (${cause.code}): make one with ssh-keygen -t ed25519, or give --identity.`,
      { cause },
    );
  });
  publicKeyOf(identity);
  const needsPassword = !dryRun && plans.some(({ serial }) => serial !== undefined);
  const who = plans[0]!.user;
  return {
    ...{ folder: options.kept, identity },
    password: needsPassword
      ? await readPassphrase(`Password of ${who} on the board`, { file: options.passwordFile })
      : '',
    ...(wifiPasswordFile !== undefined && { wifiPassword: await readPassphrase('', { file: wifiPasswordFile }) }),
    ...(release !== undefined && { release: await readRelease(release, keys!) }),
    ...(ca !== undefined && { authority: await authorityOf(ca, options.replace ?? false) }),
    ...(watch !== undefined && { watch: watchOf(watch, options.operator) }),
  };
}

function watchOf(broker: string, operator: string | undefined): Watch {
  if (operator === undefined) return { broker, tls: null, credentials: null };
  const folder = operator.includes('/') ? operator.slice(0, operator.lastIndexOf('/')) : '.';
  const key = operator.replace(/\.pem$/, '.key');
  return { broker, tls: { ca: join(folder, 'root.pem'), certificate: operator, key }, credentials: null };
}

async function jsonOf(file: string): Promise<Record<string, unknown>> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new UserError(`${file} cannot be read as JSON: ${(cause as Error).message}.`, { cause });
  }
}

function tellPlan(plans: readonly Plan[], means: Means, { json, dryRun }: Options): void {
  for (const plan of plans) {
    const steps = stepsOf(plan, means);
    const by = plan.serial ?? plan.host!;
    if (json)
      printJson({ type: 'plan', device: nameOf(plan), by, steps: steps.map(({ name, aim }) => ({ step: name, aim })) });
    else {
      process.stdout.write(`${nameOf(plan)} by ${by}\n`);
      // Of a long list one plan tells enough: the others differ in their names.
      if (plan === plans[0] || dryRun)
        for (const { name, aim } of steps) process.stdout.write(`  ${name.padEnd(18)} ${aim}\n`);
    }
  }
  if (!json) process.stdout.write(dryRun ? 'Nothing was touched (--dry-run).\n' : '\n');
}

function report(runs: readonly BoardRun[], means: Means, json: boolean): void {
  for (const { plan, outcome, failure, beganMs, endedMs } of runs) {
    const seconds = Math.round(((endedMs ?? beganMs) - beganMs) / 1000);
    const folder = folderOf(means, plan);
    if (json)
      printJson({
        type: 'result',
        device: nameOf(plan),
        ok: failure === undefined,
        outcome,
        seconds,
        failure: failure ?? null,
        folder,
      });
    else if (outcome === 'done')
      process.stdout.write(
        `${nameOf(plan)} is provisioned (${duration(seconds)}). Transcript and console password: ${folder}\n`,
      );
    else if (outcome === 'done before') process.stdout.write(`${nameOf(plan)} was provisioned before.\n`);
  }
  const failed = runs.filter(({ outcome }) => outcome === 'failed' || outcome === 'waits');
  if (failed.length === 0) return;
  const sentences = failed.map(
    ({ plan, failure }) =>
      `${nameOf(plan)}: ${failure ?? 'stopped before it was begun.'} (log: ${folderOf(means, plan)}/transcript.log)`,
  );
  throw new UserError(sentences.join('\n       '));
}
