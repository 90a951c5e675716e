// One board from a login prompt to a heartbeat: over its console as far as SSH, over SSH the rest.
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { wizardPages } from '../../boards/first-boot.ts';
import { writeOwn } from '../../runtime/device/device-key.ts';
import { UserError } from '../command.ts';
import { Console } from './console.ts';
import type { LoginTimes } from './console-login.ts';
import { ConsoleShell } from './console-shell.ts';
import { answerWizard } from './console-wizard.ts';
import { addressesOf, hostKeyStep, keeperStep, passwordStep, sshServerStep } from './provision-access.ts';
import { boardStep } from './provision-board.ts';
import { heartbeatStep, type Watch } from './provision-heartbeat.ts';
import { clockStep, hostnameStep, wifiStep } from './provision-network.ts';
import { nameOf, type Plan } from './provision-plan.ts';
import { type Release, releaseStep } from './provision-release.ts';
import {
  type Authority,
  certificateStep,
  doctorStep,
  serviceFilesStep,
  settingsOf,
  settingsStep,
  startStep,
} from './provision-service.ts';
import { type Step, type StepEvent, takeSteps } from './provision-step.ts';
import { openSerialLine } from './serial-line.ts';
import type { Shell } from './shell.ts';
import { fingerprintOf, hostKeyOf, KnownHosts } from './ssh-hosts.ts';
import { publicKeyOf, SshShell } from './ssh-shell.ts';
import { Transcript } from './transcript.ts';

/** What all boards of one run share. */
export interface Means {
  /** Folder of what is kept about boards: known_hosts, and a folder for each with its transcript and console password. */
  readonly folder: string;
  /** Private key for SSH, as a file of OpenSSH. */
  readonly identity: Uint8Array;
  /** Password of the account that flashing left. */
  readonly password: string;
  readonly wifiPassword?: string;
  /** Undefined: what runs there stays. */
  readonly release?: Release;
  /** Undefined: the settings bring their own way to the broker. */
  readonly authority?: Authority;
  /** Undefined: nobody waits for a heartbeat. */
  readonly watch?: Watch;
  readonly times?: LoginTimes;
}

const PASSWORD_BYTES = 12;
const REACH_MS = 5000;
const REACH_TRIES = 12;

export const folderOf = ({ folder }: Pick<Means, 'folder'>, { site, device }: Plan): string =>
  join(folder, site, device);

/** Provisions one board; what holds already is left as it is. @throws UserError at the first step that cannot be taken */
export async function provision(
  plan: Plan,
  means: Means,
  signal: AbortSignal,
  tell: (event: StepEvent) => void,
): Promise<void> {
  const transcript = new Transcript(join(folderOf(means, plan), 'transcript.log'));
  for (const secret of [means.password, means.wifiPassword]) if (secret) transcript.hide(secret);
  transcript.note(`provisions ${nameOf(plan)}`);
  const told = (event: StepEvent) => {
    transcript.note(`${event.step}: ${event.state} ${event.detail}`);
    tell(event);
  };
  const hosts = new KnownHosts(join(means.folder, 'known_hosts'));
  const addresses =
    plan.serial === undefined ? [] : await overConsole(plan, means, { transcript, hosts, told, signal });
  const shell = await overSsh(plan, means, { transcript, hosts, addresses, told, signal });
  try {
    await takeSteps(stepsOverSsh(shell, plan, means), told, signal);
  } finally {
    await shell.close();
  }
}

interface Session {
  readonly transcript: Transcript;
  readonly hosts: KnownHosts;
  readonly told: (event: StepEvent) => void;
  readonly signal: AbortSignal;
}

/** @returns addresses under which the board may be found */
async function overConsole(plan: Plan, means: Means, { transcript, hosts, told, signal }: Session): Promise<string[]> {
  const wanted = await ownPassword(join(folderOf(means, plan), 'console-password'));
  transcript.hide(wanted.password);
  const passwords = wanted.isNew ? [means.password] : [wanted.password, means.password];
  const account = { user: plan.user, passwords, newPassword: wanted.password };
  const console = new Console({ path: plan.serial!, open: openSerialLine, transcript });
  const wizard = () =>
    answerWizard(console, wizardPages(plan.board), { account, hostname: plan.hostname ?? plan.device });
  const shell = new ConsoleShell({ console, account, times: means.times, wizard });
  try {
    await takeSteps([consoleStep(shell)], told, signal);
    await takeSteps(stepsOverConsole(shell, plan, means, { hosts, wanted: wanted.password }), told, signal);
    return await addressesOf(shell);
  } finally {
    await shell.close();
  }
}

