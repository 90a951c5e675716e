// earshot fleet alarms: what is wrong in the fleet, who looks after it, and the rules by which it is told.
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { z } from 'zod';
import { printJson, UserError } from '../command.ts';
import { AlarmRule } from './alarm-rules.ts';
import { Alarm, AlarmRules, Alarms } from './http/contract-rollouts.ts';
import { type HubOptions, hubOf, withHubOptions } from './hub-options.ts';
import { ago, type Column, printTable } from './text-table.ts';

const HOUR_MS = 3_600_000;
const LONGEST_SILENCE_HOURS = 8760;

export function fleetAlarmsCommand(): Command {
  const alarms = new Command('alarms').summary('what is wrong in the fleet, and what raises alarms');
  alarms.addCommand(listCommand());
  alarms.addCommand(acknowledgeCommand());
  alarms.addCommand(silenceCommand());
  alarms.addCommand(rulesCommand());
  alarms.addCommand(setCommand());
  alarms.addCommand(removeCommand());
  return alarms.addHelpText(
    'after',
    '\nExamples:\n  earshot fleet alarms list --open\n  earshot fleet alarms silence 17 --hours 8\n  earshot fleet alarms set siren-at-night.json',
  );
}

const COLUMNS: readonly Column<Alarm>[] = [
  { title: 'ALARM', of: ({ id }) => String(id), align: 'right' },
  { title: 'STATE', of: stateOf },
  { title: 'SEVERITY', of: ({ severity }) => severity },
  { title: 'RULE', of: ({ rule }) => rule },
  { title: 'DEVICE', of: ({ site, device }) => (site ? `${site}/${device}` : 'the hub') },
  { title: 'RAISED', of: ({ raised }) => ago(raised) },
  { title: 'WHAT', of: ({ message }) => message },
];

function stateOf({ cleared, silencedUntil, acknowledgedBy }: Alarm): string {
  if (cleared !== null) return 'over';
  if (silencedUntil !== null && Date.parse(silencedUntil) > Date.now()) return 'silenced';
  return acknowledgedBy === null ? 'open' : `${acknowledgedBy} has it`;
}

function listCommand(): Command {
  const command = new Command('list')
    .summary('alarms, open ones first')
    .option('--open', 'open ones alone')
    .option('--limit <n>', 'at most so many', '100');
  return withHubOptions(command)
    .addHelpText('after', '\nExamples:\n  earshot fleet alarms list\n  earshot fleet alarms list --open --json')
    .action(async (options: HubOptions & { open?: boolean; limit: string }) => {
      const query = { open: String(options.open === true), limit: options.limit };
      const { alarms } = await (await hubOf(options)).get('alarms', Alarms, query);
      if (options.json) for (const each of alarms) printJson({ type: 'alarm', ...each });
      else if (alarms.length === 0)
        process.stdout.write(`No alarm${options.open ? ' is open' : ' was ever raised'}.\n`);
      else printTable(COLUMNS, alarms);
    });
}

function acknowledgeCommand(): Command {
  const command = new Command('acknowledge').summary('say that somebody looks after them').argument('<alarm...>');
  return withHubOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n  earshot fleet alarms acknowledge 17\n  earshot fleet alarms acknowledge 17 18',
    )
    .action(async (ids: string[], options: HubOptions) => {
      const hub = await hubOf(options);
      for (const id of ids.map(numberOf)) tell(await hub.send('POST', `alarms/${id}/acknowledge`, Alarm), options);
    });
}

function silenceCommand(): Command {
  const command = new Command('silence')
    .summary('no word of an alarm for a while; it is kept and shown all the same')
    .argument('<alarm>')
    .option('--hours <n>', `how long, at most ${LONGEST_SILENCE_HOURS}`, '8')
    .option('--end', 'words again from now on');
  return withHubOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n  earshot fleet alarms silence 17 --hours 72\n  earshot fleet alarms silence 17 --end',
    )
    .action(async (id: string, options: HubOptions & { hours: string; end?: boolean }) => {
      const body = {
        until: options.end ? null : new Date(Date.now() + hoursOf(options.hours) * HOUR_MS).toISOString(),
      };
      tell(await (await hubOf(options)).send('POST', `alarms/${numberOf(id)}/silence`, Alarm, body), options);
    });
}

