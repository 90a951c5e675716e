// earshot fleet config: what is wished of devices far away, and where they are not so.
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { REMOTE_KEYS } from '../../runtime/device/twin.ts';
import { printJson, UserError } from '../command.ts';
import { type Change, changed, checkSettings, Release, same } from './desired.ts';
import { siteAndDevice } from './fleet-view.ts';
import {
  atDesk,
  type DesiredAnswer,
  type DeskOptions,
  keyOf,
  type RolloutDesk,
  withDeskOptions,
} from './rollout-desk.ts';
import { printable } from './terminal-text.ts';
import { printTable } from './text-table.ts';

interface Common extends DeskOptions {
  readonly json?: boolean;
}

export function fleetConfigCommand(): Command {
  const config = new Command('config').summary('settings and release that devices should have, and what they have');
  config.addCommand(showCommand());
  config.addCommand(setCommand());
  config.addCommand(diffCommand());
  config.addCommand(tagCommand());
  return config.addHelpText(
    'after',
    '\nExamples:\n  earshot fleet config show\n  earshot fleet config set mill/ear-3 --set headingDegrees=270\n  earshot fleet config diff',
  );
}

function showCommand(): Command {
  const command = new Command('show')
    .summary('show what is wished of devices beside what they report')
    .argument('[site/device...]', 'default: all devices');
  return withDeskOptions(command)
    .option('--json', 'print one JSON object per device')
    .addHelpText('after', '\nExamples:\n  earshot fleet config show\n  earshot fleet config show mill/ear-3 --json')
    .action((names: string[], options: Common) => atDesk(options, (desk) => show(desk, names, options)));
}

interface SetOptions extends Common {
  readonly set: readonly string[];
  readonly unset: readonly string[];
  readonly release?: string;
  readonly noRelease?: boolean;
  readonly expect?: string;
  readonly dryRun?: boolean;
}

function setCommand(): Command {
  const several = (value: string, before: readonly string[]) => [...before, value];
  const command = new Command('set')
    .summary('change settings or release of one or a few devices at once; of many: earshot fleet rollout')
    .argument('<site/device...>')
    .option(
      '--set <key=value>',
      `a setting, its value as JSON; again for more (${REMOTE_KEYS.join(', ')})`,
      several,
      [],
    )
    .option('--unset <key>', "take a setting back to the device's own file; again for more", several, [])
    .option('--release <file>', 'JSON with name, sequence, sha256 and url of a bundle')
    .option('--expect <version>', 'only if this is still the version of what is wished')
    .option('--dry-run', 'show what would change');
  return withDeskOptions(command)
    .option('--json', 'print one JSON object per device')
    .addHelpText(
      'after',
      '\nExamples:\n  earshot fleet config set mill/ear-3 --set headingDegrees=270\n' +
        '  earshot fleet config set mill/ear-3 --set \'position={"latitude":52.5,"longitude":13.4}\' --expect 4\n' +
        '  earshot fleet config set mill/ear-3 --unset healthSeconds --dry-run',
    )
    .action((names: string[], options: SetOptions) => atDesk(options, (desk) => set(desk, names, options)));
}

function diffCommand(): Command {
  const command = new Command('diff')
    .summary('where devices are not as it is wished; exit code 1 when there is such a device')
    .argument('[site/device...]', 'default: all devices');
  return withDeskOptions(command)
    .option('--json', 'print one JSON object per device that differs')
    .addHelpText('after', '\nExamples:\n  earshot fleet config diff\n  earshot fleet config diff mill/ear-3')
    .action((names: string[], options: Common) => atDesk(options, (desk) => diff(desk, names, options)));
}

interface TagOptions extends Common {
  readonly add: readonly string[];
  readonly remove: readonly string[];
  readonly zone?: string;
}

function tagCommand(): Command {
  const several = (value: string, before: readonly string[]) => [...before, value];
  const command = new Command('tag')
    .summary('note tags and time zone of devices, for the rules and windows of rollouts')
    .argument('<site/device...>')
    .option('--add <tag>', 'again for more', several, [])
    .option('--remove <tag>', 'again for more', several, [])
    .option('--zone <name>', 'time zone such as Europe/Berlin; none: forget it');
  return withDeskOptions(command)
    .option('--json', 'print one JSON object per device')
    .addHelpText(
      'after',
      '\nExamples:\n  earshot fleet config tag mill/ear-3 mill/ear-4 --add roof --zone Europe/Berlin',
    )
    .action((names: string[], options: TagOptions) => atDesk(options, (desk) => tag(desk, names, options)));
}

export async function show(desk: RolloutDesk, names: readonly string[], { json }: { json?: boolean }): Promise<void> {
  const all = await wishesOf(desk, names);
  if (json) for (const each of all) printJson({ type: 'desired', ...each });
  else if (names.length === 0) printTable(COLUMNS, all);
  else for (const each of all) process.stdout.write(`${lines(each).map(printable).join('\n')}\n`);
}

const COLUMNS = [
  { title: 'DEVICE', of: nameOf },
  {
    title: 'WISHED',
    of: ({ version }: DesiredAnswer) => (version === 0 ? '-' : String(version)),
    align: 'right' as const,
  },
  {
    title: 'IN USE',
    of: ({ reported }: DesiredAnswer) => (reported ? String(reported.version) : '-'),
    align: 'right' as const,
  },
  { title: 'STATE', of: ({ reported }: DesiredAnswer) => reported?.state ?? '-' },
  { title: 'TAGS', of: ({ tags }: DesiredAnswer) => tags.join(' ') },
  { title: 'DRIFT', of: ({ drift }: DesiredAnswer) => drift.join('; ') },
];

