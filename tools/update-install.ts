// earshot update install: takes a release from a file, a USB stick or a server into a slot of its own, and puts it on trial.
import { execFile } from 'node:child_process';
import { existsSync, statSync, writeFile } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { Command } from 'commander';
import { readConfig } from '../runtime/config.ts';
import { BundleError } from '../runtime/device/bundle-error.ts';
import { installRelease, type UpdateStage } from '../runtime/device/update.ts';
import { thisDevice } from '../runtime/device/update-device.ts';
import { Downloader, readPem } from '../runtime/device/update-download.ts';
import { httpSource } from '../runtime/device/update-fetch.ts';
import { proveSlot } from '../runtime/device/update-prove.ts';
import { fileSource } from '../runtime/device/update-slot.ts';
import { printJson, UserError } from './command.ts';
import { createLiveText } from './progress.ts';
import { ROOT } from './update-slots.ts';

interface Options {
  readonly root: string;
  readonly config: string;
  readonly sha256?: string;
  readonly name?: string;
  readonly sequence?: string;
  readonly wish?: string;
  readonly needsBroker?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
The release is verified before anything in it is read, unpacked beside what runs, and proved there: its own code starts, its
network computes the golden windows. Only then it is switched to; after the next start of the service it must stay healthy, or
what ran before comes back by itself. Nothing is changed by a release that is refused.

Examples:
  earshot update install /media/usb/earshot-12.bundle
  earshot update install https://hub.example/releases/4f5c... && sudo systemctl restart earshot
`;

export function installCommand(): Command {
  return new Command('install')
    .summary('install a signed release on this device')
    .description('Installs a bundle of "earshot fleet release" or "earshot model pack"; docs/updates.md tells how.')
    .argument('<bundle>', 'file, or http(s) URL')
    .option('--root <folder>', 'where the slots lie', ROOT)
    .option('--config <file>', 'settings of the device, JSON', '/etc/earshot/device.json')
    .option('--sha256 <hex>', 'of the bundle file: another one is not taken')
    .option('--name <name>', 'of the release: another one is not taken')
    .option('--sequence <number>', 'of the release: another one is not taken')
    .option('--wish <version>', 'version of the remote settings that ask for it')
    .option('--needs-broker', 'keep it only if it reaches the broker')
    .option('--json', 'print one JSON object per stage')
    .addHelpText('after', EXAMPLES)
    .action(install);
}

async function install(bundle: string, options: Options): Promise<void> {
  const { root, config: file, sha256, name, sequence, wish, needsBroker = false, json } = options;
  const config = await readConfig(file);
  checkOwner(root);
  beNice();
  const { update, tls } = config;
  const downloader = new Downloader({
    bytesPerSecond: update.kilobytesPerSecond && 1000 * update.kilobytesPerSecond,
    ca: await readPem(update.ca ?? tls?.ca),
    certificate: await readPem(tls?.certificate),
    key: await readPem(tls?.key),
  });
  const live = json || !process.stderr.isTTY ? undefined : createLiveText(process.stderr);
  const onStage = (stage: UpdateStage, share: number) => {
    if (json) printJson({ type: 'stage', stage, share: Number(share.toFixed(3)) });
    else live?.(`${stage} ${(100 * share).toFixed(0)} %`);
  };
  const progress = thinned(onStage);
  const source = /^https?:/.test(bundle)
    ? httpSource({ url: bundle, root, sha256, downloader, onBytes: (got, all) => progress('downloading', got / all) })
    : fileSource(bundle);
  try {
    const installed = await installRelease({
      ...{ root, source, device: await thisDevice(update.board, process.env.EARSHOT_ROOT ?? '/'), onStage: progress },
      ...{ wish: wish === undefined ? null : Number(wish) },
      ...(name !== undefined && sequence !== undefined && { expected: { name, sequence: Number(sequence) } }),
      terms: { healthySeconds: 60 * update.healthyMinutes, limitSeconds: 60 * update.limitMinutes, needsBroker },
      prove: (slots) => proveSlot({ root, slots, config: file, onLine: (line) => process.stderr.write(`${line}\n`) }),
    });
    live?.clear();
    const { state } = installed;
    const next =
      state === 'trial'
        ? 'on trial after "sudo systemctl restart earshot"'
        : state === 'kept'
          ? 'kept'
          : 'what runs already';
    if (json) printJson({ type: 'installed', ...installed, receivedBytes: downloader.received });
    else process.stdout.write(`${installed.name} (${installed.sequence}) is ${next}.\n`);
  } catch (error) {
    const { name: kind, message } = error as Error;
    if (json && kind === 'UserError') {
      printJson({ type: 'failed', code: error instanceof BundleError ? error.code : 'other', message });
    }
    throw error;
  } finally {
    live?.done();
    downloader.close();
  }
}

/** Files of another user would be in the way of the service's own updates. */
function checkOwner(root: string): void {
  if (!existsSync(root)) throw new UserError(`There is no ${root}: provision the device, or give --root.`);
  const { uid } = statSync(root);
  if (uid === process.getuid?.()) return;
  throw new UserError(`${root} belongs to another user (${uid}): run it as that one, e.g. with "sudo -u earshot".`);
}

/** The sound goes first: for the processor and for the disk. */
function beNice(): void {
  setPriority(constants.priority.PRIORITY_LOW);
  // When memory is short this process is ended before the service is; a system without that file goes on as it is.
  writeFile('/proc/self/oom_score_adj', '800', () => undefined);
  // A machine without ionice (util-linux) goes on as it is.
  execFile('ionice', ['-c', '3', '-p', String(process.pid)], () => undefined);
}

/** Whole percents of a stage, each once. */
function thinned(tell: (stage: UpdateStage, share: number) => void): typeof tell {
  let last = '';
  return (stage, share) => {
    const now = `${stage} ${Math.floor(100 * share)}`;
    if (now !== last) tell(stage, share);
    last = now;
  };
}
