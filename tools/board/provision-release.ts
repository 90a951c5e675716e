// The runtime on a board: a signed release in a slot. The first one unpacks what installs it; later ones are installed by what runs.
import { readFile, stat } from 'node:fs/promises';
import { readHead } from '../../runtime/device/bundle.ts';
import type { BundleHead } from '../../runtime/device/bundle-head.ts';
import type { SlotState } from '../../runtime/device/launcher.ts';
import { readTrustedKeys } from '../../runtime/device/trusted-keys.ts';
import { UserError } from '../command.ts';
import { putFiles } from './provision-files.ts';
import { AS_SERVICE } from './provision-places.ts';
import { PLACES } from './provision-plan.ts';
import { notSo, type Step, so } from './provision-step.ts';
import { holds, must, type Shell } from './shell.ts';
import type { SshShell } from './ssh-shell.ts';

/** Sent at the slowest that a working cable has. */
const SLOWEST_BYTES_PER_SECOND = 20_000;
const INSTALL_MS = 2_400_000;
const SPARE_BYTES = 300 * 2 ** 20;
const TOLD_SHARE = 0.05;
const { slots: ROOT, node: NODE } = PLACES;
const INCOMING = `${ROOT}/incoming.bundle`;
const BOOTSTRAP = `${ROOT}/bootstrap`;

/** A release as a file here, verified. */
export interface Release {
  readonly file: string;
  readonly head: BundleHead;
  /** Whose releases the board shall take: a list of "earshot fleet release keys", as text. */
  readonly keys: string;
}

/** Verifies a release before anything of it is sent. @param keys file with the list. @throws UserError */
export async function readRelease(file: string, keys: string): Promise<Release> {
  const head = await readHead(file, { keys: (await readTrustedKeys(keys)).keys, architecture: 'arm64' });
  if (head.manifest.kind === 'runtime') return { file, head, keys: await readFile(keys, 'utf8') };
  throw new UserError(`${file} is a ${head.manifest.kind}, not a runtime: give a release of "earshot fleet release".`);
}

/** @param settings of the device, as text */
export function releaseStep(shell: SshShell, { file, head, keys }: Release, settings: string): Step {
  const { name, sequence } = head.manifest;
  const list = { path: `${ROOT}/first-keys.json`, content: keys, mode: '644', owner: 'earshot:earshot' };
  // The certificate comes later, made by this very release: what installs it must not ask for it.
  const { tls: _, ...withoutTls } = JSON.parse(settings);
  const first = { ...list, path: `${ROOT}/first-settings.json`, content: JSON.stringify(withoutTls) };
  return {
    name: 'release',
    aim: `${name} (${sequence}) in a slot of its own`,
    async look() {
      const state = await slotsOf(shell);
      if (!state?.good.runtime) return notSo('none');
      if (state.trial) return so(`${state.trial.name} (${state.trial.sequence}) is on trial`);
      if (state.good.runtime === head.id) return so(`${name} (${sequence})`);
      if (state.highest.runtime >= sequence) return so(`a newer one (${state.highest.runtime})`);
      return notSo(`an older one (${state.highest.runtime})`);
    },
    async make(note) {
      const state = await slotsOf(shell);
      await must(shell, 'making the folder of the slots', `install -d -m 755 -o earshot -g earshot ${ROOT}`);
      await send(shell, file, head, note);
      const earshot = state?.good.runtime ? `${ROOT}/current` : await bootstrap(shell, head, note);
      const command = `${AS_SERVICE} ${await nodeIn(shell, earshot)} ${earshot}/bin/earshot.js update`;
      await putFiles(shell, [list, first]);
      const trust = `if [ ! -e ${ROOT}/trusted-keys.json ]; then ${command} trust ${list.path} --first --root ${ROOT}; fi`;
      await must(shell, 'taking the list of trusted keys', trust, INSTALL_MS);
      note('proves it on the board');
      const install = `${command} install ${INCOMING} --root ${ROOT} --config ${first.path}`;
      await must(shell, `installing ${name}`, install, INSTALL_MS);
      await must(shell, 'clearing up', `rm -rf ${INCOMING} ${BOOTSTRAP} ${list.path} ${first.path}; sync`, INSTALL_MS);
      if (state?.good.runtime) await must(shell, 'starting it', 'systemctl restart earshot', INSTALL_MS);
    },
  };
}

/** What the launcher remembers; undefined on a board without slots. */
export async function slotsOf(shell: Shell): Promise<SlotState | undefined> {
  const text = await must(shell, 'reading the slots', `cat ${ROOT}/slots.json 2>/dev/null || true`);
  return text === '' ? undefined : (JSON.parse(text) as SlotState);
}

async function send(shell: SshShell, file: string, head: BundleHead, note: (text: string) => void): Promise<void> {
  const { size } = await stat(file);
  await checkSpace(shell, size + 2 * head.manifest.payload.unpackedBytes + SPARE_BYTES);
  let told = 0;
  const onBytes = (sent: number) => {
    if (sent / size < told + TOLD_SHARE) return;
    told = sent / size;
    note(`${Math.round(100 * told)} % sent`);
  };
  await shell.send(file, INCOMING, onBytes, 60_000 + (1000 * size) / SLOWEST_BYTES_PER_SECOND);
}

/** Unpacks the release itself, verified here, since nothing on the board can install it yet. @returns folder */
async function bootstrap(shell: Shell, head: BundleHead, note: (text: string) => void): Promise<string> {
  note('unpacks what installs it');
  const script = `set -e; rm -rf ${BOOTSTRAP}; mkdir ${BOOTSTRAP}
    tail -c +${head.bytes.length + 1} ${INCOMING} | tar xz --no-same-owner -C ${BOOTSTRAP}`;
  await must(shell, 'unpacking the release', script, INSTALL_MS);
  return BOOTSTRAP;
}

/** Node.js of the release where it brings one, else the board's; kept beside the slots for the launcher. */
async function nodeIn(shell: Shell, folder: string): Promise<string> {
  const own = `${folder}/node/bin/node`;
  if (await holds(shell, `[ -x ${own} ]`)) {
    const keep = `[ -x ${NODE} ] || { install -D -m 755 ${own} ${NODE}.partial && mv ${NODE}.partial ${NODE}; }`;
    await must(shell, 'keeping Node.js for the launcher', keep, INSTALL_MS);
    return own;
  }
  const isNew = 'node -e "process.exit(Number(process.versions.node.split(\\".\\")[0]) >= 20 ? 0 : 1)"';
  if (await holds(shell, isNew)) {
    await must(shell, 'keeping Node.js for the launcher', `[ -e ${NODE} ] || ln -s "$(command -v node)" ${NODE}`);
    return NODE;
  }
  throw new UserError(
    'The release brings no Node.js, and the board has none of version 20 or later: make the release with --node.',
  );
}

/** @throws UserError when the disk has no room */
async function checkSpace(shell: Shell, needed: number): Promise<void> {
  const kibibytes = await must(shell, 'asking for room', `df -Pk ${ROOT} | awk 'NR==2 {print $4}'`);
  const free = 1024 * Number(kibibytes);
  if (free >= needed) return;
  const mib = (value: number) => `${Math.round(value / 2 ** 20)} MiB`;
  throw new UserError(
    `The board has no room for the release: ${mib(needed)} are wanted at ${ROOT}, ${mib(free)} are free. Make room, or expand its root partition, and provision again.`,
  );
}