function rulesCommand(): Command {
  return withHubOptions(
    new Command('rules').summary("what raises alarms: the hub's own rules and those that were added"),
  )
    .addHelpText('after', '\nExamples:\n  earshot fleet alarms rules\n  earshot fleet alarms rules --json')
    .action(async (options: HubOptions) =>
      tellRules((await (await hubOf(options)).get('alarm-rules', AlarmRules)).rules, options),
    );
}

function setCommand(): Command {
  const command = new Command('set')
    .summary('add a rule, or change one of that name')
    .argument('<file>', 'JSON of one rule (docs/fleet-rollouts.md, Alarms)');
  return withHubOptions(command)
    .addHelpText('after', '\nExamples:\n  earshot fleet alarms set siren-at-night.json')
    .action(async (file: string, options: HubOptions) => {
      const rule = await readRule(file);
      const { rules } = await (await hubOf(options)).send('PUT', `alarm-rules/${rule.name}`, AlarmRules, rule);
      tellRules(
        rules.filter(({ name }) => name === rule.name),
        options,
      );
    });
}

function removeCommand(): Command {
  const command = new Command('remove')
    .summary("take a rule away, or the changes of one of the hub's own")
    .argument('<rule>');
  return withHubOptions(command)
    .addHelpText('after', '\nExamples:\n  earshot fleet alarms remove siren-at-night')
    .action(async (name: string, options: HubOptions) => {
      await (await hubOf(options)).send('DELETE', `alarm-rules/${encodeURIComponent(name)}`, z.undefined());
      if (options.json) printJson({ type: 'alarm-rule-removed', name });
      else process.stdout.write(`${name} is gone, or as the hub brings it.\n`);
    });
}

/** @throws UserError naming file, place and rule */
async function readRule(file: string): Promise<AlarmRule> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new UserError(`${file} holds no rule (${(cause as Error).message}).`, { cause });
  }
  const result = AlarmRule.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new UserError(`${file} breaks a rule: ${issue?.path.join('.') || 'the whole'}: ${issue?.message}.`);
}

function tell(alarm: Alarm, { json }: HubOptions): void {
  if (json) printJson({ type: 'alarm', ...alarm });
  else printTable(COLUMNS, [alarm]);
}

const RULE_COLUMNS: readonly Column<AlarmRule>[] = [
  { title: 'RULE', of: ({ name }) => name },
  { title: 'STATE', of: ({ enabled }) => (enabled ? 'on' : 'off') },
  { title: 'SEVERITY', of: ({ severity }) => severity },
  { title: 'KIND', of: ({ kind }) => kind },
  { title: 'WHEN', of: whenOf },
];

function tellRules(rules: readonly AlarmRule[], { json }: HubOptions): void {
  if (json) for (const rule of rules) printJson({ type: 'alarm-rule', ...rule });
  else printTable(RULE_COLUMNS, rules);
}

/** What is particular to a rule, as key value pairs. */
function whenOf({ name: _, severity: __, enabled: ___, kind: ____, ...rest }: AlarmRule): string {
  return Object.entries(rest)
    .map(([key, value]) => `${key} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(', ');
}

function numberOf(id: string): number {
  if (!/^[1-9]\d{0,14}$/.test(id))
    throw new UserError(`${id} is no alarm: give its number, as in "earshot fleet alarms list".`);
  return Number(id);
}

function hoursOf(text: string): number {
  const hours = Number(text);
  if (text.trim() !== '' && hours > 0 && hours <= LONGEST_SILENCE_HOURS) return hours;
  throw new UserError(`--hours ${text}: give a number above 0, at most ${LONGEST_SILENCE_HOURS}, or --end.`);
}
