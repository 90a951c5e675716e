// earshot update status, confirm, rollback and trust: the slots of this device, and whose releases it takes.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { readSlots, type Slots, slotFolder } from '../runtime/device/launcher.ts';
import { writeState } from '../runtime/device/state-file.ts';
import { followChain, readTrustedKeys } from '../runtime/device/trusted-keys.ts';
import { confirmRelease, goBack, keysFileOf, trustKeys } from '../runtime/device/update.ts';
import { verifySlot } from '../runtime/device/update-slot.ts';
import { printJson, UserError } from './command.ts';

/** Where slots lie when nobody says otherwise; the launcher says it to what it starts. */
export const ROOT = process.env.EARSHOT_SLOTS ?? '/opt/earshot';

interface Options {
  readonly root: string;
  readonly json?: boolean;
  readonly first?: boolean;
}

const command = (name: string) =>
  new Command(name).option('--root <folder>', 'where the slots lie', ROOT).option('--json', 'print one JSON object');

const say = (json: boolean | undefined, value: object, text: string) => {
  if (json) printJson(value);
  else process.stdout.write(`${text}\n`);
};

export function statusCommand(): Command {
  return command('status')
    .summary('what runs here, what is on trial, what became of the last release')
    .description('Verifies every file of every slot against its signature, and tells which of them runs.')
    .addHelpText('after', '\nExamples:\n  earshot update status\n  earshot update status --root /opt/earshot --json\n')
    .action(status);
}

async function status({ root, json }: Options): Promise<void> {
  const state = readSlots(root);
  const { keys, newest } = await readTrustedKeys(keysFileOf(root));
  const look = async (slots: Slots | null) => {
    if (!slots?.runtime) return null;
    const parts = [slots.runtime, slots.model].filter((slot) => slot !== null);
    return Promise.all(
      parts.map(async (slot) => {
        const verified = await verifySlot(slotFolder(root, slot), { keys }).catch((error: Error) => error);
        if (verified instanceof Error) return { slot, problem: verified.message };
        const { kind, name, sequence } = verified.manifest;
        return { slot, kind, name, sequence, problem: null };
      }),
    );
  };
  const [good, before, trial] = [await look(state.good), await look(state.before), await look(state.trial)];
  const { last, highest } = state;
  if (json) return printJson({ root, good, before, trial, last, highest, keys: newest.keys });
  const line = (what: string, slots: Awaited<ReturnType<typeof look>>) => {
    const parts = slots?.map((slot) => (slot.problem === null ? `${slot.name} (${slot.sequence})` : slot.problem));
    return `${what.padEnd(10)} ${parts?.join(', ') ?? 'nothing'}`;
  };
  const lines = [
    ...(state.trial ? [`${line('on trial', trial)}, start ${state.trial.starts}`] : []),
    ...[line(state.trial ? 'good' : 'runs', good), line('before', before)],
    ...(last
      ? [`${'last'.padEnd(10)} ${last.name} (${last.sequence}): ${last.outcome}${last.error ? `, ${last.error}` : ''}`]
      : []),
    `${'trusted'.padEnd(10)} ${newest.keys.map(({ id, revoked }) => (revoked === null ? id : `not ${id}`)).join(', ')}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

export function confirmCommand(): Command {
  return command('confirm')
    .summary('keep the release that is on trial, without waiting')
    .description('The service does it by itself once it was healthy long enough.')
    .addHelpText('after', '\nExamples:\n  earshot update confirm\n')
    .action(async ({ root, json }: Options) => {
      const last = await confirmRelease(root);
      if (!last) throw new UserError(`Nothing is on trial in ${root}: "earshot update status" tells what runs.`);
      say(json, last, `${last.name} (${last.sequence}) is kept.`);
    });
}

export function rollbackCommand(): Command {
  return command('rollback')
    .summary('go back to what ran before')
    .description(
      'Ends a trial, or goes back from a release that was kept; it runs after the next start of the service.',
    )
    .addHelpText('after', '\nExamples:\n  earshot update rollback && sudo systemctl restart earshot\n')
    .action(({ root, json }: Options) => {
      const { runtime } = goBack(root);
      say(json, { runtime }, `Slot ${runtime} runs after "sudo systemctl restart earshot".`);
    });
}

export function trustCommand(): Command {
  return command('trust')
    .summary('take a list of the keys whose releases this device installs')
    .description(
      'A list must go on from the one that is trusted here; each runtime brings the newest with it, so this is\n' +
        'needed when a device is set up, and when a key must be revoked at once.',
    )
    .argument('<file>', 'keys.json of "earshot fleet release keys"')
    .option('--first', 'when the device is set up: it has no list yet')
    .addHelpText('after', '\nExamples:\n  earshot update trust keys.json --first\n  earshot update trust keys.json\n')
    .action(trust);
}

async function trust(file: string, { root, first, json }: Options): Promise<void> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(`Cannot read ${file}: ${cause.code}.`, { cause });
  });
  const own = keysFileOf(root);
  if (first && !existsSync(own)) await writeState(own, followChain(text, file).chain);
  else await trustKeys(root, text, file);
  const { newest } = await readTrustedKeys(own);
  say(json, newest, `List ${newest.serial} of trusted keys is in use: ${newest.keys.length} keys.`);
}