function consoleStep(shell: ConsoleShell): Step {
  let isIn = false;
  return {
    name: 'console',
    aim: 'a shell of root over the serial console',
    look: async () => ({ isSo: isIn, found: isIn ? shell.name : 'logs in' }),
    async make() {
      await shell.open();
      isIn = true;
    },
  };
}

function stepsOverConsole(
  shell: ConsoleShell,
  plan: Plan,
  means: Means,
  { hosts, wanted }: { hosts: KnownHosts; wanted: string },
): Step[] {
  return [
    boardStep(shell, plan),
    ...(plan.wifi === undefined ? [] : [wifiStep(shell, plan.wifi, means.wifiPassword ?? '')]),
    keeperStep(shell, plan, publicKeyOf(means.identity)),
    sshServerStep(shell),
    hostKeyStep(shell, nameOf(plan), hosts),
    passwordStep(shell, plan, { taken: shell.password, wanted }),
  ];
}

/** What is done over SSH, in this order. @param shell of a plan that is only shown: none of its commands is run */
function stepsOverSsh(shell: SshShell, plan: Plan, means: Means): Step[] {
  const { release, authority, watch } = means;
  const settings = settingsOf(plan, authority !== undefined);
  return [
    ...(plan.serial === undefined ? [boardStep(shell, plan)] : []), // else the console has told it, and the host key is the same
    hostnameStep(shell, plan.hostname ?? plan.device),
    clockStep(shell, plan),
    serviceFilesStep(shell),
    settingsStep(shell, settings),
    ...(release === undefined ? [] : [releaseStep(shell, release, settings)]),
    ...(authority === undefined ? [] : [certificateStep(shell, plan, authority)]),
    doctorStep(shell),
    startStep(shell),
    ...(watch === undefined ? [] : [heartbeatStep(plan, watch)]),
  ];
}

/** The steps of a plan, in words, without touching anything. */
export function stepsOf(plan: Plan, means: Means): Pick<Step, 'name' | 'aim'>[] {
  const nowhere: Shell = {
    name: 'nowhere',
    run: () => Promise.reject(new Error('a plan runs nothing')),
    put: () => Promise.reject(new Error('a plan writes nothing')),
    close: async () => undefined,
  };
  const console = nowhere as ConsoleShell;
  const hosts = new KnownHosts('');
  const first =
    plan.serial === undefined
      ? []
      : [consoleStep(console), ...stepsOverConsole(console, plan, means, { hosts, wanted: '' })];
  return [...first, ...stepsOverSsh(nowhere as SshShell, plan, means)];
}

async function overSsh(
  plan: Plan,
  means: Means,
  { transcript, hosts, addresses, told }: Session & { addresses: readonly string[] },
): Promise<SshShell> {
  const step = 'ssh';
  told({ step, state: 'looks', detail: '' });
  try {
    const line = await hosts.find(nameOf(plan));
    if (line === undefined)
      throw new UserError(
        `No host key of ${nameOf(plan)} is known: provision it over its console first (--serial), which reads the key from the board itself.`,
      );
    const { port, keeper: user } = plan;
    const host = await reachable(plan.host === undefined ? addresses : [plan.host], port);
    const fingerprint = fingerprintOf(hostKeyOf(line));
    const shell = new SshShell({ host, port, user, privateKey: means.identity, fingerprint, transcript });
    await shell.open();
    told({ step, state: 'done', detail: shell.name });
    return shell;
  } catch (error) {
    told({ step, state: 'failed', detail: (error as Error).message });
    throw error;
  }
}

/** The first address that answers; a network that has just come up is waited for. */
async function reachable(hosts: readonly string[], port: number): Promise<string> {
  for (let attempt = 0; attempt < REACH_TRIES; attempt += 1) {
    for (const host of hosts) if (await answers(host, port)) return host;
    await delay(1000);
  }
  const tried = hosts.length > 0 ? `none of ${hosts.join(', ')} answers on port ${port}` : 'the board has no address';
  throw new UserError(
    `SSH does not reach the board: ${tried}. Connect its USB cable (192.168.55.1) or its network, or give --host.`,
  );
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.setTimeout(REACH_MS, () => end(false));
    // A forwarded port takes connections that lead nowhere: only a greeting is an answer (RFC 4253, 4.2).
    socket
      .once('data', () => end(true))
      .once('error', () => end(false))
      .once('close', () => end(false));
  });
}

/** A password of the board's own: kept here before the board has it, so that no cut in between locks anybody out. */
async function ownPassword(file: string): Promise<{ password: string; isNew: boolean }> {
  try {
    return { password: (await readFile(file, 'utf8')).trim(), isNew: false };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const password = randomBytes(PASSWORD_BYTES).toString('base64url');
  await writeOwn(file, `${password}\n`);
  return { password, isNew: true };
}