function lines(each: DesiredAnswer): string[] {
  const { version, published, settings, release, changed: when, changedBy, reported, tags, zone, drift } = each;
  const way = published < version ? ', not at the broker yet' : '';
  const wished = Object.entries(settings).map(([key, value]) => `  ${key} = ${JSON.stringify(value)}`);
  return [
    version === 0
      ? `${nameOf(each)}: nothing is wished`
      : `${nameOf(each)}: version ${version} by ${changedBy}, ${when}${way}`,
    ...wished,
    ...(release ? [`  release ${release.name} (${release.sequence}) from ${release.url}`] : []),
    ...(reported
      ? [`  the device has version ${reported.version} (${reported.state})`]
      : ['  the device has said nothing of its settings']),
    ...(tags.length > 0 ? [`  tags ${tags.join(' ')}`] : []),
    ...(zone ? [`  zone ${zone}`] : []),
    ...drift.map((line) => `  ! ${line}`),
  ];
}

export async function set(
  desk: RolloutDesk,
  names: readonly string[],
  options: Omit<SetOptions, 'hub'>,
): Promise<void> {
  const change = await changeOf(options);
  const expected = options.expect === undefined ? undefined : versionNumber(options.expect);
  for (const name of names) {
    const key = siteAndDevice(name);
    const [before] = await desk.desired([name]);
    const wish = before ?? { version: 0, settings: {}, release: null };
    const after = changed(wish, change);
    const isSame = same(after, { settings: wish.settings, release: wish.release });
    if (!options.dryRun && !isSame) await desk.change(key, change, expected ?? wish.version);
    if (options.json)
      printJson({
        type: 'desired-change',
        name,
        ...after,
        version: wish.version,
        isSame,
        isDryRun: options.dryRun ?? false,
      });
    else
      process.stdout.write(
        `${name}: ${isSame ? 'is wished so already' : summaryOf(change)}${options.dryRun && !isSame ? ' (dry run: nothing changed)' : ''}\n`,
      );
  }
}

function summaryOf({ settings = {}, release }: Change): string {
  const parts = Object.entries(settings).map(
    ([key, value]) => `${key} ${value === null ? 'as in its file' : `= ${JSON.stringify(value)}`}`,
  );
  if (release) parts.push(`release ${release.name} (${release.sequence})`);
  return parts.join(', ');
}

async function changeOf({ set: given, unset, release }: Omit<SetOptions, 'hub'>): Promise<Change> {
  const settings: Record<string, unknown> = Object.fromEntries(unset.map((key) => [key, null]));
  for (const text of given) {
    const at = text.indexOf('=');
    if (at < 1) throw new UserError(`--set ${text}: give KEY=VALUE, e.g. headingDegrees=270.`);
    settings[text.slice(0, at)] = jsonValue(text.slice(at + 1), text);
  }
  checkSettings(settings);
  if (Object.keys(settings).length === 0 && release === undefined)
    throw new UserError('Nothing to change: give --set, --unset or --release.');
  return {
    ...(Object.keys(settings).length > 0 && { settings }),
    ...(release !== undefined && { release: await readRelease(release) }),
  };
}

function jsonValue(text: string, given: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UserError(
      `--set ${given}: ${text} is no JSON; numbers and {"latitude":52.5,...} are, words stand in "quotes".`,
    );
  }
}

async function readRelease(file: string): Promise<Release> {
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new UserError(`${file} cannot be read (${cause.message}).`, { cause });
  });
  const result = Release.safeParse(jsonValue(text, file));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new UserError(`${file}: ${issue?.path.join('.') || 'release'}: ${issue?.message}.`);
}

function versionNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UserError(`--expect ${text}: give the version that "earshot fleet config show" told.`);
}

export async function diff(desk: RolloutDesk, names: readonly string[], { json }: { json?: boolean }): Promise<void> {
  const different = (await wishesOf(desk, names)).filter(({ drift }) => drift.length > 0);
  for (const each of different) {
    if (json) printJson({ type: 'drift', name: nameOf(each), drift: each.drift });
    else for (const line of each.drift) process.stdout.write(`${printable(`${nameOf(each)}: ${line}`)}\n`);
  }
  if (different.length > 0) process.exitCode = 1;
}

async function tag(
  desk: RolloutDesk,
  names: readonly string[],
  { add, remove, zone, json }: TagOptions,
): Promise<void> {
  const note = {
    addTags: [...add],
    removeTags: [...remove],
    ...(zone !== undefined && { zone: zone === 'none' ? null : zone }),
  };
  if (add.length + remove.length === 0 && zone === undefined)
    throw new UserError('Nothing to note: give --add, --remove or --zone.');
  for (const name of names) {
    await desk.note(siteAndDevice(name), note);
    const [known] = await desk.desired([name]);
    const { tags = [], zone: now = null } = known ?? {};
    if (json) printJson({ type: 'note', name, tags, zone: now });
    else process.stdout.write(`${name}: ${[...tags, now ?? 'no time zone'].join(' ')}\n`);
  }
}

/** @throws UserError when a device that was named is not known */
async function wishesOf(desk: RolloutDesk, names: readonly string[]): Promise<DesiredAnswer[]> {
  for (const name of names) siteAndDevice(name);
  const all = await desk.desired(names.length > 0 ? names : undefined);
  const missing = names.find((name) => !all.some((each) => nameOf(each) === nameOf(keyOf(name))));
  if (missing !== undefined)
    throw new UserError(`The hub knows no device ${missing}: "earshot fleet ls" shows whom it knows.`);
  return all;
}

function nameOf({ site, device }: { site: string; device: string }): string {
  return `${site}/${device}`;
}
